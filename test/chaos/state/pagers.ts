/** Clients of one principal that page through its people, and count the rows that they got and the end of every statement. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { PUPILS, SCALE } from './scale.ts';

/** How long a statement may stay without an answer before it counts as lost. */
const LOST_MS = 30_000;
const PAGE = 'SELECT id, name FROM pupils WHERE id > $1 ORDER BY id LIMIT $2';
/** For rows about no person: they may be read when the limit of people is used up. */
const ROOMS = 'SELECT id, name FROM rooms WHERE id > $1 ORDER BY id LIMIT $2';
const NOTHING = 'UPDATE rooms SET name = name WHERE id = 0';

/** The statements that ended in a part of the trial, by result. */
export interface Tally {
  /** By guard. */
  readonly answered: number[];
  /** By SQLSTATE, or what node-postgres says of a connection that ended; `53400 limit`: not the store, but the budget. */
  readonly refused: Map<string, number>;
  /** Milliseconds from the beginning of this part to the first answer of a statement that was asked in it, by guard. */
  readonly first: number[];
  /** The slowest answer, in milliseconds. */
  slowest: number;
}

export class Pagers {
  /** The people in any row that came, also of statements that were refused later. */
  readonly people = new Set<number>();
  rows = 0;
  asked = 0;
  answered = 0;
  refused = 0;
  /** Answers that lacked rows, or had others. */
  wrong = 0;
  private tally: Tally = newTally();
  private since = performance.now();
  private next = 0;
  private stopping = false;
  private readonly loops: Promise<void>[] = [];

  /** @param urls of the guards as they are now; client `i` goes to the one at `i` modulo their number. */
  constructor(private readonly urls: () => readonly string[]) {}

  start(): void {
    for (let i = 0; i < SCALE.clients; i += 1) this.loops.push(this.work(i));
  }

  /** A part of the trial begins. */
  mark(): Tally {
    this.tally = newTally();
    this.since = performance.now();
    return this.tally;
  }

  /** How many statements never got an answer. */
  async stop(): Promise<number> {
    this.stopping = true;
    await Promise.race([Promise.all(this.loops), sleep(LOST_MS, undefined, { ref: false })]);
    return this.asked - this.answered - this.refused;
  }

  /** A client of the principal; undefined where it is not let in. */
  async connect(guard: number): Promise<pg.Client | undefined> {
    const url = this.urls()[guard];
    // A guard that did not start has no URL.
    if (url === undefined || !URL.canParse(url)) return undefined;
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch {
      await client.end().catch(() => {});
      return undefined;
    }
  }

  /** Asks for a number of people after that one. @returns the refusal, or undefined. */
  page(client: pg.Client, guard: number, after: number, size: number): Promise<string | undefined> {
    return this.ask(
      client,
      guard,
      { text: PAGE, values: [after, size] },
      (ids) => ids.length === size && ids.every((id, i) => id === after + i + 1),
    );
  }

  /** Asks for `size` rows about no person. @returns the refusal, or undefined. */
  rooms(client: pg.Client, guard: number, size: number): Promise<string | undefined> {
    return this.ask(client, guard, { text: ROOMS, values: [0, size] }, (ids) => ids.length === size);
  }

  nothing(client: pg.Client, guard: number): Promise<string | undefined> {
    return this.ask(client, guard, { text: NOTHING, values: [] }, () => true);
  }

  private async work(number: number): Promise<void> {
    const guard = number % this.urls().length;
    while (!this.stopping) {
      const client = await this.connect(guard);
      if (!client) {
        await sleep(20);
        continue;
      }
      let gone = false;
      client.once('end', () => {
        gone = true;
      });
      while (!gone && !this.stopping) {
        const after = this.next;
        this.next = (this.next + SCALE.page) % PUPILS;
        await this.page(client, guard, after, SCALE.page);
        await sleep(SCALE.pauseMs);
      }
      await client.end().catch(() => {});
    }
  }

  private async ask(
    client: pg.Client,
    guard: number,
    query: { text: string; values: number[] },
    isRight: (ids: readonly number[]) => boolean,
  ): Promise<string | undefined> {
    const began = performance.now();
    const { since } = this;
    this.asked += 1;
    const ids: number[] = [];
    const error = await new Promise<Error | undefined>((done) => {
      const asked = new pg.Query<{ id: number }>(query);
      asked.on('row', ({ id }: { id: number }) => ids.push(id));
      asked.on('end', () => done(undefined));
      asked.on('error', done);
      client.query(asked);
    });
    if (query.text === PAGE) for (const id of ids) this.people.add(id);
    this.rows += ids.length;
    if (error) {
      const why = whyOf(error);
      this.refused += 1;
      this.tally.refused.set(why, (this.tally.refused.get(why) ?? 0) + 1);
      return why;
    }
    this.answered += 1;
    if (!isRight(ids)) this.wrong += 1;
    const now = performance.now();
    this.tally.answered[guard] = (this.tally.answered[guard] ?? 0) + 1;
    this.tally.slowest = Math.max(this.tally.slowest, now - began);
    if (since === this.since) this.tally.first[guard] ??= now - since;
    return undefined;
  }
}

function newTally(): Tally {
  return { answered: [], refused: new Map(), first: [], slowest: 0 };
}

function whyOf(error: Error): string {
  const { code, message } = error as Error & { code?: string };
  if (code === '53400' && !message.includes('the store of the budgets')) return '53400 limit';
  return code ?? message;
}
