/** Tests what a condition or mask may not hold: the error gives its place; and similar expressions that are allowed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { catalogOf, environment } from './environment.ts';

let database: FreshDatabase;
let catalog: Catalog;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    create domain school_day as date check (value > date '2000-01-01');
    create domain first_day as school_day;
    create domain moment as timestamptz;
    create type term as (number integer, day date);
    create table days (id integer, day date, of_school school_day, at moment, at_plain timestamptz, during daterange, notes text[]);
  `);
  catalog = await catalogOf(database.url);
});
afterAll(() => database.drop());

/** `column: message` of each problem; the SQL is on its own line, and begins at column 1. */
function problems(tables: string, sql: string): string[] {
  const text = `role: teacher\nlimits: none\ntables:\n${tables.replace('SQL', sql)}\n`;
  const line = text.split('\n').findIndex((content) => content.trim() === sql) + 1;
  const indent = text.split('\n')[line - 1]!.indexOf(sql);
  const { diagnostics } = loadPolicy([{ path: 'roles/teacher.yaml', text }], environment(catalog));
  return diagnostics.map((diagnostic) =>
    diagnostic.line === line ? `${diagnostic.column - indent}: ${diagnostic.message}` : formatDiagnostic(diagnostic),
  );
}
const ofRows = (sql: string): string[] =>
  problems('  days:\n    rows: |-\n      SQL\n    select: { columns: [id] }', sql);
const ofMask = (sql: string): string[] =>
  problems('  days:\n    select:\n      masks:\n        id: |-\n          SQL', sql);

const WINDOW = 'a window function cannot stand here';
const SERIES = 'a set-returning function cannot stand here';
const AGGREGATE = 'an aggregate cannot stand here';

describe('conditions that are not about one row', () => {
  it.each([
    ['row_number() over () < 5', [`1: ${WINDOW}`]],
    ['id < 5 AND sum(id) over (partition by day) > 1', [`12: ${WINDOW}`]],
    ['id = generate_series(1, 3)', [`6: ${SERIES}`]],
    ["id IS NULL OR coalesce(unnest(notes), 'x') = 'x'", [`24: ${SERIES}`]],
    ['id = max(id)', [`6: ${AGGREGATE}`]],
    ['lag(id) over () in (select id from days)', [`1: ${WINDOW}`]],
  ])('%s', (sql, expected) => expect(ofRows(sql)).toEqual(expected));

  it('a mask: it would number hidden rows, or make two rows of one', () => {
    expect(ofMask('rank() over (order by day)')).toEqual([`1: ${WINDOW}`]);
    expect(ofMask('1 + generate_series(1, 2)')).toEqual([`5: ${SERIES}`]);
    expect(ofMask('count(*)')).toEqual([`1: ${AGGREGATE}`]);
    expect(ofMask('grouping(id)')).toEqual([`1: ${AGGREGATE}`]);
  });

  it.each([
    'id in (select max(id) from days group by day)',
    'id in (select row_number() over () from days)',
    'id in (select generate_series(1, 3))',
    'id = (select count(*) from generate_series(1, 3))',
  ])('in a subquery they may: %s', (sql) => expect(ofRows(sql)).toEqual([]));
});

it.each(['(id).abs > 1', 'number((select (1, day)::term)) = 1'])(
  'a call as a field, or a field as a call, whose names would be looked up anew: %s',
  (sql) => expect(ofRows(sql)).toContain('1: write calls as f(x) and fields as (x).f'),
);

describe('literals that move with settings of the session', () => {
  const STYLE = /^\d+: '.*' moves with the session's DateStyle/;
  const ZONE = /^\d+: '.*' moves with the session's time zone/;

  it.each([
    ["day = '01/02/2026'", 7, STYLE],
    ["of_school = '01/02/2026'", 13, STYLE],
    ["of_school = school_day '01/02/2026'", 24, STYLE],
    ["day = '01/02/2026'::first_day", 7, STYLE],
    ["id > 1 and at > '2026-09-01 00:00'", 17, ZONE],
    ["at_plain > '2026-09-01 00:00'::moment", 12, ZONE],
    ["at > moment 'today'", 13, ZONE],
    ["day = any ('{2026-09-01,01/02/2026}')", 12, STYLE],
    ["day = any ('{2026-09-01,01/02/2026}'::school_day[])", 12, STYLE],
    ["day <@ daterange '[2026-09-01,01/02/2027)'", 18, STYLE],
    ["during && '{[2026-09-01,01/02/2027)}'::datemultirange", 11, STYLE],
    ["day + interval '-1 day 2 hours' < timestamp '2026-09-01'", 16, /IntervalStyle/],
    ["('(1,01/02/2026)'::term).day = day", 2, /row type/],
  ])('%s', (sql, column, message) => {
    const found = ofRows(sql);
    expect(found).toEqual([expect.stringMatching(message)]);
    expect(found[0]).toMatch(new RegExp(`^${column}: `));
  });

  it.each([
    "day = '2026-02-01' or of_school = '2026-02-01'",
    "of_school = first_day '2026-02-01'",
    "at > '2026-09-01 00:00+02' and at < 'infinity'",
    "day = any ('{2026-09-01,NULL,2026-10-01}')",
    "day <@ daterange '[2026-09-01,2027-02-01)' or during = 'empty'",
    "day + interval '1 day 2 hours' - interval '-1 day -2 hours' < timestamp '2026-09-01'",
    "'x' = any (notes)",
  ])('written so that they do not: %s', (sql) => expect(ofRows(sql)).toEqual([]));
});
