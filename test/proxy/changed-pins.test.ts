/** Tests user code that changes a pinned setting in the server's session, behind a statement that was judged: no statement sent after it runs, in any order of messages. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { userCodeOf } from '../../src/guard/user-code.ts';
import type { RolePolicy } from '../../src/policy/model/policy.ts';
import type { Use } from '../../src/sql/analyze/analyze.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { Choices } from '../noninterference/choices.ts';
import { B, CP, DP, E, P, Q, S } from '../session/messages.ts';
import { ask, direct, type Peer } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifierOf } from './support.ts';

const SECRET = '1234567890';

/** The actions of user code, by name. ELSEWHERE is a role that the account may take. */
const CHANGES: Readonly<Record<string, string>> = {
  standard_conforming_strings: "set_config('standard_conforming_strings', 'off', false)",
  client_encoding: "set_config('client_encoding', 'SJIS', false)",
  role: "set_config('role', 'ELSEWHERE', false)",
  search_path: "set_config('search_path', 'other, public', false)",
  row_security: "set_config('row_security', 'off', false)",
  backslash_quote: "set_config('backslash_quote', 'on', false)",
  transform_null_equals: "set_config('transform_null_equals', 'on', false)",
  client_min_messages: "set_config('client_min_messages', 'debug5', false)",
};

/** Tables that call built-in functions in their definitions, which pg_depend does not record. */
const BUILT_IN = ['by_default', 'by_check', 'by_domain', 'by_domain_default', 'by_domain_over', 'by_parent', 'by_text'];

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let elsewhere: string;
let lines: string[] = [];
let peer: Peer | undefined;

beforeAll(async () => {
  database = await freshDatabase();
  elsewhere = (await database.createLogin()).user;
  await database.query(`
    CREATE SCHEMA other;
    CREATE TABLE beds (id int PRIMARY KEY, note text);
    CREATE TABLE wards (id int PRIMARY KEY, note text);
    CREATE TABLE late (id int PRIMARY KEY, note text);
    CREATE TABLE plain (id int PRIMARY KEY, note text);
    CREATE TABLE patients (id int PRIMARY KEY, name text, ssn text);
    INSERT INTO beds VALUES (1, 'a'); INSERT INTO wards VALUES (1, 'a'); INSERT INTO late VALUES (1, 'a'); INSERT INTO plain VALUES (1, 'a');
    INSERT INTO patients VALUES (1, 'seen', NULL), (2, 'hidden', '${SECRET}');
    CREATE TABLE does (what text);
    CREATE FUNCTION change() RETURNS text LANGUAGE plpgsql AS $$
      DECLARE done text; what text := (SELECT d.what FROM public.does AS d);
      BEGIN EXECUTE 'SELECT pg_catalog.' || what INTO done; RETURN done; END $$;
    CREATE FUNCTION change_settled() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN change(); END $$;
    CREATE FUNCTION changing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.change(); RETURN NEW; END $$;
    CREATE TRIGGER t BEFORE UPDATE ON beds FOR EACH ROW EXECUTE FUNCTION changing();
    CREATE TRIGGER t AFTER UPDATE ON wards FOR EACH STATEMENT EXECUTE FUNCTION changing();
    CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION changing();
    CREATE VIEW seeing AS SELECT id, change() AS changed FROM plain;
    CREATE TABLE by_default (id int, note text DEFAULT set_config('row_security', 'off', false));
    CREATE TABLE by_check (id int, note text CHECK (set_config('row_security', 'off', false) IS NOT NULL));
    CREATE DOMAIN checked AS text CHECK (set_config('row_security', 'off', false) IS NOT NULL);
    CREATE TABLE by_domain (id int, note checked);
    CREATE DOMAIN filled AS text DEFAULT set_config('row_security', 'off', false);
    CREATE TABLE by_domain_default (id int, note filled);
    CREATE DOMAIN filled_over AS filled;
    CREATE TABLE by_text (id int, note xml DEFAULT query_to_xml('select set_config(''row_security'', ''off'', false)', true, false, ''));
    CREATE TABLE by_domain_over (id int, note filled_over);
    CREATE TABLE by_parent (id int) PARTITION BY LIST (id);
    CREATE TABLE by_parent_1 PARTITION OF by_parent (CHECK (set_config('row_security', 'off', false) IS NOT NULL)) DEFAULT;
    CREATE TABLE usual (id serial PRIMARY KEY, at timestamptz DEFAULT now(), key uuid DEFAULT gen_random_uuid(),
      note text DEFAULT 'none' CHECK (length(note) < 9 AND note ~ '^[a-z]'), low text GENERATED ALWAYS AS (lower(note)) STORED);
    CREATE INDEX ON usual (lower(note)) WHERE length(note) > 2;
  `);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-pins-'));
  await mkdir(join(folder, 'roles'));
  const table = '{ select: { columns: "*" }, update: { columns: [note] } }';
  await writeFile(
    join(folder, 'roles', 'clerk.yaml'),
    `role: clerk
tables:
  beds: ${table}
  wards: ${table}
  late: ${table}
  plain: ${table}
  seeing: { select: { columns: "*" } }
${BUILT_IN.map((name) => `  ${name}: { insert: { columns: [id] } }`).join('\n')}
  usual: { insert: { columns: "*" } }
  patients: { select: { columns: [id, name], rows: id = 1 } }
functions: [public.change, public.change_settled]
limits: none
`,
  );
  await writeFile(
    join(folder, 'principals.yaml'),
    `principals: { clerk: { role: clerk, password: "${await verifierOf('demo-clerk')}" } }\n`,
  );
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
  let account = '';
  const upstream = (url: string): string => {
    account = new URL(url).username;
    return `{ url: "${url}" }`;
  };
  guard = await guardInFrontOf(database, { policies: folder, log, upstream });
  await database.query(`
    GRANT "${elsewhere}" TO "${account}";
    GRANT USAGE ON SCHEMA other TO "${account}";
    GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO "${elsewhere}";
  `);
});
afterEach(async () => {
  await peer?.close();
  lines = [];
});
afterAll(async () => {
  await guard?.stop();
  await rm(folder, { recursive: true, force: true });
  await database?.drop();
});

/** The statement that the guard reads as two constants; and the server, without standard_conforming_strings, as a subquery. */
const TRICK = String.raw`select '\', '||(select max(ssn) from patients)||$$ $$, 1 -- '`;
const UPDATE = 'update beds set note = note where id = 1';

const SECOND = "select 'second', name from patients";

/** The first statement runs code of users, the second one is what must not run behind it. */
type Way = (first: string, second: string) => Uint8Array[][];

const extended = (text: string): Uint8Array[] => [P(text), B(), E()];

/** Each item is sent when all before it was answered. */
const WAYS: Readonly<Record<string, Way>> = {
  'one Query after the other': (first, second) => [[Q(first)], [Q(second)]],
  'Queries in one piece': (first, second) => [[Q(first), Q(second)]],
  'by extended messages': (first, second) => [
    [...extended(first), S()],
    [...extended(second), S()],
  ],
  'extended messages, in one piece': (first, second) => [[...extended(first), S(), ...extended(second), S()]],
  'extended messages, in one batch': (first, second) => [[...extended(first), ...extended(second), S()]],
  'extended messages in one batch, behind a Describe': (first, second) => [
    [P(first), B(), DP(), E(), P(second, 'two'), B([], 'two', 'two'), E('two'), S()],
  ],
  'a Query behind a batch without Sync': (first, second) => [[...extended(first), Q(second)]],
  'in a transaction block': (first, second) => [[Q('begin')], [Q(first)], [Q(second)], [Q('commit')]],
  'behind the end of its block': (first, second) => [[Q('begin')], [Q(first)], [Q('commit'), Q(second)]],
  'behind its block in one piece': (first, second) => [
    [Q('begin'), ...extended(first), S(), ...extended('commit'), S(), ...extended(second), S()],
  ],
  'behind COMMIT in one batch': (first, second) => [
    [...extended('begin'), ...extended(first), ...extended('commit'), ...extended(second), S()],
  ],
  'in one Query': (first, second) => [[Q(`${first}; ${second}`)]],
  'in one Query with its transaction': (first, second) => [[Q(`begin; ${first}; ${second}; commit`)]],
  'in one Query, behind the end of its transaction': (first, second) => [
    [Q(`begin; ${first}; commit; begin; ${second}; commit`)],
  ],
};

/** One of each protocol. */
const SHORT = ['one Query after the other', 'extended messages, in one batch'];

const BEHIND_COMMIT = [
  'one Query after the other',
  'Queries in one piece',
  'extended messages, in one piece',
  'behind the end of its block',
  'behind its block in one piece',
  'behind COMMIT in one batch',
  'in one Query, behind the end of its transaction',
];

async function play(batches: Uint8Array[][]): Promise<Peer> {
  peer = await direct(guard.url('clerk'));
  const { received } = peer;
  for (const messages of batches) {
    const asked = messages.filter((message) => message[0] === 0x51 || message[0] === 0x53).length;
    const ready = received.ready + asked;
    peer.send(Buffer.concat(messages));
    await received.until(() => received.ready >= ready);
    if (received.closed) break;
  }
  await received.until(() => received.closed || received.words().length > 0);
  return peer;
}

const shownTo = ({ received }: Peer): string => Buffer.concat(received.bytes).toString('latin1');

async function does(what: string): Promise<void> {
  await database.query('truncate does');
  await database.query(`insert into does values ($1)`, [what.replace('ELSEWHERE', elsewhere)]);
}

test('the trick works where the guard does not watch', async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('set standard_conforming_strings = off');
  const { rows } = await client.query({ text: TRICK, rowMode: 'array' });
  await client.end();
  expect(rows[0]?.[0]).toContain(SECRET);
});

/** Two of them in every way, the others in one way of each protocol. */
const CASES = Object.entries(WAYS).flatMap(([way, messages]) =>
  Object.entries(CHANGES)
    .filter(([name]) => ['standard_conforming_strings', 'role'].includes(name) || SHORT.includes(way))
    .map(([name, what]) => ({ way, messages, name, what })),
);

test.each(CASES)('a trigger that changes $name ends the session, sent $way', async ({ messages, name, what }) => {
  await does(what);
  const second = name === 'standard_conforming_strings' ? TRICK : SECOND;
  const { received } = await play(messages(UPDATE, second));
  await received.until(() => received.closed);
  expect(shownTo(peer!)).not.toContain(SECRET);
  expect(shownTo(peer!)).not.toContain('second');
  expect(received.errors().at(-1)?.get('V')).toBe('FATAL');
  expect(received.errors().at(-1)?.get('C')).toBe('55000');
  expect(received.errors().at(-1)?.get('M')).toContain(name);
  expect(lines.join()).toContain(name);
});

test.each(
  [
    ['a trigger of a statement', 'update wards set note = note where id = 1', SHORT],
    ['a trigger that is put off', 'update late set note = note where id = 1', BEHIND_COMMIT],
    ['a granted function', 'select change()', SHORT],
    ['a function in a condition', 'select id from plain where change() is not null', SHORT],
    ['a function that is computed at Bind', 'select id from plain where note = change_settled()', SHORT],
    ['a view', 'select changed from seeing', SHORT],
    ['what was prepared', 'execute prepared', SHORT],
  ].flatMap(([what, first, ways]) => (ways as string[]).map((way) => ({ what, first: first as string, way }))),
)('$what ends it as well, sent $way', async ({ first, way }) => {
  await does(CHANGES.role!);
  const prepared = first.startsWith('execute') ? [[Q(`prepare prepared as ${UPDATE}`)]] : [];
  const { received } = await play([...prepared, ...WAYS[way]!(first, SECOND)]);
  await received.until(() => received.closed);
  expect(shownTo(peer!)).not.toContain('second');
  expect(received.errors().at(-1)?.get('C')).toBe('55000');
});

test.each(BUILT_IN.flatMap((table) => SHORT.map((way) => ({ table, way }))))(
  'a default, check or domain that calls set_config ends it as well: $table, sent $way',
  async ({ table, way }) => {
    const { received } = await play(WAYS[way]!(`insert into ${table} (id) values (1)`, SECOND));
    await received.until(() => received.closed);
    expect(shownTo(peer!)).not.toContain('second');
    expect(received.errors().at(-1)?.get('C')).toBe('55000');
    expect(received.errors().at(-1)?.get('M')).toContain('row_security');
  },
);

test('what usual defaults, checks and indexes call is known to leave settings alone', async () => {
  const catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
  const runs = (name: string): boolean => {
    const relation = catalog.relation('public', name)!;
    const uses = [{ kind: 'relation', relation, action: 'insert', of: relation } as unknown as Use];
    return userCodeOf(catalog).runsIn({ uses, parameterTypes: [] }, { relations: new Map() } as unknown as RolePolicy);
  };
  expect([runs('usual'), runs('plain'), ...BUILT_IN.map(runs)]).toEqual([false, false, ...BUILT_IN.map(() => true)]);
});

test.each(Object.keys(WAYS))('a trigger that changes nothing of it changes nothing, sent %s', async (way) => {
  await does("set_config('app.note', 'x', false)");
  const { received } = await play(WAYS[way]!(UPDATE, SECOND));
  expect(shownTo(peer!)).toContain('second');
  expect(received.errors()).toEqual([]);
});

/** Parts of batches, from the simplest on. With code of users in them, before the end of their transaction or at it, and without. */
const PARTS: readonly (readonly Uint8Array[])[] = [
  extended('select id from plain'),
  extended(UPDATE),
  extended('update late set note = note where id = 1'),
  [P(UPDATE), B(), DP(), E()],
  [
    P('select id, change() from plain, generate_series(1, 3)'),
    B([], 'c'),
    DP('c'),
    E('c', 1),
    E('c', 1),
    E('c'),
    CP('c'),
  ],
  [P('select id from plain, generate_series(1, 3)'), B([], 'c'), E('c', 1), E('c'), CP('c')],
  extended('select 1 / 0 from plain'),
  [P('select id from nowhere')],
  extended('begin'),
  extended('commit'),
  extended('rollback'),
];

/** Batches and Queries, to be sent in one piece. */
function pipeline(seed: number): Uint8Array[] {
  const choices = new Choices(seed);
  const batches = Array.from({ length: 2 + choices.int(4) }, () => {
    if (choices.chance(25)) return [Q(choices.pick([UPDATE, 'commit', 'select id from plain', 'begin']))];
    return [...Array.from({ length: 1 + choices.int(3) }, () => choices.pick(PARTS)).flat(), S()];
  });
  return [...batches.flat(), Q('rollback')];
}

const PIPELINES = process.env.ROWGATE_LONG === '1' ? 20_000 : 300;

test(`${PIPELINES} pipelines in which code of users runs are answered as without a guard`, {
  timeout: 60_000 + 200 * PIPELINES,
}, async () => {
  await does("set_config('app.note', 'x', false)");
  const [server, guarded] = [await direct(database.url), await direct(guard.url('clerk'))];
  try {
    for (let seed = 0; seed < PIPELINES; seed++) {
      const messages = pipeline(seed);
      // One after the other: they wait for each other's rows.
      const expected = await ask(server, ...messages);
      expect(await ask(guarded, ...messages), `seed ${seed}`).toEqual(expected);
    }
  } finally {
    await server.close();
    await guarded.close();
  }
});
