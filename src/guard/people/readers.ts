/** Calls of functions that may read people themselves. */
import type { Marks } from '../../sql/analyze/findings.ts';
import { as, type Node } from '../../sql/tree.ts';
import { type CallContext, walk } from './calls.ts';
import type { Holders } from './holders.ts';

/** Of one statement; what it needs to know of all of it, it looks up once. */
export class Readers {
  private some: boolean | undefined;

  constructor(
    private readonly context: CallContext,
    private readonly holders: Holders,
  ) {}

  /** Whether the statement calls one anywhere. */
  get any(): boolean {
    this.some ??= this.look(this.context.marks);
    return this.some;
  }

  private look({ calls }: Marks): boolean {
    for (const { fn } of calls.values()) if (this.holders.reads(fn)) return true;
    return false;
  }

  isCall(node: Node): boolean {
    const call = as(node, 'FuncCall');
    const fn = call && this.context.marks.calls.get(call)?.fn;
    return fn !== undefined && this.holders.reads(fn);
  }

  /** How many calls stand in the expressions; those of subqueries are theirs. */
  countIn(nodes: readonly Node[]): number {
    if (!this.any) return 0;
    let count = 0;
    walk(nodes, this.context, (part) => {
      if (this.isCall(part)) count += 1;
    });
    return count;
  }
}
