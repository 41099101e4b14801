/**
 * Budgets in a folder: `state: file:PATH`. Accounts are held in memory; each grant is written to a journal before it is answered. A crash of the
 * process loses nothing. A crash of the machine loses at most the last tenth of a second.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Accounts } from '../../metering/accounts.ts';
import {
  type BudgetStore,
  type Exceptions,
  type ExceptionsChange,
  type LeaseClaim,
  type LeaseGrant,
  type LeaseReturn,
  type Logout,
  type StoreAnswer,
  StoreUnavailable,
} from '../../metering/budget-store.ts';
import { changeExceptions } from '../../metering/exceptions.ts';
import type { Logouts } from '../../metering/logouts.ts';
import type { Measure, Owner, WindowOfMeasure } from '../../metering/measure.ts';
import { type Sightings, sightingsOf } from '../../metering/sightings.ts';
import { makeFolder } from '../../net/make-folder.ts';
import { Disk, type DiskOptions } from './disk/disk.ts';
import { findGenerations } from './disk/generation.ts';
import { load } from './disk/load.ts';
import { type Ownership, ownFolder } from './disk/ownership.ts';
import { backLine, changeLine, logoutLine, sawLine, takeLine } from './disk/records.ts';

export interface FileStoreOptions {
  readonly folder: string;
  /** For `per day`. */
  readonly timeZone: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Tells the operator something, as a sentence without its full stop. */
  notice(message: string): void;
  /** A journal of more bytes than this is replaced by a snapshot. */
  readonly journalBytes?: number;
}

const JOURNAL_BYTES = 4 * 1024 * 1024;
/** How often accounts are checked for being empty, and how many at a time: each end user may have some. */
const SWEEP_MS = 1_000;
const SWEPT_AT_ONCE = 1_000;

/** Throws FolderTaken, StateDamaged, StateOfAnotherBuild, or an error of the file system. */
export async function fileStore(options: FileStoreOptions): Promise<BudgetStore> {
  const { folder, timeZone, notice, now } = options;
  let owned = await takeFolder(folder);
  // A folder that was removed while the guard runs is made again, with everything that the guard knows.
  const own = async (isSame: boolean): Promise<void> => {
    if (owned.isHeld()) return;
    const anew = await takeFolder(folder);
    const { whole, journals } = findGenerations(folder);
    if (!isSame && (whole > 0 || journals.length > 0)) {
      await anew.giveUp();
      // Another guard's counts are never overwritten.
      throw new Error(`${folder} is not the folder that it was, and holds another state`);
    }
    await owned.giveUp();
    owned = anew;
  };
  const giveUp = (): Promise<void> => owned.giveUp();
  try {
    const { accounts, exceptions, logouts, hashKey, newest, stale, cut } = load(folder, timeZone, now());
    for (const [file, bytes] of cut) notice(`the last ${bytes} bytes of ${file} are no whole record and are left out`);
    for (const file of stale) await rm(file, { force: true });
    const store = new FileStore(accounts, exceptions, logouts, hashKey ?? randomBytes(32), now, giveUp);
    await store.begin({ folder, notice, own, journalBytes: options.journalBytes ?? JOURNAL_BYTES }, newest + 1);
    return store;
  } catch (error) {
    await giveUp();
    throw error;
  }
}

async function takeFolder(folder: string): Promise<Ownership> {
  makeFolder(folder, 0o700);
  mustBeOurs(folder);
  chmodSync(folder, 0o700);
  return ownFolder(folder);
}

/** Only the guard's own user may own the folder and its files: another owner could change budgets and locks. */
function mustBeOurs(folder: string): void {
  const files = readdirSync(folder).filter((name) => /^(snapshot|journal|owner)-/.test(name));
  const paths = files.map((name) => join(folder, name));
  const uids = [statSync(folder).uid, ...paths.map((path) => lstatSync(path, { throwIfNoEntry: false })?.uid)];
  const other = uids.findIndex((uid) => uid !== undefined && uid !== process.getuid?.());
  if (other >= 0) throw new Error(`${[folder, ...paths][other]} belongs to another user`);
}

class FileStore implements BudgetStore {
  private readonly listeners: (() => void)[] = [];
  private readonly logoutListeners: ((logouts: readonly Logout[]) => void)[] = [];
  private readonly sweeping: NodeJS.Timeout;
  private disk: Disk | undefined;

  constructor(
    private readonly accounts: Accounts,
    private stands: Exceptions,
    readonly logouts: Logouts,
    private readonly key: Uint8Array,
    /** For the guard that owns the folder: there is no other one. */
    readonly now: () => number,
    private readonly giveUp: () => Promise<void>,
  ) {
    this.sweeping = setInterval(() => accounts.sweep(now(), SWEPT_AT_ONCE), SWEEP_MS);
    this.sweeping.unref();
  }

  async begin(options: Omit<DiskOptions, 'kept'>, generation: number) {
    const { accounts, logouts, key, now } = this;
    const kept = { accounts, exceptions: () => this.stands, logouts: () => logouts.inPieces(now()), hashKey: key };
    const disk = new Disk({ ...options, kept }, generation);
    await disk.begin();
    this.disk = disk;
  }

  take(claims: readonly LeaseClaim[]): StoreAnswer<readonly LeaseGrant[]> {
    const { accounts, disk } = this;
    if (!disk) return Promise.reject(new StoreUnavailable('the state is closed'));
    const now = this.now();
    let lines = '';
    const grants = claims.map((claim) => {
      const { owner, measure } = claim;
      const windows = claim.ceilings.map(({ window }) => window);
      const account = accounts.open(owner, measure);
      const begins = windows.some((window) => !account.has(window));
      const grant = accounts.take(claim, now);
      // The begin of a window is written even if nothing is granted: other owners' charges count in it from now on.
      if (grant.granted > 0 || begins) lines += takeLine(owner, measure, windows, grant.granted, grant.at);
      return grant;
    });
    if (lines === '') return grants;
    try {
      // Written before it is answered.
      disk.write(lines);
      return grants;
    } catch (error) {
      for (const [i, { owner, measure }] of claims.entries()) {
        const grant = grants[i];
        if (grant) accounts.giveBack({ owner, measure, windows: [], amount: grant.granted, at: grant.at });
      }
      return Promise.reject(error);
    }
  }

  giveBack(returns: readonly LeaseReturn[]): void {
    if (!this.disk) return;
    for (const one of returns) this.accounts.giveBack(one);
    this.disk.note(returns.map(backLine).join(''));
  }

  saw(
    owner: Owner,
    measure: Measure,
    windows: readonly WindowOfMeasure[],
    sightings: Sightings,
  ): Promise<void> | undefined {
    if (!this.disk) return undefined;
    const now = this.now();
    this.accounts.saw(owner, measure, windows, sightings, now);
    this.disk.note(sawLine(owner, measure, windows, sightings, now));
    return this.disk.kept();
  }

  known(
    owner: Owner,
    measure: Measure,
    windows: readonly WindowOfMeasure[],
    keys: readonly string[],
  ): readonly boolean[] {
    const known = this.accounts.known(owner, measure, windows, keys, this.now());
    const seen = keys.filter((_, i) => known[i]);
    if (seen.length > 0) void this.saw(owner, measure, windows, sightingsOf(seen));
    return known;
  }

  used(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[]): readonly number[] {
    return this.accounts.used(owner, measure, windows, this.now());
  }

  exceptions(): Exceptions {
    return this.stands;
  }

  onExceptions(changed: () => void): void {
    this.listeners.push(changed);
  }

  async change(change: ExceptionsChange): Promise<void> {
    const { disk } = this;
    if (!disk) throw new StoreUnavailable('the state is closed');
    const now = this.now();
    const line = changeLine(change, now);
    // A lock takes effect even if it cannot be written; a change that allows more takes effect only after it is written.
    if (change.kind === 'lock') disk.note(line);
    else disk.write(line);
    this.stands = changeExceptions(this.stands, change, now);
    for (const changed of this.listeners) changed();
    await disk.sync();
  }

  onLogout(told: (logouts: readonly Logout[]) => void): void {
    this.logoutListeners.push(told);
  }

  async logOut(logout: Logout): Promise<boolean> {
    const { disk, logouts } = this;
    if (!disk) throw new StoreUnavailable('the state is closed');
    const now = this.now();
    if (logouts.isFull(now)) return false;
    logouts.add(logout, now);
    disk.note(logoutLine(logout));
    for (const told of this.logoutListeners) told([logout]);
    await disk.sync();
    return true;
  }

  async hashKey(): Promise<Uint8Array> {
    return this.key;
  }

  async close(): Promise<void> {
    const { disk } = this;
    if (!disk) return;
    this.disk = undefined;
    clearInterval(this.sweeping);
    await disk.close();
    await this.giveUp();
  }
}
