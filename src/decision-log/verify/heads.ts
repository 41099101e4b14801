/** Looks up single records: the hashes of records by number, and the beginning of a file. */
import type { Buffer } from 'node:buffer';
import type { SegmentFields } from '../chain/seal.ts';
import { readLogFile, type VerifiedFile } from './files.ts';
import { hashAtEnd, isWhole, readSegment } from './line.ts';
import { recordPrefix } from './record-prefix.ts';

export interface FoundHead {
  readonly hash: string;
  readonly file: string;
  readonly line: number;
}

/** The segment at the beginning of a file; undefined if there is none, or the file cannot be read. */
export async function firstSegment(file: VerifiedFile): Promise<SegmentFields | undefined> {
  let segment: SegmentFields | undefined;
  const line = (bytes: Buffer, start: number, end: number): boolean => {
    segment = readSegment(bytes.toString('utf8', start, end));
    return true;
  };
  // Problems of the file are found when it is read completely.
  await readLogFile(file, { line, overlong: () => true }).catch(() => {});
  return segment;
}

/** The wanted records that are in the file. */
export async function headsIn(file: VerifiedFile, wanted: ReadonlySet<number>): Promise<Map<number, FoundHead>> {
  const found = new Map<number, FoundHead>();
  let line = 0;
  const take = (bytes: Buffer, start: number, end: number): boolean => {
    line++;
    const { seq } = recordPrefix(bytes, start, end) ?? {};
    if (seq === undefined || !wanted.has(seq) || found.has(seq)) return false;
    const hash = hashAtEnd(bytes, start, end);
    if (hash !== undefined && isWhole(bytes, start, end)) found.set(seq, { hash, file: file.name, line });
    return found.size === wanted.size;
  };
  const overlong = (): boolean => {
    line++;
    return false;
  };
  const { rest } = await readLogFile(file, { line: take, overlong });
  if (found.size < wanted.size) take(rest, 0, rest.length);
  return found;
}
