/** Tests which names of a statement a log shows: those that the database has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { KEYWORDS } from '../../src/sql/parse/keywords.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { parserModule } from '../../src/sql/parse/parser-module.ts';
import { plainTokens } from '../../src/sql/parse/scanner-tokens.ts';
import { KnownNames } from '../../src/sql/text/known-names.ts';
import { lex } from '../../src/sql/text/lexer.ts';
import { NORMALIZED_CAP, normalize } from '../../src/sql/text/normalize.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzz, fuzzRuns } from '../support/random.ts';

let database: FreshDatabase;
let names: KnownNames;

beforeAll(async () => {
  await loadParser();
  database = await freshDatabase();
  await database.query(`
    create table students (id int primary key, last_name text, "Größe" int, constraint good_name check (last_name <> ''));
    create function school_year(at_day date) returns int language sql as 'select 1'`);
  names = new KnownNames(new Catalog(await readCatalog((sql) => database.query(sql))));
});
afterAll(() => database.drop());

test.each([
  ['select id, last_name from public.students', 'select id, last_name from public.students'],
  ['select s.id from students s', 'select s.id from students s'],
  ['select pupil.id from students pupil where Pupil.id = 1', 'select name1.id from students name1 where name1.id = $1'],
  ['select id as "a""b", "Größe" as "größe" from students', 'select id as name1, "Größe" as name2 from students'],
  ['select id"Dupont"from students', 'select id name1 from students'],
  ['select U&"d\\0061ta" from students', 'select name1 from students'],
  ['select id from students where last_name = "Dupont"', 'select id from students where last_name = name1'],
  [
    'select school_year(at_day => current_date), lower($1), unheard(2)',
    'select school_year(at_day => current_date), lower($1), name1($2)',
  ],
  ['select $1::int4, $2::varchar, $3::unheard', 'select $1::int4, $2::varchar, $3::name1'],
  ['select ctid, extract(epoch from now()) from students', 'select ctid, extract(epoch from now()) from students'],
  ['copy students to stdout with (format csv, header)', 'copy students to stdout with (format csv, header)'],
  ['explain (costs off, buffers) select 1', 'explain (costs off, buffers) select $1'],
  ['set application_name = x', 'set application_name = $1'],
  ['savepoint before_dupont', 'savepoint name1'],
  ['create table new_things (a int)', 'create table new_things (a int)'],
  ['create temp table new_things as select id from students', 'create temp table name1 as select id from students'],
  ['create local temporary table new_things (a int)', 'create local temporary table name1 (a int)'],
  ['', ''],
  [';', ';'],
])('%s', (sql, shown) => expect(names.shown(normalize(sql))).toBe(shown));

test('a text that the log cuts', () => {
  const shown = names.shown(normalize(`select ${'last_name, secret_name, '.repeat(1000)} id`));
  expect(shown).toMatch(/^select last_name, name1, last_name, name1, /);
  expect(shown).toMatch(/…$/);
  expect(shown.length).toBeLessThanOrEqual(NORMALIZED_CAP + 1);
  expect(shown).not.toContain('secret');
});

test('a text that does not scan is not shown', () => {
  expect(names.shown('select "open')).toBe('');
  expect(names.shown("select 'open")).toBe('');
});

test('the keywords are those of the scanner', () => {
  const all = readFileSync(join(import.meta.dirname, '../guard/keywords.txt'), 'utf8')
    .trim()
    .split('\n');
  expect([...KEYWORDS].sort()).toEqual(all.map((line) => line.split(' ')[0]).sort());
  const scan = parserModule.ask((library) => library.scanSync([...KEYWORDS, 'students', 'pupils'].join(' ')));
  if (scan instanceof Error) throw scan;
  expect(scan.tokens.filter(({ keywordKind }) => keywordKind === 0).map(({ text }) => text)).toEqual([
    'students',
    'pupils',
  ]);
});

const BEGINNINGS = ['select ', 'SELECT', 'insert into ', 'update ', 'delete from', 'with x as '];
const SIGNS = [' ', ', ', '.', '(', ')', ' = ', '::', ' -', '[', ';', '||', '"', '""', '$1', ' $2 ', ' 12'];
const NAMES = 'students id last_name Dupont pupils "Dupont" "id" "a""b" x uescape date Value null AT "select"'.split(
  ' ',
);

test('whether the scanner is asked or not', () => {
  const words = [...NAMES, ...KEYWORDS].flatMap((word) => [word, ` ${word.toUpperCase()} `, ` ${word} `]);
  let compared = 0;
  fuzz(fuzzRuns(5_000, 500_000), (random) => {
    const rest = Array.from({ length: 1 + random.int(9) }, () => random.pick(random.int(2) ? words : SIGNS)).join('');
    const text = random.pick(BEGINNINGS) + rest;
    if (!plainTokens(text, lex(text))) return;
    compared += 1;
    // A text with a comment is not plain.
    expect(`/**/${names.shown(text)}`).toBe(names.shown(`/**/${text}`));
  });
  expect(compared).toBeGreaterThan(0);
});
