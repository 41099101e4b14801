/** Reads the catalog of the database that the configuration names, over a short connection of the guard's own account. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { readCatalog } from '../catalog/read.ts';
import type { UpstreamConfig } from '../config/config.ts';
import type { CatalogData } from '../sql/catalog.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Throws where the database cannot be reached or the account cannot log in. */
export async function liveCatalog(upstream: UpstreamConfig): Promise<CatalogData> {
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
    return await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
  } finally {
    await client.end().catch(() => {});
  }
}

function tlsOptions({ mode, ca }: UpstreamConfig['tls']): ConnectionOptions {
  // INVARIANT: verify-full checks the chain and the name; only `require` does without.
  return { rejectUnauthorized: mode === 'verify-full', ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }) };
}
