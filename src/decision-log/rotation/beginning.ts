/** Where a starting guard continues: the open file that it finds, or the one that was closed last. */
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { ChainPosition } from '../writer/chained-file.ts';
import { lastSeal, readTail } from '../writer/tail.ts';
import { closedFiles, movedFiles } from './closed-files.ts';
import { firstRecord, type Segment, segmentOf } from './first-record.ts';
import { unpacked } from './gzip.ts';

/** The state of a log file. */
export interface FileBeginning {
  /** Undefined if the file does not begin with one: its beginning is gone. */
  readonly segment: Segment | undefined;
  /** Undefined if nothing in the file tells it. */
  readonly chain: string | undefined;
  /** The number of the first record. */
  readonly first: number;
  readonly last: ChainPosition;
  /** The number of seals in the chain so far. */
  readonly seals: number;
  /** Whether the last record is a seal. */
  readonly sealed: boolean;
}

/** Undefined if the file holds no record. */
export function beginningOf(fd: number, path: string): FileBeginning | undefined {
  const { size } = fstatSync(fd);
  const { last } = readTail(fd, size);
  if (!last) return undefined;
  const record = firstRecord(path, fd);
  const segment = segmentOf(record);
  const seal = lastSeal(fd, size);
  return {
    segment,
    chain: segment?.chain ?? seal?.chain,
    first: Number(record?.seq ?? last.seq),
    last: { seq: last.seq, hash: last.hash },
    seals: seal?.seal ?? segment?.seals ?? 0,
    sealed: last.kind === 'seal',
  };
}

/** The most files to examine: other guards' files may be in the folder too. */
const MOST_CANDIDATES = 8;

/** The file that was closed last, by the guard's own rotation under any name, or by another program's; undefined if there is none. */
export function lastClosed(file: string, guard: string): (FileBeginning & { readonly file: string }) | undefined {
  const own = closedFiles(file).at(-1);
  const standings = [...(own ? [own.path] : []), ...lastMoved(file)].flatMap((path) => {
    try {
      const standing = path.endsWith('.gz') ? unpacked(path, standingAt) : standingAt(path);
      const isOwn = path === own?.path || standing?.segment?.guard === guard;
      return standing?.segment && isOwn ? [{ ...standing, file: basename(path) }] : [];
    } catch {
      return []; // not a log file
    }
  });
  return standings.sort((a, b) => b.last.seq - a.last.seq)[0];
}

function standingAt(path: string): FileBeginning | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return fstatSync(fd).isFile() ? beginningOf(fd, path) : undefined;
  } finally {
    closeSync(fd);
  }
}

function lastMoved(file: string): string[] {
  return movedFiles(file)
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
    .slice(0, MOST_CANDIDATES);
}
