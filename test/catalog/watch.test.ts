/** Tests the fingerprint of a catalog: it changes with each change that matters to judgements, and with no other. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogFingerprint } from '../../src/catalog/watch.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE EXTENSION citext; CREATE TABLE pupils (id int, name text); CREATE DOMAIN grade AS int; CREATE TYPE mood AS ENUM ('ok');
    CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'; CREATE TABLE others (); INSERT INTO pupils VALUES (1, 'a');`);
});
afterAll(() => database.drop());

const fingerprint = (): Promise<string> => catalogFingerprint((sql) => database.query(sql));

describe('the fingerprint changes with', () => {
  test.each([
    'CREATE TABLE more (a int)',
    'DROP TABLE more',
    'ALTER TABLE pupils ADD COLUMN born date',
    'ALTER TABLE pupils RENAME COLUMN born TO birth_date',
    'ALTER TABLE pupils ALTER COLUMN birth_date TYPE timestamp',
    'ALTER TABLE pupils DROP COLUMN birth_date',
    'ALTER TABLE pupils ADD PRIMARY KEY (id)',
    'ALTER TABLE pupils ENABLE ROW LEVEL SECURITY',
    'CREATE POLICY own ON pupils USING (true)',
    'ALTER POLICY own ON pupils USING (false)',
    'ALTER TABLE pupils INHERIT others',
    'ALTER FUNCTION f(int) LEAKPROOF',
    'ALTER FUNCTION pg_catalog.int4pl(int, int) LEAKPROOF',
    'CREATE OR REPLACE FUNCTION f(int) RETURNS int VOLATILE LANGUAGE sql AS $$SELECT 2$$',
    'ALTER DOMAIN grade ADD CHECK (VALUE > 0)',
    'CREATE OPERATOR ## (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)',
    'CREATE CAST (int AS mood) WITH INOUT',
    'DROP CAST (int AS mood)',
    'CREATE TYPE r AS RANGE (subtype = text)',
    'CREATE SCHEMA elsewhere',
    'ALTER EXTENSION citext SET SCHEMA elsewhere',
  ])('%s', async (change) => {
    const before = await fingerprint();
    await database.query(change);
    expect(await fingerprint()).not.toBe(before);
  });
});

describe('the fingerprint stays with', () => {
  test.each([
    "INSERT INTO pupils VALUES (2, 'b')",
    'CREATE TEMP TABLE passing (a serial PRIMARY KEY, b text)',
    'DROP TABLE passing',
    'ANALYZE pupils',
    'SELECT 1',
  ])('%s', async (statement) => {
    const before = await fingerprint();
    await database.query(statement);
    expect(await fingerprint()).toBe(before);
  });
});
