/** A guard with budgets over time in front of a small database of pupils. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { type GuardOptions, guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

export interface World {
  readonly database: FreshDatabase;
  readonly guard: TestGuard;
  connect(principal: string): ReturnType<TestGuard['connect']>;
  kinds(kind: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** `roles`: YAML for each principal's role, which has the principal's name: its keys besides `role` and `tables`. Pupils have ids 1 … 1000. */
export async function budgetWorld(roles: Readonly<Record<string, string>>, options: GuardOptions = {}): Promise<World> {
  const database = await pupilsDatabase();
  const folder = await pupilsPolicies(roles);
  const clear = async (): Promise<void> => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  const guard = await guardInFrontOf(database, { policies: folder, ...options }).catch(async (error: unknown) => {
    await clear();
    throw error;
  });
  return {
    database,
    guard,
    connect: (principal) => guard.connect(principal, PASSWORD),
    kinds: async (kind) => (await guard.records()).filter((record) => record.kind === kind),
    async stop() {
      await guard.stop();
      await clear();
    },
  };
}

export async function pupilsDatabase(): Promise<FreshDatabase> {
  const database = await freshDatabase();
  await database.query(`
    CREATE TABLE pupils (id integer PRIMARY KEY, name text NOT NULL, class integer NOT NULL);
    INSERT INTO pupils SELECT n, 'pupil ' || n, n % 10 FROM generate_series(1, 1000) n;
    CREATE TABLE visits (id integer PRIMARY KEY, pupil_id integer NOT NULL REFERENCES pupils, note text);
    INSERT INTO visits SELECT n + 5000, n, 'visit ' || n FROM generate_series(1, 1000) n;
    CREATE TABLE rooms (id integer PRIMARY KEY);
    INSERT INTO rooms SELECT generate_series(1, 1000);
    CREATE FUNCTION loud() RETURNS integer LANGUAGE plpgsql AS
      $$ BEGIN RAISE NOTICE 'saw %', (SELECT name FROM pupils LIMIT 1) USING ERRCODE = '25001'; RETURN 1; END $$`);
  return database;
}

/** @returns the folder. */
export async function pupilsPolicies(roles: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-budgets-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'subjects.yaml'), 'subjects:\n  pupil: { keys: [pupils.id, visits.pupil_id] }\n');
  for (const [name, text] of Object.entries(roles)) {
    await writeFile(
      join(folder, 'roles', `${name}.yaml`),
      `role: ${name}
scope: { pupil: all }
tables:
  pupils: { select: { columns: [id, name, class] }, update: { columns: [name] }, insert: { columns: [id, name, class] } }
  visits: { select: { columns: [id, pupil_id, note] }, update: { columns: [note] }, insert: { columns: [id, pupil_id, note] } }
  rooms: { select: { columns: "*" } }
statements: [copy_to, copy_from, explain, explain_analyze]
${text}`,
    );
  }
  const principals = Object.keys(roles).map((name) => `  ${name}: { role: ${name}, password: "${VERIFIER}" }\n`);
  await writeFile(join(folder, 'principals.yaml'), `principals:\n${principals.join('')}`);
  return folder;
}

/** How many rows came; none where a limit refused it. */
export async function rowsOf(client: pg.Client, sql: string): Promise<number> {
  try {
    return (await client.query(sql)).rows.length;
  } catch (error) {
    return (error as { code?: string }).code === '53400' ? 0 : Promise.reject(error);
  }
}

/** Its error; throws where it is not refused. */
export async function failure(client: pg.Client, sql: string): Promise<pg.DatabaseError> {
  try {
    await client.query(sql);
  } catch (error) {
    return error as pg.DatabaseError;
  }
  throw new Error(`${sql} was not refused`);
}
