/** Tests the process ID that a driver is told at login: it is the server's, so cancelling, ending a session and notifications mean the same process. */
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { startWorld, type World } from './world.ts';

let world: World;
const opened: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  world = await startWorld();
});
afterEach(async () => {
  for (const close of opened.splice(0)) await close().catch(() => {});
});
afterAll(() => world?.stop());

const SLEEP = 'SELECT pg_sleep(600)';

async function connect(): Promise<pg.Client & { readonly processID: number }> {
  const client = new pg.Client({ connectionString: world.url('dba') });
  client.on('error', () => {});
  await client.connect();
  opened.push(() => client.end());
  return client as pg.Client & { readonly processID: number };
}

async function pidOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  return rows[0].pid;
}

/** The code of its end. */
const failing = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    ({ code }: { code: string }) => code,
  );

async function runs(pid: number): Promise<void> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE pid = ${pid} AND state = 'active' AND query = '${SLEEP}'`;
  await eventually(async () => (await world.database.query(sql)).length === 1, 'the server process of this ID runs it');
}

test('each session has the one of its own server process, also where it was begun before the password was proved', async () => {
  // From the second on the same principal comes from the same network again, and its session is begun early.
  for (let n = 0; n < 3; n += 1) {
    const client = await connect();
    expect(client.processID).toBe(await pidOf(client));
  }
});

test('as Knex at a timeout with cancel: pg_cancel_backend on another connection', async () => {
  const [client, other] = [await connect(), await connect()];
  const ended = failing(client.query(SLEEP));
  await runs(client.processID);
  const { rows } = await other.query('SELECT pg_cancel_backend($1) AS done', [client.processID]);
  expect(rows).toEqual([{ done: true }]);
  expect(await ended).toBe('57014');
  expect(await pidOf(client)).toBe(client.processID);
});

test('as Kysely and administrators do: pg_terminate_backend on another connection', async () => {
  const [client, other] = [await connect(), await connect()];
  const ended = failing(client.query(SLEEP));
  await runs(client.processID);
  await other.query('SELECT pg_terminate_backend($1)', [client.processID]);
  expect(await ended).toBe('57P01');
});

test('postgres.js has it in `state.pid` of a result', async () => {
  const sql = postgres(world.url('dba'), { max: 1, fetch_types: false, onnotice: () => {} });
  opened.push(() => sql.end({ timeout: 1 }));
  const result = await sql`SELECT pg_backend_pid() AS pid`;
  expect((result as unknown as { state: { pid: number } }).state.pid).toBe(result[0]!.pid);
});

test('a notification names the session that sent it as that session was told', async () => {
  const [listener, sender] = [await connect(), await connect()];
  const heard: (number | undefined)[] = [];
  listener.on('notification', ({ processId }) => heard.push(processId));
  await listener.query('LISTEN news');
  await sender.query('NOTIFY news');
  await listener.query('NOTIFY news');
  await eventually(() => heard.length === 2, 'both are heard');
  expect(heard).toEqual([sender.processID, listener.processID]);
});
