/** Clients that work without a pause until they are stopped, each session under its own name. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Backend } from '../../src/protocol/message-types.ts';
import { rawLogin } from '../proxy/raw-client.ts';
import type { Random } from '../support/random.ts';
import { TURNS } from './turns.ts';

const PRINCIPALS = ['teacher', 'office', 'dba'];
const LARGEST_MESSAGE = 1_000_000;
/** A session ends after some turns. */
const MOST_TURNS = 60;

/** Numbers for statements, over all lives. */
let marked = 700_000_000;
const mark = (): number => ++marked;
let sessions = 0;

export class Clients {
  /** Turns that were answered to their end. */
  answered = 0;
  private stopping = false;
  private readonly loops: Promise<void>[];

  constructor(
    private readonly guard: { readonly port: number; readonly database: string },
    private readonly random: Random,
    count: number,
  ) {
    this.loops = Array.from({ length: count }, (_, i) => this.come(i));
  }

  /** When all have gone; call it once the guard has ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.loops);
  }

  /** Opens sessions again and again, also while logins fail. */
  private async come(number: number): Promise<void> {
    while (!this.stopping) {
      const principal = PRINCIPALS[number % PRINCIPALS.length] ?? '';
      const application = `session-${++sessions}`;
      const turns = 1 + this.random.int(MOST_TURNS);
      const work = number % 4 === 3 ? this.driver : this.raw;
      await work.call(this, principal, application, turns).catch(() => sleep(20));
    }
  }

  private async raw(principal: string, application: string, turns: number): Promise<void> {
    const { port, database } = this.guard;
    const { socket, reader } = await rawLogin(port, principal, `demo-${principal}`, database, 0, {
      application_name: application,
    });
    try {
      for (let i = 0; i < turns; i++) {
        const { messages, ends } = this.random.pick(TURNS)(mark, this.random);
        socket.write(Buffer.concat(messages));
        for (let ready = 0; ready < ends; ) {
          const { type } = await reader.readMessage(undefined, LARGEST_MESSAGE);
          if (type === Backend.ReadyForQuery) ready += 1;
        }
        this.answered += 1;
      }
    } finally {
      socket.destroy();
    }
  }

  private async driver(principal: string, application: string, turns: number): Promise<void> {
    const { port, database } = this.guard;
    const client = new pg.Client({
      ...{ host: '127.0.0.1', port, database, user: principal, password: `demo-${principal}` },
      application_name: application,
    });
    let gone = false;
    for (const event of ['error', 'end'] as const) {
      client.on(event, () => {
        gone = true;
      });
    }
    try {
      await client.connect();
      for (let i = 0; i < turns && !gone; i++) {
        const [name, text] = [`n${i}`, `SELECT first_name, ${mark()} FROM students WHERE id = $1`];
        await refusable(client.query(`SELECT count(*), ${mark()} FROM students`));
        for (const id of [1, 2, 3]) await refusable(client.query({ name, text, values: [id] }));
        await refusable(client.query(`SELECT ine, ${mark()} FROM students WHERE id = $1`, [4]));
        this.answered += 1;
      }
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** A refusal by the database is an answer too. */
async function refusable(asked: Promise<unknown>): Promise<void> {
  await asked.catch((error: unknown) => {
    if (!(error instanceof pg.DatabaseError)) throw error;
  });
}
