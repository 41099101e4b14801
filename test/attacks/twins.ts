/** The database that is attacked and its twins, which differ from it in hidden data alone; a guard in front of each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { guardInFrontOf, REUSING, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase, superuserUrl } from '../support/postgres.ts';
import { type Attacker, attacker } from './attacker.ts';

const POLICIES = join(import.meta.dirname, 'policies');

/** What no byte that comes back may hold. */
export const MARK = /HIDDEN|SECRET|77000\d\d\d|1907-\d\d/;

export interface World {
  readonly name: string;
  readonly database: FreshDatabase;
  readonly guard: TestGuard;
  /** A new session of the principal that is named as the role. */
  attack(role: string): Promise<Attacker>;
  end(): Promise<void>;
}

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');

/** `real`, `other` (other hidden values and fewer rows), `none` (nothing hidden); the same OIDs in all of them. */
export async function makeWorlds(): Promise<World[]> {
  const real = await freshDatabase();
  await runOnce(real.url, read('schema.sql'));
  const worlds: World[] = [];
  for (const part of read('twins.sql')
    .split(/^-- twin: /m)
    .slice(1)) {
    const database = await copyOf(real);
    await runOnce(database.url, part.slice(part.indexOf('\n')));
    worlds.push(await worldOf(part.slice(0, part.indexOf('\n')), database));
  }
  return [await worldOf('real', real), ...worlds];
}

async function copyOf(original: FreshDatabase): Promise<FreshDatabase> {
  const copy = await freshDatabase();
  await runOnce(superuserUrl(), [
    `DROP DATABASE ${copy.name}`,
    `CREATE DATABASE ${copy.name} TEMPLATE ${original.name}`,
  ]);
  return copy;
}

async function runOnce(url: string, sql: string | readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const text of typeof sql === 'string' ? [sql] : sql) await client.query(text);
  await client.end();
}

async function worldOf(name: string, database: FreshDatabase): Promise<World> {
  await runOnce(database.url, 'VACUUM ANALYZE');
  const guard = await guardInFrontOf(database, { policies: POLICIES, configuration: REUSING });
  const client = await database.connect();
  const { rows } = await client.query<{ name: string; oid: number }>(
    `SELECT proname AS name, oid::int FROM pg_proc UNION ALL SELECT 'type ' || typname, oid::int FROM pg_type`,
  );
  const oids = new Map(rows.map((row) => [row.name, row.oid]));
  return {
    name,
    database,
    guard,
    async attack(role) {
      return attacker(await guard.connect(role), oids);
    },
    async end() {
      await guard.stop();
      await database.drop();
    },
  };
}
