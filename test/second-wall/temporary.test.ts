/** Tests the wall of a role with temporary tables: the account may make them, `--verify` says where it may not, and they work behind it. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realDatabase } from '../decisions/world.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { loginsFor, type WallsInTest, wallsOf } from './walls.ts';

let database: FreshDatabase;
let walls: WallsInTest;
let account: string;

beforeAll(async () => {
  database = await realDatabase();
  const logins = await loginsFor(database, ['clerk', 'teacher']);
  account = logins.clerk!.user;
  walls = await wallsOf(database, { policies: join(import.meta.dirname, '../decisions/policies'), logins });
  await database.query(`REVOKE TEMPORARY ON DATABASE ${database.name} FROM PUBLIC`);
});
afterAll(async () => {
  await walls.end();
  await database.drop();
});

async function differences(role: string): Promise<string[]> {
  const { differences: found } = await walls.compile({ role, verify: true });
  return found!.map(({ kind, what }) => `${kind}: ${what}`);
}

const mayMake = async (): Promise<boolean | undefined> => {
  const sql = `SELECT has_database_privilege('${account}', current_database(), 'TEMPORARY') AS may`;
  return (await database.query<{ may: boolean }>(sql))[0]?.may;
};

test('the right is given, missed and given again', async () => {
  const sql = await walls.apply({ role: 'clerk' });
  expect(sql).toContain(`GRANT TEMPORARY ON DATABASE`);
  expect(await mayMake()).toBe(true);
  expect(await differences('clerk')).toEqual([]);
  await database.query(`REVOKE TEMPORARY ON DATABASE ${database.name} FROM ${account}`);
  expect(await differences('clerk')).toEqual(['right-missing: TEMPORARY on the database is missing']);
  await walls.apply({ role: 'clerk' });
  expect(await differences('clerk')).toEqual([]);
});

test('more than that on the database is too much, and so is that for a role without', async () => {
  await walls.apply({ role: 'clerk' });
  await database.query(`GRANT CONNECT ON DATABASE ${database.name} TO ${account}`);
  expect(await differences('clerk')).toEqual([`right-extra: something is granted on database ${database.name}`]);
  await database.query(`REVOKE CONNECT ON DATABASE ${database.name} FROM ${account}`);
  const sql = await walls.apply({ role: 'teacher' });
  expect(sql).not.toContain('GRANT TEMPORARY');
});
