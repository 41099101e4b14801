/** A PostgreSQL of its own for tests that need rows: in a temporary folder, with the tables of a schema file, and gone when they are done. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Server, startServer } from '../../demo/server.ts';

/** The schema could not be loaded; the message is meant for the DBA. */
class SchemaError extends Error {}

/** Accounts that a dump may name. */
const MOST_ROLES = 1_000;

/** The caller ends it. */
export async function connectForTests(url: string | undefined): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'rowgate test' });
  client.on('error', () => {}); // what breaks the connection fails the query too
  await client.connect();
  return client;
}

/** The caller stops it. */
export async function startEmbedded(): Promise<Server> {
  return startServer({ folder: await mkdtemp(join(tmpdir(), 'rowgate-test-')), temporary: true });
}

/**
 * Loads a schema as `pg_dump --schema-only` writes it. Accounts that it names, for owners and rights, are made without a login.
 * Throws SchemaError. @param file its name, for errors.
 */
export async function loadSchema(client: pg.Client, text: string, file: string): Promise<void> {
  const sql = text
    .split('\n')
    .map((line, at) => {
      // pg_dump brackets its text with these, for psql.
      if (/^\\(un)?restrict\b/.test(line)) return '';
      if (/^\\/.test(line)) throw new SchemaError(`${file}:${at + 1}: psql's own commands are not known here`);
      return line;
    })
    .join('\n');
  for (let made = 0; made < MOST_ROLES; made += 1) {
    try {
      await client.query(`BEGIN; ${sql}\n; COMMIT`);
      await client.query('RESET ALL');
      return;
    } catch (error) {
      await client.query('ROLLBACK');
      if (!(error instanceof pg.DatabaseError)) throw error;
      const role = error.code === '42704' ? /^role "(.+)" does not exist$/.exec(error.message)?.[1] : undefined;
      if (role === undefined) throw new SchemaError(placed(error, text, file));
      await client.query(`CREATE ROLE ${pg.escapeIdentifier(role)}`);
    }
  }
  throw new SchemaError(`${file} names more than ${MOST_ROLES} accounts`);
}

/** With the line, if the server gives a position. The text follows `BEGIN; ` on the same line, so line numbers stay right. */
function placed({ message, position }: pg.DatabaseError, text: string, file: string): string {
  if (position === undefined) return `${file}: ${message}`;
  const before = text.slice(0, Math.max(0, Number(position) - 'BEGIN; '.length - 1));
  return `${file}:${before.split('\n').length}: ${message}`;
}
