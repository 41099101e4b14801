/** Counts what was the same and what was not, by reason. */
import type { Answer } from './asked.ts';
import type { Statement } from './step.ts';

interface Different {
  readonly text: string;
  readonly reason: string;
}

export class Tally {
  readonly different: Different[] = [];
  /** Statements that turn out otherwise without Rowgate as well, as those of two connections at a time: they are not counted. */
  astray = 0;
  same = 0;
  private readonly ends = new Map<string, number>();

  /** `reason`: why it is not the same; undefined where it is. */
  add({ text, code, tag }: Statement, reason: string | undefined, direct: Answer): void {
    // Queries by a number that the recorded database gave an object find nothing here.
    if (code !== (direct.error?.code ?? '') || (tag !== undefined && tag !== direct.tag)) this.astray += 1;
    else if (reason === undefined) this.same += 1;
    else this.different.push({ text: text.trim(), reason });
  }

  /** Of a statement that was refused, and that was not tried directly: it would leave something behind. */
  untried({ text }: Statement, reason: string): void {
    this.different.push({ text: text.trim(), reason });
  }

  /** A session that a new policy has ended, and that was begun anew. */
  ended(why: string): void {
    this.ends.set(why, (this.ends.get(why) ?? 0) + 1);
  }

  get compared(): number {
    return this.same + this.different.length;
  }

  /** The reasons by their number, each with a statement for example. */
  summary(): string {
    const byReason = new Map<string, Different[]>();
    for (const one of this.different) byReason.set(one.reason, [...(byReason.get(one.reason) ?? []), one]);
    const lines = [...byReason]
      .sort(([, one], [, other]) => other.length - one.length)
      .slice(0, MOST)
      .map(([reason, found]) => `${String(found.length).padStart(5)}  ${reason}\n         ${shown(found[0]!)}`);
    for (const [why, times] of this.ends) lines.push(`${String(times).padStart(5)}  sessions begun anew: ${why}`);
    return `${this.same} of ${this.compared} statements give the same\n\n${lines.join('\n')}\n`;
  }
}

const MOST = 60;

function shown({ text }: Different): string {
  return text.replace(/\s+/g, ' ').slice(0, 110);
}
