/** Tests malformed and hostile statements: each gets a clear error, its connection goes on, and a session beside it does not notice. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Backend } from '../../src/protocol/message-types.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { type RawClient, rawLogin } from './raw-client.ts';
import { errorIn } from './support.ts';

let database: FreshDatabase;
let guard: TestGuard;
let neighbour: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await guardInFrontOf(database);
  neighbour = await guard.connect('teacher');
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

function query(body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write('Q');
  head.writeInt32BE(body.length + 5, 1);
  return Buffer.concat([head, body, Buffer.from([0])]);
}

/** Everything up to ReadyForQuery. */
async function answer(
  { socket, reader }: RawClient,
  bytes: Uint8Array,
): Promise<{ fields: Record<string, string>; status: string }> {
  socket.write(bytes);
  let fields: Record<string, string> = {};
  for (;;) {
    const message = await reader.readMessage();
    if (message.type === Backend.ErrorResponse) fields = errorIn(message.bytes);
    if (message.type === Backend.ReadyForQuery) return { fields, status: String.fromCharCode(message.bytes[5]!) };
  }
}

const million = 1_000_000;

const CASES: readonly [name: string, body: Buffer, sqlstate: string, message: RegExp][] = [
  ['a NUL in the SQL', Buffer.from('SELECT 1\0; SELECT ine FROM students'), '08P01', /invalid message format|0x00/],
  ['invalid UTF-8', Buffer.from([0x53, 0x45, 0x4c, 0x20, 0xff, 0xfe]), '22021', /invalid byte sequence/],
  [
    'a cut UTF-8 sequence',
    Buffer.concat([Buffer.from("SELECT '"), Buffer.from([0xc3])]),
    '22021',
    /invalid byte sequence/,
  ],
  ['10 MB of SQL', Buffer.from(`SELECT '${'x'.repeat(10 * million)}'`), '54000', /too long/],
  ['10 MB of an IN list', Buffer.from(`SELECT 1 WHERE 1 IN (${'1,'.repeat(5 * million)}1)`), '54000', /too long/],
  [
    '100,000 nested parentheses',
    Buffer.from(`SELECT ${'('.repeat(100_000)}1${')'.repeat(100_000)}`),
    '54001',
    /too complex to judge/,
  ],
  [
    '1,000 nested subqueries',
    Buffer.from(`${'SELECT * FROM ('.repeat(1000)}SELECT 1${') a'.repeat(1000)}`),
    '54001',
    /nested too deeply/,
  ],
  ['an open quote', Buffer.from("SELECT 'abc"), '42601', /unterminated quoted string/],
  ['no SQL at all', Buffer.from('GET / HTTP/1.1'), '42601', /syntax error/],
];

test.each(CASES)('%s', async (_name, body, sqlstate, message) => {
  const client = await rawLogin(guard.port, 'teacher', 'demo-teacher', database.name);
  const beside = neighbour.query('SELECT count(*) FROM students');
  const { fields, status } = await answer(client, query(body));
  expect(fields).toMatchObject({ S: 'ERROR', C: sqlstate });
  expect(fields.M).toMatch(message);
  expect(status).toBe('I');
  // The connection serves on, and so does the one beside it.
  const again = await answer(client, query(Buffer.from('SELECT 1')));
  expect(again).toEqual({ fields: {}, status: 'I' });
  expect((await beside).rowCount).toBe(1);
  client.socket.destroy();
});

test('each is in the decision log, refused, without a byte of what it said', async () => {
  const refused = (await guard.records()).filter((r) => r.kind === 'decision' && r.effect === 'refuse');
  expect(refused.length).toBeGreaterThanOrEqual(CASES.length);
  expect(JSON.stringify(refused)).not.toMatch(/xxxx|1,1,1|\(\(\(/);
});
