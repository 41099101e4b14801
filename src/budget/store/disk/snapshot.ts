/** Writes everything as it stands, a piece at a time between other work, while a journal goes on. */
import { Buffer } from 'node:buffer';
import { open, rename, rm } from 'node:fs/promises';
import { setImmediate as otherWork } from 'node:timers/promises';
import type { Accounts } from '../../../metering/accounts.ts';
import type { Exceptions, Logout } from '../../../metering/budget-store.ts';
import { exceptionsState } from '../../../metering/exceptions.ts';
import { checkedLine } from './checked-line.ts';
import { SNAPSHOT_FORMAT, type SnapshotLine } from './load.ts';

/** A write as soon as so many characters have come together. */
const PIECE = 65_536;

/** What is written. */
export interface Kept {
  readonly accounts: Accounts;
  standing(): Exceptions;
  logouts(): Iterable<readonly Logout[]>;
  /** Of people's hashes. */
  readonly hashKey: Uint8Array;
}

/**
 * `position`: how long the journal is now; an account is written as it stands at the moment, with this number, so that a reader knows
 * which records of the journal are in it already. Resolves with the size when the file is in its place and on disk.
 */
export async function writeSnapshot(
  folder: string,
  path: string,
  { accounts, standing, logouts, hashKey }: Kept,
  position: () => number,
): Promise<number> {
  const unfinished = `${path}.new`;
  const file = await open(unfinished, 'w', 0o600);
  let bytes = 0;
  try {
    let lines = 0;
    let piece = '';
    const add = (line: SnapshotLine): void => {
      piece += checkedLine(line);
      lines += 1;
    };
    const write = async (): Promise<void> => {
      const written = Buffer.from(piece);
      piece = '';
      await file.writeFile(written);
      bytes += written.length;
    };
    add(['snapshot', SNAPSHOT_FORMAT, Buffer.from(hashKey).toString('base64')]);
    add(['standing', position(), exceptionsState(standing())]);
    const room = async (): Promise<void> => {
      if (piece.length < PIECE) return;
      await write();
      await otherWork();
    };
    // One that comes meanwhile is in the journal, and perhaps here as well.
    for (const some of logouts()) {
      add(['logouts', some]);
      await room();
    }
    for (const { owner, measure, account } of accounts.entries()) {
      // As it stands at this moment, all of it: what is written out later is a copy.
      const remembered = account.remembered();
      add(['account', owner, measure, position(), account.state()]);
      await room();
      for (const some of remembered) {
        add(['people', some]);
        await room();
      }
    }
    add(['end', lines]);
    await write();
    await file.sync();
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
  await syncFolder(folder);
  return bytes;
}

async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}
