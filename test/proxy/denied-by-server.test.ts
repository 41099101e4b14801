/** Tests that a right which the guard's account lacks at the server is reported differently from a refusal by Rowgate. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

let database: FreshDatabase;
let guard: TestGuard;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await guardInFrontOf(database);
  const [row] = await database.query(
    `SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE table_name = 'absences' AND grantee LIKE 'login%'`,
  );
  await database.query(`REVOKE SELECT ON absences FROM ${String(row?.grantee)}`);
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

test('a right that the account lacks: the hint names the account', async () => {
  const client = await guard.connect('teacher');
  const error = (sql: string): Promise<{ code?: string; hint?: string; detail?: string }> =>
    client.query(sql).then(
      () => ({}),
      (refused: object) => refused,
    );
  const ofServer = await error('SELECT day FROM absences');
  expect(ofServer).toMatchObject({
    code: '42501',
    hint: expect.stringMatching(/^The database server refused this, not Rowgate/),
  });
  expect(ofServer.detail).toBeUndefined();
  const own = await error('SELECT reason FROM absences');
  expect(own).toMatchObject({ code: '42501', detail: expect.stringContaining('Decision ') });
  expect(own.hint).not.toContain('database server');
  await client.end();
});
