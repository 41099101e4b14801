/** Puts the runs of a chain in their original order: finds those in place, those that were moved, duplicates, and foreign ones. */
import { fits, type RecordRun } from './runs.ts';

/** Runs that follow each other without a break: unchanged records over any number of files. */
export interface RunSequence {
  readonly run: RecordRun;
  readonly first: number;
  readonly firstHash: string;
  last: number;
  lastHash: string;
  /** The file in which it ends. */
  lastFile: string;
  /** Of one record. */
  readonly length: number;
}

export interface Ordered {
  /** By sequence number; a sequence may begin inside the one before it. */
  readonly inOrder: readonly RunSequence[];
  /** Those among them that are not where they were written. */
  readonly moved: ReadonlySet<RunSequence>;
  /** Stretches that others already contain. */
  readonly duplicated: readonly RunSequence[];
  /** Stretches that do not belong to this chain. */
  readonly foreign: readonly RunSequence[];
}

/** @param runs in the order of the files. */
export function joinRuns(runs: readonly RecordRun[]): RunSequence[] {
  const sequences: RunSequence[] = [];
  for (const run of runs) {
    const before = sequences.at(-1);
    if (before && before.last + 1 === run.first && fits(before.lastHash, run)) {
      before.last = run.last;
      before.lastHash = run.lastHash;
      before.lastFile = run.file;
    } else sequences.push(alone(run));
  }
  return sequences;
}

function alone(run: RecordRun): RunSequence {
  const { first, firstHash, last, lastHash, file } = run;
  return {
    run,
    first,
    firstHash,
    last,
    lastHash,
    lastFile: file,
    get length() {
      return this.last - this.first + 1;
    },
  };
}

/** Puts sequences into the order of their numbers; those that do not fit are moved, duplicated or foreign. */
export function orderSequences(sequences: readonly RunSequence[]): Ordered {
  const backbone = longest(sequences);
  const kept = new Set(backbone);
  const others = sequences.filter((sequence) => !kept.has(sequence));
  const sorted = [...backbone];
  const moved = new Set<RunSequence>();
  const duplicated: RunSequence[] = [];
  const foreign: RunSequence[] = [];
  // By number, so that of several moved sequences that belong together each finds the one before it.
  for (const sequence of others.toSorted((a, b) => a.first - b.first)) {
    const next = sorted.findIndex(({ first }) => first > sequence.first);
    const at = next < 0 ? sorted.length : next;
    const [before, behind] = [sorted[at - 1], sorted[at]];
    if (before && sequence.first <= before.last) duplicated.push(sequence);
    else if (belongs(before, sequence, behind)) {
      sorted.splice(at, 0, sequence);
      moved.add(sequence);
    } else foreign.push(sequence);
  }
  return { inOrder: sorted, moved, duplicated, foreign };
}

/** One of its ends proves that it belongs to this chain. */
function belongs(before: RunSequence | undefined, sequence: RunSequence, behind: RunSequence | undefined): boolean {
  if (behind && sequence.last >= behind.first) return false;
  const behindBefore = before?.last === sequence.first - 1 && fits(before.lastHash, sequence.run);
  return behindBefore || (behind?.first === sequence.last + 1 && fits(sequence.lastHash, behind.run));
}

/** The sequences with rising numbers, in their present order, that have the most records together. */
function longest(sequences: readonly RunSequence[]): RunSequence[] {
  const best: { readonly records: number; readonly before: number }[] = [];
  let end = -1;
  for (const [i, sequence] of sequences.entries()) {
    let [records, before] = [sequence.length, -1];
    for (let j = 0; j < i; j++) {
      const earlier = sequences[j]!;
      if (earlier.first >= sequence.first || earlier.last >= sequence.last) continue;
      const together = best[j]!.records + Math.min(sequence.length, sequence.last - earlier.last);
      if (together > records) [records, before] = [together, j];
    }
    best.push({ records, before });
    if (end < 0 || records >= best[end]!.records) end = i;
  }
  const chosen: RunSequence[] = [];
  for (let i = end; i >= 0; i = best[i]!.before) chosen.unshift(sequences[i]!);
  return chosen;
}
