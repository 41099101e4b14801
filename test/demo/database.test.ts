/** Tests the sample database: the same rows each time, every pupil in a class of their school, and the awkward rows that tests need. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grantRows } from '../../src/demo/database.ts';
import { TABLE_NAMES } from '../../src/demo/schema.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { SMALL, seedSmall } from '../support/seed.ts';

describe('the sample database, made twice', () => {
  let first: FreshDatabase;
  let second: FreshDatabase;
  beforeAll(async () => {
    [first, second] = await Promise.all([freshDatabase(), freshDatabase()]);
    await Promise.all([seedSmall(first.url), seedSmall(second.url)]);
  });
  afterAll(() => Promise.all([first.drop(), second.drop()]));

  it.each(TABLE_NAMES)('has the same rows in %s', async (table) => {
    const content = `SELECT count(*)::int AS n, md5(string_agg(t::text, E'\\n' ORDER BY id)) AS hash FROM ${table} AS t`;
    const [rows] = await first.query<{ n: number; hash: string }>(content);
    expect(rows?.n).toBeGreaterThan(0);
    expect([rows]).toEqual(await second.query(content));
  });

  it('has each generated pupil in a class of the pupil’s own school', async () => {
    const rows = await first.query(
      `SELECT count(*)::int AS n FROM students AS s JOIN classes AS c ON c.id = s.class_id AND c.school_id = s.school_id WHERE s.id <= $1`,
      [SMALL.students],
    );
    expect(rows).toEqual([{ n: SMALL.students }]);
  });

  it('has awkward pupils in the first school and in the second', async () => {
    const rows = await first.query(
      'SELECT school_id, count(*)::int AS n FROM students WHERE id > 1000 GROUP BY 1 ORDER BY 1',
    );
    expect(rows).toEqual([
      { school_id: 1, n: 5 },
      { school_id: 2, n: 5 },
    ]);
  });

  it('lets the guard’s account at the rows, and at nothing else', async () => {
    const { user } = await first.createLogin();
    await grantRows(first.url, user);
    const [row] = await first.query(
      `SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,
         has_table_privilege(oid, 'students', 'select') AS reads, has_schema_privilege(oid, 'public', 'create') AS creates
       FROM pg_roles WHERE rolname = $1`,
      [user],
    );
    expect(row).toEqual({
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolbypassrls: false,
      reads: true,
      creates: false,
    });
  });
});
