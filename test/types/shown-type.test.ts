/** Tests that messages name types as the server does. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { shownType } from '../../src/sql/types/shown-type.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(
    `CREATE TYPE mood AS ENUM ('glad'); CREATE DOMAIN small AS int4; CREATE TABLE "Élèves ""notés""" (id int4)`,
  );
});
afterAll(() => database.drop());

test('as format_type does', async () => {
  const catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
  const named = await database.query<{ oid: number; name: string }>(
    `SELECT oid::int8::int, format_type(oid, NULL) AS name FROM pg_type
     WHERE typnamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace) AND pg_type_is_visible(oid)`,
  );
  const known = named.filter(({ oid }) => catalog.typesByOid.has(oid));
  expect(known.length).toBeGreaterThan(150);
  expect(known.map(({ oid }) => shownType(catalog, oid))).toEqual(known.map(({ name }) => name));
});
