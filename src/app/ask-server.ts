/** Asks the database that the configuration names, over a short connection of the guard's own account. */

import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { Query } from '../catalog/read.ts';
import type { UpstreamConfig } from '../config/config.ts';
import { reasonOf } from '../core/error-text.ts';
import { type UpstreamAddress, UpstreamAddresses } from '../upstream/addresses.ts';
import { NoPassword, passwordFrom } from '../upstream/password.ts';
import { demand, roundsFor, type WantedSession } from '../upstream/target-attributes.ts';

/** A server that takes longer to answer is one that does not answer any more: its host hangs, or is cut off. */
const ANSWER_MS = 120_000;

/** No host could be asked now, and that may pass: it is down, starting, full or out of reach. */
export class ServerUnavailable extends Error {}

/**
 * Runs `work` and ends the connection. Throws ServerUnavailable where no host can be asked now, and what the server said where
 * it does not let the account in.
 */
export async function ask<T>(upstream: UpstreamConfig, work: (query: Query) => Promise<T>): Promise<T> {
  const client = await connected(upstream);
  try {
    return await work(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
  } catch (error) {
    throw passes(error) ? new ServerUnavailable(reasonOf(error), { cause: error }) : error;
  } finally {
    leave(client);
  }
}

/** Says goodbye, and does not wait for the server's: one that does not answer any more would hold up who leaves it. */
export function leave(client: pg.Client): void {
  client.end().catch(() => {});
  (client.connection.stream as Socket).destroySoon();
}

/** A connection to the first host that lets us in and suits, as `upstream/connect.ts` does it for sessions; the caller ends it. */
export async function connected(upstream: UpstreamConfig): Promise<pg.Client> {
  const failures: string[] = [];
  let cause: unknown;
  let lasting = false;
  for (const wanted of roundsFor(upstream.targetSessionAttrs)) {
    for await (const place of new UpstreamAddresses(upstream.hosts, upstream.loadBalance).inOrder()) {
      if (!('address' in place)) {
        failures.push(`${place.host}: ${reasonOf(place.error)}`);
        continue;
      }
      try {
        return await withPassword(upstream, (password) => connectTo(place, upstream, wanted, password));
      } catch (error) {
        // A server that has answered would answer so elsewhere: a wrong password, an unknown database.
        if (error instanceof pg.DatabaseError && !passes(error)) throw error;
        lasting ||= !passes(error);
        cause ??= error;
        failures.push(reasonOf(error));
      }
    }
  }
  const all = [...new Set(failures)].join('; ');
  throw lasting ? new Error(all, { cause }) : new ServerUnavailable(all, { cause });
}

/** As `upstream/connect.ts` has it: a command is asked once more where the server will not have what it said before. */
async function withPassword<T>(
  { login }: UpstreamConfig,
  work: (password: string | undefined) => Promise<T>,
): Promise<T> {
  const password = await passwordFrom(login.password);
  try {
    return await work(password.text);
  } catch (error) {
    const wrong = error instanceof pg.DatabaseError && /^(28P01|28000)$/.test(error.code ?? '');
    if (!wrong || !password.refused()) throw error;
    return await work((await passwordFrom(login.password)).text);
  }
}

async function connectTo(
  place: UpstreamAddress,
  upstream: UpstreamConfig,
  wanted: WantedSession,
  password: string | undefined,
): Promise<pg.Client> {
  const { database, login, tls, connectTimeoutMs } = upstream;
  const client = new pg.Client({
    host: place.isUnix ? dirname(place.address) : place.address,
    port: place.port,
    database,
    user: login.user,
    ...(password !== undefined && { password }),
    ssl: tls.mode === 'disable' || place.isUnix ? false : tlsOptions(place.host, tls),
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: ANSWER_MS,
    application_name: 'rowgate',
  });
  client.on('error', () => {}); // what breaks the connection fails the query too
  try {
    await client.connect();
    if (wanted !== 'any') demand(wanted, await kindOf(client));
    return client;
  } catch (error) {
    leave(client);
    throw error;
  }
}

async function kindOf(client: pg.Client): Promise<{ inRecovery: boolean; readOnly: boolean }> {
  const { rows } = await client.query<{ recovery: boolean; only: string }>(
    `SELECT pg_is_in_recovery() AS recovery, current_setting('default_transaction_read_only') AS only`,
  );
  return { inRecovery: rows[0]?.recovery !== false, readOnly: rows[0]?.only !== 'off' };
}

function tlsOptions(host: string, { mode, ca, cert, key }: UpstreamConfig['tls']): ConnectionOptions {
  const named = {
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(cert !== undefined && key !== undefined && { cert: readFileSync(cert), key: readFileSync(key) }),
  };
  const authorities = ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') };
  // Verify-full checks the chain and the host's own name; `require` checks the chain where authorities are given.
  if (mode === 'verify-full') return { ...named, ...authorities, rejectUnauthorized: true };
  return { ...named, ...authorities, rejectUnauthorized: ca !== undefined, checkServerIdentity: () => undefined };
}

/** Of the network and of DNS; ENOENT is a unix socket that is not there yet. */
const PASSING_CODES = /^(ECONN|EHOST|ENET|EPIPE$|ETIMEDOUT$|ENOENT$|EAI_AGAIN$|ENOTFOUND$)/;
/** Of the server: no connection, no resources, shutting down or starting. */
const PASSING_STATES = /^(08|53|57P)/;

/** May it be otherwise in a moment? A wrong password, an unknown database, a certificate that is not trusted will not. */
function passes(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(passes);
  if (!(error instanceof Error)) return false;
  if ('refusal' in error) return true; // another kind of session than is wanted
  if (error instanceof NoPassword) return !error.lasting;
  if ('code' in error && typeof error.code === 'string') {
    return error instanceof pg.DatabaseError ? PASSING_STATES.test(error.code) : PASSING_CODES.test(error.code);
  }
  // Without a code: what `pg` says of a connection that broke or took too long.
  return /^(Connection terminated|timeout expired|Query read timeout)/.test(error.message);
}
