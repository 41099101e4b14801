/** The budget store in a worker: every call goes to the primary, which alone has the store. */
import { Buffer } from 'node:buffer';
import { type BudgetStore, type Exceptions, type Logout, StoreUnavailable } from '../../metering/budget-store.ts';
import { type ExceptionsState, exceptionsOf } from '../../metering/exceptions.ts';
import { Logouts } from '../../metering/logouts.ts';
import type { Channel } from './channel.ts';
import type { ToPrimary, ToWorker } from './messages.ts';

/** A grant that arrives later is not used; the primary keeps it counted. */
const PATIENCE_MS = 5_000;
/** How long what was seen waits to be asked about. */
const TOGETHER_MS = 500;

export interface RemoteStore extends BudgetStore {
  /** The primary has sent the current exceptions. */
  heard(exceptions: ExceptionsState): void;
  /** The store of the primary may have lost what it granted or counted last. */
  heardLost(): void;
  /** The primary has sent tokens that were given back. */
  heardLogouts(logouts: readonly Logout[]): void;
  /** By how much the store's clock is ahead of this host's. */
  heardClock(aheadMs: number): void;
}

/** `exceptions`, `aheadMs`: their values when the worker started. */
export function remoteStore(
  primary: Channel<ToPrimary, ToWorker>,
  exceptions: ExceptionsState,
  aheadMs: number,
): RemoteStore {
  const listeners: (() => void)[] = [];
  const lostListeners: (() => void)[] = [];
  const logouts = new Logouts();
  const logoutListeners: ((logouts: readonly Logout[]) => void)[] = [];
  let stands: Exceptions = exceptionsOf(exceptions);
  let ahead = aheadMs;
  const ask = <Name extends keyof ToPrimary & string>(name: Name, says: ToPrimary[Name]['says']) =>
    inTime(primary.ask(name, says));
  const now = (): number => Date.now() + ahead;
  // One question is for all that was seen in the meantime.
  let kept: Promise<void> | undefined;
  const keptSoon = async (): Promise<void> => {
    await new Promise((done) => setTimeout(done, TOGETHER_MS).unref());
    kept = undefined;
    await primary.ask('budgetKept', null);
  };
  return {
    take: (claims) => ask('budgetTake', claims),
    giveBack: (returns) => primary.tell('budgetBack', returns),
    saw: (owner, measure, windows, sightings) => {
      primary.tell('budgetSaw', { owner, measure, windows, sightings });
      kept ??= keptSoon();
      return kept;
    },
    known: (owner, measure, windows, keys) => ask('budgetKnown', { owner, measure, windows, keys }),
    used: (owner, measure, windows) => ask('budgetUsed', { owner, measure, windows }),
    now,
    exceptions: () => stands,
    onExceptions: (changed) => void listeners.push(changed),
    onLost: (lost) => void lostListeners.push(lost),
    // The changed exceptions arrive before the answer: messages keep their order.
    change: async (change) => void (await ask('exceptionsChange', change)),
    logouts,
    onLogout: (told) => void logoutListeners.push(told),
    // So does the logout.
    logOut: (logout) => ask('logOut', logout),
    hashKey: async () => Buffer.from(await ask('hashKey', null), 'base64'),
    // When the answer arrives, all earlier messages have been handled.
    close: async () => void (await ask('settled', null).catch(() => {})),
    heard: (exceptions) => {
      stands = exceptionsOf(exceptions);
      for (const changed of listeners) changed();
    },
    heardLost: () => {
      for (const lost of lostListeners) lost();
    },
    heardLogouts: (heard) => {
      for (const logout of heard) logouts.add(logout, now());
      for (const told of logoutListeners) told(heard);
    },
    heardClock: (aheadMs) => {
      ahead = aheadMs;
    },
  };
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new StoreUnavailable('the primary does not answer')), PATIENCE_MS);
    timer.unref();
    answer.then(done, (error: Error) => failed(new StoreUnavailable(error.message))).finally(() => clearTimeout(timer));
  });
}
