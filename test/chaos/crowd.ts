/** Clients that work without a pause, reconnect when they are thrown out, and count the end of every statement. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** How long a statement may stay without an answer before it counts as lost. */
const LOST_MS = 30_000;

export class Crowd {
  asked = 0;
  answered = 0;
  /** Answers that were not what was asked for. */
  wrong = 0;
  /** By SQLSTATE, or what node-postgres says of a connection that ended. */
  readonly errors = new Map<string, number>();
  readonly loginErrors = new Map<string, number>();
  /** The writes that the server has acknowledged. */
  readonly written: number[] = [];
  private stopping = false;
  private readonly loops: Promise<void>[] = [];

  private constructor(
    private readonly urls: readonly string[],
    private readonly pauseMs: number,
  ) {}

  /** @param urls of the principals: client `i` takes the one at `i` modulo their number; the second one writes into `work`. */
  static start(urls: readonly string[], clients: number, pauseMs = 0): Crowd {
    const crowd = new Crowd(urls, pauseMs);
    for (let i = 0; i < clients; i++) crowd.loops.push(crowd.work(i));
    return crowd;
  }

  get failed(): number {
    return [...this.errors.values()].reduce((sum, n) => sum + n, 0);
  }

  /** Lets each client end its statement; then counts the statements that never got an answer. */
  async stop(): Promise<{ lost: number }> {
    this.stopping = true;
    await Promise.race([Promise.all(this.loops), sleep(LOST_MS, undefined, { ref: false })]);
    return { lost: this.asked - this.answered - this.failed };
  }

  private async work(number: number): Promise<void> {
    const at = number % this.urls.length;
    for (let round = 0; !this.stopping; round++) {
      const client = new pg.Client({ connectionString: this.urls[at], connectionTimeoutMillis: 20_000 });
      let gone = false;
      client.on('error', () => {
        gone = true;
      });
      client.on('end', () => {
        gone = true;
      });
      try {
        await client.connect();
      } catch (error) {
        count(this.loginErrors, error);
        await client.end().catch(() => {});
        await sleep(20);
        continue;
      }
      for (let i = 0; !gone && !this.stopping; i++) {
        await this.ask(client, at === 1, number * 1_000_000_000 + round * 100_000 + i);
        if (this.pauseMs > 0) await sleep(this.pauseMs);
      }
      await client.end().catch(() => {});
    }
  }

  private async ask(client: pg.Client, writes: boolean, value: number): Promise<void> {
    this.asked += 1;
    try {
      if (writes) {
        await client.query('INSERT INTO work (value) VALUES ($1)', [value]);
        this.written.push(value);
      } else {
        const id = 1 + (value % 240);
        const { rows } = await client.query({
          name: 'one',
          text: 'SELECT id, school_id FROM students WHERE id = $1',
          values: [id],
        });
        if (rows.some((row) => Number(row.id) !== id || row.school_id !== 1)) this.wrong += 1;
      }
      this.answered += 1;
    } catch (error) {
      count(this.errors, error);
    }
  }
}

function count(into: Map<string, number>, error: unknown): void {
  const { code, message } = error as { code?: string; message: string };
  const what = code ?? message;
  into.set(what, (into.get(what) ?? 0) + 1);
}
