/** Tests texts that PostgreSQL's grammar does not read: the guard's error has the server's SQLSTATE, message, position and HINT, and its DETAIL before the decision's. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ErrorFields } from '../../src/protocol/error-response.ts';
import { isParsed, parse } from '../../src/sql/parse/parse.ts';
import { P, Q, S } from '../session/messages.ts';
import { ask, direct, type Peer } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifierOf } from './support.ts';

const TEXTS: readonly string[] = [
  'select 1 limit 1, 2',
  'select 1 from t order by a limit 5, 10',
  'select operator(pg_catalog.-) ',
  'drop operator + (int)',
  'drop operator + (int, int, int)',
  "create role x unencrypted password 'a'",
  "select e'\\u00'",
  "select e'\\U0000'",
  "select U&'\\00'",
  "select U&'\\zzzz'",
  "select u&'\\d800'",
  "select e'\\ud800'",
  "select e'\\u0000'",
  "select U&'\\0000'",
  'select U&"\\00"',
  "select U&'a' uescape 'ab'",
  "select U&'a' uescape '+'",
  "select e'\\'' '",
  "set a = U&'\\00'",
  'create policy p on t as strict using (true)',
  'create publication p for t',
  "select 'abc",
  'select "',
  'select ""',
  'select $$abc',
  'select /* ',
  'select 1a',
  'select 0x',
  'select 1__0',
  'select 08e',
  "select 'a' 'b'",
  "select e'\\xff'",
  "select e'\\377'",
  "select e'\\000'",
  'select 99999999999999999999999$1',
  'select $99999999999',
  'select * from t for update limit 1 for update',
  'select 1 fetch first row with ties',
  'select 1 order by 1 fetch first 1 row with ties for update skip locked',
  'select 1 limit 1 limit 2',
  'create policy p on t as foo using (true)',
  "select 'a' || u&'b\\00' || e'c\\u0'",
  "select e'a' || e'c\\u0', u&'\\00'",
  'select sum(x) over (rows between current row and 1 preceding)',
  'create table x partition of y for values with (remainder 1, remainder 2)',
  'select 1 order by 1 order by 2',
  'select a.*.b',
  'insert into t default values returning',
  'select count(distinct) ',
  'select f(variadic a, b)',
  'create table t (a int not null not valid)',
  'alter table t rename',
  'select sum(x) over (rows between unbounded following and current row)',
  'select sum(x) over (rows between current row and unbounded preceding)',
  "select interval(3) '1' day to second(4)",
  "select '1'::float(0)",
  "select '1'::float(99)",
  'set session characteristics',
  'grant all on t to public with',
  'select 1 union',
  'with a as (select 1) with b as (select 2) select 1',
  'select (select 1) from (values (1)',
  'copy t from stdin (a, b',
  'create trigger t before update of a or insert on x for each row execute function f(',
  'create assertion a check (true)',
  'select 1 where current of',
  'create index on t (a) include',
  'analyze (',
  'create temp temp table x()',
  'select from only (t',
  'create table x partition of y for values with (modulus 1, modulus 2)',
  'create table x partition of y for values with (modulus 1)',
  'create view v as select 1 with local check option with',
  'create recursive view v (a) as select 1 with check option',
  'select json_object(a: 1 returning',
  'merge into t using s on true when matched then nothing',
  'select row_number() filter over ()',
  'select a from t group by grouping sets',
  'create schema if not exists s create table t()',
  'select aggregate(order by 1)',
  'select f(distinct a order by b) within group (order by c)',
  'select f(variadic a) within group (order by c)',
  'create aggregate a(out int) (x=1)',
  'alter system set',
  'select extract(foo from',
  'values (1, 2), (3',
  'select nullif()',
  'select treat(a as int[',
  'select 1 for share nowait skip locked',
  'create table t (like x including all excluding',
  'select xmlparse(document',
  'select 1; select 2 limit 1,2',
  'lock table t in foo mode',
  'create table a (b int) with (x=1) without oids with',
  'create table t () with oids',
  'alter role x inherit noinherit nosuchoption',
  'create role x foo',
  'create user mapping for x foo',
  'create rule r as on insert to t do also (select 1; insert',
  'alter operator + (int) set schema x',
  'create trigger x before insert on t not deferrable initially deferred execute function f()',
  'create constraint trigger x after insert on t not deferrable initially deferred for each row execute function f()',
  'alter constraint',
  'alter table t alter constraint c not valid',
  'create cast (a as b) with inout foo',
  'select a[1:2:3]',
  'select :a',
  'select ?',
  'select @',
  'select a ? b limit',
  '\u00e9\u00e9 x',
  "select 'é' limit 1, 2",
  'truncate a restart identity continue identity',
  'comment on x',
  'explain (analyze',
  'copy t to stdout with foo',
  'xor',
  'select if(a, b, c) limit 1,',
  'create function f(a int, a',
  'notify a, 1',
  'select * from rows from (f()',
  'update t set (a,b) = ',
  'update only set a=1',
  'delete from t using',
  'insert into t (a) values (1) on conflict do update',
  'insert into t values (1) on conflict (a) do',
  "select int '1' ' 2'",
  'execute',
  'prepare a(int as select 1',
  'fetch foo from c',
  'select cast(1 as)',
  'select row(',
  'do $$',
  'create type t as range (',
  'create type t as enum (a)',
];

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let server: Peer;
let peer: Peer;

beforeAll(async () => {
  database = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-syntax-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'roles/reader.yaml'), 'role: reader\ntables: {}\nlimits: none\n');
  const password = await verifierOf('demo-reader');
  await writeFile(
    join(folder, 'principals.yaml'),
    `principals: { reader: { role: reader, password: "${password}" } }\n`,
  );
  guard = await guardInFrontOf(database, { policies: folder });
  [server, peer] = await Promise.all([direct(database.url), direct(guard.url('reader'))]);
});
afterAll(async () => {
  await Promise.all([server?.close(), peer?.close()]);
  await guard?.stop();
  await rm(folder, { recursive: true, force: true });
  await database?.drop();
});

async function errorOf(of: Peer, messages: readonly Uint8Array[]): Promise<ErrorFields> {
  const before = of.received.errors().length;
  await ask(of, ...messages);
  const errors = of.received.errors().slice(before);
  expect(errors).toHaveLength(1);
  return errors[0]!;
}

const broken = (text: string): boolean => !isParsed(parse(text));

test.each([...new Set(TEXTS)])('%s', async (text) => {
  expect(broken(text)).toBe(true);
  const theirs = await errorOf(server, [Q(text)]);
  for (const messages of [[Q(text)], [P(text), S()]]) {
    const ours = await errorOf(peer, messages);
    const shown = (fields: ErrorFields) => ['C', 'M', 'P', 'H'].map((field) => [field, fields.get(field)]);
    expect(shown(ours)).toEqual(shown(theirs));
    const detail = theirs.has('D') ? `${theirs.get('D')} Decision ` : 'Decision ';
    expect(ours.get('D')?.startsWith(detail)).toBe(true);
  }
});
