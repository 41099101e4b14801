/** Looks up which hash the records with certain numbers have. */
import { readLines } from '../read/lines.ts';
import type { LogFile } from './files.ts';
import { FrontReader } from './front.ts';
import { readHash } from './line.ts';

export interface FoundHead {
  readonly hash: string;
  readonly file: string;
  readonly line: number;
}

/** Those of the records that are in the file. */
export async function headsIn(file: LogFile, wanted: ReadonlySet<number>): Promise<Map<number, FoundHead>> {
  const found = new Map<number, FoundHead>();
  const front = new FrontReader();
  let line = 0;
  const take = (bytes: Buffer, start: number, end: number): boolean => {
    line++;
    if (!front.read(bytes, start, end) || !wanted.has(front.seq) || found.has(front.seq)) return false;
    const hash = readHash(bytes, start, end);
    if (hash !== undefined) found.set(front.seq, { hash, file: file.name, line });
    return found.size === wanted.size;
  };
  const { rest } = await readLines(
    file.path,
    {
      line: take,
      overlong: () => {
        line++;
        return false;
      },
    },
    file.first === undefined,
  );
  if (found.size < wanted.size) take(rest, 0, rest.length);
  return found;
}
