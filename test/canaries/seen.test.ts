/** Tests a canary in a result: its reader is locked out before it is shown; before that it looks like any other row, and no client is told what it was. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { serverVersion } from '../support/postgres.ts';
import { CANARY, canaryWorld, HASH, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await canaryWorld();
});
afterAll(() => world?.stop());

/** The error of a statement, and what rows came before it. */
async function read(client: pg.Client, config: pg.QueryConfig & { binary?: boolean; rows?: number }) {
  const rows: unknown[] = [];
  const error = await new Promise<(Error & { code?: string }) | undefined>((done) => {
    const query = client.query(new (client.constructor as typeof pg.Client & { Query: typeof pg.Query }).Query(config));
    query.on('row', (row) => void rows.push(row));
    query.on('end', () => done(undefined));
    query.on('error', done);
  });
  return { error, rows };
}

const isLocked = async (principal: string) => {
  const locks = await world.kinds('lock');
  return locks.some((lock) => lock.principal === principal);
};

interface Case {
  readonly what: string;
  readonly before?: readonly string[];
  readonly sql: string;
  readonly values?: readonly unknown[];
  readonly binary?: boolean;
}

const seen: Case[] = [
  { what: 'by its key', sql: `SELECT * FROM pupils WHERE id = ${CANARY}` },
  { what: 'in a scan', sql: 'SELECT name, id FROM pupils' },
  { what: 'with parameters', sql: 'SELECT id, name FROM pupils WHERE class = $1', values: [1] },
  { what: 'in binary', sql: 'SELECT id, name FROM pupils WHERE class = $1', values: [1], binary: true },
  { what: 'of another table, by a key of another type', sql: 'SELECT pupil_id, mark FROM marks' },
  { what: 'the same, in binary', sql: 'SELECT pupil_id FROM marks WHERE mark > $1', values: [0], binary: true },
  { what: 'in an array', sql: 'SELECT members FROM teams WHERE id = 2' },
  { what: 'in an array, in binary', sql: 'SELECT members FROM teams WHERE id = $1', values: [2], binary: true },
  { what: 'in an array of two dimensions', sql: 'SELECT members FROM teams WHERE id = 3' },
  { what: 'in a subquery', sql: 'SELECT * FROM (SELECT id FROM pupils) AS p' },
  { what: 'in an outer join', sql: 'SELECT m.mark, p.id FROM marks m LEFT JOIN pupils p ON p.id = m.pupil_id' },
  { what: 'in a union', sql: 'SELECT id FROM pupils UNION SELECT pupil_id FROM marks' },
  { what: 'in groups', sql: 'SELECT id, count(*) FROM pupils GROUP BY id' },
  { what: 'under DISTINCT', sql: 'SELECT DISTINCT id FROM pupils' },
  { what: 'under DISTINCT, beside others', sql: 'SELECT DISTINCT class, id FROM pupils' },
  { what: 'under DISTINCT, in an outer query', sql: 'SELECT * FROM (SELECT DISTINCT id, name FROM pupils) AS p' },
  { what: 'by DISTINCT ON', sql: 'SELECT DISTINCT ON (class, id) id, name FROM pupils' },
  { what: 'by DISTINCT ON, its key not asked for', sql: 'SELECT DISTINCT ON (name) name FROM pupils' },
  {
    what: 'the same, for each class',
    sql: 'SELECT DISTINCT ON (class) class, name FROM pupils ORDER BY class, id DESC',
  },
  { what: 'in UNION ALL', sql: 'SELECT id FROM pupils UNION ALL SELECT pupil_id FROM marks' },
  { what: 'in INTERSECT', sql: 'SELECT id FROM pupils INTERSECT SELECT pupil_id FROM marks' },
  { what: 'in EXCEPT', sql: 'SELECT id FROM pupils EXCEPT ALL SELECT pupil_id FROM marks WHERE mark < 0' },
  { what: 'in one arm alone', sql: 'SELECT 0 UNION ALL SELECT id FROM pupils' },
  { what: 'in a CTE of a union', sql: 'WITH p AS (SELECT id FROM pupils UNION SELECT 1) SELECT * FROM p' },
  { what: 'in grouping sets', sql: 'SELECT id, class, count(*) FROM pupils GROUP BY GROUPING SETS ((id), (class))' },
  { what: 'beside a window', sql: 'SELECT name, row_number() OVER (PARTITION BY class) FROM pupils' },
  { what: 'sorted to the end', sql: 'SELECT id FROM pupils ORDER BY id' },
  {
    what: 'by a cursor',
    before: ['BEGIN', 'DECLARE c CURSOR FOR SELECT id, name FROM pupils'],
    sql: 'FETCH ALL FROM c',
  },
  { what: 'by EXECUTE', before: ['PREPARE p AS SELECT id FROM pupils'], sql: 'EXECUTE p' },
  { what: 'by COPY', sql: 'COPY (SELECT id, name FROM pupils) TO STDOUT' },
  { what: 'by COPY as CSV', sql: 'COPY (SELECT name, id FROM pupils) TO STDOUT (FORMAT csv, FORCE_QUOTE (id))' },
  { what: 'by COPY in binary', sql: 'COPY (SELECT id, class FROM pupils) TO STDOUT (FORMAT binary)' },
  { what: 'by COPY of arrays', sql: 'COPY (SELECT members FROM teams WHERE id = 2) TO STDOUT' },
  { what: 'by COPY of arrays in binary', sql: 'COPY (SELECT members FROM teams) TO STDOUT (FORMAT binary)' },
  { what: 'though its key is not asked for', sql: 'SELECT name FROM pupils' },
  { what: 'the same, in binary', sql: 'SELECT name, class FROM pupils WHERE class = $1', values: [1], binary: true },
  { what: 'though its key is computed', sql: 'SELECT id::text, id + 1 AS next FROM pupils p ORDER BY 2 LIMIT 500' },
  { what: 'though its key has another name', sql: 'SELECT c.id FROM pupils AS c (klass, id) WHERE klass > 0' },
  {
    what: 'beside other people whose keys show',
    sql: 'SELECT a.id, b.name FROM pupils a JOIN pupils b ON b.class = a.class',
  },
  { what: 'in a subquery that leaves it out', sql: 'SELECT name FROM (SELECT name FROM pupils) AS p' },
  {
    what: 'in one inside another, with stars',
    sql: 'SELECT * FROM (SELECT *, 1 AS one FROM (SELECT name, class FROM pupils ORDER BY class LIMIT 500) AS a) AS b (x)',
  },
  { what: 'in one that computes it', sql: 'SELECT k FROM (SELECT id::text AS k FROM pupils) AS p' },
  {
    what: 'in one that it is joined to',
    sql: 'SELECT m.mark FROM marks m, LATERAL (SELECT name FROM pupils p WHERE p.id = m.pupil_id) AS p',
  },
  {
    what: 'in one of a withheld key',
    sql: 'SELECT * FROM (SELECT w.* FROM withheld w) AS a NATURAL JOIN (SELECT name FROM masked) AS b',
  },
  { what: 'in a CTE', sql: 'WITH p AS (SELECT name FROM pupils) SELECT * FROM p' },
  {
    what: 'in a CTE of a CTE',
    sql: 'WITH a AS MATERIALIZED (SELECT name FROM pupils), b (n) AS (SELECT * FROM a) SELECT b.n FROM b',
  },
  {
    what: 'in a CTE, by EXECUTE',
    before: ['PREPARE p AS WITH p AS (SELECT name FROM pupils) SELECT p.* FROM p'],
    sql: 'EXECUTE p',
  },
  { what: 'masked', sql: 'SELECT * FROM masked_short' },
  { what: 'masked, by name', sql: `SELECT id, name FROM masked AS m WHERE name = 'pupil 201'` },
  { what: 'masked, in an outer join', sql: 'SELECT p.class, m.name FROM pupils p LEFT JOIN masked m USING (name)' },
  { what: 'withheld', sql: 'SELECT name FROM withheld' },
  { what: 'withheld, with a star', sql: 'SELECT w.*, 1 FROM withheld w NATURAL JOIN masked' },
  { what: 'by EXECUTE, withheld', before: ['PREPARE w AS SELECT name FROM withheld'], sql: 'EXECUTE w' },
  { what: 'in a constant beside it', sql: 'SELECT 1 FROM pupils' },
  { what: 'for update', sql: 'SELECT name FROM pupils FOR UPDATE' },
  { what: 'as it is changed, unseen', sql: `UPDATE pupils SET name = 'changed' WHERE name = 'pupil 201'` },
  { what: 'the same, with parameters', sql: 'UPDATE pupils p SET name = $1 WHERE class = 1', values: ['changed'] },
  { what: 'as it is deleted, unseen', sql: 'DELETE FROM pupils' },
  { what: 'deleted by EXECUTE', before: ['PREPARE d AS DELETE FROM pupils'], sql: 'EXECUTE d' },
  { what: 'deleted in a transaction', before: ['BEGIN'], sql: 'DELETE FROM pupils' },
  { what: 'changed, its name returned', sql: `UPDATE pupils SET name = 'changed' RETURNING name` },
  { what: 'as it is changed', sql: `UPDATE pupils SET name = 'changed' WHERE id = ${CANARY} RETURNING id` },
  { what: 'as it is deleted', sql: `DELETE FROM pupils WHERE id = ${CANARY} RETURNING *` },
];

/** Rows that are put under another key; the server tells what they were since version 18. */
const moved: Case[] = [
  { what: 'put under another key', sql: 'UPDATE places SET pupil_id = 7 WHERE pupil_id > 200' },
  { what: 'the same, where it is generated', sql: 'UPDATE cards SET code = 7 WHERE id > 200' },
  { what: 'the same, returned', sql: "UPDATE places SET pupil_id = 7, room = 'x' WHERE pupil_id > 200 RETURNING id" },
  {
    what: 'the same, under the name of what was',
    sql: 'UPDATE places AS old SET pupil_id = 7 WHERE old.pupil_id > 200',
  },
  {
    what: 'and returned under it',
    sql: 'UPDATE places AS old SET pupil_id = 7 FROM teams WHERE teams.id = 1 RETURNING teams.id, old.pupil_id',
  },
  {
    what: 'with a name for what was',
    sql: 'UPDATE places SET pupil_id = 7 WHERE pupil_id > 200 RETURNING WITH (OLD AS o) o.room, pupil_id',
  },
  { what: 'with parameters', sql: 'UPDATE places SET pupil_id = $1 WHERE room LIKE $2', values: [7, 'room%'] },
  { what: 'by EXECUTE', before: ['PREPARE m AS UPDATE places SET pupil_id = 7'], sql: 'EXECUTE m' },
];
const told = serverVersion() < 18 ? [] : moved;

describe('seen', () => {
  it.each([...seen, ...told])('$what: not shown, locked out, told', async ({ before = [], sql, values, binary }) => {
    const { name, client } = await world.reader();
    for (const one of before) await client.query(one);
    const { error, rows } = await read(client, {
      text: sql,
      ...(values && { values: [...values] }),
      ...(binary && { binary }),
    });
    expect(['28000', '57P05']).toContain(error?.code);
    expect(error?.message).toContain('locked out: unusual access');
    expect(JSON.stringify([error, rows, error?.message])).not.toMatch(/canar|918273645/i);
    await eventually(() => isLocked(name), 'a lock');
    const decision = (await world.kinds('decision')).findLast((record) => record.principal === name);
    const canary = { subject: 'pupil', hash: HASH };
    const about = (await world.kinds('canary')).filter((record) => record.principal === name);
    expect(about).toMatchObject([{ id: decision?.id, role: 'reader', effect: 'lock', canary, by: 'rowgate' }]);
    expect((await world.kinds('lock')).filter((record) => record.principal === name)).toMatchObject([
      { id: decision?.id, canary, reason: 'unusual access', by: 'rowgate' },
    ]);
    const outcome = (await world.kinds('outcome')).findLast((record) => record.id === decision?.id);
    expect(['cut', 'lost']).toContain(outcome?.status);
    await eventually(() => world.alarms.filter((alarm) => alarm.principal === name).length === 2, 'both alarms');
    const alarms = world.alarms.filter((alarm) => alarm.principal === name);
    expect(alarms.sort((a, b) => (String(a.kind) < String(b.kind) ? -1 : 1))).toMatchObject([
      { kind: 'canary', canary, decision: decision?.id },
      { kind: 'lock', canary, decision: decision?.id, reason: 'unusual access' },
    ]);
  });

  it.each([
    ['counted0', `SELECT id, repeat(name, 1000) FROM pupils WHERE id > 200`],
    ['counted1', `SELECT repeat(name, 1000) FROM pupils WHERE id = ${CANARY}`],
    ['counted2', `SELECT 1 / (class - 1) FROM pupils WHERE id = ${CANARY}`],
  ])('%s, before a limit or an error tells of its row: %s', async (name, text) => {
    const { error, rows } = await read(await world.connect(name), { text });
    expect([error?.code, rows]).toEqual(['28000', []]);
    await eventually(() => isLocked(name), 'a lock');
  });

  it('in a row that passes in pieces: its end is not shown, and the session is over', async () => {
    const { name, client } = await world.reader();
    const { error, rows } = await read(client, { text: 'SELECT * FROM masked WHERE length(note) > 1000' });
    expect([error?.message, rows]).toEqual(['Connection terminated unexpectedly', []]);
    await eventually(() => isLocked(name), 'a lock');
    const outcome = (await world.kinds('outcome')).at(-1);
    expect(outcome).toMatchObject({ status: 'cut', sqlstate: '28000', principal: name });
  });

  it('in the rest of a write that is fetched in parts: the write is undone', async () => {
    const { client } = await world.reader();
    const text = "UPDATE pupils SET name = 'changed' WHERE class = 1 RETURNING class";
    const { error } = await read(client, { text, values: [], rows: 1 });
    expect(error).toMatchObject({ code: '0A000', message: expect.stringContaining('in parts') });
  });

  it.each([
    'BEGIN; DELETE FROM pupils; COMMIT',
    'DELETE FROM pupils; SELECT 1',
    "UPDATE pupils SET name = 'changed'; COMMIT",
    'WITH gone AS (DELETE FROM pupils RETURNING id) SELECT id FROM gone',
  ])('%s: undone', async (text) => {
    const { name, client } = await world.reader();
    const { error, rows } = await read(client, { text });
    expect(error).toBeDefined();
    expect(JSON.stringify(rows)).not.toContain(String(CANARY));
    if (!text.endsWith("changed'; COMMIT")) await eventually(() => isLocked(name), 'a lock');
  });

  it('leaves what was written undone, and its key nowhere', async () => {
    await expect
      .poll(() => world.database.query("SELECT count(*)::int AS n FROM pupils WHERE name LIKE 'pupil %'"))
      .toEqual([{ n: 201 }]);
    expect(await world.database.query('SELECT count(*)::int AS n FROM places WHERE pupil_id = 7')).toEqual([{ n: 1 }]);
    expect(JSON.stringify([await world.guard.records(), world.alarms])).not.toContain(String(CANARY));
  });
});

const unseen: Case[] = [
  { what: 'in a condition', sql: `SELECT id, name FROM pupils WHERE id IN (1, ${CANARY}) AND class = 1 AND id < 100` },
  { what: 'as a parameter', sql: 'SELECT id FROM pupils WHERE id = 1 AND $1::int > 0', values: [CANARY] },
  { what: 'as a number from elsewhere', sql: `SELECT ${CANARY} AS id, name FROM pupils WHERE id = 1` },
  { what: 'in a count', sql: `SELECT count(*) FROM pupils WHERE id = ${CANARY}` },
];

it.each(unseen)('$what it is not seen', async ({ sql, values }) => {
  const { name, client } = await world.reader();
  const { rows } = await client.query(sql, values && [...values]);
  expect(rows).toHaveLength(1);
  expect(await isLocked(name)).toBe(false);
});

/** Reads that pass a canary unnoticed, as docs/threat-model.md lists them. */
const past: Case[] = [
  { what: 'DISTINCT without its key', sql: 'SELECT DISTINCT name FROM pupils' },
  { what: 'groups by something else', sql: 'SELECT name, count(*) FROM pupils GROUP BY name' },
  { what: 'a union without its key', sql: 'SELECT name FROM pupils UNION ALL SELECT name FROM pupils' },
  { what: 'a union in which one arm alone has a key', sql: 'SELECT id FROM pupils UNION ALL SELECT class FROM pupils' },
  { what: 'a subquery that makes groups', sql: 'SELECT * FROM (SELECT DISTINCT name FROM pupils) AS p' },
  {
    what: 'a CTE that is read twice',
    sql: 'WITH p AS (SELECT name FROM pupils) SELECT name FROM p WHERE name IN (SELECT name FROM p)',
  },
  { what: 'a subquery that is shown as a row', sql: 'SELECT p FROM (SELECT name FROM pupils) AS p' },
  {
    what: 'a cursor without its key',
    before: ['BEGIN', 'DECLARE c CURSOR FOR SELECT name FROM pupils'],
    sql: 'FETCH ALL FROM c',
  },
  {
    what: 'a temporary table',
    before: ['CREATE TEMP TABLE mine (who integer)', 'INSERT INTO mine SELECT id FROM pupils'],
    sql: 'SELECT who FROM mine',
  },
];

it.each(past)('$what: not seen, and so it is said', async ({ before = [], sql }) => {
  const { name, client } = await world.reader();
  for (const one of before) await client.query(one);
  expect((await client.query(sql)).rows.length).toBeGreaterThan(200);
  expect(await isLocked(name)).toBe(false);
});

it('a role of groups counts it: not seen, and so it is said', async () => {
  const client = await world.connect('counter');
  const { rows } = await client.query('SELECT class, count(*)::int AS n FROM pupils WHERE class = 1 GROUP BY class');
  expect(rows).toEqual([{ class: 1, n: 21 }]);
  expect(await isLocked('counter')).toBe(false);
});

it('COPY of an unrestricted role: recorded as what any other statement of it shows', async () => {
  const client = await world.connect('owner');
  const mine = async () => (await world.kinds('canary')).filter((record) => record.principal === 'owner');
  expect(await mine()).toEqual([]);
  await read(client, { text: 'COPY pupils (id, name) TO STDOUT' });
  await client.query('SELECT 1');
  expect((await mine()).map(({ effect }) => effect)).toEqual(['allow', 'allow']);
});

it('ends all sessions of the principal, is shown by none of them, and keeps it from coming again', async () => {
  const { name, client } = await world.reader();
  const other = await world.connect(name);
  const ended = new Promise<Error & { code?: string }>((done) => other.on('error', done));
  await read(client, { text: 'SELECT id FROM pupils' });
  expect((await ended).code).toBe('57P05');
  await expect(world.connect(name)).rejects.toMatchObject({ code: '28000' });
});

it('a long row whose key cannot be read is not shown to a restricted role, canary or not', async () => {
  const { name, client } = await world.reader();
  const { error, rows } = await read(client, { text: `SELECT repeat('y', 70000), photo, id FROM pupils WHERE id = 7` });
  expect(error).toMatchObject({ code: '0A000', message: expect.stringContaining('behind its long columns') });
  expect(rows).toEqual([]);
  expect(await isLocked(name)).toBe(false);
  const first = await read(client, { text: `SELECT id, repeat('y', 70000) FROM pupils WHERE id = 7` });
  expect(first.rows).toHaveLength(1);
});

describe.each(['dba', 'observed'])('%s, which is not held to its policy', (name) => {
  it('is shown what it asked for; it is recorded each time, and told once', async () => {
    const client = await world.connect(name);
    for (let i = 0; i < 3; i += 1) {
      const { rows } = await client.query('SELECT id FROM pupils WHERE id > $1', [100]);
      expect(rows).toHaveLength(101);
    }
    expect(await isLocked(name)).toBe(false);
    const about = (await world.kinds('canary')).filter((record) => record.principal === name);
    expect(about.map(({ effect }) => effect)).toEqual(['allow', 'allow', 'allow']);
    const mine = () => world.alarms.filter((alarm) => alarm.principal === name);
    await eventually(() => mine().length > 0, 'an alarm');
    expect(mine()).toMatchObject([{ kind: 'canary', canary: { subject: 'pupil', hash: HASH } }]);
  });
});
