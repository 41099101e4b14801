/** Reads the state of an earlier guard: the newest snapshot and the journals after it. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { AccountState } from '../../../metering/account.ts';
import { Accounts } from '../../../metering/accounts.ts';
import type { Exceptions, Logout } from '../../../metering/budget-store.ts';
import { type ExceptionsState, exceptionsOf, NO_EXCEPTIONS } from '../../../metering/exceptions.ts';
import { Logouts } from '../../../metering/logouts.ts';
import type { Measure, Owner } from '../../../metering/measure.ts';
import type { Sightings } from '../../../metering/sightings.ts';
import { linesOf, readChecked } from './checked-line.ts';
import { findGenerations, journalFile, snapshotFile } from './generation.ts';
import { ownerOfRecord, type ReplayTarget, replay, syncedTo } from './records.ts';

/** The files are damaged, so the budgets used are not known. */
class StateDamaged extends Error {
  constructor(file: string, byte: number) {
    super(
      `${file} is damaged at byte ${byte}: restore the folder from a backup, or move it away to begin with empty budgets and without the locks, logouts, raises, permits and openings in it`,
    );
  }
}

/** The files are intact, but have a format that this build does not read. */
class StateOfAnotherBuild extends Error {
  constructor(file: string, format: unknown) {
    super(
      `${file} was written by another build of Rowgate (format ${String(format)}; this one reads ${SNAPSHOT_FORMAT}): start that build, or move the folder away to begin with empty budgets and without the locks, logouts, raises, permits and openings in it`,
    );
  }
}

/** Increased whenever a reader of the previous format would misread a line. */
export const SNAPSHOT_FORMAT = 1;

/** The snapshot's line for one account: records before byte `from` of its journal are included. */
export type SnapshotLine =
  /** The version of the format, and the key of the hashes in base64. */
  | readonly ['snapshot', typeof SNAPSHOT_FORMAT, string]
  | readonly ['standing', number, ExceptionsState]
  /** A part of the logouts. */
  | readonly ['logouts', readonly Logout[]]
  | readonly ['account', Owner, Measure, number, AccountState]
  /** People in the account of the line before. */
  | readonly ['people', Sightings]
  | readonly ['end', number];

export interface Loaded {
  readonly accounts: Accounts;
  readonly exceptions: Exceptions;
  readonly logouts: Logouts;
  /** The key of the hashes; absent if there was no state. */
  readonly hashKey: Uint8Array | undefined;
  /** The highest generation that has a file. */
  readonly newest: number;
  readonly stale: readonly string[];
  /** By file: bytes at its end that are not a complete record and were not synced. */
  readonly cut: ReadonlyMap<string, number>;
}

/** Throws StateDamaged, or StateOfAnotherBuild. `now`: milliseconds since the epoch. */
export function load(folder: string, timeZone: string, now: number): Loaded {
  const { whole, journals, stale } = findGenerations(folder);
  const reader = new Reader(new Accounts(timeZone), now);
  if (whole > 0) reader.readSnapshot(snapshotFile(folder, whole));
  for (const [i, generation] of journals.entries()) {
    const path = journalFile(folder, generation);
    // Every journal is created before its snapshot and kept while it is needed, so none may be missing.
    const expected = whole > 0 ? whole + i : generation;
    if (generation !== expected) throw new StateDamaged(journalFile(folder, expected), 0);
    reader.readJournal(path, generation === whole);
  }
  if (whole > 0 && journals.length === 0) throw new StateDamaged(journalFile(folder, whole), 0);
  if (whole === 0 && reader.bytes > 0) throw new StateDamaged(snapshotFile(folder, journals[0] ?? 1), 0);
  const { accounts, exceptions, logouts, hashKey, cut } = reader;
  return { accounts, exceptions, logouts, hashKey, newest: Math.max(whole, ...journals), stale, cut };
}

class Reader implements ReplayTarget {
  readonly logouts = new Logouts();
  exceptions = NO_EXCEPTIONS;
  hashKey: Uint8Array | undefined;
  bytes = 0;
  readonly cut = new Map<string, number>();
  /** By account (the empty name is for the exceptions): the byte of its journal from which on records are not in the snapshot. */
  private readonly from = new Map<string, number>();
  /** The account of the snapshot's line that is being read. */
  private account: { owner: Owner; measure: Measure; state: AccountState; people: Sightings[] } | undefined;

  constructor(
    readonly accounts: Accounts,
    private readonly now: number,
  ) {}

  readSnapshot(path: string): void {
    let lines = 0;
    let isWhole = false;
    for (const { text, start } of linesOf(readFileSync(path))) {
      const line = readChecked(text)?.value as SnapshotLine | undefined;
      if (!line || isWhole || (lines === 0) !== (line[0] === 'snapshot')) throw new StateDamaged(path, start);
      if (line[0] === 'snapshot' && line[1] !== SNAPSHOT_FORMAT) throw new StateOfAnotherBuild(path, line[1]);
      this.readSnapshotLine(line);
      if (line[0] === 'end') isWhole = line[1] === lines;
      lines += 1;
    }
    if (!isWhole) throw new StateDamaged(path, readFileSync(path).length);
  }

  /** `ofSnapshot`: the snapshot was written while this journal grew. */
  readJournal(path: string, ofSnapshot: boolean): void {
    const file = readFileSync(path);
    this.bytes += file.length;
    let end = 0;
    for (const line of linesOf(file)) {
      const record = readChecked(line.text);
      if (!record) break;
      end = line.end;
      const owner = ownerOfRecord(record.value);
      const from = this.from.get(owner ? `${owner.measure} ${owner.owner}` : '') ?? 0;
      if (!ofSnapshot || line.start >= from) replay(record.value, this, this.now);
    }
    if (end === file.length) return;
    // Synced data is never cut off: grants depend on it.
    if (lastSynced(file) > end) throw new StateDamaged(path, end);
    this.cut.set(path, file.length - end);
  }

  private readSnapshotLine(line: SnapshotLine): void {
    if (line[0] === 'people') {
      this.account?.people.push(line[1]);
      return;
    }
    this.endAccount();
    switch (line[0]) {
      case 'snapshot':
        this.hashKey = Buffer.from(line[2], 'base64');
        return;
      case 'end':
        return;
      case 'standing':
        this.from.set('', line[1]);
        this.exceptions = exceptionsOf(line[2]);
        return;
      case 'logouts':
        for (const logout of line[1]) this.logouts.add(logout, this.now);
        return;
      case 'account': {
        const [, owner, measure, from, state] = line;
        this.from.set(`${measure} ${owner}`, from);
        this.account = { owner, measure, state, people: [] };
      }
    }
  }

  private endAccount(): void {
    if (!this.account) return;
    const { owner, measure, state, people } = this.account;
    this.accounts.restore(owner, measure, state, people);
    this.account = undefined;
  }
}

/** The last byte that was certainly on disk. */
function lastSynced(file: Uint8Array): number {
  let bytes = 0;
  for (const { text } of linesOf(file)) {
    const record = readChecked(text);
    if (record) bytes = Math.max(bytes, syncedTo(record.value) ?? 0);
  }
  return bytes;
}
