/** The clock of the Redis server, as it goes on here between two looks at it; the clock of this host has no part in it. */
import type { RedisConnection } from './connection.ts';

export class ServerClock {
  /** The server's time less this process's monotonic time, milliseconds. */
  private ahead: number | undefined;

  /** `elapsed`: monotonic milliseconds. */
  constructor(
    private readonly connection: Pick<RedisConnection, 'ask'>,
    private readonly elapsed: () => number,
  ) {}

  /** Asks the server. Rejects with StoreUnavailable, and then the clock goes on as it was. */
  async look(): Promise<void> {
    const asked = this.elapsed();
    const [seconds, microseconds] = await this.connection.ask((client) => client.time());
    const answered = this.elapsed();
    const ahead = Number(seconds) * 1_000 + Number(microseconds) / 1_000 - (asked + answered) / 2;
    // An answer that took long says less than is known already: it may have waited on either way.
    const uncertain = (answered - asked) / 2;
    if (this.ahead === undefined || Math.abs(ahead - this.ahead) > uncertain) this.ahead = ahead;
  }

  /** Milliseconds since the epoch. Throws before the first `look`. */
  now(): number {
    if (this.ahead === undefined) throw new Error('the clock of the server was not asked yet');
    return Math.floor(this.elapsed() + this.ahead);
  }
}
