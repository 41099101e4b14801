/** How the people of several queries stand in one row: of set operations, and of the steps of a recursive query. */

import type { Marks } from '../../sql/analyze/findings.ts';
import type { Cte, Entry, EntryColumn, Level, OutputColumn } from '../../sql/analyze/model.ts';
import type { Node } from '../../sql/tree.ts';
import { partsOf } from '../../sql/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { countOf, type InRow, type RowPeople } from './person.ts';

/** UNION: a row comes from one of both. Somebody is named by the columns that show the key whichever it comes from. */
export function branches(left: RowPeople, right: RowPeople): RowPeople {
  const others = [...right.people];
  const people: InRow[] = [];
  const unmatched: InRow[] = [];
  for (const one of left.people) {
    const index = others.findIndex((other) => shared(one, other).length > 0 && other.outer === one.outer);
    const [twin] = index < 0 ? [] : others.splice(index, 1);
    if (twin) people.push({ keys: shared(one, twin), outer: one.outer, pinned: false });
    else unmatched.push(one);
  }
  const both = Math.min(unmatched.length, others.length);
  for (let i = 0; i < both; i++) {
    const outer = unmatched[i]!.outer === others[i]!.outer ? unmatched[i]!.outer : undefined;
    people.push({ keys: [], outer, pinned: false });
  }
  // INVARIANT: in rows of the other query the columns are somebody else's or nobody's: they may be counted, and nobody is left out.
  for (const one of [...unmatched.slice(both), ...others.slice(both)]) people.push({ ...one, pinned: false });
  return {
    people,
    unnamed: Math.max(left.unnamed, right.unnamed),
    passed: left.passed.filter((one) =>
      right.passed.some((other) => other.index === one.index && other.person.one === one.person.one),
    ),
    gathers: left.gathers ?? right.gathers,
  };
}

/** INTERSECT and EXCEPT: a row of one, and what the other says of it. What shows the same key is the same person. */
export function armsTogether(left: RowPeople, right: RowPeople, op: 'intersect' | 'except'): RowPeople {
  const people = left.people.map((one) => ({ ...one }));
  for (const other of right.people) {
    if (!people.some((one) => shared(one, other).length > 0))
      people.push({ ...other, ...(op === 'except' && { keys: [] }) });
  }
  return {
    people,
    unnamed: left.unnamed + right.unnamed,
    passed: left.passed,
    gathers: left.gathers ?? right.gathers,
  };
}

function shared(one: InRow, other: InRow): number[] {
  return one.keys.filter((key) => other.keys.includes(key));
}

/**
 * Of a recursive query. A step hands values of those before on to those after it, in each of its columns another person's.
 * `step`: the level of the second query, in which the query itself counted nobody.
 */
export function recursiveRows(cte: Cte, first: RowPeople, next: RowPeople, step: Level, marks: Marks): RowPeople {
  const columns = new Columns(cte, step, marks);
  if (columns.allFresh()) return branches(first, next);
  const most = Math.max(countOf(first), countOf(next));
  return {
    people: [],
    unnamed: most * columns.holding(),
    passed: [],
    gathers: first.gathers ?? next.gathers,
  };
}

class Columns {
  /** Columns that hold nothing but constants and counters. */
  private readonly empty = new Set<number>();

  constructor(
    private readonly cte: Cte,
    private readonly step: Level,
    private readonly marks: Marks,
  ) {
    const outputs = cte.firstArm?.outputs ?? [];
    outputs.forEach((output, index) => {
      if (this.readsNothing(output)) this.empty.add(index);
    });
    for (let before = -1; before !== this.empty.size; ) {
      before = this.empty.size;
      for (const index of this.empty) if (!this.staysEmpty(step.outputs[index])) this.empty.delete(index);
    }
  }

  /** How many columns can hold somebody. */
  holding(): number {
    return this.step.outputs.length - this.empty.size + this.cte.extra.length;
  }

  /** No column hands a value on, and none is of a row that the step makes: then each row is of its own step alone. */
  allFresh(): boolean {
    const { step, empty } = this;
    if (step.kind !== 'select') return false;
    const plain = step.entries.every(
      (entry) => entry.source.kind === 'relation' || entry.source.kind === 'join' || this.isItself(entry),
    );
    return plain && step.outputs.every((output, index) => empty.has(index) || this.isFresh(output));
  }

  private isFresh(output: OutputColumn): boolean {
    return this.columnsOf(output).every(
      (column) => column !== undefined && column.entry.source.kind === 'relation' && column.entry.level === this.step,
    );
  }

  private readsNothing(output: OutputColumn): boolean {
    return this.columnsOf(output).length === 0;
  }

  private staysEmpty(output: OutputColumn | undefined): boolean {
    if (!output) return false;
    return this.columnsOf(output).every((column) => {
      if (!column || !this.isItself(column.entry)) return false;
      return this.empty.has(column.entry.columns.indexOf(column.column));
    });
  }

  /** Every column that the expression names; undefined for a whole row or a subquery. */
  private columnsOf({ source, node }: OutputColumn): ({ entry: Entry; column: EntryColumn } | undefined)[] {
    if (source) return [behindJoins(source)];
    if (!node) return [undefined];
    const found: ({ entry: Entry; column: EntryColumn } | undefined)[] = [];
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const reference = this.marks.references.get(value as Node);
      if (reference) found.push(behindJoins(reference));
      else if ('SubLink' in value || this.marks.sublinks.has(value as Node)) found.push(undefined);
      else if ('ColumnRef' in value) found.push(undefined);
      else for (const inner of partsOf(value)) look(inner);
    };
    look(node);
    return found;
  }

  private isItself({ source }: Entry): boolean {
    return source.kind === 'cte' && source.cte === this.cte;
  }
}
