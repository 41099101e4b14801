/** The database that is measured: pgbench's tables, and the account by which every proxy logs in. */
import pg from 'pg';
import { grantRows } from '../../../src/demo/database.ts';
import { freshDatabase } from '../../support/postgres.ts';
import { initialise } from './pgbench.ts';

/** A million accounts. */
export const SCALE = 10;

export interface Account {
  readonly user: string;
  readonly password: string;
  /** Its SCRAM verifier, as the server keeps it. */
  readonly secret: string;
  readonly url: string;
}

export interface Database {
  readonly name: string;
  readonly account: Account;
  /** As the superuser. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

/** @param prepare further SQL before rights are granted, as the superuser. */
export async function makeDatabase(scale = SCALE, prepare = 'SELECT 1'): Promise<Database> {
  const database = await freshDatabase();
  await initialise(database.url, scale);
  await database.query(prepare);
  const { user, password, url } = await database.createLogin();
  await grantRows(database.url, user);
  // The tests' server hashes with few rounds; logins are measured with the usual number.
  await database.query(`ALTER ROLE ${pg.escapeIdentifier(user)} PASSWORD ${pg.escapeLiteral(password)}`);
  const [role] = await database.query<{ secret: string }>(
    `SELECT rolpassword AS secret FROM pg_authid WHERE rolname = ${pg.escapeLiteral(user)}`,
  );
  return {
    name: database.name,
    account: { user, password, secret: role!.secret, url },
    query: (sql) => database.query(sql),
    drop: () => database.drop(),
  };
}
