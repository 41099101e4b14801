/** Two tables with a column of each common type: of one the role `teacher` holds the rows of one school and all columns but one, the other is granted whole. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FreshDatabase } from '../support/postgres.ts';

const SQL = String.raw`
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE things (
  id integer PRIMARY KEY, school_id integer NOT NULL, flag boolean, small smallint, big bigint, amount numeric(20,4), ratio double precision,
  label varchar(20), code char(4), body text, day date, at timestamptz, local timestamp, span interval, doc jsonb, raw json,
  numbers integer[], names text[], bytes bytea, ref uuid, feeling mood, feelings mood[], period int4range, secret text);
INSERT INTO things
  SELECT n, n % 2 + 1, n % 3 = 0, n, 9007199254740993 + n, n::numeric / 7, n / 3.0, 'label ' || n, 'c' || n % 10, repeat('é𝒜', n % 5),
    date '2026-01-31' + n, timestamptz '2026-10-25 02:30:00+02' + n * interval '1 hour', timestamp '2026-03-29 02:30:00.123' + n * interval '1 minute',
    n * interval '1 month 2 days 03:04:05', jsonb_build_object('n', n, 'é', ARRAY[n, NULL], 'deep', jsonb_build_object('x', 'y"z')),
    '{"b": 1, "a": [1,  2]}', ARRAY[n, -n], ARRAY['a,b', 'c"d', NULL, 'e\f', ''], decode(lpad(to_hex(n), 4, '0'), 'hex'),
    md5(n::text)::uuid, CASE WHEN n % 2 = 0 THEN 'glad' ELSE 'sad' END::mood, ARRAY['glad', 'sad']::mood[], int4range(n, n + 5), 'secret ' || n
  FROM generate_series(1, 40) AS n;
INSERT INTO things (id, school_id) VALUES (100, 1);
CREATE TABLE notes (id integer PRIMARY KEY, body text NOT NULL, at timestamptz DEFAULT now());
`;

const COLUMNS =
  'id school_id flag small big amount ratio label code body day at local span doc raw numbers names bytes ref feeling feelings period';

/** The granted columns, as a select list. */
export const THINGS = COLUMNS.replaceAll(' ', ', ');

export async function createTypedTable(database: FreshDatabase): Promise<void> {
  await database.query(SQL);
}

export async function grantTypedTable(policies: string): Promise<void> {
  const file = join(policies, 'roles/teacher.yaml');
  const grant = `tables:
  things:
    rows: school_id = :school_id
    select: { columns: [${THINGS}] }
  notes:
    select: { columns: "*" }
    insert: { columns: [id, body, at] }
    update: { columns: [id, body, at] }
    delete: {}
`;
  await writeFile(file, (await readFile(file, 'utf8')).replace('tables:\n', grant));
}
