/** Whether the files hold all records of a time: numbers have no gaps, and the first record of a chain is number 1. */
import type { Source } from '../source.ts';

export interface Coverage {
  /** Of the first and the last record; milliseconds since the epoch. */
  readonly first?: number;
  readonly last?: number;
  /** Records whose numbers are between those in the files. */
  readonly missing: number;
  /** Guards of which earlier files are not there, and whose records begin behind the beginning of the time. */
  readonly beginLate: readonly string[];
}

interface OfGuard {
  readonly guard: string;
  readonly missing: number;
  readonly number: number;
  readonly first: number;
  readonly last: number;
}

/** @param since milliseconds since the epoch. */
export async function coverageOf({ db }: Source, since: number): Promise<Coverage> {
  const guards = await db.rows<OfGuard>(
    `SELECT guard, greatest(max(seq) - min(seq) + 1 - count(*), 0) AS missing, min(seq) AS number,
       epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last
     FROM records WHERE seq IS NOT NULL AND guard IS NOT NULL GROUP BY guard ORDER BY guard`,
  );
  const late = guards.filter(({ number, first }) => number > 1 && first > since);
  return {
    missing: guards.reduce((sum, { missing }) => sum + missing, 0),
    beginLate: late.map(({ guard }) => guard),
    ...(guards.length > 0 && {
      first: Math.min(...guards.map(({ first }) => first)),
      last: Math.max(...guards.map(({ last }) => last)),
    }),
  };
}

/** What is not there, in words. */
export function gapsOf({ missing, beginLate }: Coverage): string[] {
  return [
    ...(missing > 0
      ? [`Not in these files, by their numbers: ${missing} of the records between their first and their last.`]
      : []),
    ...(beginLate.length > 0
      ? [`Not in these files: what ${beginLate.join(', ')} wrote before them, in the time asked about.`]
      : []),
  ];
}
