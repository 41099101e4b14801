/** Two empty databases, of one login that may do everything in them: one to reach directly, one through Rowgate as an unrestricted role. */
import { resolve } from 'node:path';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

/** libpq's variables. */
export type Environment = Readonly<Record<string, string>>;

export interface TwoWays {
  readonly direct: Environment;
  readonly guarded: Environment;
  /** Asks both databases as the superuser, without Rowgate: first the one that is used directly. */
  ask(sql: string): Promise<[unknown[], unknown[]]>;
  stop(): Promise<void>;
}

/** `before`: what runs on each of the two. */
export async function twoWays(before: readonly string[] = []): Promise<TwoWays> {
  const databases: FreshDatabase[] = [];
  let guard: TestGuard | undefined;
  const stop = async (): Promise<void> => {
    await guard?.stop();
    for (const database of databases.reverse()) await database.drop();
  };
  try {
    const first = await freshDatabase();
    databases.push(first);
    // The guard logs in as the login that is used directly: what depends on who one is must be the same.
    const login = await first.createLogin('SUPERUSER');
    // The tests' logins are quick to check; lib/pq takes no verifier of fewer iterations than PostgreSQL's own default.
    await first.query(`ALTER ROLE ${login.user} PASSWORD '${login.password}'`);
    const second = await freshDatabase();
    databases.push(second);
    for (const database of databases) for (const sql of before) await database.query(sql);
    guard = await guardInFrontOf(second, {
      policies: resolve(import.meta.dirname, 'policies'),
      upstream: () => `{ url: "${second.urlFor(login.user, login.password)}" }`,
    });
    return {
      direct: environmentOf(login.url),
      guarded: environmentOf(guard.url('owner')),
      ask: async (sql) => [await first.query(sql), await second.query(sql)],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function environmentOf(url: string): Environment {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: pathname.slice(1),
    PGSSLMODE: 'disable',
  };
}
