/** Tests statements that an older server would read in another way: they are refused, and those that it reads alike are not; the tests' own server is the witness. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { compileCondition } from '../../src/policy/compile/condition.ts';
import { Catalog, type CatalogData } from '../../src/sql/catalog/catalog.ts';
import { KEYWORDS, newerForm } from '../../src/sql/parse/older-grammar.ts';
import { isParsed, loadParser, parse } from '../../src/sql/parse/parse.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';
import { VERSIONS } from '../support/versions.ts';

/** With what would answer in an older server where a newer one has a keyword. */
const SCHEMA = `
CREATE TABLE words (id integer, path text, keys text, source text, error text, format text, "json" text, "json_value" text, "system_user" text, period text);
INSERT INTO words VALUES (1, 'p', 'k', 's', 'e', 'f', 'j', 'v', 'hidden', 'd');
CREATE FUNCTION "json_value"(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other' $$;
CREATE FUNCTION "json_query"(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other' $$;
CREATE FUNCTION "json_exists"(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT false $$;
CREATE FUNCTION "json_array"(integer, integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other' $$;
CREATE FUNCTION "json_arrayagg"(integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other' $$;
CREATE FUNCTION "json_scalar"(integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other' $$;
CREATE FUNCTION "json_serialize"(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other' $$;
CREATE FUNCTION "json"(integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other' $$;
CREATE FUNCTION "merge_action"() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other' $$`;

/** `gives`: what PostgreSQL 18 answers; undefined: that depends on the session. */
interface Form {
  readonly sql: string;
  readonly since: number;
  readonly word: string;
  readonly gives?: unknown;
}

/** Read as another statement by a server before `since`. */
const FORMS: readonly Form[] = [
  { sql: 'SELECT 0x1F', since: 16, word: '0x1F', gives: 31 },
  { sql: 'SELECT 0o17', since: 16, word: '0o17', gives: 15 },
  { sql: 'SELECT 0B11', since: 16, word: '0B11', gives: 3 },
  { sql: 'SELECT 1_000', since: 16, word: '1_000', gives: 1000 },
  { sql: 'SELECT 1_0.5_0', since: 16, word: '1_0.5_0', gives: '10.50' },
  { sql: 'SELECT id FROM words WHERE id IN (SELECT 0x1)', since: 16, word: '0x1', gives: 1 },
  { sql: 'SELECT system_user IS NULL FROM words', since: 16, word: 'system_user' },
  { sql: 'SELECT CASE WHEN SYSTEM_USER IS NULL THEN 1 END FROM words', since: 16, word: 'system_user' },
  { sql: 'SELECT json_array(1, 2)::text', since: 16, word: 'json_array', gives: '[1, 2]' },
  { sql: 'SELECT json_arrayagg(id)::text FROM words', since: 16, word: 'json_arrayagg', gives: '[1]' },
  { sql: `SELECT json_value('{"a": 1}', '$.a')`, since: 17, word: 'json_value', gives: '1' },
  { sql: `SELECT json_query('{"a": 1}', '$.a')::text`, since: 17, word: 'json_query', gives: '1' },
  { sql: `SELECT json_exists('{"a": 1}', '$.a')`, since: 17, word: 'json_exists', gives: true },
  { sql: 'SELECT json_scalar(1)::text', since: 17, word: 'json_scalar', gives: '1' },
  { sql: `SELECT json_serialize('{"a": 1}')`, since: 17, word: 'json_serialize', gives: '{"a": 1}' },
  { sql: `SELECT (json('{"a": 1}'))::text`, since: 17, word: 'json' },
  {
    sql: `SELECT 1, "json_value"('a', 'b') AS json_value, json_value('{"a": 1}', '$.a')`,
    since: 17,
    word: 'json_value',
  },
];

/** Forms that only a server since `since` understands: others answer with a syntax error. */
const ERRORS: readonly Form[] = [
  { sql: `SELECT '1' IS JSON`, since: 16, word: 'json' },
  { sql: `SELECT '1' IS NOT JSON SCALAR`, since: 16, word: 'json' },
  { sql: `SELECT JSON_OBJECT('a': 1 ABSENT ON NULL)::text`, since: 16, word: 'json_object' },
  { sql: `SELECT JSON_OBJECT('a' VALUE '{}' FORMAT JSON)::text`, since: 16, word: 'json_object' },
  { sql: `SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a integer PATH '$')) AS t`, since: 17, word: 'json_table' },
  {
    sql: 'MERGE INTO words USING words AS w ON w.id = words.id WHEN MATCHED THEN DO NOTHING',
    since: 15,
    word: 'merge',
  },
];

/** The same to every server, whatever it knows of the words. */
const ALIKE = [
  'SELECT path, keys, source, error, format, period FROM words',
  'SELECT words.path, words.json_value FROM words AS words ORDER BY path, keys',
  'SELECT id path, id AS json, id AS json_value, id AS "system_user" FROM words',
  'SELECT "json_value" FROM words AS source WHERE source.path = $$p$$',
  `SELECT "json_value"('1', '2'), json '{}', '{}'::json::text, ('{}')::JSON, CAST('1' AS json)`,
  `SELECT json_object('{a,b}')::text, Json_Object('{a}', '{b}')`,
  'WITH target AS (SELECT 1 AS plan), string AS (SELECT 2 AS quotes) SELECT plan, quotes FROM target, string',
  `SELECT '0x1F', 'json_value(1)' AS "1_000", E'it''s 0b1', $a$ 1_000 system_user $a$, 1.5e3, .5 /* 0x1 json_value */`,
  'SELECT t1_0.id, t1_0.path FROM words t1_0 WHERE t1_0.id IN (1, 10, 100)',
  `SELECT format('%s', 1), "json"(1)`,
];

const KEYWORDS_OF_18 = readFileSync(join(import.meta.dirname, 'keywords.txt'), 'utf8')
  .trim()
  .split('\n');

let database: FreshDatabase;
let data: CatalogData;

beforeAll(async () => {
  await loadParser();
  database = await freshDatabase();
  await database.query(SCHEMA);
  data = await readCatalog((sql) => database.query(sql));
});
afterAll(() => database?.drop());

function newer(sql: string, version = serverVersion()) {
  const parsed = parse(sql);
  if (!isParsed(parsed)) throw new Error(`${sql}: ${parsed.message}`);
  return newerForm(parsed, new Catalog({ ...data, serverVersion: version * 10_000 + 3 }), ['public']);
}

describe.each(VERSIONS)('for PostgreSQL %i', (version) => {
  it.each([...FORMS, ...ERRORS])('$sql is known since $since', ({ sql, since, word }) => {
    const found = newer(sql, version);
    expect(found?.word.toLowerCase()).toBe(version < since ? word.toLowerCase() : undefined);
    if (found) expect(sql.slice(found.at, found.at + word.length).toLowerCase()).toBe(word.toLowerCase());
    if (found) expect(found.since).toBe(since);
  });
  it.each(ALIKE)('%s is read alike', (sql) => expect(newer(sql, version)).toBeUndefined());
});

describe('the server', () => {
  it('has the keywords that are counted on', async () => {
    const rows = await database.query('SELECT word, catcode::text AS class FROM pg_get_keywords()');
    const here = rows.map(({ word, class: c }) => `${word} ${c}`);
    const missing = KEYWORDS_OF_18.filter((line) => !here.includes(line)).map((line) => line.split(' ')[0]);
    const expected = [...KEYWORDS].filter(([, since]) => since > serverVersion()).map(([word]) => word);
    expect(missing.sort()).toEqual(expected.sort());
  });

  // INVARIANT of the suite: no answer of this server to an accepted form differs from that of PostgreSQL 18.
  it.each(FORMS)('answers $sql as PostgreSQL 18, or it is refused', async ({ sql, since, gives }) => {
    const answer = await database.query(sql).catch(() => 'error');
    const first = answer === 'error' ? answer : Object.values((answer as object[])[0] ?? {})[0];
    if (serverVersion() >= since) {
      if (gives !== undefined) expect(first).toEqual(gives);
    } else {
      if (gives !== undefined) expect(first).not.toEqual(gives);
      expect(newer(sql)).toBeDefined();
    }
  });
  it.each(ERRORS)('does not understand $sql before $since', async ({ sql, since }) => {
    const run = database.query(sql);
    if (serverVersion() >= since) await run;
    else await expect(run).rejects.toMatchObject({ code: '42601' });
  });
  it.each(ALIKE)('understands %s', async (sql) => {
    await database.query(sql);
  });
});

it('takes no type or function of another schema for the server’s own', async () => {
  const taken = await freshDatabase();
  await taken.query(`CREATE SCHEMA first; CREATE TYPE first."json" AS (a integer);
    CREATE FUNCTION first."json_object"(integer) RETURNS text LANGUAGE sql AS $$ SELECT 'other' $$`);
  const catalog = new Catalog({ ...(await readCatalog((sql) => taken.query(sql))), serverVersion: 140_000 });
  await taken.drop();
  const found = (sql: string, path: string[]) => {
    const parsed = parse(sql);
    return isParsed(parsed) ? newerForm(parsed, catalog, path)?.word : 'syntax';
  };
  expect(found(`SELECT '{}'::json`, ['first'])).toBeUndefined(); // pg_catalog comes first
  expect(found(`SELECT '{}'::json`, ['first', 'pg_catalog'])).toBe('json');
  expect(found('SELECT json_object(1)', ['first'])).toBe('json_object');
});

it('compiles no condition of a policy that the server would read as another one', () => {
  const catalog = new Catalog({ ...data, serverVersion: 140_000 });
  const relation = catalog.relation('public', 'words')!;
  const env = { catalog, searchPath: ['public'], relation, attributes: new Map() };
  const compiled = compileCondition({ sql: 'id IN (SELECT 0x1F)', rule: 'here' }, env);
  expect(compiled).toEqual([
    { message: '"0x1F" is not supported before PostgreSQL 16, and the server is older', offset: 14 },
  ]);
});
