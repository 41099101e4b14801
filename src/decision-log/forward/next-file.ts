/** Finds the file of a log that follows another: closed ones, compressed or not, files that another program's rotation has moved, or the open one. */
import { type FileHandle, open } from 'node:fs/promises';
import { closedFiles, movedFiles } from '../rotation/closed-files.ts';
import { firstRecord } from '../rotation/first-record.ts';
import type { Position } from './position.ts';

export interface LogFileFound {
  readonly path: string;
  readonly handle: FileHandle;
  /** The number of its first record. */
  readonly first: number;
  readonly chain: string | undefined;
  /** No longer written. */
  readonly closed: boolean;
}

/**
 * The file that contains the position, or the next one if it is gone; with `beyond`, always the next one. Without a position: the oldest. Undefined
 * if there is none yet.
 */
export async function nextFile(
  log: string,
  position: Pick<Position, 'file' | 'chain'> | undefined,
  beyond: boolean,
): Promise<LogFileFound | undefined> {
  const opened = await openAt(log, false);
  const suits = (first: number) => !position || first > position.file || (first === position.file && !beyond);
  const closed = closedOf(log);
  // The open file was opened before listing, so files that were closed since are in the list.
  const chosen = closed.find(({ first }) => suits(first) && (!opened || first < opened.first));
  if (chosen) {
    await opened?.handle.close();
    const found = await openAt(chosen.path, true);
    const isOther = position && found?.chain !== position.chain && opened?.chain === position.chain;
    return found && (isOther ? nextFile(log, { ...position, file: chosen.first }, true) : found);
  }
  if (opened && suits(opened.first)) return opened;
  if (opened && position && opened.chain !== position.chain) {
    // Another log has replaced this one, and counts from the beginning.
    await opened.handle.close();
    return nextFile(log, undefined, false);
  }
  await opened?.handle.close();
  return undefined;
}

/** The open file or, if it is empty, the one that was closed last. */
export async function newestFile(log: string): Promise<LogFileFound | undefined> {
  const closed = closedOf(log).at(-1);
  return (await openAt(log, false)) ?? (closed && openAt(closed.path, true));
}

/** Undefined if it does not exist, or has no record yet. */
async function openAt(path: string, closed: boolean): Promise<LogFileFound | undefined> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  const record = handle && firstRecord(path, handle.fd);
  if (handle && Number.isSafeInteger(record?.seq)) {
    const chain = record?.kind === 'segment' && typeof record.chain === 'string' ? record.chain : undefined;
    return { path, handle, first: record?.seq as number, chain, closed };
  }
  await handle?.close();
  return undefined;
}

function closedOf(log: string): { path: string; first: number }[] {
  const moved = movedFiles(log).flatMap((path) => {
    const first = firstRecord(path)?.seq;
    return Number.isSafeInteger(first) ? [{ path, first: first as number }] : [];
  });
  return [...closedFiles(log), ...moved].sort((a, b) => a.first - b.first);
}
