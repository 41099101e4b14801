/** Databases and roles for tests, on the server that `postgres.global.ts` started. Names are unique, so files may run side by side. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface FreshDatabase {
  readonly name: string;
  /** URL of the superuser. */
  readonly url: string;
  /** A connection string for another login of the same database. */
  urlFor(user: string, password: string): string;
  /** Runs SQL as the superuser on one kept connection; several statements in one text give the last one's rows. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** A new connected client of the superuser; ended by `drop` where the test has not done it. */
  connect(): Promise<pg.Client>;
  /** Makes a login role with a unique name; `options` as CREATE ROLE has them. Dropped with the database. */
  createLogin(options?: string): Promise<{ user: string; password: string; url: string }>;
  /** Ends the clients of the superuser; `query` connects again. For a server that is to be killed. */
  disconnect(): Promise<void>;
  /** Ends the clients, drops the database and its logins. */
  drop(): Promise<void>;
}

/** Connection string of the superuser, to the database `postgres`. */
export function superuserUrl(): string {
  return inject('postgresUrl');
}

/** Its major version: 18, but where `ROWGATE_POSTGRES` says otherwise. */
export function serverVersion(): number {
  return inject('postgresVersion');
}

/** The server's address. */
export function serverAddress(): Address {
  const url = new URL(superuserUrl());
  return { host: url.hostname, port: Number(url.port) };
}

/** `teacher_1f0c9a2b`: for roles, which all databases share. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(4).toString('hex')}`;
}

/** Makes an empty database, on the tests' server or on another with the given superuser. Call `drop` in `afterAll`. */
export async function freshDatabase(
  name = uniqueName('test'),
  superuser: string = superuserUrl(),
  options = '',
): Promise<FreshDatabase> {
  const asSuperuser = (sql: string) => runOnce(superuser, sql);
  await asSuperuser(`CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0 ${options}`);
  const urlFor = (user: string, password: string): string => {
    const url = new URL(superuser);
    url.username = encodeURIComponent(user);
    url.password = encodeURIComponent(password);
    url.pathname = `/${encodeURIComponent(name)}`;
    return url.href;
  };
  const url = urlFor('postgres', decodeURIComponent(new URL(superuser).password));
  const clients: pg.Client[] = [];
  const logins: string[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {}); // DROP DATABASE … FORCE cuts what a test left open
    await client.connect();
    clients.push(client);
    return client;
  };
  let kept: Promise<pg.Client> | undefined;
  return {
    name,
    url,
    urlFor,
    connect,
    async query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]> {
      kept ??= connect();
      const result: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await (await kept).query<Row>(sql, values);
      return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? [];
    },
    async createLogin(options = '') {
      const user = uniqueName('login');
      const password = randomBytes(8).toString('hex');
      // A random password gains nothing by being slow to check.
      const quick = `SELECT set_config(name, '1', false) FROM pg_settings WHERE name = 'scram_iterations'`;
      await asSuperuser(`${quick}; CREATE ROLE ${user} LOGIN PASSWORD '${password}' ${options}`);
      logins.push(user);
      return { user, password, url: urlFor(user, password) };
    },
    async disconnect() {
      kept = undefined;
      await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})));
    },
    async drop() {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      await dropDatabase(asSuperuser, name);
      for (const login of logins) await asSuperuser(`DROP ROLE IF EXISTS ${login}`);
    },
  };
}

/** FORCE waits for 5 s until all backends are gone: one that is in the midst of a long step takes longer on a busy machine. */
async function dropDatabase(asSuperuser: (sql: string) => Promise<void>, name: string): Promise<void> {
  for (let left = 12; ; left -= 1) {
    try {
      await asSuperuser(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
      return;
    } catch (error) {
      if (left === 0 || (error as pg.DatabaseError).code !== OBJECT_IN_USE) throw error;
    }
  }
}

const OBJECT_IN_USE = '55006';

async function runOnce(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
