/** Two empty databases, of one login that may do everything in them: one to reach directly, one through Rowgate as an unrestricted role. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Server, startServer } from '../../src/demo/server.ts';
import { formatVerifier, makeVerifier } from '../../src/protocol/scram-verifier.ts';
import { guardInFrontOf } from '../support/guard.ts';
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

/** What a suite has written into it. */
export interface Written {
  readonly database: string;
  /** Passwords of its users: first the superuser as whom it connects where it names none. */
  readonly users: Readonly<Record<string, string>>;
}

/** `before`: what runs on each of the two. */
export async function twoWays(before: readonly string[] = [], written?: Written): Promise<TwoWays> {
  const ended: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of ended.splice(0).reverse()) await one();
  };
  const opened = async (): Promise<FreshDatabase> => {
    const server = written && (await ownServer());
    if (server) ended.push(() => server.stop());
    const database = await freshDatabase(written?.database, server?.url);
    ended.push(() => database.drop());
    if (written) await makeUsers(database, written);
    return database;
  };
  try {
    const first = await opened();
    // The guard logs in as the login that is used directly: what depends on who one is must be the same.
    const login = written ? loginsOf(first, written)[0]! : await first.createLogin('SUPERUSER');
    // The tests' logins are quick to check; lib/pq takes no verifier of fewer iterations than PostgreSQL's own default.
    await first.query(`ALTER ROLE ${login.user} PASSWORD '${login.password}'`);
    const second = await opened();
    for (const database of [first, second]) for (const sql of before) await database.query(sql);
    const policies = written ? await policiesOf(written) : resolve(import.meta.dirname, 'policies');
    if (written) ended.push(() => rm(policies, { recursive: true }));
    const others = written ? loginsOf(second, written) : [];
    const accounts = others.map(({ user, password }) => `${user}: { user: ${user}, password: "${password}" }`);
    const guard = await guardInFrontOf(second, {
      policies,
      upstream: () => `{ url: "${second.urlFor(login.user, login.password)}", logins: { ${accounts.join(', ')} } }`,
    });
    ended.push(() => guard.stop());
    return {
      direct: environmentOf(login.url),
      guarded: environmentOf(written ? guard.url(login.user, login.password) : guard.url('owner')),
      ask: async (sql) => [await first.query(sql), await second.query(sql)],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ownServer(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-suite-'));
  return startServer({ folder, settings: { max_prepared_transactions: '10', wal_level: 'logical' }, temporary: true });
}

export async function makeUsers(database: FreshDatabase, written: Written): Promise<void> {
  for (const [at, { user, password }] of loginsOf(database, written).entries())
    await database.query(`CREATE ROLE ${user} LOGIN ${at === 0 ? 'SUPERUSER' : ''} PASSWORD '${password}'`);
}

export function loginsOf(
  { urlFor }: FreshDatabase,
  { users }: Written,
): { user: string; password: string; url: string }[] {
  return Object.entries(users).map(([user, password]) => ({ user, password, url: urlFor(user, password) }));
}

/** A principal and an unrestricted role for each. */
async function policiesOf({ users }: Written): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-suite-policies-'));
  await mkdir(join(folder, 'roles'));
  const principals: Record<string, unknown> = {};
  for (const [user, password] of Object.entries(users)) {
    principals[user] = { role: user, password: formatVerifier(await makeVerifier(password, randomBytes(16))) };
    await writeFile(join(folder, `roles/${user}.yaml`), `role: ${user}\naccess: unrestricted\nlimits: none\n`);
  }
  await writeFile(join(folder, 'principals.yaml'), JSON.stringify({ principals }));
  return folder;
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
