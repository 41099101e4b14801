/** Tests parameters that become names of objects (`$1::regclass`): neither the answer nor the moment of an error tells whether an object exists that the role cannot find. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Backend } from '../../src/protocol/message-types.ts';
import { B, E, P, Q, S } from '../session/messages.ts';
import { ask, direct, type Peer } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifierOf } from './support.ts';

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let peer: Peer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE COLLATION used (provider = libc, locale = 'C');
    CREATE TABLE seen (id int, name text COLLATE used);
    CREATE TABLE hidden (id int);
    CREATE FUNCTION hidden(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
    CREATE COLLATION hidden (provider = libc, locale = 'C');
    CREATE SCHEMA hidden;
    CREATE TEXT SEARCH CONFIGURATION hidden.hidden (COPY = simple);
    CREATE TEXT SEARCH DICTIONARY hidden.hidden (TEMPLATE = simple)`);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-names-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(
    join(folder, 'roles/reader.yaml'),
    'role: reader\ntables: { seen: { select: { columns: "*" } } }\nlimits: none\n',
  );
  const password = await verifierOf('demo');
  await writeFile(
    join(folder, 'principals.yaml'),
    `principals: { reader: { role: reader, password: "${password}" } }\n`,
  );
  guard = await guardInFrontOf(database, { policies: folder });
  peer = await direct(guard.url('reader', 'demo'));
});
afterAll(async () => {
  await peer?.close();
  await guard?.stop();
  await rm(folder, { recursive: true, force: true });
  await database?.drop();
});

/** OID, a hidden object's name and that of none, by type. */
const TYPES: readonly (readonly [type: string, oid: number, hidden: string, missing: string])[] = [
  ['regclass', 2205, 'hidden', 'nothing'],
  ['regclass', 2205, 'hidden.hidden', 'hidden.nothing'],
  ['regtype', 2206, 'hidden', 'nothing'],
  ['regproc', 24, 'hidden', 'nothing'],
  ['regprocedure', 2202, 'hidden(int)', 'nothing(int)'],
  ['regoper', 2203, '###', '####'],
  ['regoperator', 2204, '###(int,int)', '####(int,int)'],
  ['regconfig', 3734, 'hidden.hidden', 'nothing.hidden'],
  ['regdictionary', 3769, 'hidden.hidden', 'nothing.hidden'],
  ['regnamespace', 4089, 'hidden', 'nothing'],
  ['regrole', 4096, 'pg_monitor', 'nothing'],
  ['regcollation', 4191, 'hidden', 'nothing'],
];

interface Way {
  readonly sql: string;
  readonly types: readonly number[];
}

const waysOf = (type: string, oid: number): readonly Way[] => [
  { sql: `select $1::${type}`, types: [] },
  { sql: `select $1::${type}`, types: [oid] },
  { sql: `select $1::${type}`, types: [25] },
  { sql: `select $1::${type} is null, $1::${type}::oid`, types: [oid] },
  { sql: `select coalesce($1, null::${type})`, types: [] },
  ...(type === 'regclass' ? [{ sql: 'select pg_table_size($1)', types: [] }] : []),
  ...(type === 'regconfig' ? [{ sql: "select to_tsvector($1, 'a')", types: [] }] : []),
  ...(type === 'regconfig' ? [{ sql: "select to_tsvector($1, 'a')", types: [oid] }] : []),
];

/** All that comes: which messages, values and errors, without the name itself. */
async function answer(name: string, messages: readonly Uint8Array[], asked = peer): Promise<unknown> {
  const { received } = asked;
  const [frames, errors] = [received.frames.length, received.errors().length];
  const words = await ask(asked, ...messages);
  const rows = received.frames.slice(frames).filter(({ type }) => type === Backend.DataRow);
  const values = rows.map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
  const told = received.errors().slice(errors);
  const texts = told.map((fields) => ['C', 'M', 'P', 'H'].map((field) => fields.get(field)?.replaceAll(name, 'NAME')));
  return { words, values, texts };
}

test.each(TYPES)('%s', async (type, oid, hidden, missing) => {
  for (const { sql, types } of waysOf(type, oid)) {
    const bound = (name: string) => answer(name, [P(sql, '', [...types]), B([name]), E(), S()]);
    expect([sql, types, await bound(hidden)]).toEqual([sql, types, await bound(missing)]);
  }
  for (const declared of ['', `(${type})`]) {
    const prepared = async (name: string) => {
      const made = await answer(name, [Q(`prepare p${declared} as select $1::${type}`)]);
      const run = await answer(name, [Q(`execute p('${name}')`)]);
      await ask(peer, Q('deallocate all'));
      return [made, run];
    };
    expect([declared, await prepared(hidden)]).toEqual([declared, await prepared(missing)]);
  }
});

test('COLLATE discloses no collation and no schema', async () => {
  const texts = (name: string): readonly string[] => [
    `select 'a' collate ${name}`,
    `select id from seen order by name collate ${name}`,
    `select * from json_to_recordset('[{"a": "b"}]') as x(a text collate ${name})`,
    `select 1 from seen where exists (select name collate ${name} from seen)`,
    `prepare p as select 'a' collate ${name}`,
  ];
  const pairs = [
    ['hidden', 'nothing'],
    ['hidden.hidden', 'nothing.hidden'],
    ['hidden.nothing', 'nothing.nothing'],
    ['public.hidden', 'public.nothing'],
  ] as const;
  for (const [hidden, missing] of pairs)
    for (const [i, text] of texts(hidden).entries()) {
      const [one, other] = [await answer(hidden, [Q(text)]), await answer(missing, [Q(texts(missing)[i]!)])];
      expect([text, one]).toEqual([text, other]);
      expect(JSON.stringify(one)).toContain('42704');
    }
  for (const name of ['used', 'public.used', '"C"', 'pg_catalog."POSIX"'])
    for (const text of texts(name)) {
      expect([text, JSON.stringify(await answer(name, [Q(text)]))]).toEqual([text, expect.not.stringMatching('42704')]);
      await ask(peer, Q('deallocate all'));
    }
});

test('COLLATE says of a hidden one what the server says of none, in another encoding too', async () => {
  const latin = await freshDatabase(undefined, undefined, "ENCODING 'LATIN1' LOCALE 'C'");
  await latin.query("CREATE TABLE seen (id int); CREATE COLLATION hidden (provider = libc, locale = 'C')");
  const before = await guardInFrontOf(latin, { policies: folder });
  const own = await direct(before.url('reader', 'demo'));
  try {
    const said = (name: string) => answer(name, [Q(`select 'a' collate ${name}`)], own);
    const one = await said('hidden');
    expect(one).toEqual(await said('nothing'));
    expect(JSON.stringify(one)).toContain('LATIN1');
  } finally {
    await own.close();
    await before.stop();
    await latin.drop();
  }
});

test('a visible name and a number are read as before', async () => {
  const [row] = await database.query("SELECT 'seen'::regclass::oid::text AS oid");
  const shown = async (sql: string, value: string, types: number[] = []) => {
    const from = peer.received.bytes.length;
    const words = await ask(peer, P(sql, '', types), B([value]), E(), S());
    expect(words).toContain('DataRow');
    return Buffer.concat(peer.received.bytes.slice(from)).toString('latin1');
  };
  expect(await shown('select $1::regclass', 'seen')).toContain('seen');
  expect(await shown('select $1::regclass', String(row!.oid), [2205])).toContain('seen');
  await shown('select pg_table_size($1)', 'seen');
  expect(await shown("select to_tsvector($1, 'mice')", 'english')).toContain("'mice'");
});
