/** The tables of the drivers' steps, beside those of the demo. The role `reader` sees the rows of school 1, which are those with an even id. */
import type { FreshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const SQL = String.raw`
CREATE TABLE measures (id integer PRIMARY KEY, school_id integer NOT NULL, label text NOT NULL);
INSERT INTO measures SELECT n, n % 2 + 1, 'measure ' || n FROM generate_series(1, 100000) AS n;
CREATE TABLE notes (driver text NOT NULL, body text NOT NULL);
CREATE TABLE things (
  id integer PRIMARY KEY, school_id integer NOT NULL, flag boolean, number integer, big bigint, amount numeric(12,4), ratio double precision, label text,
  day date, at timestamptz, ref uuid, doc jsonb, bytes bytea, numbers integer[], names text[], secret text);
INSERT INTO things VALUES
  (1, 2, false, 7, 8, 9, 0.5, 'other', '2020-01-01', '2020-01-01 00:00:00Z', NULL, NULL, NULL, NULL, NULL, 'one'),
  (2, 1, true, 42, 9007199254740993, 1234.5600, 0.1, 'l’été d''O''Brien "\𝒜', '2026-02-28', '2026-10-25 00:30:00.123456Z',
   'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, null, "é"]}', '\x00ff10', '{1,-2,3}', '{"a,b","c\"d",NULL,""}', 'two');
UPDATE students SET ine = '0000000001A' WHERE id = 1;
VACUUM ANALYZE measures`;

/** Fills an empty database. */
export async function createTables(database: FreshDatabase): Promise<void> {
  await seedSmall(database.url);
  for (const statement of SQL.split(';\n')) await database.query(statement);
}
