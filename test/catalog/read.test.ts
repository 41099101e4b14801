/** Tests what the guard reads of a database's catalog: relations, columns, types, functions, operators, casts. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';

/** Columns that are computed when they are read came with PostgreSQL 18. */
const VIRTUAL = serverVersion() >= 18 ? 'VIRTUAL' : 'STORED';

let database: FreshDatabase;
let catalog: Catalog;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE EXTENSION citext;
    CREATE SCHEMA school;
    CREATE TYPE school.mood AS ENUM ('ok');
    CREATE DOMAIN school.grade AS numeric(4,2) CHECK (VALUE >= 0);
    CREATE DOMAIN school.mark AS school.grade;
    CREATE TYPE school.spot AS (x float8, y float8);
    CREATE TABLE school.pupils (
      id bigint GENERATED ALWAYS AS IDENTITY, gone text, name varchar(40) NOT NULL DEFAULT 'x', "born On" date,
      mood school.mood[], upper_name text GENERATED ALWAYS AS (upper(name)) STORED, lower_name text GENERATED ALWAYS AS (lower(name)) ${VIRTUAL},
      class int, PRIMARY KEY (class, id)
    ) PARTITION BY LIST (class);
    ALTER TABLE school.pupils DROP COLUMN gone;
    ALTER TABLE school.pupils ENABLE ROW LEVEL SECURITY;
    CREATE TABLE school.pupils_1 PARTITION OF school.pupils FOR VALUES IN (1);
    CREATE TABLE school.spots OF school.spot;
    CREATE UNLOGGED TABLE school.notes (t text);
    CREATE VIEW school.names AS SELECT name FROM school.pupils;
    CREATE FUNCTION school.find(a int, b text DEFAULT 'x', OUT name text, OUT born date) RETURNS SETOF record LANGUAGE sql SECURITY DEFINER STRICT STABLE AS 'SELECT NULL::text, NULL::date';
    CREATE FUNCTION school.rows(n int) RETURNS TABLE (a int, b text) LANGUAGE sql AS 'SELECT 1, NULL::text';
    CREATE FUNCTION school.all_of(VARIADIC n numeric[]) RETURNS numeric LANGUAGE sql LEAKPROOF IMMUTABLE AS 'SELECT 1.0';
    CREATE PROCEDURE school.work(a int, OUT b text, INOUT c date) LANGUAGE sql AS 'SELECT NULL::text, NULL::date';
    CREATE TEMP TABLE passing (a int);
  `);
  catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
});
afterAll(() => database.drop());

describe('the catalog that is read', () => {
  test('columns: types with their modifiers, what is generated; none that was dropped', () => {
    const columns = catalog.relation('school', 'pupils')?.columns;
    expect(columns?.map((c) => [c.attnum, c.name, c.typeName, c.notNull, c.generated, c.identity])).toEqual([
      [1, 'id', 'bigint', true, '', 'a'],
      [3, 'name', 'character varying(40)', true, '', ''],
      [4, 'born On', 'date', false, '', ''],
      [5, 'mood', 'school.mood[]', false, '', ''],
      [6, 'upper_name', 'text', false, 's', ''],
      [7, 'lower_name', 'text', false, VIRTUAL === 'VIRTUAL' ? 'v' : 's', ''],
      [8, 'class', 'integer', true, '', ''],
    ]);
    expect(columns?.[1]).toMatchObject({ type: 1043, typmod: 44 });
  });

  test('relations: kind, key, parents, row security, rows', () => {
    const pupils = catalog.relation('school', 'pupils')!;
    expect(pupils).toMatchObject({ kind: 'p', persistence: 'p', rowSecurity: true, parents: [], ofType: 0 });
    expect([...pupils.primaryKey].sort()).toEqual([1, 8]);
    expect(catalog.relation('school', 'pupils_1')).toMatchObject({
      kind: 'r',
      parents: [pupils.oid],
      rowSecurity: false,
    });
    expect(catalog.relation('school', 'spots')?.ofType).toBe(catalog.type('school', 'spot')?.oid);
    expect(catalog.relation('school', 'notes')?.persistence).toBe('u');
    expect(catalog.relation('school', 'names')?.kind).toBe('v');
    expect(catalog.typesByOid.get(pupils.rowType)).toMatchObject({ kind: 'c', relation: pupils.oid, name: 'pupils' });
    expect(catalog.relation('pg_catalog', 'pg_class')?.kind).toBe('r');
  });

  test('types: domains with base, modifier and constraint, enums, ranges, arrays that are ones', () => {
    const grade = catalog.type('school', 'grade')!;
    expect(grade).toMatchObject({ kind: 'd', base: 1700, baseTypmod: 262150, constrained: true });
    expect(catalog.type('school', 'mark')).toMatchObject({ kind: 'd', base: grade.oid, constrained: false });
    expect(catalog.typesByOid.get(catalog.type('school', 'mood')!.array)?.element).toBe(
      catalog.type('school', 'mood')?.oid,
    );
    const range = catalog.type('pg_catalog', 'int4range')!;
    expect(range.subtype).toBe(23);
    expect(catalog.typesByOid.get(range.multirange)).toMatchObject({
      name: 'int4multirange',
      multirange: range.oid,
      subtype: 23,
    });
    expect(catalog.type('pg_catalog', 'point')?.element).toBe(0);
    expect(catalog.functionsByOid.get(catalog.type('pg_catalog', 'int4')!.output)?.name).toBe('int4out');
  });

  test('functions: arguments that a call passes, columns that come back', () => {
    const [find] = catalog.functionsNamed('find').filter((fn) => fn.schema === 'school');
    expect(find).toMatchObject({
      args: [23, 25],
      argNames: ['a', 'b'],
      defaults: 1,
      returnsSet: true,
      outColumns: [
        { name: 'name', type: 25 },
        { name: 'born', type: 1082 },
      ],
      securityDefiner: true,
      strict: true,
      volatility: 's',
      leakproof: false,
      extension: '',
    });
    expect(
      catalog
        .functionsNamed('rows')
        .find((fn) => fn.schema === 'school')
        ?.outColumns.map((c) => c.name),
    ).toEqual(['a', 'b']);
    expect(catalog.functionsNamed('all_of')[0]).toMatchObject({ args: [1231], variadic: 1700, leakproof: true });
    expect(catalog.functionsNamed('work')[0]).toMatchObject({
      kind: 'p',
      args: [23, 25, 1082],
      argNames: ['a', 'b', 'c'],
    });
    expect(catalog.functionsNamed('percentile_cont').every((fn) => fn.aggKind === 'o' && fn.directArgs === 1)).toBe(
      true,
    );
    expect(catalog.functionsNamed('citext_eq')[0]?.extension).toBe('citext');
  });

  test('operators, casts and default operator classes', () => {
    expect(catalog.operatorsNamed('@@').length).toBeGreaterThan(3);
    expect(catalog.operatorsNamed('=').filter((o) => o.extension === 'citext')).toHaveLength(1);
    expect(catalog.cast(23, 20)).toMatchObject({ context: 'i', method: 'f' });
    const btree = catalog.opclasses(23).find((opclass) => opclass.method === 'btree')!;
    expect(btree.operators.map((o) => [o.strategy, catalog.operatorsByOid.get(o.operator)?.name])).toEqual([
      [1, '<'],
      [2, '<='],
      [3, '='],
      [4, '>='],
      [5, '>'],
    ]);
    expect(btree.functions.find((f) => f.number === 1)?.fn).toBe(catalog.functionsNamed('btint4cmp')[0]?.oid);
  });

  test('nothing temporary, nothing of TOAST', () => {
    expect(catalog.data.relations.filter((r) => r.name === 'passing' || r.kind === 't')).toEqual([]);
    expect(catalog.data.types.filter((type) => type.name === 'passing')).toEqual([]);
    expect(catalog.data.schemas.filter((schema) => /^pg_(toast|temp)/.test(schema))).toEqual([]);
    expect(catalog.hasSchema('school')).toBe(true);
  });
});

describe('the connection afterwards', () => {
  test('has no transaction open and its own settings back', async () => {
    await database.query('SET search_path = school');
    await readCatalog((sql) => database.query(sql));
    expect(await database.query('SHOW search_path')).toEqual([{ search_path: 'school' }]);
    await database.query('RESET search_path');
    const [row] = await database.query('SELECT now() = statement_timestamp() AS alone');
    expect(row).toEqual({ alone: true });
  });

  test.each([
    [130011, 'PostgreSQL 14 to 18 is supported, the server is PostgreSQL 13'],
    [190000, 'PostgreSQL 14 to 18 is supported, the server is PostgreSQL 19: a newer Rowgate is needed'],
  ])('a server of version %i is an error, and ends the transaction too', async (version, message) => {
    const sent: string[] = [];
    const reading = readCatalog(async (sql) => {
      sent.push(sql);
      return sql.startsWith('SELECT') ? [{ json: `[{"serverVersion":${version},"database":"x"}]` }] : [];
    });
    await expect(reading).rejects.toThrow(message);
    expect(sent.at(-1)).toBe('ROLLBACK');
  });
});

test('an ordinary login may read it', async () => {
  const login = await database.createLogin();
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: login.url });
  await client.connect();
  try {
    const data = await readCatalog(async (sql) => (await client.query(sql)).rows);
    expect(data.relations.length).toBe(catalog.data.relations.length);
  } finally {
    await client.end();
  }
});
