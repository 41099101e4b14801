/** Writes the whole state in pieces between other work, while the journal goes on. */
import { Buffer } from 'node:buffer';
import { open, rename, rm } from 'node:fs/promises';
import { setImmediate as otherWork } from 'node:timers/promises';
import type { Accounts } from '../../../metering/accounts.ts';
import type { Exceptions, Logout } from '../../../metering/budget-store.ts';
import { exceptionsState } from '../../../metering/exceptions.ts';
import { checkedLine } from './checked-line.ts';
import { SNAPSHOT_FORMAT, type SnapshotLine } from './load.ts';

/** Characters to collect before a write. */
const PIECE = 65_536;

/** What is written. */
export interface SnapshotContent {
  readonly accounts: Accounts;
  exceptions(): Exceptions;
  logouts(): Iterable<readonly Logout[]>;
  /** The key of the hashes. */
  readonly hashKey: Uint8Array;
}

/**
 * `position`: the current length of the journal. Each account is written with the length at that moment, so that a reader knows which records it
 * already includes. Resolves with the file's size when it is in place and on disk.
 */
export async function writeSnapshot(
  folder: string,
  path: string,
  { accounts, exceptions, logouts, hashKey }: SnapshotContent,
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
    add(['standing', position(), exceptionsState(exceptions())]);
    const room = async (): Promise<void> => {
      if (piece.length < PIECE) return;
      await write();
      await otherWork();
    };
    // A logout that arrives meanwhile is in the journal, and perhaps here too.
    for (const some of logouts()) {
      add(['logouts', some]);
      await room();
    }
    for (const { owner, measure, account } of accounts.entries()) {
      // The account's state and its people are copied at the same moment; writing them out may take longer.
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
