/** Whether the files hold all records of a time. A chain's numbers have no gaps, even if its guard was renamed, and begin with 1. */
import { ENGLISH, type Speech } from '../language/speech.ts';
import type { RecordTable } from '../read/source.ts';

export interface Coverage {
  /** Of the first and the last record; milliseconds since the epoch. */
  readonly first?: number;
  readonly last?: number;
  /** Missing records between those in the files. */
  readonly missing: number;
  /** Guards without earlier files, with records that begin after the beginning of the time. */
  readonly beginLate: readonly string[];
}

interface OfChain {
  /** Names of its guard, the newest last. */
  readonly guards: readonly string[];
  readonly missing: number;
  readonly from: number;
  readonly first: number;
  readonly last: number;
}

/** @param since milliseconds since the epoch. */
export async function coverageOf({ db }: RecordTable, since: number): Promise<Coverage> {
  const chains = await db.rows<OfChain>(
    `WITH parts AS (
       SELECT chain, guard, min(seq) AS "from", max(last_seq) AS "until", sum(n) AS records, min(time) AS first, max(ended) AS last FROM (
         SELECT chain, guard, seq, last_seq, n, time, ended FROM digests WHERE digest = 'part' UNION ALL
         SELECT chain, guard, seq, seq, 1, time, time FROM fresh WHERE seq IS NOT NULL)
       GROUP BY chain, guard)
     SELECT list(guard ORDER BY "from") FILTER (guard IS NOT NULL) AS guards,
       greatest(max("until") - min("from") + 1 - sum(records), 0)::BIGINT AS missing,
       min("from") AS "from", epoch_ms(min(first)) AS first, epoch_ms(max(last)) AS last
     FROM parts GROUP BY chain ORDER BY guards`,
  );
  const late = chains.filter((chain) => chain.from > 1 && chain.first > since);
  return {
    missing: chains.reduce((sum, { missing }) => sum + missing, 0),
    beginLate: late.map(({ guards }) => guards?.at(-1) ?? '?'),
    ...(chains.length > 0 && {
      first: Math.min(...chains.map(({ first }) => first)),
      last: Math.max(...chains.map(({ last }) => last)),
    }),
  };
}

/** What is missing, in words. */
export function coverageNotes({ missing, beginLate }: Coverage, speech: Speech): string[] {
  return [
    ...(missing > 0 ? [speech.say('records missing', { n: missing })] : []),
    ...(beginLate.length > 0 ? [speech.say('files missing', { guards: beginLate.join(', ') })] : []),
  ];
}

/** The same in English. */
export function gapsOf(coverage: Coverage): string[] {
  return coverageNotes(coverage, ENGLISH);
}
