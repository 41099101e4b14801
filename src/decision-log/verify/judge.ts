/** Judges the chain of one writer from the findings in its files. Reads nothing itself. */
import { ORIGIN } from '../chain/chain.ts';
import type { FileScan, SegmentRecord } from './file-scan.ts';
import { type Finding, type Note, records } from './finding.ts';
import { joinRuns, orderSequences, type RunSequence } from './order.ts';
import { fits, headAfter, type Junk, type RecordRun } from './runs.ts';

export interface ChainVerdict {
  readonly findings: readonly Finding[];
  readonly notes: readonly Note[];
}

/** A longer report would be unreadable. */
const MOST_SEQUENCES = 3_000;

/** @param scans in the order of their names, the open file last. */
export function judge(scans: readonly FileScan[]): ChainVerdict {
  return new Judge(scans).judge();
}

class Judge {
  private readonly findings: Finding[] = [];
  private readonly notes: Note[] = [];
  private readonly unexplained = new Set<Junk>();
  /** The text before the first record of a run. */
  private readonly junkBefore = new Map<RecordRun, Junk>();
  /** A record whose stored hash is wrong: what follows cannot match it. */
  private misfit: Finding | undefined;

  constructor(private readonly scans: readonly FileScan[]) {}

  judge(): ChainVerdict {
    const items = this.scans.flatMap(({ items }) => items);
    this.sortJunk(items);
    const runs = items.filter((item) => item.kind === 'run');
    let sequences = joinRuns(runs);
    if (sequences.length > MOST_SEQUENCES) {
      const file = sequences[MOST_SEQUENCES]?.run.file ?? '';
      this.add({
        kind: 'unreadable',
        file,
        message: 'so much is wrong before this file that what follows is not judged',
      });
      sequences = sequences.slice(0, MOST_SEQUENCES);
    }
    const { inOrder: sorted, moved, duplicated, foreign } = orderSequences(sequences);
    for (const { file, unsealed } of this.scans) {
      for (const { line, from, until } of unsealed) {
        const message = `the guard ended before it had sealed ${records(from, until)}`;
        this.notes.push({ kind: 'unsealed', file, line, seq: from, message });
      }
    }
    let before: RunSequence | undefined;
    for (const sequence of sorted) {
      if (before) this.pair(before, sequence, beforeThat(sorted, before));
      else this.start(sequence);
      before = sequence;
    }
    for (const sequence of moved) this.of('reordered', sequence, 'stands here, and was written elsewhere');
    for (const sequence of duplicated) this.of('duplicated', sequence, 'stands somewhere else already');
    for (const sequence of foreign) this.of('inserted', sequence, 'does not belong here');
    for (const { file, line, lines } of this.unexplained) {
      const message = `${lines === 1 ? 'a line is' : `${lines} lines are`} no record`;
      this.add({ kind: 'inserted', file, line, message });
    }
    return { findings: this.findings, notes: this.notes };
  }

  /** Distinguishes incomplete text that a record mentions from text of unknown origin. */
  private sortJunk(items: readonly (RecordRun | Junk)[]): void {
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

  private start(sequence: RunSequence): void {
    const { run, first } = sequence;
    const segment = this.segmentOf(run);
    const previous = segment?.previous;
    if (!previous && first > 1) {
      const message = `the log begins with record ${first}: what stood before it was cut off`;
      this.add({ kind: 'cut', file: run.file, line: run.line, seq: 1, until: first - 1, message });
      return;
    }
    if (previous && this.isThere(previous.file, run.file)) {
      const message = `nothing is left of it: records up to ${previous.seq} are missing`;
      this.add({ kind: 'cut', file: this.nameOf(previous.file), seq: previous.seq, message });
    } else if (previous) this.missing(previous, 1);
    this.link(previous?.hash ?? ORIGIN, sequence);
  }

  private pair(before: RunSequence, sequence: RunSequence, beforeIt: RunSequence | undefined): void {
    const { run, first } = sequence;
    const place = { file: run.file, line: run.line };
    if (first <= before.last) {
      const until = Math.min(before.last, sequence.last);
      const message = `${records(first, until)} ${first === until ? 'stands' : 'stand'} here once more`;
      this.add({ kind: 'duplicated', ...place, seq: first, until, message });
      this.misfit = undefined;
    } else if (first > before.last + 1) this.gap(before, sequence);
    else if (!this.misfit || !beforeIt || before.length > 1 || !this.hashWasEdited(beforeIt, before, sequence)) {
      this.link(before.lastHash, sequence);
    } else this.misfit = undefined;
  }

  /** Whether only the stored hash of the record at the end of `before` was changed, and not the record. */
  private hashWasEdited(beforeIt: RunSequence, before: RunSequence, sequence: RunSequence): boolean {
    const own = headAfter(beforeIt.lastHash, before.run);
    return own !== undefined && fits(own, sequence.run);
  }

  private link(head: string, sequence: RunSequence): void {
    const { run, first: seq } = sequence;
    if (fits(head, run)) {
      this.misfit = undefined;
      return;
    }
    // If the record before is wrong as well, and alone, both are one finding.
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
    if (sequence.length > 1) this.misfit = undefined;
  }

  private gap(before: RunSequence, sequence: RunSequence): void {
    const { run } = sequence;
    const [seq, until] = [before.last + 1, sequence.first - 1];
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
      this.link(previous.hash, sequence);
    }
  }

  /** The segment at the beginning of a run. */
  private segmentOf({ file, line, first }: RecordRun): SegmentRecord | undefined {
    const scan = this.scans.find((scan) => scan.file === file);
    return scan?.segments.find((segment) => segment.line === line && segment.seq === first);
  }

  /** Whether the file that a segment names as its predecessor is among the files before it. */
  private isThere(previous: string, file: string): boolean {
    const names = this.scans.map((scan) => withoutGz(scan.file));
    const at = names.indexOf(withoutGz(previous));
    return at >= 0 && at < names.indexOf(withoutGz(file));
  }

  /** Its present name: it may be compressed. */
  private nameOf(file: string): string {
    return this.scans.find((scan) => withoutGz(scan.file) === withoutGz(file))?.file ?? file;
  }

  /** The file before a segment was deleted at the end of its retention, or is missing. */
  private missing({ file: name, seq: until, hash }: NonNullable<SegmentRecord['previous']>, seq: number): void {
    const file = withoutGz(name);
    const deleted = this.scans
      .flatMap(({ retentions }) => retentions)
      .find((each) => each.last === until && each.head === hash && this.isSealed(each.seq));
    // Retention deletes the oldest first.
    if (deleted && seq === 1) {
      const message = `records up to ${until} were deleted because their time was over, as record ${deleted.seq} of ${deleted.time} says`;
      this.notes.push({ kind: 'retention', file, seq: until, message });
    } else {
      const message = `the file is missing, and with it ${records(seq, until)}; no record that was sealed says that it was deleted`;
      this.add({ kind: 'file-missing', file, seq, until, message });
    }
  }

  /** A record that was added while no guard ran excuses nothing. */
  private isSealed(seq: number): boolean {
    const added = this.scans.some(({ unsealed }) => unsealed.some(({ from, until }) => seq >= from && seq <= until));
    return !added && this.scans.some(({ seals }) => seals.last !== undefined && seals.last.seq > seq);
  }

  private of(kind: Finding['kind'], { run, first, last }: RunSequence, what: string): void {
    const message = `${records(first, last)} ${what}`;
    this.add({ kind, file: run.file, line: run.line, seq: first, until: last, message });
  }

  private add(finding: Finding): void {
    this.findings.push(finding);
  }
}

function beforeThat(sorted: readonly RunSequence[], sequence: RunSequence): RunSequence | undefined {
  return sorted[sorted.indexOf(sequence) - 1];
}

function withoutGz(name: string): string {
  return name.endsWith('.gz') ? name.slice(0, -'.gz'.length) : name;
}
