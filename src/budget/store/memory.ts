/** Budgets in memory, lost with the process: `state: memory`. */
import { randomBytes } from 'node:crypto';
import { Accounts } from '../../metering/accounts.ts';
import type { BudgetStore, Logout } from '../../metering/budget-store.ts';
import { changeExceptions, NO_EXCEPTIONS } from '../../metering/exceptions.ts';
import { Logouts } from '../../metering/logouts.ts';
import { sightingsOf } from '../../metering/sightings.ts';

export interface MemoryStoreOptions {
  /** For `per day`. */
  readonly timeZone: string;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** How often accounts are checked for being empty, and how many at a time: each end user may have some. */
const SWEEP_MS = 1_000;
const SWEPT_AT_ONCE = 1_000;

export function memoryStore({ timeZone, now }: MemoryStoreOptions): BudgetStore {
  const accounts = new Accounts(timeZone);
  const hashKey = randomBytes(32);
  let exceptions = NO_EXCEPTIONS;
  const listeners: (() => void)[] = [];
  const logouts = new Logouts();
  const logoutListeners: ((logouts: readonly Logout[]) => void)[] = [];
  const sweeping = setInterval(() => accounts.sweep(now(), SWEPT_AT_ONCE), SWEEP_MS);
  sweeping.unref();
  return {
    take: (claims) => claims.map((claim) => accounts.take(claim, now())),
    giveBack: (returns) => {
      for (const one of returns) accounts.giveBack(one);
    },
    saw: (owner, measure, windows, sightings) => accounts.saw(owner, measure, windows, sightings, now()),
    known: (owner, measure, windows, keys) => {
      const time = now();
      const known = accounts.known(owner, measure, windows, keys, time);
      const seen = keys.filter((_, i) => known[i]);
      if (seen.length > 0) accounts.saw(owner, measure, windows, sightingsOf(seen), time);
      return known;
    },
    used: (owner, measure, windows) => accounts.used(owner, measure, windows, now()),
    now,
    exceptions: () => exceptions,
    onExceptions: (changed) => void listeners.push(changed),
    change: async (change) => {
      exceptions = changeExceptions(exceptions, change, now());
      for (const changed of listeners) changed();
    },
    logouts,
    onLogout: (told) => void logoutListeners.push(told),
    logOut: async (logout) => {
      if (logouts.isFull(now())) return false;
      logouts.add(logout, now());
      for (const told of logoutListeners) told([logout]);
      return true;
    },
    hashKey: async () => hashKey,
    close: async () => clearInterval(sweeping),
  };
}
