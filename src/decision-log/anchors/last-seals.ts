/** The last seal of each writer of a log, as an anchor. */
import type { Buffer } from 'node:buffer';
import type { Anchor } from '../chain/seal.ts';
import { readLogFile, type VerifiedFile, writersOf } from '../verify/files.ts';
import { readSeal } from '../verify/line.ts';
import { recordPrefix } from '../verify/record-prefix.ts';

/** Nothing is verified. Throws if a file cannot be read. @param log the open file, as in `log.file`. */
export async function lastSeals(log: string): Promise<Anchor[]> {
  const anchors: Anchor[] = [];
  for (const { files } of writersOf(log)) {
    for (const file of files.toReversed()) {
      const anchor = await lastSealIn(file);
      if (!anchor) continue;
      anchors.push(anchor);
      break;
    }
  }
  return anchors;
}

async function lastSealIn(file: VerifiedFile): Promise<Anchor | undefined> {
  let last: Anchor | undefined;
  const line = (bytes: Buffer, start: number, end: number): boolean => {
    if (recordPrefix(bytes, start, end)?.kind === 'seal') last = readSeal(bytes.toString('utf8', start, end)) ?? last;
    return false;
  };
  await readLogFile(file, { line, overlong: () => false });
  return last;
}
