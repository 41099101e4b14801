/**
 * The databases: `few` and `many` differ only in what the role may not see, with a guard in front of each; `seen` holds only what the role may see.
 * OIDs and column numbers are the same in all of them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { grantRows } from '../../src/demo/database.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase, serverAddress, superuserUrl } from '../support/postgres.ts';
import { type Lane, type Login, openLane } from './lane.ts';

export const POLICIES = join(import.meta.dirname, 'policies');

/** Sessions of the role on one world. */
export interface World {
  readonly name: string;
  readonly database: FreshDatabase;
  /** `settings`: of the planner, for this connection, as `enable_hashjoin = off`. One call at a time. */
  open(settings?: readonly string[]): Promise<Lane>;
}

export interface Databases {
  readonly few: FreshDatabase;
  readonly many: FreshDatabase;
  readonly seen: World;
  /** Puts guards in front of `few` and `many`. End them before the databases. */
  /** @param configuration beside what every guard has. */
  guarded(policies?: string, configuration?: string): Promise<Guarded>;
  drop(): Promise<void>;
}

export interface Guarded {
  readonly few: World;
  readonly many: World;
  readonly guards: readonly TestGuard[];
  stop(): Promise<void>;
}

const LATE_MS = 2_000;

export const read = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');

export async function makeDatabases(): Promise<Databases> {
  const few = await freshDatabase();
  // One account for both guards: privileges are no difference between the databases.
  const account = await few.createLogin();
  await runOnce(few.url, [read('schema.sql')]);
  await grantRows(few.url, account.user);
  const many = await cloneOf(few);
  await runOnce(few.url, [read('hidden-few.sql')]);
  const seen = await cloneOf(few);
  await runOnce(many.url, [read('hidden-many.sql')]);
  await runOnce(seen.url, [read('seen.sql'), read('seen-columns.sql')]);
  for (const { name, url } of [few, many, seen]) {
    await runOnce(superuserUrl(), [
      `ALTER DATABASE ${name} SET jit = off`,
      `ALTER DATABASE ${name} SET search_path = public`,
    ]);
    await runOnce(url, ['VACUUM ANALYZE']);
  }
  // Without a guard a parallel plan may run an expression too early.
  await runOnce(superuserUrl(), [
    `ALTER DATABASE ${seen.name} SET max_parallel_workers_per_gather = 0`,
    `ALTER DATABASE ${seen.name} SET statement_timeout = '300ms'`,
  ]);
  const owner = await seen.createLogin('SUPERUSER');
  const watch = setInterval(() => void cancelLate(seen.name).catch(() => {}), LATE_MS);
  return {
    few,
    many,
    seen: worldOf('seen', seen, { ...serverAddress(), ...owner, database: seen.name }),
    async guarded(policies = POLICIES, configuration) {
      const [one, other] = [
        await guardOn(few, account, policies, configuration),
        await guardOn(many, account, policies, configuration),
      ];
      const login = (guard: TestGuard, { name }: FreshDatabase): Login => ({
        port: guard.port,
        user: 'teacher',
        password: 'demo-teacher',
        database: name,
      });
      return {
        few: worldOf('few', few, login(one, few)),
        many: worldOf('many', many, login(other, many)),
        guards: [one, other],
        async stop() {
          await one.stop();
          await other.stop();
        },
      };
    },
    async drop() {
      clearInterval(watch);
      for (const database of [seen, many, few]) await database.drop();
    },
  };
}

/** Work at COMMIT, which PostgreSQL does not hold to statement_timeout, where no guard does. */
function cancelLate(database: string): Promise<void> {
  return runOnce(superuserUrl(), [
    `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
      WHERE datname = '${database}' AND state = 'active' AND query_start < clock_timestamp() - interval '${LATE_MS} ms'`,
  ]);
}

export function guardOn(
  database: FreshDatabase,
  account: { user: string; password: string },
  policies: string,
  configuration?: string,
) {
  const url = database.urlFor(account.user, account.password);
  return guardInFrontOf(database, {
    policies,
    upstream: () => `{ url: "${url}" }`,
    ...(configuration !== undefined && { configuration }),
  });
}

function worldOf(name: string, database: FreshDatabase, login: Login): World {
  return {
    name,
    database,
    async open(settings = []) {
      // A session takes what its database says at its beginning; the guard would not let the role set it.
      const alter = (words: (setting: string) => string): Promise<void> =>
        runOnce(
          superuserUrl(),
          settings.map((setting) => `ALTER DATABASE ${database.name} ${words(setting)}`),
        );
      await alter((setting) => `SET ${setting}`);
      const lane = await openLane(login);
      await alter((setting) => `RESET ${setting.split(' ')[0]}`);
      return lane;
    },
  };
}

/** A copy with the same OIDs. */
export async function cloneOf(original: FreshDatabase): Promise<FreshDatabase> {
  await original.disconnect();
  const clone = await freshDatabase();
  await runOnce(superuserUrl(), [
    `DROP DATABASE ${clone.name}`,
    `CREATE DATABASE ${clone.name} TEMPLATE ${original.name}`,
  ]);
  return clone;
}

export async function runOnce(url: string, texts: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const text of texts) await client.query(text);
  } finally {
    await client.end();
  }
}
