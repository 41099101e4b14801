/** A small web application in front of a database: a pool of connections, prepared statements, and the token of each request's user. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';

export interface Portal {
  readonly port: number;
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

/** How a request's token gets to its connection. */
type Way = (client: pg.PoolClient, token: string | undefined, work: () => Promise<unknown>) => Promise<unknown>;

const WAYS: Readonly<Record<string, Way>> = {
  /** By a prepared statement, in the transaction. */
  parameter: async (client, token, work) => {
    await client.query('BEGIN');
    if (token !== undefined) {
      const values = [token];
      await client.query({ name: 'token', text: "SELECT set_config('rowgate.token', $1, true)", values });
    }
    const done = await work();
    await client.query('COMMIT');
    return done;
  },
  /** As a text, in one message with BEGIN. */
  text: async (client, token, work) => {
    const set = token === undefined ? '' : `; SET LOCAL rowgate.token = ${client.escapeLiteral(token)}`;
    await client.query(`BEGIN${set}`);
    const done = await work();
    await client.query('COMMIT');
    return done;
  },
  /** For the session, and taken away behind it. */
  session: async (client, token, work) => {
    if (token !== undefined) await client.query(`SET rowgate.token = ${client.escapeLiteral(token)}`);
    try {
      return await work();
    } finally {
      await client.query('RESET rowgate.token');
    }
  },
};

const PUPILS = { name: 'pupils', text: 'SELECT id, family_id, name, note FROM pupils ORDER BY id' };

export async function openPortal(url: string, connections: number): Promise<Portal> {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  pool.on('error', () => {});
  const server = createServer((request, response) => void answer(pool, request, response));
  // A connection that is closed while the next request is on its way fails that request, on a machine that is busy.
  server.keepAliveTimeout = 0;
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    pool,
    async close() {
      server.closeAllConnections();
      server.close();
      await pool.end();
    },
  };
}

async function answer(pool: pg.Pool, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://portal');
  const token = request.headers.authorization?.replace('Bearer ', '');
  const way = WAYS[searchParams.get('way') ?? 'parameter']!;
  const client = await pool.connect();
  let failure: { code?: string; message: string } | undefined;
  try {
    const body = await way(client, token, () => page(client, pathname, searchParams, token));
    response.end(JSON.stringify(body));
  } catch (error) {
    failure = error as Error;
    await client.query('ROLLBACK').catch(() => {});
    response.statusCode = failure.code === '28000' ? 401 : 500;
    response.end(JSON.stringify({ code: failure.code, message: failure.message }));
  } finally {
    client.release(failure?.code === undefined && failure !== undefined);
  }
}

async function page(client: pg.PoolClient, path: string, query: URLSearchParams, token?: string): Promise<unknown> {
  switch (path) {
    case '/pupils':
      return (await client.query(PUPILS)).rows;
    case '/note': {
      const values = [query.get('note')];
      await client.query({ name: 'note', text: 'UPDATE pupils SET note = $1', values });
      return (await client.query(PUPILS)).rows;
    }
    case '/cursor': {
      await client.query('DECLARE c CURSOR WITH HOLD FOR SELECT id, family_id, name, note FROM pupils ORDER BY id');
      const { rows } = await client.query('FETCH ALL FROM c');
      await client.query('CLOSE c');
      return rows;
    }
    case '/logout':
      return (
        await client.query({ name: 'logout', text: "SELECT set_config('rowgate.logout', $1, true)", values: [token] })
      ).rows;
    case '/fails':
      await client.query('SELECT nosuch FROM pupils');
      return undefined;
    case '/news':
      return (await client.query({ name: 'news', text: 'SELECT title FROM news' })).rows;
    default:
      throw new Error('no such page');
  }
}
