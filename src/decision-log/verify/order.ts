/** Puts the runs of a chain in the order in which they were written: what stands where it belongs, what was moved, what is there twice or is foreign. */
import { fits, type GuardRun } from './runs.ts';

/** Runs of which each fits behind the one before it: untouched records over any number of files. */
export interface Stretch {
  /** Its first run. */
  readonly run: GuardRun;
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
  /** By sequence number; a stretch may begin within the one before it. */
  readonly inOrder: readonly Stretch[];
  /** Among them, those that stand elsewhere than they were written. */
  readonly moved: ReadonlySet<Stretch>;
  /** What the others hold already. */
  readonly duplicated: readonly Stretch[];
  /** What has no place in this chain. */
  readonly foreign: readonly Stretch[];
}

/** @param runs as they stand in the files, one file behind the other. */
export function stitch(runs: readonly GuardRun[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const run of runs) {
    const before = stretches.at(-1);
    if (before && before.last + 1 === run.first && fits(before.lastHash, run)) {
      before.last = run.last;
      before.lastHash = run.lastHash;
      before.lastFile = run.file;
    } else stretches.push(alone(run));
  }
  return stretches;
}

function alone(run: GuardRun): Stretch {
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

export function inOrder(stretches: readonly Stretch[]): Ordered {
  const backbone = longest(stretches);
  const kept = new Set(backbone);
  const others = stretches.filter((stretch) => !kept.has(stretch));
  const sorted = [...backbone];
  const moved = new Set<Stretch>();
  const duplicated: Stretch[] = [];
  const foreign: Stretch[] = [];
  // By number, so that of several moved ones that belong together each finds the one before it.
  for (const stretch of others.toSorted((a, b) => a.first - b.first)) {
    const next = sorted.findIndex(({ first }) => first > stretch.first);
    const at = next < 0 ? sorted.length : next;
    const [before, behind] = [sorted[at - 1], sorted[at]];
    if (before && stretch.first <= before.last) duplicated.push(stretch);
    else if (belongs(before, stretch, behind)) {
      sorted.splice(at, 0, stretch);
      moved.add(stretch);
    } else foreign.push(stretch);
  }
  return { inOrder: sorted, moved, duplicated, foreign };
}

/** One of its ends shows that it is of this chain. */
function belongs(before: Stretch | undefined, stretch: Stretch, behind: Stretch | undefined): boolean {
  if (behind && stretch.last >= behind.first) return false;
  const behindBefore = before?.last === stretch.first - 1 && fits(before.lastHash, stretch.run);
  return behindBefore || (behind?.first === stretch.last + 1 && fits(stretch.lastHash, behind.run));
}

/** Those that rise in number as they stand, with as many records as possible. */
function longest(stretches: readonly Stretch[]): Stretch[] {
  const best: { readonly records: number; readonly before: number }[] = [];
  let end = -1;
  for (const [i, stretch] of stretches.entries()) {
    let [records, before] = [stretch.length, -1];
    for (let j = 0; j < i; j++) {
      const earlier = stretches[j]!;
      if (earlier.first >= stretch.first || earlier.last >= stretch.last) continue;
      const together = best[j]!.records + Math.min(stretch.length, stretch.last - earlier.last);
      if (together > records) [records, before] = [together, j];
    }
    best.push({ records, before });
    if (end < 0 || records >= best[end]!.records) end = i;
  }
  const chosen: Stretch[] = [];
  for (let i = end; i >= 0; i = best[i]!.before) chosen.unshift(stretches[i]!);
  return chosen;
}
