/** Tests parameters without a declared type: the guard takes them for the same type as the server, whatever the order of clauses, and declares it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { analyze, isQuery, toldTypes } from '../../src/sql/analyze/analyze.ts';
import type { RelationView } from '../../src/sql/analyze/range-table.ts';
import type { Catalog, Relation } from '../../src/sql/catalog/catalog.ts';
import { isParsed, parse } from '../../src/sql/parse/parse.ts';
import { catalogOf } from '../decisions/policies.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { eachSince } from '../support/since.ts';

const SCHEMA = `
CREATE TYPE en AS ENUM ('a');
CREATE DOMAIN dm AS char(3);
CREATE TYPE co AS (x char(3), y int);
CREATE TABLE s (id int PRIMARY KEY, b bool, c bool, d int[]);
CREATE TABLE u (id int PRIMARY KEY, bp char(5), vc varchar(5), n name, i int, d date, dom dm, e en, j jsonb, ts timestamp, dt date, ar int[],
  num numeric, f float8, cm co)`;

/** Each @ is a place for an expression. */
const ORDERS = [
  'WITH x AS (SELECT @ FROM s) SELECT @ FROM x JOIN s ON @ WHERE @ GROUP BY @ HAVING @ ORDER BY @ LIMIT (@)::int OFFSET (@)::int',
  'SELECT DISTINCT ON (@) @ FROM s, LATERAL (SELECT @ FROM s q WHERE @) y WHERE @',
  'SELECT count(*) FILTER (WHERE @) OVER (PARTITION BY @ ORDER BY @), sum(1) OVER w, @ FROM s WHERE @ WINDOW w AS (PARTITION BY @ ORDER BY @)',
  'SELECT CASE @ WHEN @ THEN @ WHEN @ THEN @ ELSE @ END, COALESCE(@, @), GREATEST(@, @), (@) IN (@, @), (@, @) = (@, @), ARRAY[@, @], (@) BETWEEN (@) AND (@)',
  'SELECT CASE WHEN @ THEN @ ELSE @ END, EXISTS (SELECT @ FROM s WHERE @), (@) IN (SELECT @ FROM s), (@) = ANY (ARRAY[@])',
  'SELECT @ UNION SELECT @ ORDER BY 1 LIMIT (@)::int',
  'VALUES (@, @), (@, @)',
  'WITH x AS (SELECT @) INSERT INTO s (b, c) SELECT @, @ FROM x WHERE @ ON CONFLICT (id) WHERE @ DO UPDATE SET b = (@), c = (@) WHERE @ RETURNING @',
  'INSERT INTO s (b, c) VALUES (@, @), (@, @) ON CONFLICT (id) DO UPDATE SET (b, c) = (@, @) WHERE @ RETURNING @',
  'INSERT INTO s (b, c) VALUES (@, @) ON CONFLICT DO NOTHING RETURNING @',
  'UPDATE s SET b = @, c = @ FROM s q JOIN s r ON @ WHERE @ RETURNING @',
  'WITH x AS (SELECT @) UPDATE s SET (b, c) = (SELECT @, @), d[(@)::int] = 1 WHERE @ RETURNING @',
  'DELETE FROM s USING s q JOIN s r ON @ WHERE @ RETURNING @, @',
  'MERGE INTO s USING (SELECT @ AS z FROM s) q ON @ WHEN MATCHED AND @ THEN UPDATE SET b = @, c = @ WHEN NOT MATCHED AND @ THEN INSERT (b, c) VALUES (@, @) WHEN NOT MATCHED BY SOURCE AND @ THEN DELETE RETURNING @',
  'SELECT json_build_object(@, @), rank(@) WITHIN GROUP (ORDER BY @), string_agg((@)::text, (@)::text ORDER BY @) FILTER (WHERE @) FROM s',
  'SELECT * FROM generate_series(1, (@)::int) g JOIN LATERAL (SELECT @) z ON @',
  'SELECT JSON_OBJECT((@)::text : @), JSON_ARRAY(@, @), (@) IS DISTINCT FROM (@), NULLIF(@, @), (ARRAY[1,2])[(@)::int:(@)::int], xmlelement(name x, @, @), ROW(@, @)',
  'WITH RECURSIVE x(n) AS (SELECT @ UNION ALL SELECT @ FROM x WHERE @) SELECT @ FROM x',
  'SELECT @ FROM s GROUP BY GROUPING SETS ((@), (@)) HAVING @',
  'SELECT (@)::text LIKE ALL (ARRAY[(@)::text]), s.* FROM s TABLESAMPLE system((@)::int) REPEATABLE ((@)::int) WHERE @',
];

/** Conditions that ask for a type. */
const CONDITIONS = [
  '$1 = bp',
  '$1 = n',
  'bp LIKE $1',
  "$1 || bp = ''",
  'i = $1',
  '$1 > 2.5',
  'coalesce($1, bp) = vc',
  'CASE $1 WHEN bp THEN true END',
  'CASE $1 WHEN i THEN true END',
  '$1 IN (bp, vc)',
  'bp IN ($1, vc)',
  "bp IN ($1, 'a')",
  'i IN ($1, 2.5)',
  'i IN ($1, 2)',
  '(SELECT $1) = bp',
  'EXISTS (SELECT 1 FROM (SELECT $1 AS x) q WHERE q.x = bp)',
  'NULLIF($1, bp) = vc',
  "GREATEST($1, n) = 'a'",
  "ARRAY[$1, bp] = '{}'",
  'lower($1) = bp',
  'length($1) = 1',
  '$1 IS NULL',
  '$1 BETWEEN 1 AND 2.5',
  '$1 = ANY(ARRAY[bp])',
  'bp = ANY($1)',
  '($1, 1) = (bp, i)',
  '$1 IN (SELECT bp FROM u)',
  'bp IN (SELECT $1)',
  "ARRAY(SELECT $1) = '{a}'",
  "concat($1, bp) = ''",
  '$1::text = bp',
  '$1 IS DISTINCT FROM bp',
  'EXISTS (SELECT $1 UNION SELECT bp FROM u)',
  'EXISTS (SELECT bp FROM u UNION SELECT $1)',
  'vc = $1',
  'vc LIKE $1',
  'n LIKE $1',
  "vc || $1 = ''",
  "$1 || vc = ''",
  'd = $1',
  'dom = $1',
  'dom LIKE $1',
  'e = $1',
  'EXISTS (VALUES ($1), (bp))',
  'EXISTS (VALUES (bp), ($1))',
  'EXISTS (SELECT 1 LIMIT $1)',
  'j -> $1 IS NULL',
  'j @> $1',
  'ts > $1',
  "ts - $1 > 'yesterday'",
  "dt + $1 > 'yesterday'",
  'i + $1 > 0',
  '$1',
  'NOT $1',
  '$1 = $1',
  "to_char(ts, $1) = ''",
  'ar[$1] = 1',
  'ar @> $1',
  '$1 = ar',
  'i = ANY($1)',
  "substring(bp, $1) = ''",
  "substring(bp from $1) = ''",
  "overlay(vc placing $1 from 2) = ''",
  "trim(both $1 from bp) = ''",
  'position($1 in bp) = 1',
  'bp SIMILAR TO $1',
  "bp LIKE 'a' ESCAPE $1",
  "(bp, 1) IN (($1, 2), ('a', i))",
  'xmlelement(name x, $1) IS NULL',
  "JSON_OBJECT('a' : $1) IS NULL",
  "JSON_VALUE(j, '$' PASSING $1 AS q) IS NULL",
  "json_build_object('a', $1) IS NULL",
  'max($1) OVER () = bp',
  'EXISTS (SELECT max($1) = bp)',
  'EXISTS (SELECT FROM generate_series(1, $1))',
  'EXISTS (SELECT FROM unnest($1))',
  'EXISTS (SELECT FROM u ORDER BY $1)',
  'EXISTS (SELECT DISTINCT $1)',
  'EXISTS (SELECT 1 GROUP BY $1)',
  'num = $1',
  'num = $1 + 1',
  '-$1 > 1',
  '@ $1 > 1',
  'i / $1 > 0',
  'coalesce(i, $1) > 2',
  'coalesce($1, 2.5) > i',
  'nullif(i, $1) = 1',
  'num IN (1, $1)',
  'f IN (1, $1)',
  "$1 AT TIME ZONE 'UTC' > ts",
  'ts AT TIME ZONE $1 > ts',
  'extract(year from $1) = 2',
  "interval '1 day' * $1 > $2",
  'bp = $1 COLLATE "C"',
  'row(i, bp) = row(1, $1)',
  "row($1, bp) < row('a', $1)",
  'bp > ALL (SELECT $1)',
  "bp = (SELECT $1 UNION SELECT 'a')",
  'EXISTS (WITH x AS (SELECT $1 AS y) SELECT FROM x WHERE y = bp)',
  'EXISTS (WITH RECURSIVE x(y) AS (SELECT $1 UNION ALL SELECT bp FROM x, u) SELECT FROM x WHERE y = bp)',
  'EXISTS (SELECT FROM (VALUES ($1)) v(x) WHERE x = bp)',
  'EXISTS (SELECT FROM LATERAL (SELECT $1 AS x) v WHERE x > i)',
];

const STATEMENTS = [
  'INSERT INTO u (bp) SELECT $1',
  'INSERT INTO u (bp) VALUES ($1)',
  'INSERT INTO u (bp) VALUES ($1), ($1)',
  'INSERT INTO u (bp) SELECT $1 UNION SELECT $1',
  'INSERT INTO u (vc, bp) VALUES ($1, $1)',
  'UPDATE u SET bp = $1',
  'UPDATE u SET (bp, vc) = ($1, $1)',
  'UPDATE u SET (bp, vc) = (SELECT $1, $1)',
  "UPDATE u SET bp = $1 || ''",
  'UPDATE u SET ar[$1] = 2',
  'UPDATE u SET ar[1] = $1',
  'UPDATE u SET cm.x = $1',
  'UPDATE u SET bp = coalesce($1, vc)',
  'UPDATE u SET bp = CASE WHEN true THEN $1 END',
  'UPDATE u SET bp = (SELECT $1)',
  'SELECT $1',
  'SELECT $1 UNION SELECT 2',
  'VALUES ($1)',
  'VALUES ($1), (2)',
  'SELECT 1 LIMIT $1',
  'SELECT 1 OFFSET $1',
  'SELECT 1 FETCH FIRST $1 ROWS ONLY',
  'SELECT 1 ORDER BY $1',
  'INSERT INTO u (ar[1]) VALUES ($1)',
  'INSERT INTO u (cm.x) VALUES ($1)',
  'INSERT INTO u (id, dom) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET bp = $1',
  'MERGE INTO u USING (SELECT $1 AS x) s ON u.bp = s.x WHEN MATCHED THEN DELETE',
  'MERGE INTO u USING (VALUES ($1)) s(x) ON u.bp = s.x WHEN NOT MATCHED THEN INSERT (bp) VALUES (s.x)',
  'MERGE INTO u USING u s ON true WHEN NOT MATCHED THEN INSERT (bp, vc) VALUES ($1, $2)',
  'MERGE INTO u USING u s ON true WHEN MATCHED THEN UPDATE SET bp = $1, dom = $2',
];

/** Parameters whose type the server takes from a place that the guard does not read: they are left to the server. */
const LEFT_OPEN = [
  /JSON_OBJECT\('a' : \$1\)/,
  /PASSING \$1/,
  /ORDER BY \$1/,
  /GROUP BY \$1/,
  /COLLATE/,
  /SET ar\[/,
  /\(ar\[1\]\)/,
  /cm\.x/,
];

let database: FreshDatabase;
let catalog: Catalog;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(SCHEMA);
  catalog = await catalogOf(database);
});

afterAll(() => database.drop());

const viewOf = (relation: Relation): RelationView => ({
  relation,
  columns: relation.columns.map((column) => ({ column, access: 'granted', masked: false, leaky: false })),
  guarded: false,
  hides: 'no',
  system: false,
});

/** undefined: refused. */
function told(sql: string): readonly number[] | undefined {
  const parsed = parse(sql);
  const node = isParsed(parsed) ? parsed.statements[0]?.node : undefined;
  if (!isParsed(parsed) || !node || !isQuery(node)) throw new Error(`does not parse: ${sql}`);
  const env = { catalog, searchPath: ['public'], viewOf, targetOf: viewOf, parameterTypes: [] };
  const analysis = analyze(node, parsed, env);
  return analysis.refusals.length > 0 ? undefined : toldTypes(analysis);
}

/** undefined: the server does not take the statement. */
async function settled(sql: string): Promise<number[] | undefined> {
  try {
    await database.query(`DEALLOCATE ALL; PREPARE p AS ${sql}`);
  } catch {
    return undefined;
  }
  const [row] = await database.query<{ types: string }>(
    `SELECT array_to_string(parameter_types::oid[], ',') AS types FROM pg_prepared_statements`,
  );
  return row!.types.split(',').map(Number);
}

function twoPlaces(template: string): string[] {
  const places = template.split('@').length - 1;
  const found: string[] = [];
  for (let first = 0; first < places; first++) {
    for (let second = first + 1; second < places; second++) {
      let at = -1;
      const sql = template.replaceAll('@', () => {
        at += 1;
        return at === first ? '$1::bpchar IS NULL' : at === second ? '$1::text IS NULL' : 'true';
      });
      found.push(sql.replaceAll('(true)::int', '1'));
    }
  }
  return found;
}

const isLeftOpen = (sql: string): boolean => LEFT_OPEN.some((form) => form.test(sql));

describe('the first place settles the type, in the server’s order', () => {
  const since = ([sql]: readonly [string]): number => (sql.startsWith('MERGE') ? 17 : sql.includes('JSON_') ? 16 : 14);
  const orders = ORDERS.map((sql) => [sql] as const);
  eachSince(since, orders)('%s', async (template) => {
    let compared = 0;
    for (const sql of twoPlaces(template)) {
      const [ours, theirs] = [told(sql), await settled(sql)];
      if (!ours || !theirs) continue;
      compared += 1;
      expect(ours, sql).toEqual(theirs);
    }
    expect(compared).toBeGreaterThan(0);
  });
});

test('a place settles the server’s type', async () => {
  let compared = 0;
  const all = CONDITIONS.flatMap((c) => [
    `SELECT count(*) FROM u WHERE ${c}`,
    `SELECT ${c} FROM u`,
    `DELETE FROM u WHERE ${c}`,
  ]);
  for (const sql of [...all, ...STATEMENTS]) {
    const [ours, theirs] = [told(sql), await settled(sql)];
    if (!ours || !theirs) continue;
    compared += 1;
    if (isLeftOpen(sql)) expect([0, ...theirs], sql).toContain(ours[0]);
    else expect(ours, sql).toEqual(theirs);
  }
  expect(compared).toBeGreaterThan(250);
});
