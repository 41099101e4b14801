/**
 * Budgets and locks shared by a fleet: `state: redis://host:port`, one Redis or Valkey (no cluster). What it cannot answer within a second is
 * answered by StoreUnavailable, and it comes back by itself. Time is the server's.
 */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { BudgetStore } from '../../metering/budget-store.ts';
import { countOf } from '../../metering/sightings.ts';
import { backOperation, RedisAccounts, sawOperation } from './redis/accounts.ts';
import { RedisConnection } from './redis/connection.ts';
import { ServerClock } from './redis/server-clock.ts';
import { SharedStanding, STANDING_CHANNEL } from './redis/shared-exceptions.ts';
import { LOGOUTS_CHANNEL, SharedLogouts } from './redis/shared-logouts.ts';
import { Owed } from './redis/unsent-changes.ts';

export interface RedisStoreOptions {
  readonly url: string;
  /** The guard's, for those who look at the server. */
  readonly name: string;
  /** Of `per day`. */
  readonly timeZone: string;
  /** Told what an operator should know, as a sentence without its full stop. */
  notice(message: string): void;
}

/** So often what stands is looked at, and what is owed is told, where no message comes. */
const LOOK_MS = 500;
const HASH_KEY = 'rowgate:hash-key';

/** Rejects where it cannot be reached at the start. */
export async function redisStore({ url, name, timeZone, notice }: RedisStoreOptions): Promise<BudgetStore> {
  const clientName = `rowgate-${name.replace(/[^A-Za-z0-9_.-]/g, '_')}`;
  const connection = new RedisConnection(url, clientName);
  const messages = new RedisConnection(url, clientName);
  const clock = new ServerClock(connection, () => performance.now());
  const now = (): number => clock.now();
  const accounts = new RedisAccounts(connection, timeZone, now);
  const owed = new Owed(accounts);
  let key: Uint8Array | undefined;
  // A server that has forgotten everything is given the same key again: people keep their hashes.
  const giveKey = (): void => void (key && hashKey(connection, key).catch(() => {}));
  const standing = new SharedStanding(connection, now, (message) => {
    giveKey();
    notice(message);
  });
  const logouts = new SharedLogouts(connection, now, notice);
  const lookAtBoth = async (): Promise<void> => {
    await Promise.all([standing.look(), logouts.look()]);
  };
  try {
    await connection.start();
    await clock.look();
    key = await hashKey(connection, randomBytes(32));
    await lookAtBoth();
    await warnOfForgetting(connection, notice);
  } catch (error) {
    connection.stop();
    throw error;
  }
  messages.client.on('ready', () => {
    messages.client.subscribe(STANDING_CHANNEL, LOGOUTS_CHANNEL).catch(() => {});
  });
  messages.client.on('message', (channel: string) => {
    (channel === LOGOUTS_CHANNEL ? logouts : standing).look().catch(() => {});
  });
  messages.client.connect().catch(() => {});
  let reachable = true;
  const looking = setInterval(() => {
    void owed.tell();
    clock.look().catch(() => {});
    lookAtBoth().then(
      () => {
        if (!reachable) notice(`the state in ${connection.place} can be reached again`);
        reachable = true;
      },
      (error: Error) => {
        if (reachable) notice(error.message);
        reachable = false;
      },
    );
  }, LOOK_MS);
  looking.unref();
  connection.client.on('ready', giveKey);
  const ours = key;
  return {
    take: async (claims) => {
      await owed.tell();
      return accounts.take(claims);
    },
    giveBack: (returns) => owed.add(returns.map(backOperation)),
    saw: (owner, measure, windows, sightings) => {
      if (countOf(sightings) > 0) owed.add([sawOperation(owner, measure, windows, sightings)]);
    },
    known: async (owner, measure, windows, keys) => {
      await owed.tell();
      return accounts.known(owner, measure, windows, keys);
    },
    used: async (owner, measure, windows) => {
      await owed.tell();
      return accounts.used(owner, measure, windows);
    },
    now,
    standing: () => standing.current,
    onStanding: (changed) => standing.onChange(changed),
    change: (change) => standing.change(change),
    logouts: logouts.known,
    onLogout: (told) => logouts.onLogout(told),
    logOut: (logout) => logouts.logOut(logout),
    hashKey: async () => ours,
    close: async () => {
      clearInterval(looking);
      // Answers come in order: behind this one nothing is on its way to anybody, who gives it back at once.
      await connection.ask((client) => client.ping()).catch(() => {});
      await new Promise((done) => setImmediate(done));
      await owed.tell();
      connection.stop();
      messages.stop();
    },
  };
}

/** The one that is there, or else this one. */
async function hashKey(connection: RedisConnection, proposed: Uint8Array): Promise<Uint8Array> {
  await connection.ask((client) => client.set(HASH_KEY, Buffer.from(proposed).toString('base64'), 'NX'));
  const text = await connection.ask((client) => client.get(HASH_KEY));
  return Buffer.from(text ?? '', 'base64');
}

/** A server that evicts keys, or keeps them in memory alone, forgets what was taken. */
async function warnOfForgetting(connection: RedisConnection, notice: (message: string) => void): Promise<void> {
  const setting = async (name: string): Promise<string | undefined> => {
    // Where CONFIG is not permitted, nothing can be said.
    const answer = await connection.ask((client) => client.config('GET', name)).catch(() => []);
    return Array.isArray(answer) && typeof answer[1] === 'string' ? answer[1] : undefined;
  };
  const policy = await setting('maxmemory-policy');
  if (policy !== undefined && policy !== 'noeviction')
    notice(
      `the server of ${connection.place} may forget what was taken: its maxmemory-policy is ${policy}, not noeviction`,
    );
  if ((await setting('appendonly')) === 'no')
    notice(`the server of ${connection.place} forgets what was taken when it ends: its appendonly is no`);
}
