/** Counts what was the same and what was not, by reason. */
import type { Answer } from './asked.ts';
import type { ScriptStatement } from './script.ts';
import { isOnQueries } from './subjects.ts';

export interface Different {
  readonly file: string;
  readonly text: string;
  readonly reason: string;
  readonly direct: Answer;
  readonly guarded: Answer;
}

export class Tally {
  readonly different: Different[] = [];
  /** Recorded statements that turn out otherwise without Rowgate as well, as those of two connections at a time: they are not counted. */
  readonly astray: Different[] = [];
  private readonly ends = new Map<string, number>();
  private file = '';
  private readonly counts = new Map<string, { same: number; all: number }>();

  begin(file: string): void {
    this.file = file;
    this.counts.set(file, { same: 0, all: 0 });
  }

  /** `reason`: why it is not the same; undefined where it is. */
  add({ text, code, tag }: ScriptStatement, reason: string | undefined, direct: Answer, guarded: Answer): void {
    const counts = this.counts.get(this.file)!;
    // Queries by a number that the recorded database gave an object find nothing here.
    if ((code !== undefined && code !== (direct.error?.code ?? '')) || (tag !== undefined && tag !== direct.tag)) {
      const otherwise = `${direct.error?.code ?? direct.tag} for ${code || tag}`;
      this.astray.push({ file: this.file, text: text.trim(), reason: otherwise, direct, guarded });
      return;
    }
    counts.all += 1;
    if (reason === undefined) counts.same += 1;
    else this.different.push({ file: this.file, text: text.trim(), reason, direct, guarded });
  }

  /** A session that a new policy has ended, and that was begun anew. */
  ended(why: string): void {
    this.ends.set(why, (this.ends.get(why) ?? 0) + 1);
  }

  ofFile(): string {
    const { same, all } = this.counts.get(this.file)!;
    return `${this.file}: ${same} of ${all}`;
  }

  /** How many there were in all files. */
  get compared(): number {
    return [...this.counts.values()].reduce((sum, { all }) => sum + all, 0);
  }

  /** The share, that of scripts on queries and writes, and the reasons by their number, each with a statement for example. */
  summary(): string {
    const byReason = new Map<string, Different[]>();
    for (const one of this.different) byReason.set(one.reason, [...(byReason.get(one.reason) ?? []), one]);
    const lines = [...byReason]
      .sort(([, one], [, other]) => other.length - one.length)
      .slice(0, MOST)
      .map(([reason, found]) => `${String(found.length).padStart(5)}  ${reason}\n         ${shown(found[0]!)}`);
    const files = [...this.counts.keys()];
    for (const [why, times] of this.ends) lines.push(`${String(times).padStart(5)}  sessions begun anew: ${why}`);
    return `\n${this.share(files)}\nof these on queries and writes: ${this.share(files.filter(isOnQueries))}\n\n${lines.join('\n')}\n`;
  }

  private share(files: readonly string[]): string {
    let [same, all] = [0, 0];
    for (const file of files) {
      const counts = this.counts.get(file)!;
      same += counts.same;
      all += counts.all;
    }
    const share = all === 0 ? 0 : (100 * same) / all;
    return `${same} of ${all} statements in ${files.length} files give the same: ${share.toFixed(1)} %`;
  }
}

const MOST = 60;

function shown({ file, text }: Different): string {
  return `${file}: ${text.replace(/\s+/g, ' ').slice(0, 110)}`;
}
