/** Whether all seals of a chain exist, by their numbers; and whether its end has been unsealed for too long. */

import type { FileScan } from './file-scan.ts';
import type { Finding } from './finding.ts';

/** Seals are made every ten seconds by default; a machine may be slow. */
export const LONGEST_UNSEALED_MS = 120_000;

/** @param scans of one writer, in order. */
export function missingSeals(scans: readonly FileScan[]): Finding[] {
  const findings: Finding[] = [];
  const ranges = scans.flatMap(({ seals }) => seals.ranges).toSorted((a, b) => a.from - b.from);
  const [first] = scans.flatMap(({ segments }) => segments);
  let next = first ? first.seals + 1 : undefined;
  for (const { file, line, seq, from, to } of ranges) {
    if (next !== undefined && from > next) {
      const which = from - next === 1 ? `seal ${next} is` : `seals ${next} to ${from - 1} are`;
      findings.push({ kind: 'seal-missing', file, line, seq, message: `${which} missing before this one` });
    }
    next = Math.max(next ?? 0, to + 1);
  }
  return findings;
}

/** Seals of a later file tell how many came before it, even if that file is lost. */
export function unsealedEnd(scans: readonly FileScan[], longestMs: number): Finding[] {
  const last = scans.findLast(({ records }) => records > 0);
  if (!last) return [];
  const behind = scans.slice(scans.findLastIndex(({ seals }) => seals.last !== undefined));
  const since = behind.find(({ unsealedSince }) => unsealedSince !== undefined)?.unsealedSince;
  if (since === undefined || last.until === undefined) return [];
  if (!(Date.parse(last.until) - Date.parse(since) > longestMs)) return [];
  const message = `from ${since} to the end, ${last.until}, there is no good seal`;
  return [{ kind: 'seal-missing', file: last.file, message }];
}
