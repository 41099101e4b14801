/** Tests the text that the decision log keeps of a statement: its form, and none of its values. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { fingerprint, NORMALIZED_CAP, normalize } from '../../src/sql/text/normalize.ts';

beforeAll(() => loadParser());

/** Places where a value can be. `§` becomes a secret text, `¤` a secret number. */
const PLACES = [
  "SELECT '§'",
  "select'§'as x",
  "SELECT '§' -- '§'\n '§'",
  "SELECT 'it''s §'",
  "SELECT E'\\'§\\\\'",
  "SELECT N'§'",
  "SELECT U&'§!0061' UESCAPE '!'",
  "SELECT U&'§' uescape\n'!' AS x",
  'SELECT $$§$$, $tag$ § $$ § $tag$',
  'SELECT /* § /* § */ § */ 1 -- §',
  '-- §\nSELECT 1',
  "SELECT date '§', interval '§' day, time with time zone '§'",
  "SELECT '§'::text, CAST('§' AS name), text '§', pg_catalog.text '§'",
  'SELECT \'é😀 §\', "é" FROM "t😀" WHERE x = \'ü §\'',
  "SELECT * FROM t WHERE a IN ('§', '§') AND b LIKE '§%' ESCAPE '§' AND c BETWEEN '§' AND '§'",
  "SELECT CASE WHEN a = '§' THEN '§' ELSE '§' END",
  "SELECT f('§', x => '§', y := '§', VARIADIC ARRAY['§'])",
  "SELECT a -> '§' ->> '§' #> '{§}' FROM t",
  'SELECT * FROM t ORDER BY \'§\' || a USING <, b COLLATE "C"',
  "SELECT xmlelement(name x, '§'), json_object('§': '§'), extract(year from date '§')",
  "VALUES ('§', ¤), ('§', -¤)",
  "INSERT INTO t (a, b) VALUES ('§', ¤) ON CONFLICT (a) DO UPDATE SET a = '§' WHERE t.a <> '§' RETURNING '§'",
  "UPDATE t SET a = '§', (b, c) = ('§', ¤) WHERE d = '§'",
  "DELETE FROM t WHERE a = '§'",
  "MERGE INTO t USING s ON t.a = '§' WHEN MATCHED THEN UPDATE SET a = '§' WHEN NOT MATCHED THEN INSERT VALUES ('§')",
  'SELECT ¤, -¤, +¤, 1.¤, .¤, ¤e10, ¤e-3, a[¤], a[¤:¤]',
  'SELECT 0x¤, 0o4711, 0b1, 4_711',
  "SELECT x'4711', X'4711', B'1001', b'1001'",
  'SELECT * FROM t LIMIT ¤ OFFSET ¤',
  'SELECT * FROM t FETCH FIRST ¤ ROWS ONLY',
  "SELECT a::numeric(¤, 2), b::varchar(¤), '§'::float(24) FROM t",
  'SELECT * FROM t TABLESAMPLE bernoulli (¤)',
  "SET application_name = '§'",
  'SET application_name = §',
  'SET application_name TO "§"',
  "SET rowgate.token = '§'",
  'SET LOCAL rowgate.token = "§"; SELECT a FROM t',
  'SET SESSION rowgate.token TO U&"§"',
  'SET search_path TO a, \'§\', §, "§"',
  'ALTER ROLE x SET a.b TO §',
  'ALTER SYSTEM SET a.b = "§"',
  "SET TIME ZONE '§'",
  "SELECT set_config('rowgate.token', '§', false)",
  "PREPARE p (text) AS SELECT * FROM t WHERE a = $1 AND b = '§'",
  "EXECUTE p ('§', ¤, '§' || '§')",
  "EXPLAIN (COSTS off) SELECT '§'",
  "DECLARE c CURSOR FOR SELECT '§'",
  'FETCH ¤ FROM c; MOVE FORWARD ¤ IN c',
  "COPY t TO STDOUT WITH (FORMAT csv, DELIMITER '§', NULL '§')",
  "COPY (SELECT '§') TO '§'",
  "COPY t FROM PROGRAM '§'",
  'DO $$ BEGIN PERFORM $q$§$q$; END $$',
  "DO LANGUAGE plpgsql '§'",
  "NOTIFY channel, '§'",
  "CREATE ROLE r PASSWORD '§' VALID UNTIL '§'",
  "ALTER USER r WITH ENCRYPTED PASSWORD '§'",
  "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '§' $$",
  "CREATE SUBSCRIPTION s CONNECTION 'password=§' PUBLICATION p",
  "CREATE USER MAPPING FOR u SERVER s OPTIONS (user '§', password '§')",
  "CREATE TABLE t (a text DEFAULT '§' CHECK (a <> '§'), b int DEFAULT ¤)",
  "COMMENT ON TABLE t IS '§'",
  "PREPARE TRANSACTION '§'; COMMIT PREPARED '§'; ROLLBACK PREPARED '§'",
  "SECURITY LABEL ON TABLE t IS '§'",
  "LOAD '§'",
  "SELECT '§' \u0000 '§'",
];

describe('no value remains', () => {
  test.each(PLACES)('%s', (place) => {
    for (const [secret, number] of [
      ['zq7secret', '4711'],
      ['Zoé', '98765432109876543210'],
    ] as const) {
      const out = normalize(place.replaceAll('§', secret).replaceAll('¤', number));
      expect(out).not.toBe('');
      expect(out).not.toMatch(/zq7|zoé/i);
      expect(out.replace(/\$\d+/g, '?')).not.toMatch(/\d|['\u0000]|--|\/\*/);
    }
  });

  test('there are enough places', () => expect(PLACES.length).toBeGreaterThanOrEqual(60));
});

describe('the shape remains', () => {
  test.each([
    ['SELECT ine FROM students WHERE id = 5', 'SELECT ine FROM students WHERE id = $1'],
    ["SELECT  a\n\t, 'x'\nFROM /* c */ t -- d", 'SELECT a , $1 FROM t'],
    ['SELECT * FROM t WHERE a = $3 AND b = 7 AND c = $1', 'SELECT * FROM t WHERE a = $3 AND b = $4 AND c = $1'],
    ['select\'x\'as"y"', 'select $1 as "y"'],
    ['a/**/b', 'a b'],
    ["SELECT 'a'\n'b', 1", 'SELECT $1, $2'],
    ["SELECT U&'a' UESCAPE '!' || U&\"b\" UESCAPE '!'", 'SELECT $1 || U&"b" UESCAPE $2'],
    ['SELECT -5, 3 - 5, a -5, (-5), 2*-5, f(-1)', 'SELECT $1, $2 - $3, a -$4, ($5), $6*$7, f($8)'],
    ['SELECT true, FALSE, null, "q""uoted", é', 'SELECT true, FALSE, null, "q""uoted", é'],
    ['SET search_path TO public, "$user"', 'SET search_path TO $1, $2'],
    ['SET jit = off; UPDATE t SET a = b', 'SET jit = off; UPDATE t SET a = b'],
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE'],
    ['SHOW server_version', 'SHOW server_version'],
    ['SELECT "été"::int4 @> ANY(t.x)', 'SELECT "été"::int4 @> ANY(t.x)'],
    ['', ''],
    [';', ';'],
  ])('%s', (sql, expected) => expect(normalize(sql)).toBe(expected));

  test('literals do not change it', () => {
    expect(normalize("SELECT * FROM t WHERE a = 'x' AND b > -1")).toBe(
      normalize('SELECT * FROM t WHERE a = $$yy$$ AND b > 2e3'),
    );
  });

  test('a normalized SELECT still parses, and has the fingerprint of the text', () => {
    const sql = "SELECT a, 'x' FROM t JOIN u USING (id) WHERE b = 5 AND c IN (1, 2) /* c */ ORDER BY 1 LIMIT 3";
    expect(fingerprint(normalize(sql))).toBe(fingerprint(sql));
  });
});

describe('text that is no SQL', () => {
  test.each([
    "SELECT 'unterminated zq7",
    'SELECT "open',
    'SELECT $$open zq7',
    '/* open zq7',
    'SELECT 1zq7',
    "SELECT U&'\\zq7'",
  ])('%s', (sql) => {
    expect(normalize(sql)).not.toMatch(/zq7/);
    expect(fingerprint(sql)).toBe('');
  });

  test('a fingerprint has 16 hex digits', () => expect(fingerprint('SELECT 1')).toMatch(/^[0-9a-f]{16}$/));
});

test('a long text is cut between two tokens', () => {
  const out = normalize(`SELECT ${'"colonne é", '.repeat(3000)} 'x'`);
  expect(out.length).toBeLessThanOrEqual(NORMALIZED_CAP + 1);
  expect(out).toMatch(/(colonne é"|,)…$/);
});
