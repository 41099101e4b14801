/** Says what has become of the chain of one writer, from what was found in its files. Reads nothing. */
import { ORIGIN } from '../chain/chain.ts';
import type { FileScan, SegmentRecord } from './file-scan.ts';
import { type Finding, type Note, records } from './finding.ts';
import { inOrder, type Stretch, stitch } from './order.ts';
import { fits, type GuardRun, headAfter, type Junk } from './runs.ts';

export interface ChainVerdict {
  readonly findings: readonly Finding[];
  readonly notes: readonly Note[];
}

/** More stretches than anybody reads of. */
const MOST_STRETCHES = 3_000;

/** @param scans in the order of their names, the open file last. */
export function judge(scans: readonly FileScan[]): ChainVerdict {
  return new Judge(scans).judge();
}

class Judge {
  private readonly findings: Finding[] = [];
  private readonly notes: Note[] = [];
  private readonly unexplained = new Set<Junk>();
  /** The text before the first record of a run. */
  private readonly junkBefore = new Map<GuardRun, Junk>();
  /** Its stored hash is not its own, so what stands behind it cannot fit. */
  private misfit: Finding | undefined;

  constructor(private readonly scans: readonly FileScan[]) {}

  judge(): ChainVerdict {
    const items = this.scans.flatMap(({ items }) => items);
    this.sortJunk(items);
    const runs = items.filter((item) => item.kind === 'run');
    let stretches = stitch(runs);
    if (stretches.length > MOST_STRETCHES) {
      const file = stretches[MOST_STRETCHES]?.run.file ?? '';
      this.add({
        kind: 'unreadable',
        file,
        message: 'so much is wrong before this file that what follows is not judged',
      });
      stretches = stretches.slice(0, MOST_STRETCHES);
    }
    const { inOrder: sorted, moved, duplicated, foreign } = inOrder(stretches);
    for (const { file, unsealed } of this.scans) {
      for (const { line, from, until } of unsealed) {
        const message = `the guard ended before it had sealed ${records(from, until)}`;
        this.notes.push({ kind: 'unsealed', file, line, seq: from, message });
      }
    }
    let before: Stretch | undefined;
    for (const stretch of sorted) {
      if (before) this.pair(before, stretch, beforeThat(sorted, before));
      else this.start(stretch);
      before = stretch;
    }
    for (const stretch of moved) this.of('reordered', stretch, 'stands here, and was written elsewhere');
    for (const stretch of duplicated) this.of('duplicated', stretch, 'stands somewhere else already');
    for (const stretch of foreign) this.of('inserted', stretch, 'does not belong here');
    for (const { file, line, lines } of this.unexplained) {
      const message = `${lines === 1 ? 'a line is' : `${lines} lines are`} no record`;
      this.add({ kind: 'inserted', file, line, message });
    }
    return { findings: this.findings, notes: this.notes };
  }

  /** Text that a record says was torn off before it is told from text that nobody has written. */
  private sortJunk(items: readonly (GuardRun | Junk)[]): void {
    for (const [i, item] of items.entries()) {
      const junk = items[i - 1];
      if (item.kind === 'junk') this.unexplained.add(item);
      else if (junk?.kind === 'junk') this.junkBefore.set(item, junk);
      if (item.kind === 'junk' || item.torn === undefined) continue;
      const { file, line, first: seq, torn } = item;
      if (junk?.kind === 'junk' && junk.bytes === torn) {
        this.unexplained.delete(junk);
        this.notes.push({
          kind: 'torn',
          file: junk.file,
          line: junk.line,
          seq,
          message: 'a line was torn off by a crash',
        });
      } else {
        const message = `before record ${seq} stood ${torn} bytes that had been torn off; they are gone or changed`;
        this.add({ kind: 'removed', file, line, seq, message });
      }
    }
  }

  private start(stretch: Stretch): void {
    const { run, first } = stretch;
    const segment = this.segmentOf(run);
    const previous = segment?.previous;
    // A chain may begin with any number: behind a log that had none.
    if (!segment && first > 1) {
      const message = `the log begins with record ${first}: what stood before it was cut off`;
      this.add({ kind: 'cut', file: run.file, line: run.line, seq: 1, until: first - 1, message });
      return;
    }
    if (previous && this.isThere(previous.file, run.file)) {
      const message = `nothing is left of it: records up to ${previous.seq} are missing`;
      this.add({ kind: 'cut', file: this.nameOf(previous.file), seq: previous.seq, message });
    } else if (previous) this.missing(previous, 1);
    this.link(previous?.hash ?? ORIGIN, stretch);
  }

  private pair(before: Stretch, stretch: Stretch, beforeIt: Stretch | undefined): void {
    const { run, first } = stretch;
    const place = { file: run.file, line: run.line };
    if (first <= before.last) {
      const until = Math.min(before.last, stretch.last);
      const message = `${records(first, until)} ${first === until ? 'stands' : 'stand'} here once more`;
      this.add({ kind: 'duplicated', ...place, seq: first, until, message });
      this.misfit = undefined;
    } else if (first > before.last + 1) this.gap(before, stretch);
    else if (!this.misfit || !beforeIt || before.length > 1 || !this.hashWasEdited(beforeIt, before, stretch)) {
      this.link(before.lastHash, stretch);
    } else this.misfit = undefined;
  }

  /** The record of `before` is as it was, and only the hash that it ends in is not. */
  private hashWasEdited(beforeIt: Stretch, before: Stretch, stretch: Stretch): boolean {
    const own = headAfter(beforeIt.lastHash, before.run);
    return own !== undefined && fits(own, stretch.run);
  }

  private link(head: string, stretch: Stretch): void {
    const { run, first: seq } = stretch;
    if (fits(head, run)) {
      this.misfit = undefined;
      return;
    }
    // Where the record before is wrong as well, and alone, it is one place.
    const place = { file: run.file, line: run.line };
    if (this.misfit) {
      const wider = { ...this.misfit, until: seq };
      this.findings[this.findings.indexOf(this.misfit)] = wider;
      this.misfit = wider;
    } else {
      const message = `record ${seq} was edited, or the one before it was replaced`;
      this.misfit = { kind: 'edited', ...place, seq, message };
      this.add(this.misfit);
    }
    if (stretch.length > 1) this.misfit = undefined;
  }

  private gap(before: Stretch, stretch: Stretch): void {
    const { run } = stretch;
    const [seq, until] = [before.last + 1, stretch.first - 1];
    const missing = `${records(seq, until)} ${seq === until ? 'is' : 'are'} missing`;
    const junk = this.junkBefore.get(run);
    const previous = this.segmentOf(run)?.previous;
    this.misfit = undefined;
    if (junk && this.unexplained.has(junk) && junk.lines > until - seq) {
      this.unexplained.delete(junk);
      const message = `what stood here as ${records(seq, until)} cannot be read any more`;
      this.add({ kind: 'edited', file: junk.file, line: junk.line, seq, until, message });
    } else if (before.lastFile === run.file) {
      const how = fits(before.lastHash, run) ? ', and the chain was computed anew' : '';
      this.add({ kind: 'removed', file: run.file, line: run.line, seq, until, message: `${missing}${how}` });
    } else if (!previous) {
      const message = `the beginning of the file was cut off: ${missing}`;
      this.add({ kind: 'cut', file: run.file, line: run.line, seq, until, message });
    } else {
      if (this.isThere(previous.file, run.file)) {
        const message = `the end of the file was cut off: ${missing}`;
        this.add({ kind: 'cut', file: this.nameOf(previous.file), seq, until, message });
      } else this.missing(previous, seq);
      this.link(previous.hash, stretch);
    }
  }

  /** The segment with which a run begins. */
  private segmentOf({ file, line, first }: GuardRun): SegmentRecord | undefined {
    const scan = this.scans.find((scan) => scan.file === file);
    return scan?.segments.find((segment) => segment.line === line && segment.seq === first);
  }

  /** Whether the file that a segment calls the one before it is among those before it. */
  private isThere(previous: string, file: string): boolean {
    const names = this.scans.map((scan) => withoutGz(scan.file));
    const at = names.indexOf(withoutGz(previous));
    return at >= 0 && at < names.indexOf(withoutGz(file));
  }

  /** As it lies there: it may be compressed. */
  private nameOf(file: string): string {
    return this.scans.find((scan) => withoutGz(scan.file) === withoutGz(file))?.file ?? file;
  }

  /** The file before a segment was deleted because its time was over, or is missing. */
  private missing({ file: name, seq: until, hash }: NonNullable<SegmentRecord['previous']>, seq: number): void {
    const file = withoutGz(name);
    const deleted = this.scans
      .flatMap(({ retentions }) => retentions)
      .find((each) => each.last === until && each.head === hash && this.isSealed(each.seq));
    // The oldest go first.
    if (deleted && seq === 1) {
      const message = `records up to ${until} were deleted because their time was over, as record ${deleted.seq} of ${deleted.time} says`;
      this.notes.push({ kind: 'retention', file, seq: until, message });
    } else {
      const message = `the file is missing, and with it ${records(seq, until)}; no record that was sealed says that it was deleted`;
      this.add({ kind: 'file-missing', file, seq, until, message });
    }
  }

  /** What was added while no guard ran excuses nothing. */
  private isSealed(seq: number): boolean {
    const added = this.scans.some(({ unsealed }) => unsealed.some(({ from, until }) => seq >= from && seq <= until));
    return !added && this.scans.some(({ seals }) => seals.last !== undefined && seals.last.seq > seq);
  }

  private of(kind: Finding['kind'], { run, first, last }: Stretch, what: string): void {
    const message = `${records(first, last)} ${what}`;
    this.add({ kind, file: run.file, line: run.line, seq: first, until: last, message });
  }

  private add(finding: Finding): void {
    this.findings.push(finding);
  }
}

function beforeThat(sorted: readonly Stretch[], stretch: Stretch): Stretch | undefined {
  return sorted[sorted.indexOf(stretch) - 1];
}

function withoutGz(name: string): string {
  return name.endsWith('.gz') ? name.slice(0, -'.gz'.length) : name;
}
