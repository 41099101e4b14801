/** Which functions of users find the same names under every search_path, by the server's catalog: each form that is known, and what an attacker or an oversight would make of it. */
import { expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { freshDatabase } from '../support/postgres.ts';

const TYPES = `
CREATE SCHEMA s;
CREATE TYPE mood AS ENUM ('glad');
CREATE DOMAIN small AS int CHECK (VALUE < 9);
CREATE TABLE pupils (id int, name text, mood mood, "date" date);
CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION "f of s"(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE OPERATOR s.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
CREATE TYPE s.uuid AS (a int);
CREATE TYPE pupils_id AS (id int, name text);
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE FUNCTION less(a int, b int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a - b; END';
`;

/** Of the body of `f(a int, b text)`, with what it returns. */
const FIXED_SQL: readonly (readonly [returns: string, body: string])[] = [
  ['boolean', 'SELECT $1 < 3'],
  ['boolean', 'SELECT a < 3 AND b IS NOT NULL LIMIT 1'],
  ['text', 'SELECT $2::varchar(3)'],
  ['text', `SELECT pg_catalog.upper(b) || ' ' || coalesce(repeat(b, a), '')`],
  ['text', `SELECT b COLLATE "C"`],
  ['int[]', 'SELECT ARRAY[a, 2, greatest(a, 3)]'],
  ['text', `SELECT CASE a WHEN 1 THEN 'one' ELSE b END WHERE b LIKE 'x%' AND a IN (1, 2) AND a = ANY ('{1,2}'::int[])`],
  ['int', 'SELECT 1; SELECT 2'],
  ['timestamptz', 'SELECT date_trunc(b, now())'],
  ['void', ''],
  ['int', `SELECT ('{1,2}'::int[])[$1]`],
];
const OTHER_SQL: readonly (readonly [returns: string, body: string])[] = [
  // Tables, functions, operators, types and collations of users, or such as may be.
  ['int', 'SELECT id FROM pupils'],
  ['int', 'SELECT (SELECT count(*)::int FROM pg_catalog.pg_class)'],
  ['int', 'WITH pupils AS (SELECT 1 AS id) SELECT id FROM pupils'],
  ['int', 'SELECT lower(a)'],
  ['text', 'SELECT lower(b)'],
  ['int', 'SELECT less(a, 2)'],
  ['int', 'SELECT public.less(a, 2)'],
  ['int', 'SELECT a @@@ 2'],
  ['int', 'SELECT a OPERATOR(s.@@@) 2'],
  ['text', `SELECT 'glad'::mood::text`],
  ['text', 'SELECT b::uuid::text'],
  ['text', 'SELECT b::date::text || a::small'],
  ['boolean', `SELECT b = 'x' COLLATE loose`],
  // Names inside of values.
  ['text', `SELECT 'pupils'::regclass::text`],
  ['oid', `SELECT b::regclass::oid`],
  ['regclass', `SELECT b::regclass`],
  ['text', 'SELECT to_regclass(b)::text'],
  ['tsvector', `SELECT to_tsvector('loose', b)`],
  ['bigint', 'SELECT nextval(b)'],
  ['text', 'SELECT pg_typeof(a)::text'],
  // What reads the path, or moves it.
  ['text', 'SELECT current_schema()'],
  ['text', `SELECT current_setting('search_path')`],
  ['text', `SELECT set_config('search_path', b, false)`],
  ['text', 'SELECT current_schema'],
  ['xml', `SELECT query_to_xml(b, true, true, '')`],
  // Calls in another notation, and forms that are not known.
  ['int', 'SELECT (a).less'],
  ['int', 'SELECT f.a FROM (SELECT 1) AS f'],
  ['int', 'SELECT (ARRAY[a])[less(1, 2)]'],
  ['int', `SELECT ('{1,2}'::int[])[1].less`],
  ['int', 'SELECT DISTINCT a'],
  ['int', 'SELECT a UNION SELECT 2'],
  ['int', 'SELECT a ORDER BY 1'],
  ['int', 'VALUES (1)'],
  ['int', 'SELECT sum(a) OVER ()'],
  ['int', 'SELECT lower(int4range(a, a)) '],
  ['void', `INSERT INTO pupils VALUES (1)`],
  ['void', `SET search_path = s`],
];
/** Bodies that were parsed when they were made. */
const FIXED_BODIES: readonly (readonly [returns: string, body: string])[] = [
  ['boolean', 'RETURN a < 3'],
  ['text', `RETURN substr(encode(sha256(b::bytea), 'hex'), 1, 32)`],
  ['int', 'RETURN (ARRAY[a, 2])[1]'],
  ['int[]', 'RETURN (ARRAY[a, 2])[1:a]'],
  ['int', 'BEGIN ATOMIC SELECT a; END'],
  ['int', `BEGIN ATOMIC SELECT length(b) AS x; SELECT a + 1 WHERE b LIKE 'x%' LIMIT 1; END`],
];
const OTHER_BODIES: readonly (readonly [returns: string, body: string])[] = [
  ['int', 'RETURN (SELECT max(id) FROM pupils)'],
  ['int', 'RETURN lower(a)'],
  ['text', 'RETURN lower(b)'],
  ['int', 'RETURN less(a, 2)'],
  ['int', 'RETURN (ARRAY[a, 2])[less(a, 1)]'],
  ['text', 'RETURN (ROW(a, b)::pupils_id).name'],
  ['int', 'RETURN a OPERATOR(s.@@@) 2'],
  ['text', `RETURN 'glad'::mood::text`],
  ['text', 'RETURN b::s.uuid::text'],
  ['int', 'RETURN a::small'],
  ['boolean', `RETURN b = 'x' COLLATE loose`],
  ['text', 'RETURN b::regclass::text'],
  ['text', 'RETURN to_regclass(b)::text'],
  ['text', `RETURN 'pupils'::regclass::text`],
  ['bigint', 'RETURN nextval(b)'],
  ['text', 'RETURN current_schema()'],
  ['text', 'RETURN current_schema'],
  ['text', `RETURN set_config('search_path', b, false)`],
  ['text', `RETURN current_setting('search_path')`],
  ['xml', `RETURN query_to_xml(b, true, true, '')`],
  ['int', 'BEGIN ATOMIC SELECT id FROM pupils; END'],
  ['int', 'BEGIN ATOMIC SELECT count(*)::int FROM pg_class; END'],
  ['void', 'BEGIN ATOMIC INSERT INTO pupils VALUES (1); END'],
  ['int', 'BEGIN ATOMIC DELETE FROM pupils; SELECT a; END'],
  ['int', 'BEGIN ATOMIC SELECT a UNION SELECT 2; END'],
];
const FIXED_PLPGSQL: readonly (readonly [returns: string, body: string])[] = [
  ['boolean', 'BEGIN RETURN a < 3; END'],
  [
    'text',
    `DECLARE res text := ''; i int; BEGIN i := 0; WHILE i < a LOOP res := res || chr(ascii('a') + i); i := i + 1; END LOOP; RETURN res; END`,
  ],
  ['int', `BEGIN FOR i IN REVERSE a .. 1 BY 2 LOOP EXIT WHEN i = 3; CONTINUE; END LOOP; RETURN a; END`],
  ['int', `BEGIN IF a > 1 THEN RETURN 1; ELSIF b IS NULL THEN RAISE 'none: %', b; ELSE RETURN 3; END IF; END`],
  ['void', `<<one>> BEGIN LOOP EXIT one; END LOOP; RETURN; END`],
];
const OTHER_PLPGSQL: readonly (readonly [returns: string, body: string])[] = [
  ['int', 'BEGIN RETURN (SELECT count(*) FROM pupils); END'],
  ['int', 'BEGIN RETURN id FROM pupils; END'],
  ['int', 'BEGIN RETURN less(a, 1); END'],
  ['int', 'BEGIN PERFORM less(a, 1); RETURN 1; END'],
  ['int', `BEGIN EXECUTE 'SELECT 1'; RETURN 1; END`],
  ['int', 'DECLARE x pupils; BEGIN RETURN 1; END'],
  ['int', 'DECLARE x pupils%ROWTYPE; BEGIN RETURN 1; END'],
  ['int', 'DECLARE x pupils.id%TYPE; BEGIN RETURN 1; END'],
  ['int', 'DECLARE x record; BEGIN RETURN 1; END'],
  ['int', 'DECLARE x small := 3; BEGIN RETURN x; END'],
  ['text', 'DECLARE x public.mood; BEGIN RETURN x; END'],
  ['text', 'DECLARE x uuid; BEGIN RETURN x; END'],
  ['text', 'DECLARE x regclass := b; BEGIN RETURN x; END'],
  ['text', 'DECLARE x text := lower(b); BEGIN RETURN x; END'],
  // The library does not tell which collation: any may be a user's, where there is one.
  ['boolean', 'DECLARE x text COLLATE pg_catalog."default" := b; BEGIN RETURN x < b; END'],
  ['boolean', 'DECLARE x text COLLATE loose := b; BEGIN RETURN x < b; END'],
  ['int', `DECLARE c CURSOR FOR SELECT 1; BEGIN RETURN 1; END`],
  ['int', 'BEGIN RETURN 1; EXCEPTION WHEN OTHERS THEN RETURN 2; END'],
  ['int', 'DECLARE x int[]; BEGIN x[less(1, 2)] := 3; RETURN 1; END'],
  ['int', 'DECLARE x int; BEGIN SELECT 1 INTO x; RETURN x; END'],
  ['int', `BEGIN SET LOCAL search_path = s; RETURN 1; END`],
  ['int', 'BEGIN FOR x IN SELECT 1 LOOP NULL; END LOOP; RETURN 1; END'],
  ['int', `BEGIN RAISE NOTICE '%', (SELECT count(*) FROM pupils); RETURN 1; END`],
  ['int', `BEGIN RAISE NOTICE USING MESSAGE = less(1, 2); RETURN 1; END`],
  ['int', `BEGIN ASSERT less(1, 2) < 0; RETURN 1; END`],
];
const FIXED_TRIGGERS = [
  'BEGIN RETURN new; END',
  `BEGIN RAISE NOTICE 'old tuple: %', to_json(OLD)::text; IF TG_OP = 'DELETE' THEN RETURN OLD; ELSE RETURN NEW; END IF; END`,
  'BEGIN NEW.id := coalesce(NEW.id, 0) + 1; NEW . name = upper(OLD.name); RETURN NEW; END',
];
const OTHER_TRIGGERS = [
  'BEGIN NEW.id := less(NEW.id, 1); RETURN NEW; END',
  'BEGIN NEW.id := (SELECT max(id) FROM pupils); RETURN NEW; END',
  'BEGIN INSERT INTO pupils VALUES (NEW.id); RETURN NEW; END',
  'BEGIN NEW.id := (NEW.id).less; RETURN NEW; END',
  'BEGIN NEW.id := TG_RELID.less; RETURN NEW; END',
  `BEGIN EXECUTE format('INSERT INTO %I VALUES (1)', TG_TABLE_NAME); RETURN NEW; END`,
];

/** Whole definitions of `f`. */
const WHOLE: readonly (readonly [definition: string, fixed: 'path' | 'text' | undefined])[] = [
  [
    `FUNCTION f() RETURNS bigint LANGUAGE plpgsql SET search_path = public AS 'BEGIN RETURN (SELECT count(*) FROM pupils); END'`,
    'path',
  ],
  [
    `FUNCTION f() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path TO '' AS 'SELECT count(*) FROM public.pupils'`,
    'path',
  ],
  [
    `FUNCTION f(a int DEFAULT 3) RETURNS int LANGUAGE sql SET search_path = pg_catalog, s, pg_temp AS 'SELECT 1'`,
    'path',
  ],
  [`PROCEDURE f() LANGUAGE plpgsql SET search_path = public AS 'BEGIN DELETE FROM pupils; END'`, 'path'],
  // Evaluated outside of it.
  [`FUNCTION f(a int DEFAULT less(1, 2)) RETURNS int LANGUAGE sql SET search_path = public AS 'SELECT 1'`, undefined],
  [
    `FUNCTION f(a text DEFAULT current_schema()) RETURNS int LANGUAGE sql SET search_path = public AS 'SELECT 1'`,
    undefined,
  ],
  [
    `FUNCTION f() RETURNS bigint LANGUAGE plpgsql SET work_mem = '1MB' AS 'BEGIN RETURN (SELECT count(*) FROM pupils); END'`,
    undefined,
  ],
  [`FUNCTION f() RETURNS int LANGUAGE sql SET work_mem = '1MB' AS 'SELECT 1'`, undefined],
  [`PROCEDURE f() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'`, undefined],
  [`FUNCTION f(anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $1'`, 'text'],
  [`FUNCTION f(anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT CASE WHEN $1 = $1 THEN $1 END'`, undefined],
  [`FUNCTION f(anyelement) RETURNS anyelement LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'`, undefined],
  [`FUNCTION f(anyelement, anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $1'`, undefined],
  [`FUNCTION f(small) RETURNS int LANGUAGE sql AS 'SELECT 1'`, undefined],
  [`FUNCTION f(int) RETURNS small LANGUAGE sql AS 'SELECT 1'`, undefined],
  [`FUNCTION f(mood) RETURNS text LANGUAGE sql AS 'SELECT 1::text'`, undefined],
  [`FUNCTION f(pupils) RETURNS text LANGUAGE sql AS 'SELECT $1.name'`, undefined],
  [`FUNCTION f(a int, OUT b int, OUT c text) LANGUAGE sql AS 'SELECT 1, 2::text'`, undefined],
  [`FUNCTION f(a int, OUT b mood) LANGUAGE sql AS 'SELECT NULL'`, undefined],
  [`FUNCTION f(regclass) RETURNS int LANGUAGE sql AS 'SELECT 1'`, undefined],
  [`FUNCTION f(int) RETURNS int LANGUAGE internal STRICT AS 'int4abs'`, undefined],
  [`FUNCTION f(int) RETURNS int LANGUAGE sql RETURN less($1, 1)`, undefined],
  [`FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1 /*${'x'.repeat(2000)}*/'`, undefined],
  [`AGGREGATE f(int) (SFUNC = less, STYPE = int)`, undefined],
];

const TRIGGER = 'FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS';
const ALL: readonly (readonly [string, 'path' | 'text' | undefined])[] = [
  ...FIXED_SQL.map(
    ([r, body]) => [`FUNCTION f(a int, b text) RETURNS ${r} LANGUAGE sql AS $_$${body}$_$`, 'text'] as const,
  ),
  ...OTHER_SQL.map(
    ([r, body]) => [`FUNCTION f(a int, b text) RETURNS ${r} LANGUAGE sql AS $_$${body}$_$`, undefined] as const,
  ),
  ...FIXED_BODIES.map(([r, body]) => [`FUNCTION f(a int, b text) RETURNS ${r} LANGUAGE sql ${body}`, 'text'] as const),
  ...OTHER_BODIES.map(
    ([r, body]) => [`FUNCTION f(a int, b text) RETURNS ${r} LANGUAGE sql ${body}`, undefined] as const,
  ),
  ...FIXED_PLPGSQL.map(
    ([r, body]) => [`FUNCTION f(a int, b text) RETURNS ${r} LANGUAGE plpgsql AS $_$${body}$_$`, 'text'] as const,
  ),
  ...OTHER_PLPGSQL.map(
    ([r, body]) => [`FUNCTION f(a int, b text) RETURNS ${r} LANGUAGE plpgsql AS $_$${body}$_$`, undefined] as const,
  ),
  ...FIXED_TRIGGERS.map((body) => [`${TRIGGER} $_$${body}$_$`, 'text'] as const),
  ...OTHER_TRIGGERS.map((body) => [`${TRIGGER} $_$${body}$_$`, undefined] as const),
  ...WHOLE,
];

/** What is said of each `f`, each in a schema of its own. */
async function said(more = '', of: readonly (readonly [string, unknown])[] = ALL) {
  const database = await freshDatabase();
  try {
    await database.query(`${TYPES}${more}`);
    await database.query('SET check_function_bodies = off');
    const made = of.map(
      ([definition], at) => `CREATE SCHEMA f${at}; CREATE ${definition.replace(' f(', ` f${at}.f(`)}`,
    );
    await database.query(['SET check_function_bodies = off', ...made].join(';'));
    const catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
    const found = new Map(catalog.functionsNamed('f').map(({ schema, fixedNames }) => [schema, fixedNames]));
    return of.map(([definition], at) => [definition, found.get(`f${at}`)]);
  } finally {
    await database.drop();
  }
}

test('texts that name the server’s own objects alone, and a path of its own', async () => {
  expect(await said()).toEqual(ALL.map(([definition, fixed]) => [definition, fixed]));
});

test('what users add under a name of the server’s own may be found by its name', async () => {
  const own = ALL.filter(([, fixed]) => fixed === 'text');
  const all = [
    ['CREATE OPERATOR s.< (LEFTARG = text, RIGHTARG = int, FUNCTION = s.less)', 'SELECT $1 < 3'],
    ['CREATE FUNCTION s.upper(int) RETURNS int LANGUAGE sql AS $_$SELECT 1$_$', 'pg_catalog.upper'],
    ['CREATE TYPE s.varchar AS (a int)', 'SELECT $2::varchar(3)'],
    ['CREATE COLLATION s."C" FROM "C"', 'SELECT b COLLATE "C"'],
  ] as const;
  const before = 'CREATE FUNCTION s.less(text, int) RETURNS boolean LANGUAGE sql AS $_$SELECT true$_$;';
  for (const [more, hit] of all) {
    const found = await said(`${before}${more};`, own);
    const [text] = found.filter(([definition]) => String(definition).includes(hit));
    expect(text, more).toEqual([expect.anything(), undefined]);
  }
});

test('of a cast between two types of the server’s own nothing tells where it runs', async () => {
  const own = ALL.filter(([, fixed]) => fixed === 'text');
  const cast =
    'CREATE FUNCTION s.of_point(point) RETURNS text LANGUAGE plpgsql AS $_$BEGIN RETURN 1; END$_$; CREATE CAST (point AS int4range) WITH FUNCTION s.to_range(point)';
  const range = 'CREATE FUNCTION s.to_range(point) RETURNS int4range LANGUAGE plpgsql AS $_$BEGIN RETURN NULL; END$_$;';
  const found = await said(`${range}${cast};`, own);
  const identity = found.filter(([definition]) => String(definition).includes('anyelement'));
  expect(found.filter(([, fixed]) => fixed !== undefined)).toEqual(identity);
});

/** What the end of a transaction may run, when the function's own path is over. */
const LATE: readonly (readonly [made: string, own: 'path' | undefined])[] = [
  ['CREATE TRIGGER g AFTER INSERT ON late FOR EACH ROW EXECUTE FUNCTION moved()', 'path'],
  ['CREATE CONSTRAINT TRIGGER g AFTER INSERT ON late FOR EACH ROW EXECUTE FUNCTION moved()', 'path'],
  ['CREATE CONSTRAINT TRIGGER g AFTER INSERT ON late DEFERRABLE FOR EACH ROW EXECUTE FUNCTION moved()', undefined],
  [
    'CREATE CONSTRAINT TRIGGER g AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION moved()',
    undefined,
  ],
  ['CREATE CONSTRAINT TRIGGER g AFTER INSERT ON late DEFERRABLE FOR EACH ROW EXECUTE FUNCTION fixed()', 'path'],
  ['ALTER TABLE late ADD FOREIGN KEY (of) REFERENCES late DEFERRABLE INITIALLY DEFERRED', 'path'],
  ['ALTER TABLE late ADD UNIQUE (of) DEFERRABLE', 'path'],
  ['ALTER TABLE late ADD EXCLUDE USING btree (less(id, of) WITH =) DEFERRABLE', undefined],
  ['ALTER TABLE late ADD EXCLUDE USING btree (less(id, of) WITH =)', 'path'],
];

test.each(LATE)('a path of its own beside: %s', async (made, own) => {
  const before = `CREATE TABLE late (id int PRIMARY KEY, of int);
    CREATE FUNCTION moved() RETURNS trigger LANGUAGE plpgsql AS $_$BEGIN PERFORM count(*) FROM pupils; RETURN NEW; END$_$;
    CREATE FUNCTION fixed() RETURNS trigger LANGUAGE plpgsql SET search_path = s AS $_$BEGIN PERFORM count(*) FROM pupils; RETURN NEW; END$_$;`;
  const definition = `FUNCTION f() RETURNS void LANGUAGE sql SET search_path = public AS 'INSERT INTO late VALUES (1)'`;
  expect(await said(`${before}${made};`, [[definition, own]])).toEqual([[definition, own]]);
});

test('ranges of users whose functions are the server’s', async () => {
  const database = await freshDatabase();
  try {
    await database.query(`
      CREATE TYPE words AS RANGE (SUBTYPE = text, COLLATION = "C");
      CREATE FUNCTION gap(float8, float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2';
      CREATE TYPE gaps AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = gap);
      CREATE FUNCTION cmp(text, text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 0; END';
      CREATE OPERATOR CLASS odd FOR TYPE text USING btree AS FUNCTION 1 cmp(text, text);
      CREATE TYPE odds AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = odd)`);
    const catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
    const ofType = (name: string) => [
      catalog.type('public', name)?.ownFunctions,
      catalog.functionsNamed(name).map(({ fixedNames }) => fixedNames),
    ];
    expect(ofType('words')).toEqual([true, ['text', 'text']]);
    expect(ofType('gaps')).toEqual([false, [undefined, undefined]]);
    expect(ofType('odds')).toEqual([false, [undefined, undefined]]);
  } finally {
    await database.drop();
  }
});
