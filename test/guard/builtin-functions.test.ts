/** Tests the table of built-in functions: each function of the server has one class, and the server's own catalog confirms the class. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { CLASSES, type FunctionClassName } from '../../src/guard/builtin-functions.ts';
import { functionClass } from '../../src/guard/function-class.ts';
import { metadataFunction } from '../../src/guard/metadata/functions.ts';
import { Catalog, type Fn } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';

let database: FreshDatabase;
let catalog: Catalog;
let own: readonly Fn[];

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('CREATE FUNCTION public.abs(point) RETURNS int LANGUAGE sql RETURN 1');
  catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
  own = catalog.data.functions.filter(({ oid }) => oid < 16384);
});
afterAll(() => database?.drop());

const ofClass = (...names: readonly FunctionClassName[]): Fn[] =>
  own.filter((fn) => names.includes(functionClass(fn, catalog) as FunctionClassName));
const signatures = (functions: readonly Fn[]): string[] =>
  functions.map((fn) => `${fn.schema}.${fn.name}(${fn.args.map((oid) => catalog.typesByOid.get(oid)?.name).join()})`);
const oids = async (sql: string): Promise<ReadonlySet<number>> =>
  new Set((await database.query<{ oid: number }>(sql)).map(({ oid }) => oid));

describe('the table of built-in functions', () => {
  test('has a class for each function of this server', () => {
    expect(own.length).toBeGreaterThan(3000);
    expect(signatures(own.filter((fn) => functionClass(fn, catalog) === undefined))).toEqual([]);
  });

  test('has none for what was made later, whatever its name', () => {
    const made = catalog.data.functions.filter(({ oid }) => oid >= 16384);
    expect(made.map((fn) => functionClass(fn, catalog))).toEqual([undefined]);
  });

  test('names no function in two classes', () => {
    const names = Object.values(CLASSES).flatMap((one): readonly string[] => one.names);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  test('knows each name on the newest server', { skip: serverVersion() !== 18 }, () => {
    const gone = [...Object.values(CLASSES)].flatMap((one): readonly string[] => one.names);
    const here = new Set(own.map(({ name }) => name));
    // Functions of servers before 18, or of a build without an option.
    const older = [
      'interval_accum',
      'interval_accum_inv',
      'interval_combine',
      'pg_backup_start_time',
      'pg_is_in_backup',
      'pg_read_file_old',
      'pg_rotate_logfile_old',
      'pg_start_backup',
      'pg_stop_backup',
      'pg_timezone_abbrevs',
    ];
    expect(gone.filter((name) => !here.has(name)).sort()).toEqual(older);
  });

  test('allows of what changes something, or differs from call to call, chance and the clock alone', () => {
    const changing = ofClass('arguments', 'steps', 'operators', 'types', 'parsers').filter(
      (fn) => fn.volatility === 'v',
    );
    const chance = ['array_sample', 'array_shuffle', 'gen_random_uuid', 'random', 'random_normal', 'uuidv4', 'uuidv7'];
    // In PostgreSQL 14 timezone(text, timetz) reads the clock.
    const clock = ['clock_timestamp', 'timeofday', 'timezone'];
    expect(signatures(changing.filter(({ name }) => ![...chance, ...clock].includes(name)))).toEqual([]);
  });

  test('allows nothing that runs with the rights of its owner, or that PostgreSQL keeps from PUBLIC', async () => {
    const allowed = own.filter((fn) => {
      const found = functionClass(fn, catalog);
      return found !== undefined && CLASSES[found].allowed && found !== 'nothing';
    });
    const kept = await oids(
      `SELECT oid::int FROM pg_proc WHERE prosecdef OR (proacl IS NOT NULL AND NOT EXISTS
         (SELECT FROM aclexplode(proacl) WHERE grantee = 0 AND privilege_type = 'EXECUTE'))`,
    );
    expect(signatures(allowed.filter(({ oid }) => kept.has(oid)))).toEqual([]);
  });

  test('a step is one of an allowed aggregate, or of an operator class', async () => {
    const steps = await oids(`
      SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggmtransfn, aggminvtransfn, aggmfinalfn])::oid::int AS oid
        FROM pg_aggregate WHERE aggfnoid < 16384
      UNION SELECT amproc::oid::int FROM pg_amproc WHERE oid < 16384`);
    expect(signatures(ofClass('steps').filter(({ oid }) => !steps.has(oid)))).toEqual([]);
  });

  test('functions that answer from the catalogs are called only for objects that the role finds there', () => {
    const unasked = ofClass('catalogs').filter((fn) => fn.schema === 'pg_catalog' && !metadataFunction(fn));
    // It is filtered by where its argument comes from.
    expect([...new Set(unasked.map(({ name }) => name))]).toEqual(['pg_get_expr']);
  });

  test('no function of an allowed class takes what looks names up, but those that are asked by their objects', () => {
    const names = [
      'regclass',
      'regproc',
      'regprocedure',
      'regoper',
      'regoperator',
      'regtype',
      'regrole',
      'regnamespace',
      'regcollation',
    ];
    const types = new Set(catalog.data.types.filter(({ name }) => names.includes(name)).map(({ oid }) => oid));
    const taking = ofClass('arguments', 'steps', 'operators', 'server').filter(({ args }) =>
      args.some((oid) => types.has(oid)),
    );
    expect(signatures(taking)).toEqual([]);
  });
});
