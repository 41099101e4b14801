/** Tests the client's `search_path`: a name means what it means at the server under the same path, and schemas without a grant stay unseen. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { B, E, P, Q, S } from '../session/messages.ts';
import { ask, direct, type Peer } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifierOf } from './support.ts';

const TENANTS = ['tenant_a', 'tenant_b'];

const SCHEMA = `
${TENANTS.map(
  (name) => `CREATE SCHEMA ${name};
    CREATE TABLE ${name}.pupils (id serial PRIMARY KEY, name varchar, tenant text DEFAULT '${name}');
    CREATE TYPE ${name}.mood AS ENUM ('${name}_glad');
    CREATE TABLE ${name}.moods (id int, mood ${name}.mood);
    CREATE FUNCTION ${name}.who() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT string_agg(name, '','') FROM pupils); END';`,
).join('')}
CREATE COLLATION tenant_a.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION tenant_b.strict (provider = icu, locale = 'und');
CREATE TEXT SEARCH CONFIGURATION tenant_a.words (COPY = simple);
CREATE TABLE tenant_a.only_a (id int PRIMARY KEY);
CREATE TYPE tenant_a.words AS RANGE (SUBTYPE = text, COLLATION = "C");
CREATE FUNCTION public.names() RETURNS text LANGUAGE plpgsql SET search_path = tenant_b AS 'BEGIN RETURN (SELECT string_agg(name, '','') FROM pupils); END';
CREATE FUNCTION public.opened() RETURNS refcursor LANGUAGE plpgsql SET search_path = tenant_b AS
  'DECLARE c refcursor := ''late''; BEGIN OPEN c FOR SELECT tenant_a.who(); RETURN c; END';
CREATE FUNCTION public.letters(n int) RETURNS text LANGUAGE plpgsql AS
  'DECLARE res text := ''''; BEGIN FOR i IN 1 .. n LOOP res := res || chr(64 + i); END LOOP; RETURN res; END';
CREATE FUNCTION public.longer(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT length($1) > length($2)';
CREATE FUNCTION public.same(anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := upper(NEW.note) || TG_OP; RETURN NEW; END';
CREATE FUNCTION public.put_in() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO pupils (name) VALUES (NEW.note); RETURN NEW; END';
CREATE DOMAIN public.called AS text CHECK (public.longer(VALUE, ''));
CREATE DOMAIN public.looked AS text CHECK (tenant_a.who() IS NULL OR VALUE <> '');
CREATE TABLE public.notes (id int, note text DEFAULT public.letters(2));
CREATE TABLE public.reports (id int, note text);
CREATE TABLE public.marked (id int, note text, words tenant_a.words);
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON public.notes FOR EACH ROW EXECUTE FUNCTION public.stamp();
CREATE TRIGGER put_in BEFORE INSERT ON public.reports FOR EACH ROW EXECUTE FUNCTION public.put_in();
CREATE TRIGGER stamp BEFORE INSERT ON public.marked FOR EACH ROW EXECUTE FUNCTION public.stamp();
CREATE VIEW public.of_notes AS SELECT x.id, public.letters(x.id) AS letters FROM (SELECT id FROM public.notes) AS x;
CREATE VIEW public.note_ids AS SELECT id, note FROM public.notes WHERE id > 0;
CREATE VIEW public.report_ids AS SELECT id, note FROM public.reports;
CREATE VIEW public.looking AS SELECT tenant_a.who() AS who;
CREATE TABLE tenant_a.held (id int, owner text);
INSERT INTO tenant_a.held VALUES (1, 'ann'), (2, 'bob'), (3, 'cid');
CREATE TABLE tenant_a.seen AS SELECT 2 AS id;
CREATE POLICY own ON tenant_a.held USING (owner = 'ann' OR id IN (SELECT id FROM tenant_a.seen));
CREATE TABLE tenant_a.shut (id int);
CREATE TABLE tenant_a.telling (id int);
CREATE POLICY own ON tenant_a.telling USING (tenant_a.who() IS NULL);
CREATE TABLE tenant_a.checking (id int);
CREATE POLICY own ON tenant_a.checking USING (true) WITH CHECK (tenant_a.who() IS NULL);
CREATE TABLE tenant_a.further (id int);
CREATE POLICY own ON tenant_a.further USING (EXISTS (SELECT FROM public.looking));
CREATE TABLE tenant_a.domains (id int, note text);
CREATE POLICY own ON tenant_a.domains USING (note::public.looked IS NOT NULL);
${['held', 'shut', 'telling', 'checking', 'further', 'domains'].map((name) => `ALTER TABLE tenant_a.${name} ENABLE ROW LEVEL SECURITY;`).join('\n')}
CREATE SCHEMA secret;
CREATE TABLE secret.pupils (id int PRIMARY KEY, name varchar);
INSERT INTO secret.pupils VALUES (1, 'secret');
CREATE SCHEMA odd;
CREATE TABLE odd.things (id int, name varchar);
CREATE FUNCTION odd.always(varchar, varchar) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
${['=', '<>', '~~', '<', '>='].map((sign) => `CREATE OPERATOR odd.${sign} (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = odd.always);`).join('')}
GRANT USAGE ON SCHEMA tenant_a, tenant_b, secret, odd TO PUBLIC;
${[...TENANTS, 'secret', 'odd'].map((name) => `GRANT ALL ON ALL TABLES IN SCHEMA ${name} TO PUBLIC; GRANT ALL ON ALL SEQUENCES IN SCHEMA ${name} TO PUBLIC;`).join('')}
`;

/** What the path finds in a condition, and what means the same under every path. */
const BY_PATH = {
  collation: "name COLLATE loose = 'ANN'",
  regclass: "id <> 'moods'::regclass::oid::bigint AND name = 'ann'",
  configuration: "to_tsvector('words', name) @@ 'ann'",
  own: "name COLLATE \\\"C\\\" = 'ann' AND name COLLATE tenant_a.loose = 'ANN'",
} as const;

const ROLES: Readonly<Record<string, string>> = {
  both: `role: both
tables:
${TENANTS.map((name) => `  ${name}.pupils: { rows: "name <> 'hidden' AND name IN ('ann', 'new')", select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" }, delete: {} }\n  ${name}.moods: { select: { columns: "*" }, insert: { columns: "*" } }`).join('\n')}
  tenant_a.only_a: { select: { columns: "*" } }
  odd.things: { select: { columns: "*" } }
${['held', 'shut', 'telling', 'checking', 'further', 'domains'].map((name) => `  tenant_a.${name}: { select: { columns: "*" } }`).join('\n')}
${['notes', 'reports', 'marked', 'note_ids', 'report_ids'].map((name) => `  ${name}: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" }, delete: {} }`).join('\n')}
  of_notes: { select: { columns: "*" } }
  looking: { select: { columns: "*" } }
types: [tenant_a.words, public.called, public.looked]
functions: [tenant_a.who, tenant_b.who, public.names, public.opened, public.letters, public.longer, public.same, "tenant_a.words(text, text)", pg_advisory_xact_lock, pg_try_advisory_lock, pg_notify, pg_ls_dir, setval]
limits: none
`,
  one: 'role: one\ntables:\n  tenant_b.pupils: { select: { columns: [id, name] } }\nlimits: none\n',
  between: `role: between\ntables:\n  tenant_a.pupils: { rows: "name BETWEEN 'a' AND 'b'", select: { columns: "*" } }\n  odd.things: { select: { columns: "*" } }\nlimits: none\n`,
  ...Object.fromEntries(
    Object.entries(BY_PATH).map(([name, rows]) => [
      name,
      `role: ${name}\ntables:\n  tenant_a.pupils: { rows: "${rows}", select: { columns: "*" } }\n  tenant_b.moods: { select: { columns: "*" } }\nlimits: none\n`,
    ]),
  ),
  apart: `role: apart
tables:
  tenant_a.pupils: { rows: "name <> 'hidden'", select: { columns: "*" } }
  tenant_b.pupils: { select: { columns: "*" } }
limits: none
`,
  temporary:
    'role: temporary\ntables:\n  tenant_b.pupils: { select: { columns: "*" } }\ntemporary: { ids: { id: bigint } }\nlimits: none\n',
  open: 'role: open\naccess: unrestricted\nlimits: none\n',
};

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(SCHEMA);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-path-'));
  await mkdir(join(folder, 'roles'));
  for (const [name, text] of Object.entries(ROLES)) await writeFile(join(folder, 'roles', `${name}.yaml`), text);
  const verifier = await verifierOf('pw');
  const principals = Object.keys(ROLES).map((name) => `  ${name}: { role: ${name}, password: "${verifier}" }`);
  await writeFile(join(folder, 'principals.yaml'), `principals:\n${principals.join('\n')}\n`);
  guard = await guardInFrontOf(database, { policies: folder, configuration: 'plans: { reuse: on, after: 1 }' });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The same rows for each, and such as the role does not see. */
async function fill(hidden = ''): Promise<void> {
  for (const name of TENANTS)
    await database.query(`TRUNCATE ${name}.pupils, ${name}.moods RESTART IDENTITY;
      INSERT INTO ${name}.pupils (name) VALUES ('ann');
      ${hidden && `INSERT INTO ${name}.pupils (id, name) VALUES ${hidden}`}`);
}

type Client = Pick<pg.Client, 'query' | 'end'>;

async function asServer(options = ''): Promise<Client> {
  const client = new pg.Client({ connectionString: database.url, options: `-c search_path=public ${options}` });
  await client.connect();
  return client;
}

async function asGuarded(name: string, options = ''): Promise<Client> {
  const client = new pg.Client({ connectionString: guard.url(name, 'pw'), options });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** The results of each statement: its rows, or the SQLSTATE of its error. */
async function told(client: Client, script: readonly (string | pg.QueryConfig)[]): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const one of script) {
    const answer = await client.query(one as string).then(
      ({ command, rows }) => [command, rows],
      (error: pg.DatabaseError) => error.code ?? error.message,
    );
    all.push([typeof one === 'string' ? one : one.text, answer]);
  }
  return all;
}

const READ = 'SELECT name, tenant FROM pupils ORDER BY id';
const NAMED = { name: 'read', text: READ };
const SHOWN = [
  'SHOW search_path',
  'SELECT current_schema(), current_schemas(false)::text[]',
  `SELECT 'pupils'::regclass::text, to_regclass('pupils')::text, pg_table_is_visible('tenant_a.pupils'::regclass), 'tenant_b.pupils'::regclass::text`,
  `SELECT format_type('tenant_a.mood'::regtype, NULL)`,
];

/** Run once by each, on rows that are the same: what is hidden from the role is not there for the other. */
const SCRIPTS: Readonly<Record<string, readonly (string | pg.QueryConfig)[]>> = {
  'SET, of one and of several schemas': [
    READ,
    'SET search_path = tenant_a',
    READ,
    ...SHOWN,
    'SET search_path TO tenant_b, tenant_a',
    READ,
    ...SHOWN,
    'SELECT id FROM only_a',
    "SET search_path = 'tenant_a', public",
    READ,
    'SHOW search_path',
  ],
  'the empty path, and names with their schemas': [
    "SET search_path = ''",
    READ,
    'SELECT name FROM tenant_a.pupils',
    'SHOW search_path',
    'SELECT current_schemas(false)::text[], current_schema()',
    "SELECT set_config('search_path', '', false)",
    READ,
    'SELECT name FROM tenant_b.pupils',
    'RESET search_path',
    'SHOW search_path',
  ],
  'set_config, to the end of the transaction and beyond': [
    "SELECT set_config('search_path', 'tenant_a', false)",
    READ,
    'BEGIN',
    "SELECT pg_catalog.set_config('search_path', 'tenant_b', true)",
    READ,
    'COMMIT',
    READ,
    'BEGIN',
    "SELECT set_config('search_path', 'tenant_b, tenant_a', false)",
    READ,
    'ROLLBACK',
    READ,
    'SHOW search_path',
  ],
  'SET LOCAL, savepoints and what undoes them': [
    'SET LOCAL search_path = tenant_a',
    READ,
    'BEGIN',
    'SET LOCAL search_path = tenant_a',
    READ,
    'SAVEPOINT s',
    'SET LOCAL search_path = tenant_b',
    READ,
    'ROLLBACK TO s',
    READ,
    'SET search_path = tenant_b',
    'SAVEPOINT t',
    'SET search_path = tenant_a',
    'RELEASE t',
    READ,
    'ROLLBACK TO s',
    READ,
    'SET search_path = tenant_b',
    'SELECT 1/0',
    READ,
    'ROLLBACK',
    READ,
    'SET search_path = tenant_b',
    'BEGIN',
    'SET LOCAL search_path = tenant_a',
    READ,
    'SELECT nothing',
    'COMMIT',
    READ,
    'BEGIN',
    'SET LOCAL search_path TO DEFAULT',
    READ,
    'END',
    READ,
    'RESET ALL',
    READ,
    'SHOW search_path',
    'SET search_path = tenant_a',
    'DISCARD ALL',
    READ,
    'SHOW search_path',
  ],
  'statements that were prepared under another path': [
    'SET search_path = tenant_a',
    NAMED,
    NAMED,
    'SET search_path = tenant_b',
    NAMED,
    NAMED,
    'SET search_path = tenant_a',
    NAMED,
    'BEGIN',
    'SET LOCAL search_path = tenant_b',
    NAMED,
    'ROLLBACK',
    NAMED,
    'SET search_path = tenant_b, tenant_a',
    NAMED,
    READ,
    READ,
    READ,
    'SET search_path = tenant_a',
    READ,
    READ,
    'RESET search_path',
    READ,
  ],
  'cursors, which read what they were opened on': [
    'SET search_path = tenant_a',
    'BEGIN',
    `DECLARE c CURSOR FOR ${READ}`,
    'FETCH 1 FROM c',
    'SET LOCAL search_path = tenant_b',
    'FETCH 1 FROM c',
    'CLOSE c',
    READ,
    'COMMIT',
    READ,
  ],
  'writes, sequences and types': [
    'SET search_path = tenant_a',
    "INSERT INTO pupils (name) VALUES ('new') RETURNING name, tenant",
    "SELECT nextval('pupils_id_seq') > 2, currval('pupils_id_seq') > 2",
    "INSERT INTO moods VALUES (1, 'tenant_a_glad') RETURNING mood",
    "SELECT 'tenant_a_glad'::mood",
    "SELECT 'tenant_b_glad'::mood",
    'SET search_path = tenant_b',
    "SELECT 'tenant_b_glad'::mood",
    "UPDATE pupils SET tenant = 'changed' WHERE id = 1 RETURNING tenant",
    READ,
    "DELETE FROM pupils WHERE name = 'new'",
    'SET search_path = tenant_a',
    READ,
    "DELETE FROM pupils WHERE name = 'new' RETURNING name",
  ],
  'what is named twice, or first, or not there': [
    'SET search_path = tenant_a, tenant_a, tenant_b',
    READ,
    'SET search_path = pg_catalog, tenant_b',
    READ,
    'SET search_path = pg_temp, tenant_a',
    READ,
    'SET search_path = information_schema, tenant_a',
    "SELECT count(*) FROM tables WHERE table_name = 'pupils' AND table_schema = 'tenant_a'",
  ],
};

/** Code of users, as the guard has it: without a code it finds the same names whatever the path is. */
const CODE: readonly (readonly [text: string, code?: string])[] = [
  ["SELECT public.letters(3), public.longer('ab', 'a'), public.same(7), public.same('x'::text)"],
  ['SELECT public.names()'],
  ["SELECT public.names() FROM pupils WHERE public.longer(name, 'x')"],
  ["SELECT tenant_a.words('a', 'c') @> 'b'::text, 'x'::text <@ '[a,b]'::words"],
  ["INSERT INTO public.notes VALUES (1, 'one'), (2, DEFAULT) RETURNING note"],
  ['INSERT INTO public.notes (id) VALUES (3) RETURNING note'],
  ["UPDATE public.notes SET note = 'x' WHERE id = 1 RETURNING note"],
  ['SELECT id, letters FROM public.of_notes ORDER BY id'],
  ["INSERT INTO public.note_ids VALUES (4, 'by a view') RETURNING note"],
  ["SELECT 'ab'::public.called"],
  ['PREPARE fixed (int) AS SELECT public.letters($1)'],
  ['EXECUTE fixed (4)'],
  ['DELETE FROM public.notes'],
  // What does not.
  ['SELECT who()', '42501'],
  ['SELECT tenant_a.who()', '42501'],
  ['SELECT public.same(tenant_a.who())', '42501'],
  ['SELECT public.longer(who(), public.names())', '42501'],
  ["SELECT 'ab'::public.looked", '42501'],
  ['SELECT * FROM public.looking', '42501'],
  ["INSERT INTO public.reports VALUES (1, 'put')", '42501'],
  ["INSERT INTO public.report_ids VALUES (1, 'put')", '42501'],
  // The row has a type of users.
  ["INSERT INTO public.marked VALUES (1, 'a')", '42501'],
  ['UPDATE public.notes SET note = tenant_a.who()', '42501'],
  ["INSERT INTO public.notes VALUES (5, 'a') RETURNING tenant_b.who()", '42501'],
  ['PREPARE moved AS SELECT tenant_a.who()', '42501'],
  ['SELECT name FROM pupils ORDER BY public.same(who())', '42501'],
];

test('users’ code whose names no path moves runs under another path as at the server, and no other does', async () => {
  const script = ['SET search_path = tenant_a', ...CODE.map(([text]) => text)];
  const [guarded, plain] = [await asGuarded('both'), await asServer()];
  await fill("(100, 'hidden')");
  const seen = (await told(guarded, script)) as [string, unknown][];
  await fill();
  const direct = (await told(plain, script)) as [string, unknown][];
  await Promise.all([guarded.end(), plain.end()]);
  for (const [at, [text, code]] of CODE.entries()) {
    const [, answer] = seen[at + 1]!;
    // A function tells what its author lets it, the hidden too.
    if (code === undefined && !text.includes('names()')) expect([text, answer]).toEqual(direct[at + 1]);
    else expect([text, answer]).toEqual([text, code ?? ['SELECT', [{ names: 'ann,hidden' }]]]);
  }
});

describe('as the server without a guard', () => {
  test.each(Object.entries(SCRIPTS))('%s', async (_, script) => {
    const [guarded, plain] = [await asGuarded('both'), await asServer()];
    await fill("(100, 'hidden')");
    const seen = await told(guarded, script);
    await fill();
    const direct = await told(plain, script);
    await Promise.all([guarded.end(), plain.end()]);
    expect(seen).toEqual(direct);
  });
});

/** Each with what comes back by each way. */
async function bytes(url: string, messages: readonly (readonly Uint8Array[])[]): Promise<string[][]> {
  const peer: Peer = await direct(url);
  const answers: string[][] = [];
  for (const one of messages) answers.push(await ask(peer, ...one));
  await peer.close();
  return answers;
}

const run = (text: string): Uint8Array[] => [P(text), B(), E()];
const ASK = 'SELECT tenant FROM pupils WHERE id = 1';

test('messages in one go: a name is judged when the server has said what the path is', async () => {
  await fill("(100, 'hidden')");
  const messages = [
    [...run('SET search_path = tenant_a'), ...run(ASK), S()],
    [
      ...run('SET search_path = tenant_b'),
      S(),
      ...run(ASK),
      S(),
      Q('SET search_path = tenant_a'),
      Q(ASK),
      ...run(ASK),
      S(),
    ],
    [...run('BEGIN'), ...run('SET LOCAL search_path = tenant_b'), ...run(ASK), ...run('ROLLBACK'), ...run(ASK), S()],
    [...run('SET search_path = tenant_b'), ...run('SELECT 1/0'), ...run(ASK), S(), ...run(ASK), S()],
    [Q('BEGIN'), Q('SET search_path = tenant_b'), Q('SELECT nothing'), Q('ROLLBACK'), Q(ASK), ...run(ASK), S()],
    [
      P(ASK, 'one'),
      S(),
      ...run('SET search_path = tenant_b'),
      B([], '', 'one'),
      E(),
      S(),
      Q('RESET search_path'),
      B([], '', 'one'),
      E(),
      S(),
    ],
    [Q('SET search_path = tenant_a; SET search_path = tenant_b; BEGIN'), Q(ASK), Q('COMMIT'), Q(ASK)],
    // A path that stays the same may have further schemas after it.
    [
      Q('RESET search_path'),
      Q('RESET search_path; SELECT tenant FROM tenant_a.pupils LIMIT 1'),
      Q('SET search_path = tenant_b'),
      Q(`SET search_path = tenant_b; ${ASK}`),
    ],
  ];
  expect(await bytes(guard.url('both', 'pw'), messages)).toEqual(
    await bytes(`${database.url}?options=-csearch_path%3Dpublic`, messages),
  );
});

test('no name is judged by a path that an error took back', async () => {
  await fill("(100, 'hidden')");
  const all = 'SELECT name FROM pupils ORDER BY name';
  const fails = [...run('SET search_path = tenant_b'), P('SELECT $1::int'), B(['x']), E(), S()];
  const peer = await direct(guard.url('apart', 'pw'));
  await ask(peer, Q('SET search_path = tenant_a'));
  await ask(peer, ...fails, ...run(all), S(), ...fails, Q(all));
  await peer.close();
  const told = Buffer.concat(peer.received.bytes).toString('latin1');
  expect(told.match(/ann|hidden/g)).toEqual(['ann', 'ann']);
});

test.each([
  ['a statement behind the change', 'SET search_path = tenant_a; SELECT 1 FROM tenant_a.pupils'],
  ['a cursor behind it', 'BEGIN; SET LOCAL search_path = tenant_a; DECLARE c CURSOR FOR SELECT 1 FROM tenant_a.pupils'],
  [
    'behind the end of a transaction',
    'BEGIN; SET LOCAL search_path = tenant_a',
    'COMMIT; SELECT 1 FROM tenant_a.pupils',
  ],
  [
    'behind a savepoint',
    'BEGIN; SAVEPOINT s; SET LOCAL search_path = tenant_a',
    'ROLLBACK TO s; SELECT 1 FROM tenant_a.pupils',
  ],
])('%s in one message is refused', async (_, ...script) => {
  const client = await asGuarded('both');
  const answers = (await told(client, script)) as [string, unknown][];
  await client.end();
  expect(answers.at(-1)![1]).toBe('0A000');
});

test.each([
  "SELECT set_config('search_path', 'tenant_a', false), 1",
  "SELECT set_config('search_path', 'tenant_a', id = 1) FROM tenant_b.pupils",
  "SELECT 1 FROM tenant_b.pupils WHERE set_config('search_path', 'tenant_a', false) = ''",
  "SELECT set_config('SEARCH' || '_path', 'tenant_a', false)",
  "SELECT set_config('search_path', name, false) FROM tenant_b.pupils",
  "WITH x AS (SELECT set_config('search_path', 'tenant_a', false)) SELECT * FROM x",
  "PREPARE p AS SELECT set_config('search_path', 'tenant_a', false)",
  "DECLARE c CURSOR FOR SELECT set_config('search_path', 'tenant_a', false)",
  'SET search_path = tenant_a, pg_catalog',
  "DO $$ BEGIN PERFORM set_config('search_path', 'secret', false); END $$",
  'CREATE SCHEMA mine',
  'CREATE TEMP TABLE pupils (id int)',
])('%s is refused, and the path stays', async (sql) => {
  const client = await asGuarded('both');
  const answers = await told(client, ['SET search_path = tenant_b', sql, 'SHOW search_path', ASK]);
  await client.end();
  expect(answers[1]).toEqual([sql, expect.stringMatching(/^42501|0A000$/)]);
  expect(answers.slice(2)).toEqual([
    ['SHOW search_path', ['SHOW', [{ search_path: 'tenant_b' }]]],
    [ASK, ['SELECT', [{ tenant: 'tenant_b' }]]],
  ]);
});

test('temporary tables that the role may create are found first, whatever the path', async () => {
  const client = await asGuarded('temporary');
  const [first, behind] = await told(client, [
    'SET search_path = pg_temp, tenant_b',
    'SET search_path = tenant_b, pg_temp',
  ]);
  await client.end();
  expect(first).toEqual([expect.anything(), ['SET', []]]);
  expect(behind).toEqual([expect.anything(), '42501']);
});

test('a schema in which nothing is granted is as one that does not exist, at login too', async () => {
  const script = (schema: string) => [
    `SET search_path = ${schema}, tenant_b`,
    'SHOW search_path',
    'SELECT current_schemas(true)::text[], current_schema()',
    'SELECT name FROM pupils ORDER BY id',
    `SELECT to_regclass('pupils')::text, to_regclass('only_a')::text, to_regtype('mood')::text`,
    'SELECT id FROM only_a',
    "SELECT count(*) FROM pg_class WHERE pg_table_is_visible(oid) AND relname = 'pupils'",
    `SELECT set_config('search_path', '${schema}', false)`,
    'SHOW search_path',
    'SELECT name FROM pupils',
    'SELECT current_schema()',
  ];
  const answers = [];
  for (const schema of ['tenant_a', 'secret', 'nowhere', '"$user"']) {
    const client = await asGuarded('one', `-csearch_path=${schema.replaceAll('"', '\\"')},tenant_b`);
    const first = await told(client, ['SELECT name FROM pupils ORDER BY id', 'SHOW search_path']);
    const rest = (await told(client, script(schema))) as [string, unknown][];
    answers.push([...first, ...rest.map(([, answer]) => answer)]);
    await client.end();
  }
  expect(answers[0]![0]).toEqual([
    'SELECT name FROM pupils ORDER BY id',
    ['SELECT', expect.arrayContaining([{ name: 'ann' }])],
  ]);
  for (const other of answers) expect(other).toEqual(answers[0]);
});

test('the path of the login is what RESET and DISCARD ALL come back to', async () => {
  await fill();
  const script = [
    READ,
    'SHOW search_path',
    'SET search_path = tenant_b',
    READ,
    'RESET search_path',
    READ,
    'SET search_path TO tenant_b',
    'DISCARD ALL',
    READ,
    'BEGIN',
    'SET LOCAL search_path = public',
    READ,
    'ROLLBACK',
    READ,
  ];
  const [guarded, plain] = [
    await asGuarded('both', '-csearch_path=tenant_a'),
    await asServer('-csearch_path=tenant_a'),
  ];
  const direct = await told(plain, script);
  expect(await told(guarded, script)).toEqual(direct);
  await Promise.all([guarded.end(), plain.end()]);
  await expect(asGuarded('both', '-csearch_path=tenant_a,pg_catalog')).rejects.toMatchObject({ code: '42501' });
  const empty = await asGuarded('both', '-csearch_path=');
  expect(await told(empty, [READ, 'SHOW search_path'])).toEqual([
    [READ, '42P01'],
    ['SHOW search_path', ['SHOW', [{ search_path: '' }]]],
  ]);
  await empty.end();
});

test('an unrestricted role brings along what it may SET, and its statements are recorded by that path', async () => {
  await fill();
  const options = '-csearch_path=nowhere,\\ tenant_a,\\ \\"$user\\" -c default_statistics_target=7 --work_mem=5MB';
  const script = [
    READ,
    'SHOW search_path',
    'SHOW default_statistics_target',
    'SET search_path = tenant_b',
    READ,
    'RESET search_path',
    'RESET ALL',
    READ,
    READ,
    'SHOW work_mem',
    'DISCARD ALL',
    READ,
  ];
  const [guarded, plain] = [await asGuarded('open', options), await asServer(options)];
  const direct = await told(plain, script);
  expect(await told(guarded, script)).toEqual(direct);
  await guarded.query('SELECT id FROM only_a');
  await Promise.all([guarded.end(), plain.end()]);
  const records = await guard.records();
  expect(records.filter(({ statement }) => statement === 'SELECT id FROM only_a').at(-1)).toMatchObject({
    tables: ['tenant_a.only_a'],
  });
});

test.each([
  ['-c standard_conforming_strings=off', '42501'],
  ['-c role=postgres', '42501'],
  ['-c local_preload_libraries=x', '42501'],
  ['-c search_path=a,,b', '42501'],
])('an unrestricted role does not bring along %s', async (options, code) => {
  await expect(asGuarded('open', options)).rejects.toMatchObject({ code });
});

test('a restricted role does not bring along what an unrestricted one may', async () => {
  await expect(asGuarded('both', '-c default_statistics_target=7')).rejects.toMatchObject({ code: '42501' });
});

test('operators of a schema in the path change nothing of what the policy says, nor run for the client ungranted', async () => {
  await fill("(100, 'hidden')");
  const client = await asGuarded('both');
  const answers = await told(client, [
    'SET search_path = odd, tenant_a',
    READ,
    "SELECT id FROM pupils WHERE name = 'ann'",
    "SELECT id FROM pupils WHERE name OPERATOR(pg_catalog.=) 'ann'",
  ]);
  await client.end();
  expect(answers.slice(1)).toEqual([
    [READ, ['SELECT', [{ name: 'ann', tenant: 'tenant_a' }]]],
    [expect.anything(), '42501'],
    [expect.anything(), ['SELECT', [{ id: 1 }]]],
  ]);
});

test('a path under which the policy would mean something else cannot be set', async () => {
  const client = await asGuarded('between');
  const answers = (await told(client, [
    'SET search_path = tenant_a',
    'SET search_path = odd, tenant_a',
    'SELECT name FROM pupils',
    "SELECT set_config('search_path', 'odd', true)",
  ])) as [string, unknown][];
  await client.end();
  expect(answers.map(([, answer]) => answer)).toEqual([['SET', []], '42501', ['SELECT', [{ name: 'ann' }]], '42501']);
});

test.each(Object.keys(BY_PATH))(
  'of a policy with what the path finds (%s) the path stays, unless it finds the same',
  async (name) => {
    const client = await asGuarded(name);
    const answers = (await told(client, [
      'SET search_path = tenant_b',
      "SELECT set_config('search_path', 'tenant_b', true)",
      'SET search_path = public',
      'SELECT name FROM tenant_a.pupils',
    ])) as [string, unknown][];
    await client.end();
    expect(answers.map(([, answer]) => (typeof answer === 'string' ? answer : (answer as unknown[])[0]))).toEqual(
      name === 'own' ? ['SET', 'SELECT', 'SET', 'SELECT'] : ['42501', '42501', 'SET', expect.anything()],
    );
  },
);

test('a cursor that runs code of users was opened under one path, and is not read under another', async () => {
  await fill("(90, 'hidden')");
  const client = await asGuarded('both');
  const answers = (await told(client, [
    'BEGIN',
    'DECLARE c CURSOR FOR SELECT tenant_a.who()',
    'SET LOCAL search_path = tenant_a',
    'FETCH ALL FROM c',
  ])) as [string, unknown][];
  await client.end();
  expect(JSON.stringify(answers)).not.toContain('hidden');
  expect(answers[2]![1]).toBe('0A000');
});

test('a cursor that a function with a path of its own has opened is not read', async () => {
  const client = await asGuarded('both');
  const answers = (await told(client, [
    'SET search_path = tenant_a',
    'BEGIN',
    'SELECT public.opened()',
    'FETCH ALL FROM late',
    'ROLLBACK',
  ])) as [string, unknown][];
  await client.end();
  expect(answers.map(([, answer]) => (typeof answer === 'string' ? answer : ''))).toEqual(['', '', '', '34000', '']);
});

test('those of the server that look no name up do', async () => {
  const client = await asGuarded('both');
  const answers = (await told(client, [
    'SET search_path = tenant_a',
    'SELECT pg_advisory_xact_lock(7) IS NULL',
    'SELECT pg_try_advisory_lock(1, 2), pg_advisory_unlock_all() IS NULL',
    "SELECT pg_notify('c', 'x') IS NULL",
    "SELECT pg_ls_dir('.')",
    "SELECT setval('s', 1)",
  ])) as [string, unknown][];
  await client.end();
  expect(answers.map(([, answer]) => typeof answer)).toEqual([
    'object',
    'object',
    'object',
    'object',
    'string',
    'string',
  ]);
});

test('INVARIANT 150: row security runs under another path where all that its policies run is known', async () => {
  const client = await asGuarded('both');
  await client.query('SET search_path = tenant_b');
  expect((await client.query('SELECT id FROM tenant_a.held ORDER BY id')).rows).toEqual([{ id: 1 }, { id: 2 }]);
  for (const name of ['shut', 'telling', 'checking', 'further', 'domains'])
    await expect(client.query(`SELECT id FROM tenant_a.${name}`), name).rejects.toMatchObject({ code: '42501' });
  await client.query('RESET search_path');
  for (const name of ['shut', 'checking', 'domains']) await client.query(`SELECT id FROM tenant_a.${name}`);
  await client.end();
});

test('functions that look their names up by the path do not run under another one', async () => {
  const client = await asGuarded('both');
  const answers = (await told(client, [
    'SET search_path = tenant_a',
    'SELECT tenant_a.who()',
    'SELECT who()',
    'SELECT * FROM who()',
    'EXPLAIN SELECT who()',
  ])) as [string, unknown][];
  await client.end();
  for (const [, answer] of answers.slice(1)) expect(answer).toBe('42501');
  const late = await bytes(guard.url('both', 'pw'), [
    [Q('BEGIN'), Q('DECLARE c CURSOR FOR SELECT tenant_a.who()'), Q('SET LOCAL search_path = tenant_a'), Q('ROLLBACK')],
    [P('SELECT tenant_a.who()'), B([], 'p'), ...run('SET search_path = tenant_a'), E('p'), S()],
    [...run('SET search_path = public'), P('SELECT tenant_a.who()', 'own'), S()],
    [...run('SET search_path = tenant_b'), B([], '', 'own'), E(), S()],
  ]);
  expect(late.map((answers) => answers.filter((answer) => answer.startsWith('Error')))).toEqual([
    ['ErrorResponse:0A000'],
    ['ErrorResponse:0A000'],
    [],
    ['ErrorResponse:42501'],
  ]);
});
