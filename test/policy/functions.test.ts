/** What a name in `functions:` stands for: one function, as in GRANT, or all of the server's own that have it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveFunctions } from '../../src/policy/compile/functions.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { catalogOf } from '../decisions/policies.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let catalog: Catalog;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 * 2';
    CREATE FUNCTION twice(text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $1';
    CREATE PROCEDURE tidy(integer) LANGUAGE sql AS 'SELECT 1'`);
  catalog = await catalogOf(database);
});

afterAll(() => database.drop());

function found(text: string): readonly string[] | string {
  const resolved = resolveFunctions(catalog, ['public'], text);
  if ('problem' in resolved) return resolved.problem;
  const type = (oid: number): string => catalog.typesByOid.get(oid)?.name ?? '?';
  return resolved.value.map((fn) => `${fn.schema}.${fn.name}(${fn.args.map(type).join(', ')})`).sort();
}

test.each([
  ['pg_advisory_xact_lock', ['pg_catalog.pg_advisory_xact_lock(int4, int4)', 'pg_catalog.pg_advisory_xact_lock(int8)']],
  ['pg_catalog.pg_advisory_xact_lock(bigint)', ['pg_catalog.pg_advisory_xact_lock(int8)']],
  ['pg_advisory_unlock_all', ['pg_catalog.pg_advisory_unlock_all()']],
  ['tidy', ['public.tidy(int4)']],
  ['public.twice(text)', ['public.twice(text)']],
  ['twice', 'function name "twice" is not unique; write its argument types: public.twice(int4), public.twice(text)'],
])('%s', (text, wanted) => {
  expect(found(text)).toEqual(wanted);
});
