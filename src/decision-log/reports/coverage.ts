/**
 * Whether the files hold all records of a time. The numbers of a chain have no gaps, also where its guard was renamed, and the first record is
 * number 1. Files from before there were chains have the name of their guard alone.
 */
import type { RecordTable } from '../read/source.ts';

export interface Coverage {
  /** Of the first and the last record; milliseconds since the epoch. */
  readonly first?: number;
  readonly last?: number;
  /** Records whose numbers are between those in the files. */
  readonly missing: number;
  /** Guards of which earlier files are not there, and whose records begin behind the beginning of the time. */
  readonly beginLate: readonly string[];
}

interface OfChain {
  /** Names of its guard, the newest one last. */
  readonly guards: readonly string[];
  readonly missing: number;
  readonly from: number;
  readonly until: number;
  readonly first: number;
  readonly last: number;
}

/** @param since milliseconds since the epoch. */
export async function coverageOf({ db }: RecordTable, since: number): Promise<Coverage> {
  const chains = await db.rows<OfChain>(
    `WITH parts AS (
       SELECT chain, guard, min(seq) AS "from", max(seq) AS "until", count(*) AS records, min(time) AS first, max(time) AS last
       FROM records WHERE seq IS NOT NULL AND (chain IS NOT NULL OR guard IS NOT NULL) GROUP BY chain, guard)
     SELECT list(guard ORDER BY "from") FILTER (guard IS NOT NULL) AS guards,
       greatest(max("until") - min("from") + 1 - sum(records), 0)::BIGINT AS missing,
       min("from") AS "from", max("until") AS "until", epoch_ms(min(first)) AS first, epoch_ms(max(last)) AS last
     FROM parts GROUP BY chain, CASE WHEN chain IS NULL THEN guard END ORDER BY guards`,
  );
  const late = chains.filter((chain) => chain.from > 1 && chain.first > since && !chains.some(isBefore(chain)));
  return {
    missing: chains.reduce((sum, { missing }) => sum + missing, 0),
    beginLate: late.map(({ guards }) => guards?.at(-1) ?? '?'),
    ...(chains.length > 0 && {
      first: Math.min(...chains.map(({ first }) => first)),
      last: Math.max(...chains.map(({ last }) => last)),
    }),
  };
}

/** A chain that begins behind records without one goes on with their numbers. */
function isBefore({ from, guards }: OfChain): (other: OfChain) => boolean {
  return (other) => other.until === from - 1 && (other.guards ?? []).some((guard) => guards?.includes(guard));
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
