/** The worst statements that were found: each makes the parser, the walks over the tree, or the rewriting take as long as possible. */
import type { Random } from '../support/random.ts';

const many = (n: number, of: (i: number) => string, between = ', '): string =>
  Array.from({ length: n }, (_, i) => of(i)).join(between);

/** By kind. Tables as in `world.ts`. */
export const BOMBS: Readonly<Record<string, string>> = {
  'a megabyte of names': `SELECT ${'a,'.repeat(500_000)}a`,
  'as many names as are read': `SELECT ${'a,'.repeat(9_000)}a`,
  'as many columns': `SELECT ${'id,'.repeat(9_000)}id FROM students`,
  'a megabyte of casts': `SELECT ${"'1'::int4,".repeat(100_000)}1`,
  'a megabyte of constants': `SELECT ${'1,'.repeat(500_000)}1`,
  'a megabyte in IN': `SELECT 1 FROM students WHERE id IN (${'1,'.repeat(500_000)}1)`,
  'a megabyte of rows': `INSERT INTO rooms VALUES ${many(60_000, (i) => `(${i},'a',1)`, ',')}`,
  'rows with a call': `INSERT INTO rooms VALUES ${many(10_000, (i) => `(${i}, upper('a'), 1)`)}`,
  'one long literal': `SELECT last_name FROM students WHERE last_name = '${'x'.repeat(1_000_000)}'`,
  'one literal full of quotes': `SELECT last_name FROM students WHERE last_name = '${"''".repeat(500_000)}'`,
  comments: `SELECT 1 ${'/**/'.repeat(250_000)}`,
  'line comments': `SELECT 1 ${'--\n'.repeat(300_000)}`,
  'unfinished comments': `SELECT 1 ${'/*'.repeat(20_000)}`,
  blanks: `SELECT ${' '.repeat(1_000_000)} 1`,
  signs: `SELECT ${'+'.repeat(200_000)}1`,
  'signs apart': `SELECT ${'- '.repeat(200_000)}1`,
  'a chain of operators': `SELECT ${'a+'.repeat(20_000)}a`,
  'a chain of casts': `SELECT a${'::b'.repeat(20_000)}`,
  'a chain of collations': `SELECT a${' COLLATE "C"'.repeat(20_000)}`,
  'a chain of NOT': `SELECT ${'NOT '.repeat(20_000)}true`,
  'a chain of UNION': `${'SELECT id FROM students UNION '.repeat(9_000)}SELECT 1`,
  'a chain of joins': `SELECT 1 FROM students${' NATURAL JOIN students'.repeat(9_000)}`,
  AND: `SELECT 1 FROM students WHERE ${many(64_000, () => 'true', ' AND ')}`,
  'OR of what can tell': `SELECT 1 FROM students WHERE ${many(1_500, (i) => `last_name::int = ${i}`, ' OR ')}`,
  brackets: `SELECT ${'('.repeat(4_000)}1${')'.repeat(4_000)}`,
  'calls in calls': `SELECT ${'abs('.repeat(3_000)}1${')'.repeat(3_000)}`,
  'subqueries in subqueries': `SELECT ${'(SELECT '.repeat(3_000)}1${')'.repeat(3_000)}`,
  'derived tables in derived tables': `${'SELECT * FROM ('.repeat(2_000)}SELECT 1${many(2_000, (i) => `) t${i}`, '')}`,
  'CTEs in CTEs': `${'WITH a AS ('.repeat(2_000)}SELECT 1${') SELECT 1'.repeat(2_000)}`,
  'CASE in CASE': `SELECT ${'CASE WHEN true THEN '.repeat(3_000)}1${' END'.repeat(3_000)}`,
  'FILTER in FILTER': `SELECT ${'count(*) FILTER (WHERE '.repeat(2_000)}true${')'.repeat(2_000)}`,
  'many guarded relations': `SELECT 1 FROM ${many(2_000, (i) => `students s${i}`)}`,
  'joins of guarded relations': `SELECT 1 FROM students s0 ${many(300, (i) => `JOIN students s${i + 1} ON s${i + 1}.id = s${i}.id`, ' ')}`,
  'what can tell, over many relations': `SELECT ${many(400, (i) => `s${i % 100}.last_name::int`)} FROM ${many(100, (i) => `students s${i}`)}`,
  'names to be found among many relations': `SELECT ${many(2_000, () => 'capacity')} FROM ${many(300, (i) => `students s${i}`)}, rooms`,
  'many CTEs': `WITH ${many(1_500, (i) => `c${i} AS (SELECT id FROM students)`)} SELECT 1 FROM ${many(300, (i) => `c${i}`)}`,
  'many keys': `SELECT ${many(900, (i) => `id + ${i}`)} FROM students GROUP BY ${many(900, (i) => `id + ${i}`)}`,
  'many statements': 'SELECT 1;'.repeat(6_000),
  'many guarded statements': many(900, (i) => `SELECT last_name FROM students WHERE id = ${i}`, '; '),
  'many empty statements': ';'.repeat(300_000),
  'many unknown columns': `SELECT ${many(8_000, (i) => `nope${i}`)} FROM students`,
  'whole rows': `SELECT ${many(800, () => 's')} FROM students s`,
  stars: `SELECT ${many(2_000, () => '*')} FROM students, absences, rooms`,
  'strings with UESCAPE': `SELECT ${many(4_000, () => "U&'\\0041'")}`,
  windows: `SELECT ${many(1_500, () => 'count(*) OVER (PARTITION BY id ORDER BY id)')} FROM students`,
  'the last place to group by': 'SELECT id FROM students GROUP BY 2147483647',
  'the last place to order by': 'SELECT id FROM students UNION SELECT 1 ORDER BY 2147483647',
  'the last parameter': 'SELECT $2147483647',
  'the last parameter, where its type is told': 'SELECT id FROM students WHERE id = $2147483647',
  'the last parameter, of a write': 'INSERT INTO rooms VALUES ($2147483647, $2147483646::text, 1)',
  'the last parameter, of PREPARE': 'PREPARE p AS SELECT id FROM students WHERE id = $2147483647',
  'a long type': `SELECT last_name::varchar(2147483647), 1::numeric(1000, 1000) FROM students`,
  'a large number': `SELECT 1e2147483647, 9${'9'.repeat(100_000)} FROM students`,
  'a large shift': 'SELECT 1 << 2147483647, 10 ^ 2147483647, repeat(last_name, 2147483647) FROM students',
  'a large bound': 'SELECT id FROM students LIMIT 2147483647 OFFSET 9223372036854775807',
  'a large frame': 'SELECT count(*) OVER (ROWS 2147483647 PRECEDING) FROM students',
  'a large field': 'SELECT (ARRAY[1])[2147483647], substring(last_name FROM 2147483647) FROM students',
  'array brackets': `SELECT ${'ARRAY['.repeat(3_000)}1${']'.repeat(3_000)}`,
};

const PIECES = [
  ...[
    'a',
    'id',
    's.id',
    '1',
    "''",
    '$1',
    's',
    '*',
    'last_name::int',
    'last_name',
    '(SELECT 1)',
    'count(*)',
    'upper(last_name)',
    'true',
    'NULL',
  ],
  ...[
    'CASE WHEN true THEN 1 END',
    'id IN (1, 2)',
    'id BETWEEN 1 AND 2',
    '(id, 1) = (1, id)',
    'ARRAY[1, id]',
    'EXISTS (SELECT 1 FROM students)',
  ],
];
const JOINTS = [', ', ' + ', ' AND ', ' OR ', ' = ', '::text || ', ' COLLATE "C" < ', ' IS NULL OR '];
const AROUND: readonly (readonly [string, string])[] = [
  ['(', ')'],
  ['coalesce(', ')'],
  ['(SELECT ', ')'],
  ['CASE WHEN true THEN ', ' END'],
  ['NOT ', ''],
  ['- ', ''],
  ['ROW(', ')'],
];
const FROM = [
  '',
  ' FROM students s',
  ' FROM students s, absences a',
  ' FROM rooms s NATURAL JOIN rooms b',
  ' FROM (SELECT * FROM students) s',
];

/** A statement made of repeated pieces. */
export function randomBomb(random: Random): string {
  const piece = random.pick(PIECES);
  const joint = random.pick(JOINTS);
  const [open, close] = random.pick(AROUND);
  const depth = random.once(3) ? random.int(1_200) : random.int(4);
  const inner = many(1 + random.int(random.once(2) ? 6_000 : 60), () => piece, joint);
  const select = `SELECT ${open.repeat(depth)}${inner}${close.repeat(depth)}${random.pick(FROM)}`;
  const times = random.once(4) ? 1 + random.int(60) : 1;
  return many(times, () => select, random.pick([' UNION ALL ', '; ']));
}
