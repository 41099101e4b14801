/** Each trial: guard processes, a crowd of clients, one failure, and the result. */
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { eventually } from '../proxy/support.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { isAlive, type Served, serve } from '../workers/served.ts';
import { Crowd } from './crowd.ts';
import { descriptorsOf, type Figures, memoryOf } from './figures.ts';
import { SCALE } from './scale.ts';

const POLICIES = resolve(import.meta.dirname, 'policies');
const PRINCIPALS = ['reader', 'writer'];

/** A guard under trial, and what is looked at before and after. */
export interface Trial {
  readonly guard: Served;
  readonly urls: readonly string[];
  /** The guard's processes. */
  pids(): number[];
  crowd(clients?: number): Crowd;
}

export interface Outcome {
  readonly crowd?: Crowd;
  readonly lost?: number;
  readonly result: string;
}

/** Runs `ordeal`, waits for quiet, and gives the figures. A guard that has ended by itself has none of memory and descriptors. */
export async function trial(
  name: string,
  database: FreshDatabase,
  configuration: string,
  ordeal: (trial: Trial) => Promise<Outcome>,
): Promise<Figures> {
  const guard = await serve(database, `admin: 127.0.0.1:0\n${configuration}`, {}, POLICIES);
  try {
    const pids = () => [guard.pid, ...guard.workers()].filter(isAlive);
    const urls = PRINCIPALS.map((principal) => guard.url(principal));
    const crowd = (clients = SCALE.clients): Crowd => Crowd.start(urls, clients);
    // Memory and descriptors of the first work are kept for good; only growth beyond them is a leak.
    const first = crowd();
    await sleep(SCALE.workMs);
    await first.stop();
    if (first.failed + first.loginErrors.size > 0) throw new Error(`the guard does not work: ${guard.output.stderr}`);
    await quiet(database, guard);
    const before = [memoryOf(pids()), descriptorsOf(pids())] as const;
    const outcome = await ordeal({ guard, urls, pids, crowd });
    const leaked = await quiet(database, guard);
    // Sockets close in their own time; those that never do are a leak.
    for (let tries = 0; tries < 100 && descriptorsOf(pids()) > before[1]; tries++) await sleep(100);
    const after = [memoryOf(pids()), descriptorsOf(pids())] as const;
    return {
      trial: name,
      statements: outcome.crowd?.asked,
      lost: outcome.lost,
      leaked,
      memory: [before[0], after[0]],
      descriptors: [before[1], after[1]],
      result: outcome.result,
    };
  } finally {
    await guard.stop();
  }
}

/** Waits until the guard's sessions for clients are gone at the server, as long as there is hope; how many are left. */
export async function quiet(database: FreshDatabase, guard: Served): Promise<number> {
  let left = -1;
  for (let tries = 0; tries < 100 && left !== 0; tries++) {
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${guard.account}' AND application_name = 'test'`,
    );
    left = row?.n ?? -1;
    if (left !== 0) await sleep(100);
  }
  return left;
}

/** Milliseconds until a new client has its first answer; tries again until then. */
export async function timeToServe(url: string): Promise<number> {
  const started = performance.now();
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
      return performance.now() - started;
    } catch (error) {
      if (performance.now() - started > 20_000) throw new Error('no client is served', { cause: error });
      await sleep(10);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** Errors by what they are, the most frequent first: `57P01 (12), ECONNRESET (3)`. */
export function told(errors: ReadonlyMap<string, number>): string {
  const sorted = [...errors].sort(([, a], [, b]) => b - a);
  return sorted.length === 0 ? 'none' : sorted.map(([what, n]) => `${what} (${n})`).join(', ');
}

export const ms = (value: number): string =>
  value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;

/** Connects and does not log in. Resolves with the socket once it is connected, or has failed. */
export function stranger(port: number): Promise<Socket> {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => done(socket));
    socket.once('connect', () => done(socket));
  });
}

/** The number of acknowledged writes that the database lacks. */
export async function missing(database: FreshDatabase, crowd: Crowd): Promise<number> {
  const rows = await database.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM unnest($1::bigint[]) AS w WHERE NOT EXISTS (SELECT FROM work WHERE value = w)',
    [crowd.written],
  );
  return rows[0]?.n ?? -1;
}

export async function workersReplaced(guard: Served, killed: number): Promise<void> {
  await eventually(() => guard.workers().length === 2 && !guard.workers().includes(killed), 'the worker is replaced');
}

/** How often the decision log says this of a record. */
export async function recordsOf(guard: Served, kind: string): Promise<number> {
  const text = await readFile(join(guard.folder, 'decisions.jsonl'), 'utf8');
  return text.split('\n').filter((line) => line.includes(`"kind":"${kind}"`)).length;
}
