/**
 * Tests that no value from a client or from the database is in what a guard keeps or tells: decision log, operators' log, alarms, policies kept. Each
 * case puts a marker where a value can be, through a real guard.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bind } from '../../src/protocol/bind.ts';
import { execute } from '../../src/protocol/execute.ts';
import { CP, CS, D, DONE, DP, DS, E, FAIL, P, Q, S } from '../session/messages.ts';
import { ask, direct, type Peer } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-no-literals-'));
let database: FreshDatabase;
let guard: TestGuard;
let receiver: Server;
let told = '';
let operators = '';
let peers: Record<'office' | 'teacher' | 'dba', Peer>;

const PRINCIPALS = ['office', 'teacher', 'dba'] as const;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  await database.query(`
    create function raise_value(v text) returns text language plpgsql as $$ begin raise notice 'noticed %', v; raise exception 'value %', v using detail = v, hint = v; end $$;
    create function note_value(v text) returns text language plpgsql as $$ begin raise notice 'noticed %', v; return null; end $$;
    create table things (id int primary key, note text unique check (note not like 'bad%'), amount numeric(4,1));
    grant all on things to public`);
  receiver = createServer((request, response) => {
    request.on('data', (chunk) => {
      told += String(chunk);
    });
    request.on('end', () => response.end());
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  const policies = join(folder, 'policies');
  await samplesWithoutBudgets(policies);
  const teacher = join(policies, 'roles/teacher.yaml');
  const lock = 'lock: { after: [4 refusals per 10 minutes], for: 1 minute }';
  writeFileSync(teacher, `${readFileSync(teacher, 'utf8').trimEnd()}\n${lock}\n`);
  const key = join(folder, 'subjects.key');
  writeFileSync(key, `k1 ${'s'.repeat(40)}\n`, { mode: 0o600 });
  const { port } = receiver.address() as AddressInfo;
  guard = await guardInFrontOf(database, {
    policies,
    configuration: `notify: http://127.0.0.1:${port}\nkeys: { subjects: ${JSON.stringify(key)} }`,
    log: pino({ level: 'trace' }, { write: tell }),
  });
  const [office, ofTeacher, dba] = await Promise.all(PRINCIPALS.map((name) => direct(guard.url(name))));
  peers = { office: office!, teacher: ofTeacher!, dba: dba! };
});

afterAll(async () => {
  for (const peer of Object.values(peers ?? {})) await peer.close();
  await guard?.stop();
  receiver?.close();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

function tell(line: string): void {
  operators += line;
}

/** A word that is nowhere else; a number where only one is possible. */
let made = 0;
const words: string[] = [];
function marker(): string {
  const letters = [...String(1000 + made++)].map((digit) => 'bcdfghjklm'[Number(digit)]).join('');
  const word = `zq${letters}xvk`;
  words.push(word);
  return word;
}
function number(): string {
  const digits = `7319${String(100_000 + made++)}`;
  words.push(digits);
  return digits;
}

type Place = readonly [
  what: string,
  messages: (m: string) => readonly Uint8Array[],
  as?: (typeof PRINCIPALS)[number] | undefined,
];

const sql = (what: string, text: (m: string) => string, as?: (typeof PRINCIPALS)[number]): Place => [
  what,
  (m) => [Q(text(m))],
  as,
];
const value = (text: string) => Buffer.concat([int32(Buffer.byteLength(text)), Buffer.from(text)]);
const int32 = (n: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n);
  return bytes;
};
const bound = (texts: readonly string[], formats: number[] = [], statement = '', portal = '') =>
  bind({
    portal,
    statement,
    formats,
    values: Buffer.concat(texts.map(value)),
    valueCount: texts.length,
    resultFormats: [],
  });

/** `m` is a word. */
const WORDS: readonly Place[] = [
  sql('a literal', (m) => `select id from students where last_name = '${m}'`),
  sql('a literal over lines', (m) => `select id from students where last_name = 'a'\n'${m}'`),
  sql('with a quote in it', (m) => `select id from students where last_name = 'it''s ${m}'`),
  sql("E''", (m) => `select id from students where last_name = E'\\'${m}\\\\'`),
  sql(
    "E'' in hex",
    (m) =>
      `select id from students where last_name = E'${[...m].map((c) => `\\x${c.charCodeAt(0).toString(16)}`).join('')}'`,
  ),
  sql("U&''", (m) => `select id from students where last_name = U&'${m}!0061' UESCAPE '!'`),
  sql("N''", (m) => `select id from students where last_name = N'${m}'`),
  sql("B''", (m) => `select B'1${m}'`),
  sql("X''", (m) => `select X'${Buffer.from(m).toString('hex')}'`),
  sql('dollar quotes', (m) => `select id from students where last_name = $$${m}$$`),
  sql('tagged dollar quotes', (m) => `select id from students where last_name = $x$a $$ ${m}$x$`),
  sql('the tag of dollar quotes', (m) => `select id from students where last_name = $${m}$a$${m}$`),
  sql('a comment', (m) => `select id from students /* ${m} */ where id = 7 -- ${m}`),
  sql('nested comments', (m) => `select id from students /* a /* ${m} */ ${m} */ where id = 7`),
  sql('a comment alone', (m) => `-- ${m}\n/* ${m} */`),
  sql('a typed literal', (m) => `select date '${m}', interval '${m}' day`),
  sql('a cast', (m) => `select '${m}'::text, cast('${m}' as int), text '${m}'`),
  sql(
    'an array',
    (m) => `select id from students where last_name = any ('{${m},"${m}"}'::text[]) or last_name = any (array['${m}'])`,
  ),
  sql('a row', (m) => `select id from students where (first_name, last_name) = ('${m}', '${m}')`),
  sql(
    'IN and BETWEEN',
    (m) => `select id from students where last_name in ('${m}', 'x') or last_name between '${m}' and '${m}'`,
  ),
  sql('LIKE with ESCAPE', (m) => `select id from students where last_name like '${m}%' escape '${m}'`),
  sql('a regular expression', (m) => `select id from students where last_name ~ '^${m}'`),
  sql('JSON paths', (m) => `select '{"${m}": 1}'::jsonb -> '${m}' #> '{${m}}' @? '$.${m}'`),
  sql('JSON constructors', (m) => `select json_object('${m}': '${m}')`),
  sql('XML', (m) => `select xmlelement(name a, '${m}')`),
  sql('a full text query', (m) => `select id from students where to_tsvector(last_name) @@ to_tsquery('${m}')`),
  sql('arguments by name', (m) => `select make_interval(secs => '${m}')`),
  sql('a CASE', (m) => `select case when last_name = '${m}' then '${m}' else '${m}' end from students where id = 7`),
  sql('VALUES', (m) => `values ('${m}', 1), ('${m}', 2)`),
  sql('INSERT', (m) => `insert into things values (1, '${m}', 1)`, 'dba'),
  sql('an INSERT that is refused', (m) => `insert into things values (1, '${m}', 1)`),
  sql(
    'ON CONFLICT and RETURNING',
    (m) => `insert into things values (2, '${m}', 1) on conflict (id) do update set note = '${m}' returning '${m}'`,
    'dba',
  ),
  sql('UPDATE', (m) => `update things set note = '${m}' where note = '${m}'`, 'dba'),
  sql('DELETE', (m) => `delete from things where note = '${m}'`, 'dba'),
  sql(
    'MERGE',
    (m) =>
      `merge into things t using (values ('${m}')) v (a) on t.note = v.a when matched then update set note = '${m}' when not matched then insert values (3, '${m}', 1)`,
    'dba',
  ),
  sql('a default', (m) => `create table with_default (a text default '${m}' check (a <> '${m}'))`, 'dba'),
  sql('DO', (m) => `do $$ begin perform '${m}'; end $$`, 'dba'),
  sql('a function', (m) => `create function f_${made}() returns text language sql as $$ select '${m}' $$`, 'dba'),
  sql('COMMENT', (m) => `comment on table things is '${m}'`, 'dba'),
  sql('a password', (m) => `create role rg_${made} password '${m}'; drop role if exists rg_${made}`, 'dba'),
  sql('COPY options', (m) => `copy (select id from students where id = 7) to stdout with (format csv, null '${m}')`),
  sql('COPY of a query', (m) => `copy (select id from students where last_name = '${m}') to stdout`),
  sql('COPY to a file', (m) => `copy students to '/tmp/${m}'`, 'dba'),
  sql(
    'SET',
    (m) => `set application_name = '${m}'; select id from students where id = 7; reset application_name`,
    'dba',
  ),
  sql('SET by a word', (m) => `set application_name = ${m}; reset application_name`, 'dba'),
  sql('SET by a quoted word', (m) => `set application_name to "${m}"; reset application_name`, 'dba'),
  sql('an unknown setting', (m) => `set my.${m} = 'x'`, 'dba'),
  sql('a setting that is refused', (m) => `set search_path = '${m}', ${m}`),
  sql('set_config', (m) => `select set_config('my.thing', '${m}', false)`, 'dba'),
  sql('a token', (m) => `set rowgate.token = '${m}'`),
  sql('a time zone', (m) => `set time zone '${m}'`),
  sql('SHOW', (m) => `show "${m}"`),
  sql(
    'a name of a statement',
    (m) => `prepare ${m} as select id from students where id = 7; execute ${m}; deallocate ${m}`,
  ),
  sql(
    'a text that is prepared',
    (m) => `prepare p1 (text) as select id from students where last_name = '${m}' or last_name = $1; deallocate p1`,
  ),
  sql(
    'EXECUTE',
    (m) =>
      `prepare p2 (text) as select id from students where last_name = $1; execute p2 ('${m}' || '${m}'); deallocate p2`,
  ),
  sql(
    'a name of a cursor',
    (m) =>
      `begin; declare ${m} cursor for select id from students where last_name = '${m}'; fetch 1 from ${m}; move 1 in ${m}; close ${m}; commit`,
  ),
  sql('a savepoint', (m) => `begin; savepoint ${m}; rollback to savepoint ${m}; release ${m}; commit`),
  sql('a prepared transaction', (m) => `begin; prepare transaction '${m}'`, 'dba'),
  sql('an alias of a column', (m) => `select id as ${m}, last_name "${m}" from students where id = 7`),
  sql('an alias of a table', (m) => `select ${m}.id from students ${m} where ${m}.id = 7`),
  sql('names of a list of columns', (m) => `select * from (values (1)) as v (${m})`),
  sql('a name of a CTE', (m) => `with "${m}" as (select id from students where id = 7) select * from "${m}"`),
  sql(
    'a name of a window',
    (m) => `select id, rank() over ${m} from students where id = 7 window ${m} as (order by id)`,
  ),
  sql('a literal in the wrong quotes', (m) => `select id from students where last_name = "${m}"`),
  sql('the same, for a role that is held to nothing', (m) => `select id from students where last_name = "${m}"`, 'dba'),
  sql('a word without quotes', (m) => `select id from students where last_name = ${m}`),
  sql('a table that is not there', (m) => `select * from ${m}`),
  sql('the same, unrestricted', (m) => `select * from public.${m}`, 'dba'),
  sql('a function that is not there', (m) => `select ${m}(1)`),
  sql('a type that is not there', (m) => `select '1'::${m}`),
  sql('a collation', (m) => `select id from students order by last_name collate "${m}"`),
  sql('a field that is not there', (m) => `select (s).${m} from students s`),
  sql(
    'a temporary table',
    (m) => `create temp table ${m} as select id from students where id = 7; select * from ${m}; drop table ${m}`,
  ),
  sql('LISTEN', (m) => `listen ${m}; unlisten ${m}`, 'dba'),
  sql('NOTIFY', (m) => `notify ch, '${m}'`, 'dba'),
  sql('the channel of NOTIFY', (m) => `notify ${m}, 'a'`, 'dba'),
  sql('LOCK that is refused', (m) => `lock table ${m}`),
  sql('DDL that is refused', (m) => `create table a (b text default '${m}')`),
  sql('EXPLAIN', (m) => `explain (costs off) select id from students where last_name = '${m}'`, 'dba'),
  sql('a row lock', (m) => `select id from students where last_name = '${m}' for update`, 'dba'),
  sql('CALL', (m) => `call ${m}('${m}')`, 'dba'),
  sql('a statement that does not parse', (m) => `select id from students where last_name = '${m}' and and ${m}`),
  sql('a word where a statement should be', (m) => m),
  sql('an open literal', (m) => `select id from students where last_name = '${m}`),
  sql('an open comment', (m) => `select 1 /* ${m}`),
  sql('open dollar quotes', (m) => `select $$${m}`),
  sql('an open name', (m) => `select "${m}`),
  sql('several statements, one of them wrong', (m) => `select 1; selec '${m}'; select '${m}'`),
  sql('one that is too long', (m) => `select '${m}${'x'.repeat(2_200_000)}'`),
  sql('one that is too deep', (m) => `select ${'('.repeat(5000)}'${m}'${')'.repeat(5000)}`),
  sql('behind what the log cuts', (m) => `select id from students where last_name in (${"'a',".repeat(3000)}'${m}')`),
  sql('an error by a value', (m) => `select '${m}'::int`, 'dba'),
  sql(
    'an error by a key',
    (m) => `insert into things values (10, '${m}', 1); insert into things values (11, '${m}', 1)`,
    'dba',
  ),
  sql('an error by a check', (m) => `insert into things values (12, 'bad ${m}', 1)`, 'dba'),
  sql('an exception of a function', (m) => `select raise_value('${m}')`, 'dba'),
  sql('a notice of a function', (m) => `select note_value('${m}')`, 'dba'),
  sql('an error in a date', (m) => `select date '${m}'`),
  sql('a value that the database holds', (m) => `select id, last_name from students where last_name = '${m}'`, 'dba'),
  ['Parse', (m) => [P(`select id from students where last_name = '${m}'`), bound([]), E(), S()]],
  ['Bind as text', (m) => [P('select id from students where last_name = $1'), bound([m]), E(), S()]],
  ['Bind in binary', (m) => [P('select id from students where last_name = $1', '', [25]), bound([m], [1]), E(), S()]],
  ['Bind that fails', (m) => [P('select id from students where id = $1'), bound([m]), E(), S()]],
  ['Bind of too many', (m) => [P('select id from students where id = 7'), bound([m, m]), E(), S()]],
  [
    'a name of a statement in Parse',
    (m) => [P('select id from students where id = 7', m), DS(m), bound([], [], m), E(), CS(m), S()],
  ],
  [
    'a name of a portal',
    (m) => [P('select id from students where id = 7'), bound([], [], '', m), DP(m), E(m), CP(m), S()],
  ],
  ['names that are not there', (m) => [bound([], [], m, m), E(m), S()]],
  ['a portal that is not there', (m) => [execute({ portal: m, maxRows: 0 }), S()]],
  ['a type that Parse names', (m) => [P(`select $1::${m}`, '', [4_000_000_000 % 2 ** 31]), S()]],
  ['COPY data as text', (m) => [Q('copy things from stdin'), D(`100\t${m}\t1\n`), DONE], 'dba'],
  ['COPY data as CSV', (m) => [Q('copy things from stdin with (format csv)'), D(`101,"${m}",1\n`), DONE], 'dba'],
  ['COPY data that is wrong', (m) => [Q('copy things from stdin'), D(`${m}\t${m}\t1\n`), DONE], 'dba'],
  ['COPY data in binary', (m) => [Q('copy things from stdin with (format binary)'), D(`PGCOPY\n${m}`), DONE], 'dba'],
  ['COPY that the client fails', (m) => [Q('copy things from stdin'), D(`102\t${m}\t1\n`), FAIL], 'dba'],
];

/** `m` is a number. */
const NUMBERS: readonly Place[] = [
  sql('a number', (m) => `select id from students where id = ${m}`),
  sql('with a sign', (m) => `select id from students where id in (-${m}, +${m}, ${m}.5, ${m}e2)`),
  sql('in hex', (m) => `select id from students where id = 0x${Number(m).toString(16)}`),
  sql('octal and binary', (m) => `select 0o${Number(m).toString(8)}, 0b${Number(m).toString(2)}`),
  sql('with underscores', (m) => `select id from students where id = ${m.replace(/(\d{3})$/, '_$1')}`),
  sql('LIMIT and OFFSET', (m) => `select id from students limit ${m} offset ${m}`),
  sql('FETCH FIRST', (m) => `select id from students fetch first ${m} rows only`),
  sql('an index of an array', (m) => `select (array[1])[${m}], (array[1])[${m}:${m}]`),
  sql('a type’s modifier', (m) => `select 'a'::varchar(${m})`),
  sql('an interval', (m) => `select interval '${m} days', make_interval(secs => ${m})`),
  sql('ORDER BY', (m) => `select id from students order by ${m}`),
  sql('a parameter that is not there', (m) => `select $${m}`),
  sql('a number that runs into a word', (m) => `select ${m}abc`),
  sql(
    'rows of a cursor',
    (m) => `begin; declare c cursor for select id from students; fetch ${m} from c; move forward ${m} in c; commit`,
  ),
  sql('in an alias', (m) => `select id as "a${m}" from students where id = 7`),
  sql('a setting', (m) => `set statement_timeout = ${m}`),
  sql('pg_sleep', (m) => `select pg_sleep(${m})`),
  sql('an error of its range', (m) => `insert into things values (200, 'x', ${m})`, 'dba'),
  ['Bind as text', (m) => [P('select id from students where id = $1'), bound([m]), E(), S()]],
];

async function isNowhere(word: string, [, messages, as = 'office']: Place): Promise<void> {
  await ask(peers[as], ...messages(word));
  expect(found(word)).toEqual([]);
}

describe('no word is kept from', () => {
  test.each(WORDS.map((place) => ({ what: place[0], place })))('$what', ({ place }) => isNowhere(marker(), place));
});

describe('no number is kept from', () => {
  test.each(NUMBERS.map((place) => ({ what: place[0], place })))('$what', ({ place }) => isNowhere(number(), place));
});

describe('no word is kept that a stranger sends:', () => {
  const STRANGERS: readonly [string, (m: string) => pg.ClientConfig][] = [
    ['application_name', (m) => ({ connectionString: guard.url('nobody', 'x'), application_name: m })],
    ['a user', (m) => ({ connectionString: guard.url(m, 'x') })],
    ['a password', (m) => ({ connectionString: guard.url('office', m) })],
    ['a database', (m) => ({ connectionString: guard.url('office').replace(/[^/]*$/, m) })],
    [
      'a database, with a password that is wrong',
      (m) => ({ connectionString: guard.url('office', m).replace(/[^/]*$/, m) }),
    ],
    ['options', (m) => ({ connectionString: guard.url('office'), options: `-c my.thing=${m}` })],
    ['a setting', (m) => ({ connectionString: guard.url('office'), options: `--${m}=${m}` })],
  ];
  test.each(STRANGERS)('%s', async (_what, config) => {
    const word = marker();
    const client = new pg.Client(config(word));
    client.on('error', () => {});
    await client.connect().then(
      () => client.query('select id from students where id = 7'),
      () => {},
    );
    await client.end().catch(() => {});
    expect(found(word)).toEqual([]);
  });
});

test('an application’s name, which is no value, is in its own field alone', async () => {
  const word = marker();
  const client = new pg.Client({ connectionString: guard.url('office'), application_name: word });
  await client.connect();
  await client.query('select id from students where id = 7');
  await client.end();
  words.pop();
  for (const place of found(word)) expect(place).toContain(`"application":"${word}`);
});

test('in an alarm', async () => {
  const word = marker();
  for (let i = 0; i < 5; i++)
    await ask(peers.teacher, Q(`select ine from students where ine = '${word}' or "${word}"`));
  await expect.poll(() => told, { timeout: 120_000 }).toContain('locked');
  expect(found(word)).toEqual([]);
});

test('the search finds a marker that is there', async () => {
  for (const word of ['school_office', Buffer.from('locked').toString(), 'teacher'])
    expect(found(word)).not.toEqual([]);
});

test('at the end, with all that was written late', async () => {
  expect((await guard.records()).length).toBeGreaterThan(150);
  await new Promise((done) => setTimeout(done, 300));
  expect(words.length).toBeGreaterThan(100);
  expect(words.flatMap(found)).toEqual([]);
});

/** The places of a word, in any letters, or as its bytes are shown. */
function found(word: string): string[] {
  const bytes = Buffer.from(word);
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  );
  const forms = [word, bytes.toString('hex'), [...word].reverse().join(''), ...(word.length > 8 ? base64 : [])];
  return everything().flatMap(([place, text]) =>
    forms
      .filter((form) => text.toLowerCase().includes(form.toLowerCase()))
      .map((form) => `${place}: ${around(text, form)}`),
  );
}

function around(text: string, form: string): string {
  const at = text.toLowerCase().indexOf(form.toLowerCase());
  return text.slice(Math.max(0, at - 150), at + 60);
}

/** All that the guard has kept or told. */
function everything(): [string, string][] {
  const beside = dirname(guard.configFile);
  const files = (readdirSync(beside, { recursive: true }) as string[])
    .map((name) => join(beside, name))
    .filter((path) => existsSync(path) && statSync(path).isFile())
    .map((path): [string, string] => {
      const content = readFileSync(path);
      return [path, (path.endsWith('.gz') ? gunzipSync(content) : content).toString('latin1')];
    });
  return [...files, ['operators’ log', operators], ['alarms', told]];
}
