/** A parameter that becomes the name of an object (`$1::regclass`) tells nothing of objects that the role does not find: neither by its answer nor by when it fails. */
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
    CREATE TABLE seen (id int);
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
async function answer(name: string, messages: readonly Uint8Array[]): Promise<unknown> {
  const { received } = peer;
  const [frames, errors] = [received.frames.length, received.errors().length];
  const words = await ask(peer, ...messages);
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
