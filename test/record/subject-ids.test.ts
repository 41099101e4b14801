/** Tests the ids of shown people, which only the holder of the key can compute: a person has the same id, however it was read. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { register as logKey } from '../../src/cli/log-key.ts';
import { formatProblem } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { subjectId } from '../../src/decision-log/subject-ids.ts';
import { readSubjectKey, readSubjectKeys } from '../../src/decision-log/subject-key-file.ts';
import { bind } from '../../src/protocol/bind.ts';
import { E, P, Q, S } from '../session/messages.ts';
import { ask, direct } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-subjects-'));
const keyFile = join(folder, 'subjects.key');
const K1 = { name: 'k1', secret: 'a secret of more than 32 characters'.replaceAll(' ', '-') };
const K2 = { name: 'k2', secret: 'another secret of 32 characters at least'.replaceAll(' ', '-') };

function writeKey(...keys: readonly { name: string; secret: string }[]): void {
  writeFileSync(keyFile, keys.map(({ name, secret }) => `${name} ${secret}\n`).join(''), { mode: 0o600 });
}

let database: FreshDatabase;
let guard: TestGuard;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
});
afterEach(() => guard?.stop());
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

interface Shown {
  readonly people?: number;
  readonly questions?: number;
  readonly values?: number;
  readonly ids?: readonly string[];
}

async function open(configuration = `keys: { subjects: ${JSON.stringify(keyFile)} }`): Promise<void> {
  writeKey(K1);
  guard = await guardInFrontOf(database, { configuration });
}

async function recorded(kind: string): Promise<Shown[]> {
  const records = (await guard.records()).filter((record) => record.kind === kind && record.subjects);
  return records.map(({ subjects }) => (subjects as { student: Shown }).student);
}

const id = (key: string | number, by = K1) => subjectId(by, 'student', String(key));

/** node-postgres asks for results in binary so; its types do not know. */
const BINARY = { text: 'select id from students where id = $1', values: [7], binary: true } as pg.QueryConfig;

describe('the same person has the same id', () => {
  const WAYS: [string, string, (client: pg.Client) => Promise<unknown>][] = [
    ['as text', 'office', (c) => c.query('select id from students where id = 7')],
    ['by another table', 'office', (c) => c.query('select student_id from parents where student_id = 7')],
    ['in binary', 'office', (c) => c.query(BINARY)],
    [
      'by a cursor',
      'office',
      (c) => c.query('begin; declare c cursor for select id from students where id = 7; fetch all c; commit'),
    ],
    [
      'by a statement that was prepared in SQL',
      'office',
      (c) => c.query('prepare p as select id from students where id = 7; execute p'),
    ],
    ['unrestricted', 'dba', (c) => c.query('select id from students where id = 7')],
    ['RETURNING', 'dba', (c) => c.query('update students set city = city where id = 7 returning id, city')],
  ];
  test.each(WAYS)('%s', async (_, principal, run) => {
    await open();
    await run(await guard.connect(principal));
    await expect.poll(() => recorded('outcome')).toEqual([expect.objectContaining({ people: 1, ids: [id(7)] })]);
  });

  test.each(['', 'with (format csv, header)', 'with (format binary)'])('by COPY %s', async (format) => {
    await open();
    const peer = await direct(guard.url('office'));
    await ask(
      peer,
      Q(`copy (select id, last_name from students where id in (7, 1001, 1003) order by id) to stdout ${format}`),
    );
    await peer.close();
    await expect.poll(() => recorded('outcome')).toEqual([{ people: 3, ids: [id(7), id(1001), id(1003)] }]);
  });

  test.each([
    ['of a table', 'copy grades (subject, student_id) to stdout'],
    ['of a table in binary', 'copy absences (id, student_id) to stdout with (format binary)'],
    ['of all columns of a table', 'copy parents to stdout with (format csv, header)'],
  ])('by COPY of an unrestricted role, %s', async (_, sql) => {
    await open();
    const peer = await direct(guard.url('dba'));
    await ask(peer, Q(sql));
    await peer.close();
    await expect.poll(() => recorded('outcome')).toHaveLength(1);
    const [outcome] = await recorded('outcome');
    const table = /copy (\w+)/.exec(sql)?.[1];
    const people = await database.query(`select distinct student_id from ${table}`);
    expect(outcome).toMatchObject({ people: people.length });
    expect(new Set(outcome?.ids)).toEqual(new Set(people.map((row) => id(row.student_id))));
  });

  test.each([
    ['of a query', 'copy (select last_name, id from students where id in (7, 8)) to stdout', 2],
    [
      'of what a query makes of several',
      'copy (select s.last_name from students s join parents p on p.student_id = s.id where s.id = 1001) to stdout',
      1,
    ],
    ['of a table without its key', 'copy absences (id, day) to stdout', 0],
    [
      'of a query with a CTE',
      'copy (with a as (select * from students where id = 7) select last_name from a) to stdout with (format binary)',
      1,
    ],
    ['of a write', 'copy (update students set city = city where id = 7 returning last_name) to stdout', 1],
  ])('by COPY of an unrestricted role, %s: people, and it is not known which', async (_, sql, rows) => {
    await open();
    const peer = await direct(guard.url('dba'));
    await ask(peer, Q(sql));
    await peer.close();
    await expect.poll(() => recorded('outcome')).toHaveLength(1);
    const all = Number((await database.query('select count(*) from absences'))[0]?.count);
    const [outcome] = await recorded('outcome');
    // One for each eight bytes of a row.
    expect(outcome).toEqual({ people: 0, values: expect.any(Number) });
    expect(outcome?.values).toBeGreaterThanOrEqual(rows || all);
  });

  test('in both formats in one session', async () => {
    await open();
    const peer = await direct(guard.url('office'));
    const as = (format: number) =>
      bind({ portal: '', statement: '', formats: [], values: Buffer.alloc(0), valueCount: 0, resultFormats: [format] });
    const parse = P('select id from students where id = 240');
    await ask(peer, parse, as(0), E(), S(), parse, as(1), E(), S());
    await peer.close();
    await expect.poll(() => recorded('outcome')).toHaveLength(2);
    expect(await recorded('outcome')).toEqual([0, 1].map(() => ({ people: 1, ids: [id(240)] })));
  });
});

test.each([
  ['a row as JSON', 'select to_json(s) from students s where id in (7, 8)', { people: 0, values: 64 }],
  ['all in one value', 'select count(*) from students', { people: 0, values: 1 }],
  [
    'by a prepared statement',
    'prepare p as select last_name || id from students where id = 7; execute p',
    { people: 0, values: 1 },
  ],
  [
    'by a cursor',
    'begin; declare c cursor for select id + 0 from students where id = 7; fetch all c; commit',
    { people: 0, values: 1 },
  ],
  ['beside its key', 'select id, upper(last_name) from students where id = 7', { people: 1, values: 1, ids: [id(7)] }],
  ['without its key', 'select last_name, upper(last_name) from students where id = 7', { people: 0, values: 1 }],
  ['of what is about no person', 'select upper(name) from schools', undefined],
])('an unrestricted role that computes is recorded with values: %s', async (_, sql, shown) => {
  await open();
  await (await guard.connect('dba')).query(sql);
  await expect.poll(async () => (await guard.records()).filter(({ rows }) => Number(rows) > 0)).toHaveLength(1);
  expect(await recorded('outcome')).toEqual(shown ? [shown] : []);
});

test('a cast in a COPY shows no person under another person’s id', async () => {
  await open();
  const peer = await direct(guard.url('office'));
  // Four characters are as long as an integer.
  await ask(peer, Q('copy (select id::text from students where id in (1001, 1003)) to stdout with (format binary)'));
  await peer.close();
  await expect.poll(() => recorded('outcome')).toHaveLength(1);
  const [{ people = 0, values = 0, ids = [] } = {}] = await recorded('outcome');
  expect(people + values).toBeGreaterThanOrEqual(2);
  expect(ids.filter((one) => ![id(1001), id(1003)].includes(one))).toEqual([]);
});

test('more people than one record takes are told as they are shown, and all of them are found', async () => {
  const MANY = 12_345;
  await database.query(
    `insert into students (id, ine, first_name, last_name, school_id)
     select i, 'x' || i, 'a', 'b', 3 from generate_series(100001, ${100_000 + MANY}) i`,
  );
  await open();
  const client = await guard.connect('dba');
  const { rows } = await client.query('select id from students');
  await expect.poll(() => recorded('outcome'), { timeout: 120_000 }).toHaveLength(1);
  const [outcome] = await recorded('outcome');
  const seen = await recorded('seen');
  expect(outcome).toMatchObject({ people: rows.length });
  expect(seen.length).toBe(Math.floor(rows.length / 1000));
  for (const { ids, ...more } of seen) expect([ids?.length, more]).toEqual([1000, {}]);
  const all = [...seen, outcome!].flatMap(({ ids = [] }) => ids);
  expect(new Set(all)).toEqual(new Set(rows.map((row) => id(row.id))));
  const records = await guard.records();
  const decision = records.findLast(({ kind }) => kind === 'decision');
  for (const record of records.filter(({ kind }) => kind === 'seen')) {
    expect(record).toMatchObject({ id: decision?.id, principal: 'dba' });
  }
  expect(JSON.stringify(records)).not.toContain('"keys"');
});

test.each([
  ['no key', ''],
  ['a key, and counted is enough', `keys: { subjects: ${JSON.stringify(keyFile)} }`],
])('without ids people are counted: %s', async (_, keys) => {
  writeKey(K1);
  guard = await guardInFrontOf(database, { configuration: keys, ...(keys && { logging: 'subjects: counted' }) });
  const client = await guard.connect('office');
  await client.query('select id from students where id in (7, 1001)');
  await expect.poll(() => recorded('outcome')).toEqual([{ people: 2 }]);
});

test('the key is rotated while the guard runs; what does not serve changes nothing', async () => {
  await open();
  const client = await guard.connect('office');
  const idNow = async () => {
    const before = (await recorded('outcome')).length;
    await client.query('select id from students where id = 7');
    await expect.poll(async () => (await recorded('outcome')).length).toBe(before + 1);
    return (await recorded('outcome')).at(-1)?.ids?.[0];
  };
  expect(await idNow()).toBe(id(7, K1));
  writeKey(K2);
  expect((await guard.reload()).notes).toEqual([expect.stringContaining('"k2"')]);
  expect(await idNow()).toBe(id(7, K2));
  for (const [keys, problem] of [
    [[{ ...K2, secret: K1.secret }], 'another key named "k2"'],
    [[K1, K2], 'several keys'],
    [[], 'no key'],
  ] as const) {
    writeKey(...keys);
    expect((await guard.reload()).problems).toEqual([expect.stringContaining(problem)]);
    expect(await idNow()).toBe(id(7, K2));
  }
});

describe('the file of the key', () => {
  test('is read by its owner alone', () => {
    writeKey(K1);
    expect(readSubjectKey(keyFile)).toEqual(K1);
    chmodSync(keyFile, 0o640);
    expect(readSubjectKey(keyFile)).toMatchObject({ problem: expect.stringContaining('0600') });
    chmodSync(keyFile, 0o600);
    writeKey(K1, K2);
    expect(readSubjectKeys(keyFile)).toEqual([K1, K2]);
  });

  test.each(['k1', 'k1 short', 'k:1 a-secret-of-more-than-32-characters', 'k1 a secret with more than 32 characters'])(
    'a line that is no key is told and not quoted: %s',
    (line) => {
      writeFileSync(keyFile, `# of the guard\n\n${line}\n`, { mode: 0o600 });
      const { problem } = readSubjectKey(keyFile) as { problem: string };
      expect(problem).toContain('line 3');
      expect(problem).not.toContain('secret-of');
      expect(problem).not.toContain('short');
    },
  );

  test('a guard does not start without the key that it is told to use', async () => {
    rmSync(keyFile, { force: true });
    const starting = guardInFrontOf(database, { configuration: `keys: { subjects: ${JSON.stringify(keyFile)} }` });
    await expect(starting).rejects.toThrow('ENOENT');
    const text = 'listen: 127.0.0.1:0\nupstream: { url: "postgres://a@b/c" }\nlog: { subjects: hashed }\n';
    const { problems } = parseConfig('/etc/rowgate.yaml', text, {});
    expect(problems?.map(formatProblem)).toEqual([expect.stringContaining('expected keys.subjects as well')]);
  });

  test('rowgate log key makes one, and writes over none', async () => {
    const out = join(folder, 'made.key');
    const said: string[] = [];
    const spies = (['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => said.push(String(text)) > 0),
    );
    const run = async (...args: string[]) => {
      process.exitCode = undefined;
      const program = new Command('rowgate').exitOverride();
      logKey(program);
      await program.parseAsync(['node', 'rowgate', 'log', 'key', '--out', out, ...args]);
      const code = process.exitCode;
      process.exitCode = undefined;
      return code;
    };
    try {
      expect(await run('--name', 'k4')).toBeUndefined();
      const made = readSubjectKey(out) as { name: string; secret: string };
      expect(made.name).toBe('k4');
      expect(said.join('')).toContain('data protection officer');
      expect(said.join('')).not.toContain(made.secret);
      expect(await run('--name', 'k5')).toBe(1);
      expect(readSubjectKey(out)).toEqual(made);
      await expect(run('--name', 'k:5')).rejects.toThrow();
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });
});
