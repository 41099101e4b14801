/** Makes the sample database: its logins, tables and rows. A complete database is left as it is. */
import pg from 'pg';
import { fillSteps, PICK, type Scale } from './fill.ts';
import { CONSTRAINTS, TABLE_NAMES, TABLES } from './schema.ts';

/** 200 schools and 100,000 pupils: a million rows in all. */
export const DEMO_SCALE: Scale = { schools: 200, students: 100_000 };

/** Fills an empty database in one transaction, so that an interrupted load leaves nothing behind. `progress` is called with what is being made. */
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
    await client.query(`VACUUM (ANALYZE) ${TABLE_NAMES.join(', ')}`);
  });
}

/** Makes a login without rights, or sets a new password for an existing one. */
export async function createLogin(superuserUrl: string, user: string, password: string): Promise<void> {
  const name = pg.escapeIdentifier(user);
  await withClient(superuserUrl, async (client) => {
    const known = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [user]);
    await client.query(
      `${known.rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${name} LOGIN PASSWORD ${pg.escapeLiteral(password)}`,
    );
  });
}

/**
 * Lets the guard's account read and write rows, also of future tables; `ownerUrl` logs in as the tables' owner. A policy cannot grant more than this.
 */
export async function grantRows(ownerUrl: string, user: string): Promise<void> {
  const name = pg.escapeIdentifier(user);
  const rights = 'SELECT, INSERT, UPDATE, DELETE';
  await withClient(ownerUrl, (client) =>
    client.query(`
      -- Two at once would change one row of the catalog.
      SELECT pg_advisory_xact_lock(hashtext('rowgate grants'));
      GRANT USAGE ON SCHEMA public TO ${name};
      GRANT ${rights} ON ALL TABLES IN SCHEMA public TO ${name};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${name};
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ${rights} ON TABLES TO ${name};
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO ${name}`),
  );
}

/** Whether the server has a completely filled database of that name. */
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

/** Drops what an interrupted start left of the database, and creates it empty. */
export async function createDatabase(superuserUrl: string, name: string, owner: string): Promise<void> {
  await withClient(superuserUrl, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
    await client.query(
      `CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0 OWNER ${pg.escapeIdentifier(owner)}`,
    );
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
