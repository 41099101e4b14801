/** The records of a journal, one a line, and how they are replayed into accounts. */
import type { Accounts } from '../../../metering/accounts.ts';
import type { Exceptions, ExceptionsChange, LeaseReturn, Logout } from '../../../metering/budget-store.ts';
import { changeExceptions } from '../../../metering/exceptions.ts';
import type { Logouts } from '../../../metering/logouts.ts';
import type { Measure, Owner, WindowOfMeasure } from '../../../metering/measure.ts';
import type { Sightings } from '../../../metering/sightings.ts';
import { checkedJson, checkedLine } from './checked-line.ts';

type Record =
  /** Taken: windows, amount, time. */
  | readonly ['take', Owner, Measure, readonly WindowOfMeasure[], number, number]
  /** Given back: amount, and when it was taken. */
  | readonly ['back', Owner, Measure, number, number]
  /** Seen: windows, time, hashes, and for each when its place was granted (0: none was). */
  | readonly ['saw', Owner, Measure, readonly WindowOfMeasure[], number, Sightings]
  /** A change of the exceptions, and when. */
  | readonly ['change', ExceptionsChange, number]
  | readonly ['logout', Logout]
  /** Everything up to this byte is synced. */
  | readonly ['synced', number];

export function takeLine(
  owner: Owner,
  measure: Measure,
  windows: readonly WindowOfMeasure[],
  amount: number,
  at: number,
) {
  return line(['take', owner, measure, windows, amount, at]);
}

export function backLine({ owner, measure, amount, at }: LeaseReturn): string {
  return line(['back', owner, measure, amount, at]);
}

export function sawLine(
  owner: Owner,
  measure: Measure,
  windows: readonly WindowOfMeasure[],
  sightings: Sightings,
  now: number,
): string {
  // Written without JSON.stringify: hashes need no escaping, and looking for it took longer than counting them.
  const { hashes, at } = sightings;
  const before = JSON.stringify(['saw', owner, measure, windows, now]).slice(0, -1);
  return checkedJson(`${before},{"hashes":"${hashes}","at":${JSON.stringify(at)}}]`);
}

export function changeLine(change: ExceptionsChange, now: number): string {
  return line(['change', change, now]);
}

export function logoutLine(logout: Logout): string {
  return line(['logout', logout]);
}

export function syncedLine(bytes: number): string {
  return line(['synced', bytes]);
}

/** The byte up to which the journal was synced, if the record says that. */
export function syncedTo(value: unknown): number | undefined {
  const record = value as Record;
  return record[0] === 'synced' ? record[1] : undefined;
}

/** The account that the record belongs to; undefined for records without one. */
export function ownerOfRecord(value: unknown): { owner: Owner; measure: Measure } | undefined {
  const record = value as Record;
  return record[0] === 'take' || record[0] === 'back' || record[0] === 'saw'
    ? { owner: record[1], measure: record[2] }
    : undefined;
}

/** The state that records are replayed into. */
export interface ReplayTarget {
  readonly accounts: Accounts;
  readonly logouts: Logouts;
  exceptions: Exceptions;
}

/** Applies the record. `now`: logouts that have expired by then are left out. */
export function replay(value: unknown, into: ReplayTarget, now: number): void {
  const record = value as Record;
  switch (record[0]) {
    case 'take': {
      const [, owner, measure, windows, amount, at] = record;
      into.accounts.open(owner, measure).book(windows, amount, at);
      return;
    }
    case 'back': {
      const [, owner, measure, amount, at] = record;
      into.accounts.giveBack({ owner, measure, windows: [], amount, at });
      return;
    }
    case 'saw': {
      const [, owner, measure, windows, at, sightings] = record;
      into.accounts.saw(owner, measure, windows, sightings, at);
      return;
    }
    case 'change':
      into.exceptions = changeExceptions(into.exceptions, record[1], record[2]);
      return;
    case 'logout':
      into.logouts.add(record[1], now);
      return;
    case 'synced':
      return;
  }
}

function line(record: Record): string {
  return checkedLine(record);
}
