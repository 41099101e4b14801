/** Asks the database that the configuration names, over a short connection of the guard's own account. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { Query } from '../catalog/read.ts';
import type { UpstreamConfig } from '../config/config.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Runs `work` and ends the connection. Throws where the database cannot be reached or the account cannot log in. */
export async function ask<T>(upstream: UpstreamConfig, work: (query: Query) => Promise<T>): Promise<T> {
  const { host, port, database, login, tls } = upstream;
  const client = new pg.Client({
    host,
    port,
    database,
    user: login.user,
    ...(login.password !== undefined && { password: login.password }),
    ssl: tls.mode === 'disable' ? false : tlsOptions(tls),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'rowgate',
  });
  client.on('error', () => {}); // what breaks the connection fails the query too
  try {
    await client.connect();
    return await work(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
  } finally {
    await client.end().catch(() => {});
  }
}

function tlsOptions({ mode, ca }: UpstreamConfig['tls']): ConnectionOptions {
  const authorities = ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') };
  // INVARIANT: verify-full checks the chain and the name; `require` checks the chain where authorities are given.
  if (mode === 'verify-full') return { ...authorities, rejectUnauthorized: true };
  return { ...authorities, rejectUnauthorized: ca !== undefined, checkServerIdentity: () => undefined };
}
