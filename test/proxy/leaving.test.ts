/** Tests that a client which goes away leaves nothing running at the server, whatever its last bytes are. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { rawLogin } from './raw-client.ts';
import { eventually } from './support.ts';

let database: FreshDatabase;
let guard: TestGuard;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await guardInFrontOf(database);
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

const backends = async (): Promise<number> => {
  const sql = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = '${database.name}' AND usename LIKE 'login%' AND application_name <> 'rowgate'`;
  return (await database.query<{ n: number }>(sql))[0]?.n ?? -1;
};

const message = (type: string, body: string | Uint8Array, stated = Buffer.from(body).length + 4): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(stated);
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
};

const GOODBYE = Buffer.from([0x58, 0, 0, 0, 4]);

test.each<[string, string, Buffer]>([
  [
    'half a Query that ends like a Terminate',
    'teacher',
    message('Q', Buffer.concat([Buffer.from('SELECT 1'), GOODBYE]), 100),
  ],
  [
    'a whole Query that does',
    'teacher',
    message('Q', Buffer.concat([Buffer.from('SELECT 1 --'), GOODBYE.subarray(0, 1), Buffer.from('\0')])),
  ],
  ['a Sync behind which half a message does', 'teacher', Buffer.concat([message('S', ''), message('P', GOODBYE, 50)])],
  ['COPY data that do', 'dba', Buffer.concat([message('Q', 'COPY rooms FROM STDIN\0'), message('d', GOODBYE)])],
  [
    'a statement that runs, and half a message behind it',
    'dba',
    Buffer.concat([message('Q', 'SELECT pg_sleep(600)\0'), message('P', GOODBYE, 50)]),
  ],
  ['a Terminate', 'teacher', GOODBYE],
  ['nothing', 'teacher', Buffer.alloc(0)],
])('%s', async (_what, principal, bytes) => {
  await eventually(async () => (await backends()) === 0, 'none is there');
  const client = await rawLogin(guard.port, principal, `demo-${principal}`, database.name);
  expect(await backends()).toBe(1);
  client.socket.end(bytes);
  await eventually(async () => (await backends()) === 0, 'its session at the server has ended');
});
