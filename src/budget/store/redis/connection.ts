/** The connection to Redis. A call is answered within a second or fails; the connection recovers by itself. */
import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { StoreUnavailable } from '../../../metering/budget-store.ts';

const ANSWER_MS = 1_000;
const START_MS = 5_000;
const LONGEST_WAIT_MS = 1_000;

export class RedisConnection {
  readonly client: Redis;

  /** Connects at once. `name`: shown by CLIENT LIST. */
  constructor(
    private readonly url: string,
    name: string,
  ) {
    this.client = new Redis(url, {
      connectionName: name,
      connectTimeout: ANSWER_MS,
      commandTimeout: ANSWER_MS,
      // Never send a command twice or late: what a failed call granted stays counted.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(times * 50, LONGEST_WAIT_MS),
      lazyConnect: true,
    });
    // Emitted for each failed attempt; callers get their own error.
    this.client.on('error', () => {});
  }

  /** Host and port, without the password. */
  get place(): string {
    const { protocol, host } = new URL(this.url);
    return `${protocol}//${host}`;
  }

  /** Resolves when it is ready; rejects if it is not within a few seconds. */
  async start(): Promise<void> {
    let problem: Error | undefined;
    this.client.on('error', (error: Error) => {
      problem = error;
    });
    const ready = new Promise<void>((done) => this.client.once('ready', done));
    // The promise of `connect` settles with the first attempt, but attempts go on.
    this.client.connect().catch((error: Error) => {
      problem ??= error;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, failed) => {
      timer = setTimeout(() => failed(problem ?? new Error('it does not answer')), START_MS);
    });
    try {
      await Promise.race([ready, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Rejects with StoreUnavailable. */
  async ask<T>(question: (client: Redis) => Promise<T>): Promise<T> {
    try {
      return await question(this.client);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      // If the server hangs, pending calls fail together with the connection.
      if (/timed out/i.test(reason) && this.client.status === 'ready') this.client.disconnect(true);
      throw new StoreUnavailable(`the state in ${this.place} cannot be reached: ${reason}`);
    }
  }

  /** Runs a script once. Rejects with StoreUnavailable. */
  script(lua: Script, keys: readonly string[], argument: string): Promise<unknown> {
    return this.ask(async (client) => {
      try {
        return await client.evalsha(lua.hash, keys.length, ...keys, argument);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return await client.eval(lua.text, keys.length, ...keys, argument);
      }
    });
  }

  stop(): void {
    this.client.disconnect();
  }
}

export interface Script {
  readonly text: string;
  /** The SHA-1 by which the server knows the script. */
  readonly hash: string;
}

/** A Lua script with the SHA-1 by which Redis caches it. */
export function script(text: string): Script {
  return { text, hash: createHash('sha1').update(text).digest('hex') };
}
