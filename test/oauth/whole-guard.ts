/** A whole guard with end users who log in by tokens: each sees their own notes. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GuardOptions, guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import type { BearerOptions } from './bearer-client.ts';

export interface WholeGuard {
  readonly database: FreshDatabase;
  readonly guard: TestGuard;
  options(user: string, more?: Partial<BearerOptions>): BearerOptions;
  /** Writes it, and reloads. */
  writePrincipals(text: string): Promise<void>;
  close(): Promise<void>;
}

const ROLE = `role: staff
attributes: { person: text from token }
tables:
  notes:
    rows: owner = :person
    select: { columns: [id, owner, body] }
    insert: { columns: [id, owner, body] }
limits: none
`;

/** `files`: further ones of the policies folder, by name. */
export async function wholeGuard(
  principals: string,
  files: Readonly<Record<string, string>> = {},
  options: GuardOptions = {},
): Promise<WholeGuard> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-people-'));
  await mkdir(join(folder, 'roles'));
  const policies = { 'roles/staff.yaml': ROLE, 'principals.yaml': principals, ...files };
  for (const [name, text] of Object.entries(policies)) await writeFile(join(folder, name), text);
  const database = await freshDatabase();
  await database.query(`CREATE TABLE notes (id int PRIMARY KEY, owner text NOT NULL, body text)`);
  await database.query(
    `INSERT INTO notes SELECT g, CASE WHEN g % 2 = 0 THEN 'anna' ELSE 'boris' END, repeat('x', 200) FROM generate_series(1, 20000) g`,
  );
  const guard = await guardInFrontOf(database, { policies: folder, ...options });
  return {
    database,
    guard,
    options: (user, more = {}) => ({ port: guard.port, user, database: database.name, ...more }),
    async writePrincipals(text) {
      await writeFile(join(folder, 'principals.yaml'), text);
      await guard.reload();
    },
    async close() {
      await guard.stop();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
