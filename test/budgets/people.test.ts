/** Tests limits on distinct people on a real server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyIn } from '../soak/copy.ts';
import { budgetWorld, failure, rowsOf, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  const counted = 'limits: { subjects: { pupil: 50 per day } }\n';
  world = await budgetWorld({
    people: counted,
    noted: counted,
    loud: `${counted}functions: [loud]\n`,
    executor: counted,
    protocol: 'limits: { subjects: { pupil: 50 per day }, rows_per_statement: 40 }\n',
    preparer: counted,
    explainer: `${counted.replace('50', '20')}`,
    groups: 'min_group: 10\nlimits: none',
    uncounted: 'limits: { rows: 5000 per day }\n',
    writer: counted,
    watched: 'limits: { subjects: { pupil: 5 per day }, answers: { pupil: 100 per day warn } }\n',
    grouped: `${counted}min_group: 5\n`,
  });
});

afterAll(async () => {
  await world?.stop();
});

test('people: the same ones cost nothing again, new ones are refused', async () => {
  const client = await world.connect('people');
  for (let again = 0; again < 3; again += 1) {
    expect(await rowsOf(client, 'SELECT id, name FROM pupils WHERE id <= 49')).toBe(49);
  }
  expect(await rowsOf(client, 'SELECT id, name FROM pupils WHERE id = 50')).toBe(1);
  const refused = await failure(client, 'SELECT id, name FROM pupils WHERE id = 51');
  expect(refused.message).toBe(
    'statement asks about 1 person of subject "pupil", and principal "people" has 0 of 50 per day left',
  );
  expect(refused.detail).toContain('midnight (Europe/Paris)');
  expect(await rowsOf(await world.connect('people'), 'SELECT id FROM pupils WHERE id = 7')).toBe(1);
  expect(await rowsOf(client, 'SELECT name FROM pupils WHERE id = 7')).toBe(1);
  // Whom it would show is not looked at: one must be left for the question.
  expect((await failure(client, 'SELECT id, name FROM pupils WHERE id <= 49')).code).toBe('53400');
});

test('a key given to EXECUTE is charged like one in the text, also where only its person may still be read', async () => {
  const client = await world.connect('executor');
  await client.query('PREPARE one (integer) AS SELECT name FROM pupils WHERE id = $1');
  await client.query('PREPARE several (integer[]) AS SELECT name FROM pupils WHERE id = ANY ($1)');
  const list = Array.from({ length: 400 }, (_, i) => `$${i + 1}`).join(', ');
  await client.query(
    `PREPARE many (${'integer, '.repeat(399)}integer) AS SELECT name FROM pupils${' '.repeat(4_000)} WHERE id IN (${list})`,
  );
  const given = (first: number) => Array.from({ length: 400 }, (_, i) => (i < 40 ? first + i : 1)).join(', ');
  for (let again = 0; again < 10; again += 1) expect(await rowsOf(client, 'EXECUTE one (7)')).toBe(1);
  // 49 are left. Of a long list not each parameter was looked at: its rows are not named.
  expect(await rowsOf(client, `EXECUTE many (${given(1)})`)).toBe(40);
  expect(await rowsOf(client, "EXECUTE several ('{7, 41, 42, 43, 44, 45, 46, 47, 48, 49}')")).toBe(10);
  expect(await rowsOf(client, "EXECUTE one ('0x7')")).toBe(1);
  for (const refused of ['EXECUTE one (50)', 'EXECUTE one (5000)', 'EXECUTE one (7.4)', `EXECUTE many (${given(1)})`])
    expect((await failure(client, refused)).code).toBe('53400');
});

test('what Parse has prepared costs by EXECUTE as by Bind, with the values that the guard adds', async () => {
  const client = await world.connect('protocol');
  for (const [name, text] of [
    ['one', 'SELECT name FROM pupils WHERE id = $1'],
    ['few', 'SELECT name FROM pupils WHERE id BETWEEN $1 AND $2'],
    ['many', 'SELECT count(*) FROM pupils WHERE id > $1'],
  ] as const)
    await client.query({ name, text, values: name === 'few' ? [1, 2] : [1] });
  // 1 and 2 were named, and one question asked: 47 are left. Keys are added to what names people without them.
  for (let again = 0; again < 3; again += 1) expect(await rowsOf(client, 'EXECUTE few (1, 30)')).toBe(30);
  // The most rows of one statement are shown: those up to 40.
  expect((await failure(client, 'EXECUTE few (1, 41)')).code).toBe('53400');
  expect(await rowsOf(client, 'EXECUTE one (41)')).toBe(1);
  expect(await rowsOf(client, 'EXECUTE few (42, 49)')).toBe(8);
  for (const refused of ['EXECUTE one (50)', 'EXECUTE few (50, 51)', 'EXECUTE many (2)'])
    expect((await failure(client, refused)).code).toBe('53400');
});

test('a statement prepared and executed in one message is a new question each time, also where its answer is the same', async () => {
  const client = await world.connect('preparer');
  const asked = (i: number) =>
    `PREPARE p AS SELECT count(*) FROM pupils WHERE class = 99 AND name = 'pupil ${i}'; EXECUTE p; DEALLOCATE p`;
  for (let i = 1; i <= 50; i += 1) await client.query(asked(i));
  expect((await failure(client, asked(51))).code).toBe('53400');
});

test('a plan of what was prepared is a question', async () => {
  const client = await world.connect('explainer');
  await client.query('PREPARE one (integer) AS SELECT name FROM pupils WHERE id = $1');
  // Its size counts too, as that of EXPLAIN of the statement itself; and it names no person, as that would not.
  await client.query('EXPLAIN EXECUTE one (1)');
  expect((await failure(client, 'EXPLAIN EXECUTE one (2)')).code).toBe('53400');
});

test('a limit on answers that only warns leaves them to the limit on people', async () => {
  const client = await world.connect('watched');
  for (let i = 1; i <= 5; i += 1) expect(await rowsOf(client, `SELECT count(*) FROM pupils WHERE id > ${i}`)).toBe(1);
  expect((await failure(client, 'SELECT count(*) FROM pupils WHERE id > 6')).code).toBe('53400');
});

test('min_group: sums of groups that differ in one person tell of each, and each is a value', async () => {
  const client = await world.connect('grouped');
  let sums = 0;
  for (let from = 0; from < 300; from += 10)
    sums += await rowsOf(
      client,
      `SELECT sum(v.id) FROM visits v JOIN pupils p ON p.id = v.pupil_id WHERE p.id NOT BETWEEN ${from + 1} AND ${from + 10} GROUP BY p.class ORDER BY p.class`,
    );
  expect(sums).toBe(50);
});

test('what was prepared is not run for its plan where people are counted, or groups are held', async () => {
  for (const name of ['explainer', 'groups']) {
    const client = await world.connect(name);
    await client.query('PREPARE many AS SELECT count(*) FROM pupils GROUP BY class');
    await client.query('PREPARE room AS SELECT count(*) FROM rooms');
    expect(await failure(client, 'EXPLAIN ANALYZE EXECUTE many')).toMatchObject({
      code: '42501',
      message: 'permission denied for EXPLAIN ANALYZE of EXECUTE',
    });
    if (name === 'explainer') await client.query('EXPLAIN ANALYZE EXECUTE room');
  }
});

/** The server sends a notice for each word that is too long to be indexed: one for each pupil of the question. */
const NOTING =
  "SELECT count(*) FROM pupils WHERE to_tsvector('simple', repeat('x', CASE WHEN class = 3 AND id < 50 THEN 3000 ELSE 1 END)) IS NULL";

test.each([
  ['uncounted', NOTING, 5],
  ['noted', NOTING, 0],
  ['noted', `DECLARE c CURSOR FOR ${NOTING}; FETCH ALL FROM c`, 0],
  ['noted', `DECLARE c CURSOR WITH HOLD FOR ${NOTING}; COMMIT`, 0],
  ['noted', `PREPARE noting AS ${NOTING}; EXECUTE noting`, 0],
  ['noted', 'ROLLBACK', 1],
  // A function may give its notice the class of those that the server gives of transactions.
  ['loud', 'SELECT loud()', 0],
])(
  '%s: notices that may depend on people are not sent where people are counted: %s',
  async (principal, sql, notices) => {
    const client = await world.connect(principal);
    let told = 0;
    client.on('notice', () => {
      told += 1;
    });
    if (sql.startsWith('DECLARE')) await client.query('BEGIN');
    for (const one of sql.split('; ')) await client.query(one);
    await client.end();
    expect(told).toBe(notices);
  },
);

/** Whether there is a pupil of that id is told by the error of a row with the same. */
test('writes that fail disclose people: each costs one, by COPY two', async () => {
  const client = await world.connect('writer');
  const copy = (id: number): Promise<string | undefined> =>
    copyIn(client, 'COPY pupils (id, name, class) FROM STDIN', `${id}\tx\t1\n`).then(
      () => undefined,
      (error: { readonly code?: string }) => error.code,
    );
  for (let id = 1; id <= 16; id += 1) {
    expect(await copy(id)).toBe('23505');
    expect((await failure(client, `INSERT INTO pupils (id, name, class) VALUES (${id}, 'x', 1)`)).code).toBe('23505');
  }
  expect(await copy(26)).toBe('23505');
  expect(await copy(27)).toBe('53400');
  expect(await copy(5_000)).toBe('53400');
});
