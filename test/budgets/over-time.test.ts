/** Tests limits over time on a real server: no row over budget is forwarded, over all connections of a principal together. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { budgetWorld, failure, rowsOf, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await budgetWorld({
    rows: 'limits: { rows: 100 per hour }\n',
    parallel: 'limits: { rows: 100 per hour }\n',
    bytes: 'limits: { bytes: 10 kB per hour }\n',
    statements: 'limits: { statements: 5 per hour }\n',
    changes: 'limits: { changed: 20 per day }\n',
    warned: 'limits: { rows: [50 per hour warn, 100 per hour deny] }\n',
    slow: 'limits: { rows: 50 per hour throttle }\nthrottle: { rows: 100 per second }\n',
    free: 'limits: none\n',
    locked: 'limits: { rows: 30 per hour lock }\nlock: { after: 5 overruns per hour, for: 30 minutes }\n',
    refused: 'limits: none\nlock: { after: 5 refusals per hour, for: until released }\n',
    night: `limits: { rows: 10 per hour }\nduring: [{ from: 2000-01-01, limits: { rows: 1000 per hour, rows_per_statement: 7 } }]\n`,
  });
});

afterAll(async () => {
  await world?.stop();
});

test('rows: up to the limit, then refused with the numbers, also on another connection', async () => {
  const one = await world.connect('rows');
  expect(await rowsOf(one, 'SELECT id FROM rooms LIMIT 60')).toBe(60);
  expect(await rowsOf(one, 'SELECT id FROM rooms LIMIT 40')).toBe(40);
  const other = await world.connect('rows');
  const refused = await failure(other, 'SELECT id FROM rooms LIMIT 1');
  expect(refused).toMatchObject({
    code: '53400',
    message: 'principal "rows" has taken 100 of 100 rows per hour',
    detail: expect.stringContaining('an hour later'),
  });
  // A statement that ends a transaction is not refused.
  await other.query('ROLLBACK');
  const decisions = await world.kinds('decision');
  expect(decisions.find(({ reason }) => reason === 'limit-window')).toMatchObject({
    effect: 'refuse',
    limit: { name: 'rows 100 per hour', used: 100, of: 100 },
    rule: 'roles/rows.yaml:8',
  });
});

test('rows: twenty connections at once get exactly the limit together', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => world.connect('parallel')));
  const shown: number[] = [];
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; i < 12; i += 1) shown.push(await rowsOf(client, `SELECT id FROM rooms WHERE id = ${i + 1}`));
    }),
  );
  expect(shown.reduce((sum, rows) => sum + rows, 0)).toBe(100);
});

test('bytes: a statement that would pass the limit is cut, and what it showed is no result', async () => {
  const client = await world.connect('bytes');
  const refused = await failure(client, 'SELECT id, name FROM pupils');
  expect(refused.message).toMatch(/has taken [0-9]+ of 10240 bytes \(10 kB\) per hour/);
});

test('statements', async () => {
  const client = await world.connect('statements');
  for (let i = 0; i < 5; i += 1) await client.query('SELECT 1');
  expect((await failure(client, 'SELECT 1')).message).toBe(
    'principal "statements" has sent 5 of 5 statements per hour',
  );
  await client.query('BEGIN');
  await client.query('COMMIT');
});

test('changes: a statement that would pass the limit is undone', async () => {
  const client = await world.connect('changes');
  await client.query("UPDATE pupils SET name = 'x' WHERE id <= 15");
  expect((await failure(client, "UPDATE pupils SET name = 'y' WHERE id <= 15")).message).toContain(
    'has changed 15 of 20',
  );
  await client.query("UPDATE pupils SET name = 'z' WHERE id <= 5");
  const rows = await world.database.query('SELECT name, count(*)::int AS n FROM pupils WHERE id <= 20 GROUP BY name');
  expect(Object.fromEntries(rows.map((row) => [row.name, row.n]))).toMatchObject({ x: 10, z: 5 });
});

test('a limit that warns lets pass, tells once, and is recorded', async () => {
  const client = await world.connect('warned');
  const notices: string[] = [];
  client.on('notice', (notice) => void notices.push(notice.message ?? ''));
  for (let i = 0; i < 9; i += 1) expect(await rowsOf(client, 'SELECT id FROM rooms LIMIT 10')).toBe(10);
  expect(notices).toEqual(['principal "warned" has taken 51 of 50 rows per hour']);
  expect(await world.kinds('warning')).toMatchObject([
    { principal: 'warned', limit: { name: 'rows 50 per hour', used: 51, of: 50 }, by: 'rowgate' },
  ]);
});

test('a limit that slows down: the rest flows at its rate, others are not slowed', async () => {
  const client = await world.connect('slow');
  const free = await world.connect('free');
  const before = performance.now();
  const slow = client.query('SELECT id FROM rooms LIMIT 300');
  let isThrough = false;
  void slow.then(() => {
    isThrough = true;
  });
  for (let i = 0; i < 5; i += 1) expect((await free.query('SELECT id FROM rooms LIMIT 100')).rows.length).toBe(100);
  expect(isThrough).toBe(false);
  expect((await slow).rows.length).toBe(300);
  const took = performance.now() - before;
  // 50 at once, 100 in each second that begins.
  expect(took).toBeGreaterThan(1_900);
  expect(took).toBeLessThan(60_000);
  const outcome = (await world.kinds('outcome')).find(({ principal, rows }) => principal === 'slow' && rows === 300);
  expect(outcome?.waited).toBeGreaterThan(1_500);
});

test('cancel ends a statement that is slowed down', async () => {
  const client = await world.connect('slow');
  const slow = failure(client, 'SELECT id FROM rooms LIMIT 900');
  await new Promise((done) => setTimeout(done, 300));
  await cancel(client, world.guard.port);
  expect((await slow).code).toBe('57014');
  expect((await client.query('SELECT 1')).rows.length).toBe(1);
});

test('passing a limit that locks ends all sessions of the principal, and refuses its logins', async () => {
  const one = await world.connect('locked');
  const idle = await world.connect('locked');
  const ended = new Promise<Error & { code?: string }>((done) => idle.on('error', done));
  expect(await rowsOf(one, 'SELECT id FROM rooms LIMIT 30')).toBe(30);
  await failure(one, 'SELECT id FROM rooms LIMIT 1');
  expect(await ended).toMatchObject({
    code: '57P05',
    message: expect.stringContaining('was locked out: passed the limit rows 30 per hour'),
  });
  await expect(world.connect('locked')).rejects.toMatchObject({ code: '28000' });
  await expect(world.guard.connect('locked', 'wrong')).rejects.toMatchObject({ code: '28P01' });
  expect(await world.kinds('lock')).toMatchObject([
    { principal: 'locked', by: 'rowgate', limit: { used: 30, of: 30 }, until: expect.any(String) },
  ]);
});

test('refusals by policy lock, and the client is warned before', async () => {
  const client = await world.connect('refused');
  const notices: string[] = [];
  client.on('notice', (notice) => void notices.push(notice.message ?? ''));
  const ended = new Promise<Error & { code?: string }>((done) => client.on('error', done));
  for (let i = 0; i < 4; i += 1) await failure(client, 'SELECT * FROM secrets');
  await client.query('SELECT 1');
  expect(notices).toEqual(['principal "refused" has 4 of 5 refusals after which it is locked out']);
  // The session ends before the server has answered the statement sent in place of the refused one.
  const last = await failure(client, 'SELECT * FROM secrets');
  expect([last.code, (await ended).code]).toContain('57P05');
});

test('during a time its limits hold, of one statement too', async () => {
  const client = await world.connect('night');
  expect((await failure(client, 'SELECT id FROM rooms LIMIT 8')).message).toContain('more than 7 rows');
  for (let i = 0; i < 3; i += 1) expect(await rowsOf(client, 'SELECT id FROM rooms LIMIT 7')).toBe(7);
});

/** As a client does: by a connection of its own. */
async function cancel(client: pg.Client, port: number): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const { connect } = await import('node:net');
  const socket = connect(port, '127.0.0.1');
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(80877102, 4);
  message.writeInt32BE(processID, 8);
  message.writeInt32BE(secretKey, 12);
  socket.end(message);
  await new Promise((done) => socket.once('close', done));
}
