/**
 * Tests restricted writes through a whole guard, in both protocols, beside a login of PostgreSQL's own with the same columns and the same row
 * security: the same bytes come back (of errors the state and message), and the table ends up the same.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bind, textValue } from '../../src/protocol/bind.ts';
import { decodeErrorFields } from '../../src/protocol/error-response.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { PSQL, psqlScript } from '../clients/psql.ts';
import { B, DP, DS, E, H, P, Q, S } from '../session/messages.ts';
import { direct, type Peer } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';
import { eachSince } from '../support/since.ts';
import { describeWith } from '../support/tools.ts';

const SCHEMA = `
CREATE TABLE pupils (id integer PRIMARY KEY, school integer DEFAULT 12, name text, born date, secret text DEFAULT 'hidden');
CREATE TABLE visits (id integer GENERATED ALWAYS AS IDENTITY, pupil integer REFERENCES pupils ON DELETE CASCADE, what text);
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN IF NEW.name = 'moves' THEN NEW.school := 13; END IF; RETURN NEW; END $$;
CREATE TRIGGER moves BEFORE INSERT OR UPDATE ON pupils FOR EACH ROW EXECUTE FUNCTION move();
CREATE TABLE rooms (id integer, name text);
CREATE RULE kept AS ON DELETE TO rooms DO INSTEAD UPDATE rooms SET name = name || ' (gone)' WHERE id = OLD.id RETURNING *`;

const POLICIES: Readonly<Record<string, string>> = {
  'roles/clerk.yaml': `
role: clerk
attributes: { school: integer }
scope: { pupil: school = :school }
tables:
  pupils:
    select: { columns: [id, school, name, born] }
    insert: { columns: [id, school, name, born] }
    update: { columns: [school, name, born] }
    delete: {}
  visits:
    select: { columns: [id, pupil, what] }
    insert: { columns: [pupil, what] }
  rooms: { select: { columns: "*" }, update: { columns: "*" }, delete: {} }
statements: [copy_to, explain, explain_analyze]
limits: none
`,
  'roles/counted.yaml': `
role: counted
attributes: { school: integer }
scope: { pupil: school = :school }
tables:
  pupils:
    select: { columns: [id, school, name, born] }
    insert: { columns: [id, school, name, born] }
    update: { columns: [school, name, born] }
    delete: {}
  rooms: { select: { columns: "*" }, update: { columns: "*" }, delete: {} }
limits: { changed_per_statement: 2, rows_per_statement: 1 }
`,
  'roles/few.yaml': `
role: few
scope: { pupil: all }
tables:
  rooms: { select: { columns: "*" }, update: { columns: "*" }, delete: {} }
limits: { rows_per_statement: 1 }
`,
  'subjects.yaml': 'subjects: { pupil: { keys: [pupils.id, visits.pupil] } }',
  'principals.yaml': `
principals:
  clerk:
    role: clerk
    attributes: { school: 12 }
    password: ${VERIFIER}
  counted:
    role: counted
    attributes: { school: 12 }
    password: ${VERIFIER}
  few:
    role: few
    password: ${VERIFIER}
`,
};

let folder: string;
let database: FreshDatabase;
let guard: TestGuard;
let native: string;
let clerk: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-writes-'));
  mkdirSync(join(folder, 'roles'), { recursive: true });
  for (const [path, text] of Object.entries(POLICIES)) writeFileSync(join(folder, path), text);
  database = await freshDatabase();
  await database.query(SCHEMA);
  guard = await guardInFrontOf(database, { policies: folder });
  clerk = guard.url('clerk', PASSWORD);
  const login = await database.createLogin();
  native = login.url;
  await database.query(`
    GRANT SELECT (id, school, name, born), INSERT (id, school, name, born), UPDATE (school, name, born), DELETE ON pupils TO ${login.user};
    GRANT SELECT (id, pupil, what), INSERT (pupil, what) ON visits TO ${login.user};
    GRANT SELECT, UPDATE, DELETE ON rooms TO ${login.user};
    ALTER TABLE pupils ENABLE ROW LEVEL SECURITY; ALTER TABLE visits ENABLE ROW LEVEL SECURITY;
    CREATE POLICY theirs ON pupils TO ${login.user} USING (school = 12);
    CREATE POLICY theirs ON visits TO ${login.user} USING (pupil IN (SELECT id FROM pupils WHERE school = 12));
    CREATE POLICY guards ON pupils TO PUBLIC USING (current_user <> '${login.user}');
    CREATE POLICY guards ON visits TO PUBLIC USING (current_user <> '${login.user}')`);
});
afterAll(async () => {
  await guard.stop();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const reset = () =>
  database.query(`TRUNCATE visits, pupils, rooms RESTART IDENTITY;
    INSERT INTO rooms VALUES (1, 'a'), (2, 'b');
    INSERT INTO pupils SELECT i, 12 + i % 2, 'p' || i, '2012-05-06' FROM generate_series(1, 6) i;
    INSERT INTO visits (pupil, what) SELECT id, 'v' || id FROM pupils`);
beforeEach(reset);

describe('a rule in place of a write', () => {
  const told = async (url: string, texts: readonly string[]) => {
    const client = new pg.Client(url);
    await client.connect();
    const all: unknown[] = [];
    for (const text of texts) {
      const { command, fields, rows } = await client.query(text);
      all.push([command, fields.map(({ name }) => name), rows]);
    }
    await client.end();
    return all;
  };

  test('gives its rows to a Query, as at the server, in a transaction too', async () => {
    const texts = [
      'DELETE FROM rooms WHERE id = 1 RETURNING *',
      'BEGIN',
      'DELETE FROM rooms RETURNING name, id',
      'ROLLBACK',
      'DELETE FROM rooms WHERE id = 2 RETURNING id',
      'SELECT * FROM rooms ORDER BY 1',
    ];
    const guarded = await told(clerk, texts);
    expect(guarded[0]).toEqual(['DELETE', ['id', 'name'], [{ id: 1, name: 'a (gone)' }]]);
    await reset();
    expect(guarded).toEqual(await told(native, texts));
  });

  test('is undone where it gives more rows than it may', async () => {
    const client = await guard.connect('few', PASSWORD);
    await expect(client.query('DELETE FROM rooms RETURNING *')).rejects.toMatchObject({ code: '53400' });
    expect(await database.query("SELECT FROM rooms WHERE name LIKE '%gone%'")).toHaveLength(0);
  });

  test('does not run where changed rows are limited: its tag does not count them', async () => {
    const client = await guard.connect('counted', PASSWORD);
    await expect(client.query('DELETE FROM rooms')).rejects.toMatchObject({ code: '0A000' });
  });
});

const stored = () =>
  database.query('SELECT p.*, v.id AS visit, v.what FROM pupils p FULL JOIN visits v ON v.pupil = p.id ORDER BY 1, 6');

/** Everything that came, by bytes; of errors what a program looks at. */
function shown({ received }: Peer): string[] {
  return received.frames.map(({ type, bytes }) => {
    const text = Buffer.from(bytes).toString('latin1');
    if (type !== Backend.ErrorResponse)
      return text.length < 1000 ? text : createHash('sha256').update(text).digest('hex');
    const fields = decodeErrorFields(bytes);
    return ['S', 'C', 'M', 'n', 't', 'c'].map((code) => fields.get(code)).join(' ');
  });
}

/** An error may have skipped any of the messages: what comes last is answered for certain. */
const THE_END = "select 'the end'";

async function played(url: string, messages: readonly Uint8Array[]) {
  await reset();
  const peer = await direct(url);
  peer.send(Buffer.concat([...messages, S(), Q('rollback'), Q(THE_END)]));
  await peer.received.until(() => Buffer.from(peer.received.frames.at(-3)?.bytes ?? []).includes('the end'));
  const came = shown(peer);
  await peer.close();
  return { came, words: peer.received.words(), rows: await stored() };
}

async function alike(...messages: readonly Uint8Array[]): Promise<string[]> {
  const [through, expected] = [await played(clerk, messages), await played(native, messages)];
  expect(through.came).toEqual(expected.came);
  expect(through.rows).toEqual(expected.rows);
  return through.words;
}

const BF = (values: string[], resultFormats: number[], statement = '') =>
  bind({
    portal: '',
    statement,
    formats: [],
    values: Buffer.concat(values.map(textValue)),
    valueCount: values.length,
    resultFormats,
  });

/** A MERGE must return its rows when they are judged. */
const judgedSince = ([what]: readonly [string, ...unknown[]]): number => (what === 'MERGE' ? 17 : 14);

const INSERT = 'insert into pupils (id, school, name) values ($1, $2, $3)';
const REFUSED = 'ErrorResponse:42501';

describe('allowed new rows', () => {
  eachSince<[what: string, messages: readonly Uint8Array[]]>(judgedSince, [
    ['INSERT', [Q("insert into pupils (id, name) values (20, 'a'), (21, null)")]],
    ['with RETURNING', [Q("insert into pupils (id, name) values (20, 'a') returning id, name || '!', school as s")]],
    ['by Parse to Sync', [P(INSERT), B(['20', '12', 'a']), DP(), E(), S()]],
    [
      'one row at a time, as executeUpdate does',
      [P("insert into pupils (id, name) values (20, 'a'), (21, 'b')"), B(), DP(), E('', 1), S()],
    ],
    [
      'as JDBC prepares',
      [
        P(`${INSERT} returning id, school`, 's'),
        DS('s'),
        BF(['20', '12', 'a'], [1, 1], 's'),
        E(),
        S(),
        BF(['21', '12', 'b'], [1, 0], 's'),
        DP(),
        E(),
        S(),
      ],
    ],
    [
      'RETURNING by rows',
      [
        Q('begin'),
        P('update pupils set name = $1 returning id, name'),
        B(['x'], 'p'),
        DP('p'),
        E('p', 1),
        E('p', 1),
        E('p', 9),
        S(),
        Q('commit'),
      ],
    ],
    [
      'UPDATE',
      [
        Q("update pupils set name = 'x', school = 12"),
        Q('update pupils set school = 12 where id = 2 returning id, school'),
      ],
    ],
    ['UPDATE that changes nothing', [Q("update pupils set school = 12 where name = 'unknown'")]],
    ['DELETE', [Q('delete from pupils where id < 4'), Q('delete from pupils returning id')]],
    ['through a parent', [Q("insert into visits (pupil, what) values (2, 'x') returning pupil, what")]],
    [
      'ON CONFLICT',
      [
        Q("insert into pupils (id, name) values (2, 'x') on conflict do nothing"),
        Q(
          "insert into pupils (id, name) values (2, 'x') on conflict (id) do update set name = excluded.name returning id, name",
        ),
      ],
    ],
    [
      'MERGE',
      [
        Q(
          "merge into pupils p using (values (2, 'x'), (20, 'y')) v (id, name) on p.id = v.id when matched then update set name = v.name when not matched then insert (id, name) values (v.id, v.name)",
        ),
      ],
    ],
    [
      'in WITH',
      [Q("with w as (insert into pupils (id, name) values (20, 'x') returning id, name) select name, id from w")],
    ],
    [
      'in WITH, read by a write',
      [
        Q("with w as (insert into pupils (id, name) values (20, 'x') returning id) select count(*) from w"),
        Q('select id from pupils order by id'),
      ],
    ],
    [
      'several in one Query',
      [
        Q(
          "insert into pupils (id) values (20); update pupils set name = 'x' returning id; select 1; delete from pupils where id = 20",
        ),
      ],
    ],
    [
      'PREPARE and EXECUTE',
      [
        Q(`prepare s (int, int, text) as ${INSERT}`),
        Q("execute s(20, 12, 'a')"),
        Q("execute s(21, 12, 'b'); execute s(22, 12, 'c')"),
      ],
    ],
    [
      'EXECUTE by Parse',
      [
        Q(`prepare s (int, int, text) as ${INSERT} returning name, id`),
        P("execute s(20, 12, 'a')"),
        DS(),
        BF([], [0, 1]),
        DP(),
        E('', 1),
        S(),
      ],
    ],
    [
      'EXPLAIN',
      [
        Q('explain (costs off, analyze, timing off, summary off, buffers off) delete from visits where false'),
        Q('select 1'),
      ].slice(1),
    ],
    ['a pipeline', [P(INSERT, 's'), ...['20', '21', '22'].flatMap((id) => [BF([id, '12', id], [], 's'), E()]), S()]],
    ['Flush', [P(`${INSERT} returning id`), H(), B(['20', '12', 'a']), H(), E(), H(), S()]],
    [
      'no row of others',
      [Q("update pupils set name = 'x' where id = 1"), Q('delete from pupils where id = 1 returning id')],
    ],
  ])('%s', async (_what, messages) => {
    expect((await alike(...messages)).join()).not.toContain('ErrorResponse');
  });

  test('long values, in pieces', async () => {
    const long = 'x'.repeat(600_000);
    for (const formats of [[], [1], [0, 1], [1, 0]]) {
      await alike(P(`${INSERT} returning id, name`), BF(['20', '12', long], formats), DP(), E(), S());
    }
  });
});

describe('refused new rows', () => {
  eachSince<[what: string, messages: readonly Uint8Array[], refusals: number]>(judgedSince, [
    ['INSERT', [Q('insert into pupils (id, school) values (20, 12), (21, 13)'), Q('select 1')], 1],
    ['NULL', [Q('insert into pupils (id, school) values (20, null) returning id')], 1],
    [
      'by a trigger',
      [Q("insert into pupils (id, name) values (20, 'moves')"), Q("update pupils set name = 'moves'")],
      2,
    ],
    ['by Parse to Sync', [P(INSERT), B(['20', '13', 'a']), DP(), E('', 1), S()], 1],
    [
      'in the middle of a pipeline',
      [
        P(INSERT, 's'),
        ...['12', '13', '12'].flatMap((school, i) => [BF([String(20 + i), school, 'a'], [], 's'), E()]),
        P('select 1'),
        B(),
        E(),
        S(),
        BF(['30', '12', 'a'], [], 's'),
        E(),
        S(),
      ],
      1,
    ],
    [
      'in a transaction',
      [
        Q('begin'),
        Q('insert into pupils (id) values (20)'),
        Q('update pupils set school = 13'),
        Q('select 1'),
        Q('rollback'),
        Q('select id from pupils order by id'),
      ],
      1,
    ],
    [
      'behind a savepoint',
      [
        Q('begin'),
        Q('insert into pupils (id) values (20)'),
        Q('savepoint s'),
        Q('update pupils set school = 13 where id = 2 returning id'),
        Q('rollback to s'),
        Q('insert into pupils (id) values (21)'),
        Q('commit'),
      ],
      1,
    ],
    [
      'several in one Query',
      [Q('insert into pupils (id) values (20); update pupils set school = 13; insert into pupils (id) values (21)')],
      1,
    ],
    [
      'EXECUTE',
      [
        Q(`prepare s (int, int, text) as ${INSERT}`),
        Q("execute s(20, 13, 'a')"),
        P("execute s(20, 13, 'a')"),
        B(),
        E(),
        S(),
      ],
      2,
    ],
    [
      'through a parent',
      [Q("insert into visits (pupil, what) values (1, 'x')"), Q("insert into visits (pupil, what) values (null, 'x')")],
      2,
    ],
    [
      'ON CONFLICT, onto what may not be seen',
      [Q("insert into pupils (id, name) values (1, 'x') on conflict (id) do update set name = excluded.name")],
      1,
    ],
    [
      'in WITH',
      [
        Q('with w as (insert into pupils (id, school) values (20, 13) returning id) select id from w'),
        Q('with w as (update pupils set school = 13) select 1'),
      ],
      2,
    ],
    [
      'MERGE',
      [
        Q(
          'merge into pupils p using (values (20)) v (id) on p.id = v.id when not matched then insert (id, school) values (v.id, 13)',
        ),
      ],
      1,
    ],
  ])('%s', async (_what, messages, refusals) => {
    const words = await alike(...messages);
    expect(words.filter((word) => word === REFUSED)).toHaveLength(refusals);
  });

  test('of a COPY the column could not be taken out', async () => {
    const { words } = await played(clerk, [Q('copy (insert into pupils (id) values (20) returning id) to stdout')]);
    expect(words.slice(0, 2)).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
  });
});

test('the client’s error, and the record', async () => {
  const client = await guard.connect('clerk', PASSWORD);
  const error = await client.query(INSERT, [20, 13, 'a']).catch((thrown: pg.DatabaseError) => thrown);
  const records = await guard.records();
  const outcome = records.findLast(({ status }) => status === 'refused')!;
  const decision = records.find(({ id, kind }) => id === outcome.id && kind === 'decision')!;
  expect(decision).toMatchObject({ command: 'INSERT', effect: 'rewrite', tables: ['public.pupils'] });
  expect(outcome).toMatchObject({ sqlstate: '42501', reason: 'row-check', rule: 'roles/clerk.yaml:8', changed: 0 });
  expect(error).toMatchObject({
    code: '42501',
    message: 'new row violates row-level security policy for table "pupils"',
    detail: `Decision ${outcome.id}, rule roles/clerk.yaml:8.`,
  });
});

describe('more rows than may be changed', () => {
  const OVER = 'ErrorResponse:53400';
  const counted = () => guard.url('counted', PASSWORD);

  test.each<[what: string, messages: readonly Uint8Array[], words: readonly string[]]>([
    ['up to it', [Q("update pupils set name = 'x' where id < 5")], ['CommandComplete:UPDATE 2', 'ReadyForQuery:I']],
    ['over it', [Q("update pupils set name = 'x'")], [OVER, 'ReadyForQuery:I']],
    [
      'by Parse to Sync',
      [P('delete from pupils'), B(), E('', 1), S()],
      ['ParseComplete', 'BindComplete', OVER, 'ReadyForQuery:I'],
    ],
    [
      'in a transaction',
      [Q('begin'), Q('delete from pupils'), Q('select 1')],
      ['CommandComplete:BEGIN', 'ReadyForQuery:T', OVER, 'ReadyForQuery:E', 'ErrorResponse:25P02'],
    ],
    ['and judged: that comes first', [Q('update pupils set school = 13')], [REFUSED, 'ReadyForQuery:I']],
    [
      'what writes in WITH does not say how many',
      [Q('with w as (delete from pupils returning id) select id from w')],
      ['ErrorResponse:0A000', 'ReadyForQuery:I'],
    ],
    [
      'nor prepared',
      [Q('prepare s as with w as (delete from pupils) select 1'), Q('execute s')],
      ['CommandComplete:PREPARE', 'ReadyForQuery:I', 'ErrorResponse:0A000'],
    ],
  ])('%s', async (_what, messages, words) => {
    const through = await played(counted(), messages);
    expect(through.words.slice(0, words.length)).toEqual(words);
    if (!words[0]!.includes('UPDATE'))
      expect(through.rows.map(({ name }) => name)).toEqual(['p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
  });
});

test('a pattern that ends in a lone escape is refused when it comes', async () => {
  const text = 'select id from pupils where name like $1 and id > 0';
  const sent = async (...messages: readonly Uint8Array[]) => (await played(clerk, messages)).words;
  expect(await sent(P(text), B(['p%']), E(), S())).toContain('CommandComplete:SELECT 3');
  expect(await sent(P(text), B(['p\\']), E(), S())).toContain('ErrorResponse:22025');
  // Of a hidden row too it says nothing: PostgreSQL itself asks no row here.
  expect(await sent(P(`${text} and false`), B(['p\\']), E(), S())).toContain('ErrorResponse:22025');
  expect(
    await sent(
      Q(`prepare s (text) as ${text}`),
      Q("execute s('p_')"),
      Q("execute s('p\\'::text)"),
      Q("execute s('p' || '\\')"),
    ),
  ).toEqual(expect.arrayContaining(['CommandComplete:SELECT 3', 'ErrorResponse:22025', 'ErrorResponse:0A000']));
});

describe('node-postgres', () => {
  test('counts, rows and fields as if nothing had been added', async () => {
    const client = await guard.connect('clerk', PASSWORD);
    const plain = await client.query(INSERT, [20, 12, 'a']);
    expect([plain.rowCount, plain.rows, plain.fields]).toEqual([1, [], []]);
    const named = { name: 'n', text: `${INSERT} returning *`, rowMode: 'array' };
    for (const id of [21, 22]) {
      const result = await client.query({ ...named, values: [id, 12, 'b'] });
      expect([result.rowCount, result.rows, result.fields.map(({ name }) => name)]).toEqual([
        1,
        [[id, 12, 'b', null]],
        ['id', 'school', 'name', 'born'],
      ]);
    }
    await expect(client.query({ ...named, values: [23, 13, 'b'] })).rejects.toMatchObject({ code: '42501' });
    expect((await client.query('select count(*)::int as n from pupils')).rows).toEqual([{ n: 6 }]);
  });
});

describeWith(PSQL)('psql', () => {
  test('shows what it always shows', async () => {
    const script = [
      "insert into pupils (id, name) values (20, 'a');",
      "insert into pupils (id, name) values (21, 'b') returning id, name;",
      'insert into pupils (id, school) values (22, 13);',
      "update pupils set name = 'c' where id = 20 \\gdesc",
      'update pupils set name = $1 where id = $2 returning name \\bind d 20 \\g',
      'delete from pupils where id >= 20;',
    ].join('\n');
    const through = await psqlScript(clerk, script);
    await reset();
    const expected = await psqlScript(native, script);
    expect(through.replaceAll(/\nDETAIL: .*/g, '')).toBe(expected);
  });
});

const RUNS = Number(process.env.ROWGATE_RUNS ?? (process.env.ROWGATE_LONG ? 5_000 : 60));
const SEED =
  process.env.ROWGATE_LONG && process.env.ROWGATE_SEED === undefined
    ? {}
    : { seed: Number(process.env.ROWGATE_SEED ?? 20261125) };

/** Where a new row collides, too, PostgreSQL looks at its row security first; a row that is judged as it is stored has collided by then. */
const either = (line: string) =>
  line.replace(/^ERROR (23505 duplicate|42501 new row).*|^ErrorResponse:(23505|42501)$/s, 'refused or collided');

const statement = fc.constantFrom(
  'insert into pupils (id, school) values (20, 12)',
  'insert into pupils (id, school) values (21, 12), (22, 13)',
  'insert into pupils (id, school, name) values (23, $1, null) returning id, school',
  "insert into pupils (id, name) values (2, 'again') on conflict (id) do update set name = excluded.name, school = 12",
  "insert into pupils (id, name) values (1, 'theirs') on conflict (id) do update set name = excluded.name returning name",
  'insert into pupils (id, school) values (3, 12) on conflict do nothing returning id',
  'update pupils set school = 12 + id % $1',
  'update pupils set name = name || $1 where school = 12 returning name, id',
  'update pupils set school = $1 where id = 4 returning school',
  'delete from pupils where id > $1',
  'delete from pupils where id = 6 returning id, name',
  "insert into visits (pupil, what) values ($1, 'x') returning pupil, what",
  'with w as (update pupils set school = $1 where id = 2 returning id, school) select school, id from w',
  'with w as (delete from pupils where id = 4 returning id) insert into pupils (id, school) select id, $1 from w returning id',
  ...(serverVersion() >= 17
    ? [
        'merge into pupils p using (values (2, 12), (30, $1::int)) v (id, school) on p.id = v.id when matched then update set school = v.school when not matched then insert (id, school) values (v.id, v.school)',
      ]
    : []),
  'select id, school from pupils order by id',
);
const control = fc.constantFrom('begin', 'commit', 'rollback', 'savepoint s', 'rollback to s', 'release s');
const value = fc.constantFrom(1, 2, 12, 12, 12, 13);

type Spoken = readonly [says: string, messages: readonly Uint8Array[]];

/** As the simple protocol sends it, as drivers send it by the extended one, and prepared before. */
const step: fc.Arbitrary<Spoken> = fc.oneof(
  control.map((text) => [text, [Q(text)]] as const),
  fc.tuple(statement, value).map(([text, n]) => [`Q ${text} ${n}`, [Q(text.replaceAll('$1', String(n)))]] as const),
  fc.tuple(statement, value, statement, value).map(([a, m, b, n]) => {
    const text = `${a.replaceAll('$1', String(m))}; ${b.replaceAll('$1', String(n))}`;
    return [`Q ${text}`, [Q(text)]] as const;
  }),
  fc.tuple(statement, value, fc.constantFrom(0, 0, 1, 2), fc.boolean()).map(([text, n, most, synced]) => {
    const bound = text.includes('$1') ? [String(n)] : [];
    return [`E ${text} ${n} ${most}`, [P(text), B(bound), DP(), E('', most), ...(synced ? [S()] : [])]] as const;
  }),
  fc.tuple(statement, value).map(([text, n]) => {
    const prepare = `prepare s as ${text.replaceAll('$1', String(n))}`;
    return [prepare, [Q('deallocate all'), Q(prepare), Q('execute s')]] as const;
  }),
);

/** A Query behind messages without Sync may stay in their implicit transaction: no driver sends that. */
function synced(messages: readonly Uint8Array[]): Uint8Array[] {
  const [query, sync] = [Q('')[0], S()[0]];
  return messages.flatMap((message, at) => {
    const before = messages[at - 1]?.[0];
    return message[0] === query && before !== undefined && before !== query && before !== sync
      ? [S(), message]
      : [message];
  });
}

test('random sequences', { timeout: 30_000 + RUNS * 1_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
      const messages = synced(steps.flatMap(([, bytes]) => bytes));
      const [through, expected] = [await played(clerk, messages), await played(native, messages)];
      const said = steps.map(([says]) => says).join('\n');
      expect(through.came.map(either), said).toEqual(expected.came.map(either));
      expect(through.rows, said).toEqual(expected.rows);
    }),
    { numRuns: RUNS, ...SEED, endOnFailure: true },
  );
});
