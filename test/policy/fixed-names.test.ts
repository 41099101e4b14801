/** Tests names of a policy that are created again in another schema: the policy keeps its meaning, or its table is withheld. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { catalogOf, environment } from './environment.ts';

const SCHEMA = `
  DROP SCHEMA IF EXISTS first, second CASCADE;
  CREATE SCHEMA first;
  CREATE SCHEMA second;
  CREATE TABLE second.classes (id int, school int);
  CREATE TYPE second.mood AS ENUM ('sad', 'glad');
  CREATE TABLE second.pupils (id int, class int, name varchar, feels second.mood);
  INSERT INTO second.classes VALUES (1, 7), (2, 8);
  INSERT INTO second.pupils VALUES (1, 1, 'ann', 'glad'), (2, 1, 'bob', 'sad'), (3, 2, 'cid', 'glad');
  CREATE FUNCTION second.own(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = 7';
  CREATE FUNCTION second.same(int, int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2';
  CREATE OPERATOR second.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = second.same);
`;

/** Each replaces an object that a policy names, and would show all rows. */
const MADE: Readonly<Record<string, string>> = {
  relation: 'CREATE TABLE first.classes AS SELECT i AS id, 7 AS school FROM generate_series(1, 3) AS i',
  view: 'CREATE VIEW first.classes AS SELECT i AS id, 7 AS school FROM generate_series(1, 3) AS i',
  function: "CREATE FUNCTION first.own(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true'",
  'function of another type':
    "CREATE FUNCTION first.own(anyelement) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true'",
  type: "CREATE TYPE first.mood AS ENUM ('glad', 'sad')",
  'row type': 'CREATE TABLE first.mood (glad int)',
  operator: `CREATE FUNCTION first.same(int, int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR first.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = first.same)`,
  "operator like the server's own": `CREATE FUNCTION first.alike(varchar, varchar) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR first.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = first.alike)`,
};

const PLAIN = `EXISTS (SELECT FROM classes AS c WHERE c.id === pupils.class AND own(c.school)) AND feels >= 'glad'::mood OR name = 'nobody'`;
const QUALIFIED = `EXISTS (SELECT FROM second.classes AS c WHERE c.id OPERATOR(second.===) pupils.class AND second.own(c.school)) AND feels OPERATOR(pg_catalog.>=) 'glad'::second.mood OR name OPERATOR(pg_catalog.=) 'nobody'`;

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());
beforeEach(() => database.query(SCHEMA));

/** The rows that it lets through at the server, and what is wrong with it; undefined: its table is withheld. */
async function read(rows: string, table: string, searchPath = ['first', 'second'], known?: Catalog) {
  const catalog = known ?? (await catalogOf(database.url));
  const text = `role: r\ntables:\n  ${table}: { rows: "${rows}", select: { columns: [id, name] } }\nlimits: none\n`;
  const { policy, diagnostics } = loadPolicy([{ path: 'roles/r.yaml', text }], { ...environment(catalog), searchPath });
  const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message);
  const [grant] = [...(policy.roles.get('r')?.relations.values() ?? [])].filter(({ system }) => !system);
  const filter = grant?.select?.conditions[0]?.filter;
  if (!filter || policy.roles.get('r')?.disabled !== undefined) return { errors, ids: undefined };
  const where = filter.map((piece) => (typeof piece === 'string' ? piece : 'pupils')).join('');
  const found = await database.query<{ id: number }>(
    `SELECT set_config('search_path', '${searchPath.join()}', false); SELECT id FROM ${grant.relation.schema}.pupils WHERE ${where} ORDER BY id`,
  );
  return { errors, ids: found.flat().flatMap(({ id }) => (id === undefined ? [] : [id])) };
}

test('names that exist in one schema alone need none', async () => {
  expect(await read(PLAIN, 'pupils')).toEqual({ errors: [], ids: [1] });
  expect(await read(PLAIN, 'pupils', ['second', 'first'])).toEqual({ errors: [], ids: [1] });
});

describe.each(Object.entries(MADE))('a %s in another schema', (_, made) => {
  test.each([[['first', 'second']], [['second', 'first']]])(
    'with the path %s: the table is withheld, and what is wrong is said',
    async (path) => {
      await database.query(made);
      const { errors, ids } = await read(PLAIN, 'pupils', path);
      expect(ids).toBeUndefined();
      expect(errors.join('\n')).toMatch(/is in "\w+" and "\w+": write its schema/);
    },
  );

  test('changes nothing where names have their schemas', async () => {
    await database.query(made);
    expect(await read(QUALIFIED, 'second.pupils')).toEqual({ errors: [], ids: [1] });
  });
});

test('a table of the same name in another schema withholds one that is named without', async () => {
  await database.query('CREATE TABLE first.pupils AS SELECT * FROM second.pupils');
  const { errors, ids } = await read('id > 0', 'pupils');
  expect({ errors, ids }).toEqual({
    errors: ['relation "pupils" is in "first" and "second": write its schema'],
    ids: undefined,
  });
  expect(await read('id = 2', 'second.pupils')).toEqual({ errors: [], ids: [2] });
});

test('a function of the same name in another schema withholds one that is named without', async () => {
  const load = async (name: string) => {
    const catalog = await catalogOf(database.url);
    const files = [{ path: 'roles/r.yaml', text: `role: r\nfunctions: [${name}]\ntables: {}\nlimits: none\n` }];
    const { policy } = loadPolicy(files, { ...environment(catalog), searchPath: ['first', 'second'] });
    return policy.roles.get('r')?.functions.size ?? 0;
  };
  expect(await load('own')).toBe(1);
  await database.query(MADE.function!);
  expect([await load('own'), await load('second.own')]).toEqual([0, 1]);
});

test('operators made since the policy was read, of just the operands’ types, always true, in the schema that is first, change nothing', async () => {
  const types = ['varchar', 'second.mood', 'second.short', 'int'];
  const names = ['===', '=', '<>', '<', '>=', '~~', '!~~', '~~*'];
  const made = types
    .flatMap((type, i) => [
      `CREATE FUNCTION first.always${i}(${type}, ${type}) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true'`,
      ...names.map(
        (name) => `CREATE OPERATOR first.${name} (LEFTARG = ${type}, RIGHTARG = ${type}, FUNCTION = first.always${i})`,
      ),
    ])
    .join(';');

  await database.query(`CREATE DOMAIN second.short AS varchar; ALTER TABLE second.pupils ADD nick second.short;
    UPDATE second.pupils SET nick = upper(name);`);
  const catalog = await catalogOf(database.url);
  await database.query(made);
  for (const [rows, ids] of [
    [`name = 'ann'`, [1]],
    [`'ann' = name`, [1]],
    [`NOT name = 'ann' AND 'bob' <> name`, [3]],
    [`name || '' = 'ann'`, [1]],
    [`name LIKE 'a%' OR name ILIKE 'B%' AND name NOT LIKE 'c%'`, [1, 2]],
    [`name IN ('ann', 'bob')`, [1, 2]],
    [`name NOT IN ('ann', 'bob')`, [3]],
    [`(name IN ('ann')) = true AND name >= 'a' IS TRUE`, [1]],
    [`name = ANY (ARRAY['ann']::varchar[]) OR name LIKE ANY ('{b%}')`, [1, 2]],
    [`name <> ALL ('{ann}')`, [2, 3]],
    [`feels = 'glad'`, [1, 3]],
    [`feels IN ('glad', 'sad') AND feels < 'glad'`, [2]],
    [`feels NOT IN ('sad')`, [1, 3]],
    [`nick = 'ANN'`, [1]],
    [`id === 2`, [2]],
    [`nick IN ('ANN', name)`, [1]],
    [`(name, id) IN (SELECT name, id FROM second.pupils AS p WHERE p.name = 'bob')`, [2]],
    [`name NOT IN (SELECT name FROM second.pupils AS p WHERE p.name = 'bob')`, [1, 3]],
    [`name = ANY (SELECT p.name FROM second.pupils AS p WHERE feels = 'sad')`, [2]],
    [
      `EXISTS (SELECT FROM second.classes AS c JOIN second.pupils AS p ON p.name = 'ann' WHERE c.id = pupils.id AND c.school = 7)`,
      [1],
    ],
    [`CASE WHEN name = 'ann' THEN feels = 'glad' ELSE name = 'cid' END`, [1, 3]],
    [`coalesce(name = 'ann', false) AND (SELECT max(p.name) = 'cid' FROM second.pupils AS p)`, [1]],
  ] as const)
    expect({ rows, ...(await read(rows, 'second.pupils', undefined, catalog)) }).toEqual({ rows, errors: [], ids });
  // Where the path names the server's own schema, what is before it is found first, exact or not.
  const path = ['first', 'pg_catalog', 'second'];
  expect(await read('id = 2', 'second.pupils', path, catalog)).toEqual({ errors: [], ids: [2] });
});
