/**
 * Budgets and locks shared by several guards: `state: redis://host:port`, one Redis or Valkey server (no cluster). A call that takes more than a
 * second fails with StoreUnavailable; the connection recovers by itself. Times are the server's.
 */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { type BudgetStore, StoreUnavailable } from '../../metering/budget-store.ts';
import { elapsedTime } from '../../metering/elapsed.ts';
import { countOf } from '../../metering/sightings.ts';
import { type Operation, RedisAccounts } from './redis/accounts.ts';
import { RedisConnection } from './redis/connection.ts';
import { EXCEPTIONS_CHANNEL, SharedExceptions } from './redis/shared-exceptions.ts';
import { LOGOUTS_CHANNEL, SharedLogouts } from './redis/shared-logouts.ts';

export interface RedisStoreOptions {
  readonly url: string;
  /** The guard's name, visible to the server's operators. */
  readonly name: string;
  /** For `per day`. */
  readonly timeZone: string;
  /** Tells the operator something, as a sentence without its full stop. */
  notice(message: string): void;
}

/** How often exceptions are read and pending changes sent, if no message announces a change. */
const LOOK_MS = 500;
const HASH_KEY = 'rowgate:hash-key';
const TIME_ZONE = 'rowgate:time-zone';

/** Rejects if the server cannot be reached at the start. */
export async function redisStore({ url, name, timeZone, notice }: RedisStoreOptions): Promise<BudgetStore> {
  const clientName = `rowgate-${name.replace(/[^A-Za-z0-9_.-]/g, '_')}`;
  const connection = new RedisConnection(url, clientName);
  const messages = new RedisConnection(url, clientName);
  const clock = new ServerClock(
    connection,
    elapsedTime(() => performance.now(), Date.now),
  );
  const now = (): number => clock.now();
  const lostListeners: (() => void)[] = [];
  const accounts = new RedisAccounts(connection, timeZone, now, () => {
    for (const lost of lostListeners) lost();
  });
  const owed = new Owed(accounts);
  let key: Uint8Array | undefined;
  // A server that has lost its data gets the same key again, so that hashes stay the same.
  const giveKey = async (): Promise<void> => {
    if (!key || !(await proposeKey(connection, key))) return;
    notice(`the state in ${connection.place} has lost its data: what was taken before is forgotten`);
    await zoneOf(connection, timeZone);
  };
  const exceptions = new SharedExceptions(connection, now, notice);
  const logouts = new SharedLogouts(connection, now, notice);
  const lookAtAll = async (): Promise<void> => {
    await Promise.all([giveKey(), exceptions.look(), logouts.look()]);
  };
  try {
    await connection.start();
    await clock.look();
    key = await hashKey(connection, randomBytes(32));
    await mustCountTheSameDays(connection, timeZone);
    await lookAtAll();
    await warnOfForgetting(connection, notice);
  } catch (error) {
    connection.stop();
    throw error;
  }
  messages.client.on('ready', () => {
    messages.client.subscribe(EXCEPTIONS_CHANNEL, LOGOUTS_CHANNEL).catch(() => {});
  });
  messages.client.on('message', (channel: string) => {
    (channel === LOGOUTS_CHANNEL ? logouts : exceptions).look().catch(() => {});
  });
  messages.client.connect().catch(() => {});
  let reachable = true;
  const looking = setInterval(() => {
    void owed.tell();
    clock.look().catch(() => {});
    lookAtAll().then(
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
  const ours = key;
  return {
    take: async (claims) => {
      await owed.tell();
      return accounts.take(claims);
    },
    giveBack: (returns) => {
      for (const one of returns) owed.add(() => accounts.back(one)).catch(() => {});
    },
    saw: async (owner, measure, windows, sightings) => {
      if (countOf(sightings) > 0) await owed.add(() => accounts.saw(owner, measure, windows, sightings));
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
    exceptions: () => exceptions.current,
    onExceptions: (changed) => exceptions.onChange(changed),
    onLost: (lost) => void lostListeners.push(lost),
    change: (change) => exceptions.change(change),
    logouts: logouts.known,
    onLogout: (told) => logouts.onLogout(told),
    logOut: (logout) => logouts.logOut(logout),
    hashKey: async () => ours,
    close: async () => {
      clearInterval(looking);
      // Answers arrive in order: after this one no grant is on its way. Callers give late grants back at once, and `tell` sends that.
      await connection.ask((client) => client.ping()).catch(() => {});
      await new Promise((done) => setImmediate(done));
      await owed.tell();
      connection.stop();
      messages.stop();
    },
  };
}

/** @returns whether the server had none, and has taken it. */
async function proposeKey(connection: RedisConnection, proposed: Uint8Array): Promise<boolean> {
  const text = Buffer.from(proposed).toString('base64');
  return (await connection.ask((client) => client.set(HASH_KEY, text, 'NX'))) === 'OK';
}

/** The key that the server has; else the proposed one is stored. */
async function hashKey(connection: RedisConnection, proposed: Uint8Array): Promise<Uint8Array> {
  await proposeKey(connection, proposed);
  const text = await connection.ask((client) => client.get(HASH_KEY));
  return Buffer.from(text ?? '', 'base64');
}

/** INVARIANT 161: guards that share windows have the same calendar days; a day that is over for one of them would be forgotten for all. */
async function mustCountTheSameDays(connection: RedisConnection, timeZone: string): Promise<void> {
  const theirs = await zoneOf(connection, timeZone);
  if (isSameZone(theirs, timeZone)) return;
  throw new Error(
    `it counts the days of ${theirs}, and this guard has "time_zone: ${timeZone}": give all guards the same one; to change it, stop all of them and delete the key ${TIME_ZONE}`,
  );
}

/** The one that the server has; else the proposed one is stored. */
async function zoneOf(connection: RedisConnection, proposed: string): Promise<string> {
  await connection.ask((client) => client.set(TIME_ZONE, proposed, 'NX'));
  return (await connection.ask((client) => client.get(TIME_ZONE))) ?? '';
}

/** One zone may have several names. */
function isSameZone(one: string, other: string): boolean {
  const nameOf = (timeZone: string) => new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone;
  try {
    return one === other || nameOf(one) === nameOf(other);
  } catch {
    return false;
  }
}

/** Warns of a server that evicts keys or does not persist them: it would forget what was used. */
async function warnOfForgetting(connection: RedisConnection, notice: (message: string) => void): Promise<void> {
  const setting = async (name: string): Promise<string | undefined> => {
    // Without permission for CONFIG the settings are not known.
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

/** The clock of the Redis server, extrapolated between two readings by monotonic time; this host's clock is not used. */
export class ServerClock {
  /** The server's time minus this process's monotonic time, in milliseconds. */
  private ahead: number | undefined;

  /** `elapsed`: monotonic milliseconds. */
  constructor(
    private readonly connection: Pick<RedisConnection, 'ask'>,
    private readonly elapsed: () => number,
  ) {}

  /** Reads the server's time. If it rejects (StoreUnavailable), the clock goes on as before. */
  async look(): Promise<void> {
    const asked = this.elapsed();
    const [seconds, microseconds] = await this.connection.ask((client) => client.time());
    const answered = this.elapsed();
    const ahead = Number(seconds) * 1_000 + Number(microseconds) / 1_000 - (asked + answered) / 2;
    // A slow answer is less precise: the delay may have been on either way.
    const uncertain = (answered - asked) / 2;
    if (this.ahead === undefined || Math.abs(ahead - this.ahead) > uncertain) this.ahead = ahead;
  }

  /** Milliseconds since the epoch. Throws before the first `look`. */
  now(): number {
    if (this.ahead === undefined) throw new Error('the clock of the server was not asked yet');
    return Math.floor(this.elapsed() + this.ahead);
  }
}

/** The most operations in one call. */
const MOST_AT_ONCE = 500;
/** Beyond this the oldest are dropped. Few can collect, as nothing is granted meanwhile. */
const MOST_OWED = 100_000;

interface OwedOperation {
  /** As it is to be sent now; undefined: it is not. */
  operation(): Operation | undefined;
  done(): void;
  dropped(): void;
}

class Owed {
  private readonly waiting: OwedOperation[] = [];
  /** Sent again under the same number until it is known that they were applied: else they could be applied twice. */
  private batch: { readonly number: number; readonly owed: readonly OwedOperation[] } | undefined;
  private lastNumber = 0;
  private telling: Promise<void> | undefined;

  constructor(private readonly accounts: RedisAccounts) {}

  /** Resolves when the operation was applied; rejects when it was dropped. */
  add(operation: OwedOperation['operation']): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ operation, done, dropped: () => failed(new StoreUnavailable('too much is owed')) });
      if (this.waiting.length > MOST_OWED) this.waiting.shift()?.dropped();
      void this.tell();
    });
  }

  /** Resolves when everything was sent, or could not be. */
  tell(): Promise<void> {
    this.telling ??= this.tellAll()
      .catch(() => {})
      .finally(() => {
        this.telling = undefined;
      });
    return this.telling;
  }

  private async tellAll(): Promise<void> {
    for (;;) {
      if (!this.batch) {
        if (this.waiting.length === 0) return;
        this.lastNumber += 1;
        this.batch = { number: this.lastNumber, owed: this.waiting.splice(0, MOST_AT_ONCE) };
      }
      const { number, owed } = this.batch;
      await this.accounts.run(
        owed.flatMap(({ operation }) => operation() ?? []),
        number,
      );
      this.batch = undefined;
      for (const { done } of owed) done();
    }
  }
}
