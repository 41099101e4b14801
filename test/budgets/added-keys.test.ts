/** Tests rows whose key the client does not ask for: the guard adds the key column for itself, charges the person, and the client sees the same rows as without. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bind } from '../../src/protocol/bind.ts';
import { E, P, S } from '../session/messages.ts';
import { ask, direct } from '../session/peer.ts';
import { PASSWORD } from '../support/password.ts';
import { budgetWorld, failure, type World } from './world.ts';

const ROLE = 'collect: allow\nlimits: { subjects: { pupil: 50 per day } }\n';
const PRINCIPALS = ['list', 'joined', 'inside', 'collected', 'empty', 'binary', 'pages', 'held', 'long', 'nameless'];

let world: World;
beforeAll(async () => {
  world = await budgetWorld(Object.fromEntries(PRINCIPALS.map((name) => [name, ROLE])));
});
afterAll(async () => {
  await world?.stop();
});

const told = async (principal: string) => {
  const outcomes = (await world.kinds('outcome')).filter((record) => record.principal === principal);
  return outcomes.map(({ subjects }) => (subjects as { pupil?: unknown } | undefined)?.pupil);
};

interface Case {
  readonly principal: string;
  readonly sql: string;
  readonly fields: readonly string[];
  readonly rows: number;
  readonly people: number;
}

const CASES: readonly Case[] = [
  {
    principal: 'list',
    sql: 'SELECT name FROM pupils WHERE id <= 30 ORDER BY id',
    fields: ['name'],
    rows: 30,
    people: 30,
  },
  {
    principal: 'joined',
    sql: 'SELECT v.note, p.name FROM pupils p JOIN visits v ON v.pupil_id = p.id WHERE p.class = 3 AND p.id < 200',
    fields: ['note', 'name'],
    rows: 20,
    people: 20,
  },
  {
    principal: 'inside',
    sql: 'SELECT upper(x.name) AS up FROM (SELECT name FROM pupils WHERE id <= 20) AS x',
    fields: ['up'],
    rows: 20,
    people: 20,
  },
  {
    principal: 'collected',
    sql: 'SELECT json_agg(x) AS all FROM (SELECT id, name FROM pupils WHERE id <= 20) AS x',
    fields: ['all'],
    rows: 1,
    people: 20,
  },
];

test.each(CASES)('$sql', async ({ principal, sql, fields, rows, people }) => {
  const client = await world.connect(principal);
  const plain = await world.database.query(sql);
  for (let again = 0; again < 3; again += 1) {
    const result = await client.query(sql);
    expect(result.fields.map(({ name }) => name)).toEqual(fields);
    expect(result.rows).toEqual(plain);
    expect(result.rows).toHaveLength(rows);
  }
  const prepared = await client.query({ name: 'again', text: sql });
  expect(prepared.rows).toEqual(plain);
  await expect.poll(() => told(principal)).toEqual(Array.from({ length: 4 }, () => ({ people })));
  // The rest is what was not named: by other rows, and by no more of them.
  const left = 50 - people;
  expect((await client.query(`SELECT name FROM pupils WHERE id > 500 AND id <= ${500 + left}`)).rows).toHaveLength(
    left,
  );
  expect((await failure(client, 'SELECT name FROM pupils WHERE id > 600')).code).toBe('53400');
});

test('a changed row that is about no person costs a value', async () => {
  await world.database.query('ALTER TABLE visits ALTER pupil_id DROP NOT NULL');
  await world.database.query("INSERT INTO visits SELECT 9000 + n, NULL, 'nobody' FROM generate_series(1, 3) n");
  const client = await world.connect('nameless');
  expect((await client.query("UPDATE visits SET note = note || '' WHERE id = 9001")).rowCount).toBe(1);
  await expect.poll(() => told('nameless')).toEqual([{ people: 0, values: 1 }]);
});

test('in binary, and in parts', async () => {
  const peer = await direct(world.guard.url('binary', PASSWORD));
  const values = { formats: [], values: new Uint8Array(0), valueCount: 0, resultFormats: [1] };
  const got = await ask(
    peer,
    P('SELECT class FROM pupils WHERE id <= 20 ORDER BY id'),
    bind({ portal: '', statement: '', ...values }),
    E('', 7),
    E('', 7),
    E(),
    S(),
  );
  await peer.close();
  expect(got.join(' ')).not.toContain('Error');
  await expect.poll(() => told('binary')).toEqual([{ people: 7 }, { people: 7 }, { people: 6 }]);
});

test('a write found by another key costs the person of the row, once', async () => {
  const client = await world.connect('held');
  for (let again = 0; again < 3; again += 1) {
    const result = await client.query("UPDATE visits SET note = note || '' WHERE id = 5007");
    expect([result.command, result.rowCount, result.rows]).toEqual(['UPDATE', 1, []]);
  }
  await expect.poll(() => told('held')).toEqual(Array.from({ length: 3 }, () => ({ people: 1 })));
  expect((await client.query('SELECT name FROM pupils WHERE id > 500 AND id <= 549')).rows).toHaveLength(49);
});

/** PostgREST and Hasura send a whole page as one document. */
test('a document that comes in pieces names its people; one of more than a megabyte is refused', async () => {
  const client = await world.connect('long');
  const page = (characters: number) =>
    `SELECT json_agg(x) AS page, repeat('x', ${characters}) AS filler FROM (SELECT id, name FROM pupils WHERE id <= 20) AS x`;
  for (const named of [{}, { name: 'page' }]) {
    const { rows } = await client.query<{ page: unknown[]; filler: string }>({ ...named, text: page(300_000) });
    expect([rows.length, rows[0]?.page.length, rows[0]?.filler.length]).toEqual([1, 20, 300_000]);
  }
  await expect.poll(() => told('long')).toEqual([{ people: 20 }, { people: 20 }]);
  for (const named of [{}, { name: 'longer' }])
    await expect(client.query({ ...named, text: page(1_100_000) })).rejects.toMatchObject({ code: '0A000' });
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});
