/** Tests the end of a guard: sessions end when they are idle, those that are not idle in time get an error, and nothing runs on at the server. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../admin/support.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { isAlive, type Served, serve } from './served.ts';

// Each test starts processes, some of them several times.

const TERMINATED = { code: '57P01', message: 'terminating connection due to administrator command' };

let database: FreshDatabase;
let guard: Served | undefined;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
});

afterEach(async () => {
  await guard?.stop();
  guard = undefined;
});

afterAll(() => database?.drop());

/** The statements of the guard's sessions at the server. */
async function atServer(served: Served): Promise<string[]> {
  const sql = `SELECT state, query FROM pg_stat_activity WHERE usename = '${served.account}' AND application_name = 'test'`;
  return (await database.query<{ state: string; query: string }>(sql)).map(({ state, query }) => `${state} ${query}`);
}

/** A connection that comes just when the socket is closed may be reset. */
async function takesNoConnections(served: Served): Promise<void> {
  const refusal = () =>
    served.connect('dba').then(
      () => 'in',
      (error: { code: string }) => error.code,
    );
  await eventually(async () => (await refusal()) === 'ECONNREFUSED', 'it takes no connections');
}

/** The error that a client gets at the end of its session. */
function farewell(client: pg.Client): Promise<unknown> {
  return new Promise((done) => {
    client.once('error', done);
    client.once('end', () => done('ended without a word'));
  });
}

async function start(configuration: string): Promise<Served> {
  guard = await serve(database, configuration);
  return guard;
}

describe.each([1, 2])('with %i worker(s)', (workers) => {
  test('SIGTERM: the idle are told at once, a statement and a transaction come to their end; exit code 0', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-drain-'));
    const listen = `listen: ["127.0.0.1:0", "unix:${folder}:7432"]`;
    const served = await start(`workers: ${workers}\ndrain: 20 s\n${listen}`);
    expect(await readdir(folder)).toEqual(['.s.PGSQL.7432']);
    const names = ['idle', 'idle too', 'running', 'transaction', 'failed'];
    const clients = await Promise.all(names.map(() => served.connect('dba')));
    const [idle, idleToo, running, transaction, failed] = clients as [pg.Client, ...pg.Client[]];
    await transaction!.query('BEGIN');
    await transaction!.query('CREATE TEMPORARY TABLE t (n int)');
    await failed!.query('BEGIN');
    await failed!.query('SELECT 1/0').catch(() => {});
    const told = [idle, idleToo!].map(farewell);
    const later = [running!, transaction!, failed!].map(farewell);
    const slept = running!.query("SELECT pg_sleep(1.5), 'slept' AS text");
    await eventually(async () => (await atServer(served)).some((one) => one.startsWith('active')), 'it runs');
    served.child.kill('SIGTERM');
    for (const heard of told) expect(await heard).toMatchObject(TERMINATED);
    await takesNoConnections(served);
    // The others still work, each to the end of what it had begun.
    await transaction!.query('INSERT INTO t VALUES (1)');
    expect((await transaction!.query('SELECT n FROM t')).rows).toEqual([{ n: 1 }]);
    expect((await slept).rows).toMatchObject([{ text: 'slept' }]);
    expect(isAlive(served.pid)).toBe(true);
    await transaction!.query('COMMIT');
    await failed!.query('ROLLBACK');
    for (const heard of later) expect(await heard).toMatchObject(TERMINATED);
    expect(await served.status).toBe(0);
    for (const lines of Object.values(await served.records()))
      expect(lines.filter(({ kind }) => kind !== 'seal').at(-1)).toMatchObject({ kind: 'stop' });
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test('a session that does not end in time gets an error, and is stopped at the server', async () => {
    const served = await start(`workers: ${workers}\ndrain: 1 s`);
    const client = await served.connect('dba');
    const open = await served.connect('dba');
    await open.query('BEGIN');
    const told = farewell(open);
    const sleeping = client.query('SELECT pg_sleep(60)').catch((error: unknown) => error);
    await eventually(async () => (await atServer(served)).some((one) => one.startsWith('active')), 'it runs');
    served.child.kill('SIGTERM');
    expect(await sleeping).toMatchObject(TERMINATED);
    expect(await told).toMatchObject(TERMINATED);
    expect(await served.status).toBe(0);
    await eventually(async () => (await atServer(served)).length === 0, 'nothing is left at the server');
  });
});

test('a second signal does not wait', async () => {
  const served = await start('drain: 10 minutes');
  const client = await served.connect('dba');
  const sleeping = client.query('SELECT pg_sleep(60)').catch((error: unknown) => error);
  await eventually(async () => (await atServer(served)).some((one) => one.startsWith('active')), 'it runs');
  served.child.kill('SIGTERM');
  await takesNoConnections(served);
  served.child.kill('SIGINT');
  expect(await sleeping).toMatchObject(TERMINATED);
  expect(await served.status).toBe(0);
  await eventually(async () => (await atServer(served)).length === 0, 'nothing is left at the server');
});

test('a client that never stops asking is ended between two statements', async () => {
  const served = await start('drain: 10 minutes');
  const client = await served.connect('dba');
  const told = farewell(client);
  let answered = 0;
  let unanswered: unknown;
  const asking = (async () => {
    while (!unanswered) {
      await client.query('SELECT 1').then(
        () => {
          answered += 1;
        },
        (error: unknown) => {
          unanswered = error;
        },
      );
    }
  })();
  await eventually(() => answered > 20, 'it asks');
  served.child.kill('SIGTERM');
  await asking;
  await told;
  expect(await served.status).toBe(0);
  // The last one was not sent on: each statement that was recorded has come to its end.
  const records = Object.values(await served.records()).flat();
  const asked = records.filter(({ kind, command }) => kind === 'decision' && command === 'SELECT');
  const ends = records.filter(({ kind, status }) => kind === 'outcome' && status === 'ok');
  expect(ends.length).toBeGreaterThanOrEqual(asked.length);
});

test('the admin address shows one guard, and that it drains', async () => {
  const free = createServer();
  const port = await new Promise<number>((done) =>
    free.listen(0, '127.0.0.1', () => done((free.address() as { port: number }).port)),
  );
  await new Promise((done) => free.close(done));
  const served = await start(`workers: 2\ndrain: 20 s\nadmin: 127.0.0.1:${port}`);
  const clients = await Promise.all([1, 2, 3].map(() => served.connect('dba')));
  expect(await ask(port, '/readyz')).toMatchObject({ status: 200 });
  const { body } = await ask(port, '/metrics');
  expect(body).toMatch(/^rowgate_workers 2$/m);
  expect(body).toMatch(/^rowgate_logins_total\{role="dba"\} 3$/m);
  const slept = clients[0]!.query("SELECT pg_sleep(1), 'slept' AS text");
  await eventually(async () => (await atServer(served)).some((one) => one.startsWith('active')), 'it runs');
  served.child.kill('SIGTERM');
  await eventually(async () => (await ask(port, '/readyz')).status === 503, 'it is not ready');
  expect((await slept).rows).toMatchObject([{ text: 'slept' }]);
  expect(await served.status).toBe(0);
});

test('a signal to all processes of the group, as from a terminal, is one signal', async () => {
  guard = await serve(database, 'workers: 2\ndrain: 20 s');
  const client = await guard.connect('dba');
  const slept = client.query("SELECT pg_sleep(1), 'slept' AS text");
  const served = guard;
  await eventually(async () => (await atServer(served)).some((one) => one.startsWith('active')), 'it runs');
  for (const pid of [...guard.workers(), guard.pid]) process.kill(pid, 'SIGINT');
  expect((await slept).rows).toMatchObject([{ text: 'slept' }]);
  expect(await guard.status).toBe(0);
});
