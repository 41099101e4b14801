/** Tests the sample policies on the awkward pupils through a whole guard: what each role finds. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

let database: FreshDatabase;
let guard: TestGuard;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await guardInFrontOf(database);
});
afterAll(async () => {
  await guard.stop();
  await database.drop();
});

it('shows a teacher the awkward pupils of her own school as they are, and no others', async () => {
  const client = await guard.connect('teacher');
  const seen = await client.query('SELECT id, first_name, last_name FROM students WHERE id > 1000 ORDER BY id');
  const there = await database.query(
    'SELECT id, first_name, last_name FROM students WHERE id > 1000 AND school_id = 1 ORDER BY id',
  );
  expect(seen.rows).toEqual(there);
});

it('masks birth dates to the year, whatever they hold', async () => {
  const client = await guard.connect('teacher');
  const { rows } = await client.query(
    'SELECT id::int, birth_date::text FROM students WHERE id > 1000 AND birth_date IS NOT NULL ORDER BY id',
  );
  expect(rows).toEqual([
    { id: 1001, birth_date: '2014-01-01' },
    { id: 1005, birth_date: 'infinity' },
    { id: 1007, birth_date: '0044-01-01 BC' },
    { id: 1009, birth_date: '2014-01-01' },
  ]);
});

it('records the principal, the decision and the outcome', async () => {
  const client = await guard.connect('canteen');
  await expect(client.query("SELECT address FROM students WHERE first_name = 'Zoé'")).rejects.toMatchObject({
    code: '42501',
  });
  const records = (await guard.records()).filter(({ principal }) => principal === 'canteen');
  expect(records).toMatchObject([
    { kind: 'login' },
    { kind: 'decision', effect: 'refuse', reason: 'column-withheld', statement: expect.not.stringContaining('Zoé') },
    { kind: 'outcome', rows: 0, status: 'refused' },
  ]);
});
