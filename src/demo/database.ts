/** Makes the sample database: its account for the guard, its tables and its rows; a database that is already complete is left as it is. */
import pg from 'pg';
import { fillSteps, PICK, type Scale } from './fill.ts';
import { CONSTRAINTS, TABLES } from './schema.ts';

/** 200 schools and 100,000 pupils: a million rows in all. */
export const DEMO_SCALE: Scale = { schools: 200, students: 100_000 };

/** Fills an empty database in one transaction, so that an interrupted load leaves nothing half done. `progress` hears what is being made. */
export async function fillDatabase(
  url: string,
  scale: Scale,
  progress: (table: string) => void = () => {},
): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('BEGIN');
    await client.query(TABLES);
    await client.query(PICK);
    for (const { table, sql } of fillSteps(scale)) {
      progress(table);
      await client.query(sql);
    }
    progress('indexes and constraints');
    await client.query(CONSTRAINTS);
    await client.query('COMMIT');
    await client.query('VACUUM ANALYZE');
  });
}

/**
 * Makes the login through which the guard reaches the database: it owns nothing and is no superuser,
 * and its rights there are all that a policy can grant.
 */
export async function createGuardAccount(url: string, user: string, password: string): Promise<void> {
  const account = pg.escapeIdentifier(user);
  await withClient(url, async (client) => {
    const known = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [user]);
    if (known.rowCount === 0) await client.query(`CREATE ROLE ${account} LOGIN`);
    await client.query(`ALTER ROLE ${account} PASSWORD ${pg.escapeLiteral(password)}`);
    await client.query(`
      GRANT USAGE ON SCHEMA public TO ${account};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${account};
      GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO ${account}`);
  });
}

/** Whether the server has a database of that name, filled to its end. */
export async function hasDatabase(superuserUrl: string, name: string): Promise<boolean> {
  const known = await withClient(superuserUrl, (client) =>
    client.query('SELECT FROM pg_database WHERE datname = $1', [name]),
  );
  if (known.rowCount === 0) return false;
  return withClient(databaseUrl(superuserUrl, name), async (client) => {
    const found = await client.query("SELECT to_regclass('public.grades') IS NOT NULL AS filled");
    return found.rows[0]?.filled === true;
  });
}

/** Drops what an interrupted start left of the database, and makes it empty. */
export async function createDatabase(superuserUrl: string, name: string): Promise<void> {
  await withClient(superuserUrl, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0`);
  });
}

/** The same server and login, another database. */
export function databaseUrl(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(name)}`;
  return changed.href;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
