/** What drivers connect to: a database with the tables of `tables.ts`, and two guards in front of it, one that demands TLS and one without. */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { type GuardOptions, guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import type { Environment } from './driver.ts';
import { createTables } from './tables.ts';

export const POLICIES = resolve(import.meta.dirname, 'policies');

/** `owner` is unrestricted; `reader` is not. */
export type Principal = 'owner' | 'reader';

export interface Round {
  readonly database: FreshDatabase;
  /** At PostgreSQL itself, as the superuser, without TLS. */
  direct(): Environment;
  /** Through the guard that demands TLS, its certificate verified. */
  overTls(principal: Principal): Environment;
  /** Through the guard without TLS. */
  plain(principal: Principal): Environment;
  /** The decision logs of both. */
  records(): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

export interface RoundOptions {
  /** Further lines of `rowgate.yaml`, and the upstream: for both guards. */
  readonly guard?: (database: FreshDatabase) => Omit<GuardOptions, 'policies'>;
  /** The port for clients, in place of the guard's. */
  readonly front?: (guardPort: number, needsTls: boolean) => Promise<{ readonly port: number; stop(): Promise<void> }>;
}

export async function startRound(options: RoundOptions = {}): Promise<Round> {
  const certificates = makeCertificates();
  const database = await freshDatabase();
  const guards: TestGuard[] = [];
  const fronts: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const front of fronts) await front.stop();
    for (const guard of guards) await guard.stop();
    await database.drop();
    await rm(certificates.folder, { recursive: true, force: true });
  };
  try {
    await createTables(database);
    const more = options.guard?.(database);
    const start = async (tls: string): Promise<(principal: Principal) => string> => {
      const configuration = [tls, more?.configuration ?? ''].join('\n');
      const guard = await guardInFrontOf(database, { ...more, policies: POLICIES, configuration });
      guards.push(guard);
      const front = await options.front?.(guard.port, tls !== '');
      if (!front) return (principal) => guard.url(principal);
      fronts.push(front);
      return (principal) => guard.url(principal).replace(`:${guard.port}/`, `:${front.port}/`);
    };
    const tls = await start(`tls: { cert: ${certificates.server.cert}, key: ${certificates.server.key} }`);
    const plain = await start('');
    return {
      database,
      direct: () => environmentOf(database.url),
      overTls: (principal) => environmentOf(tls(principal), certificates),
      plain: (principal) => environmentOf(plain(principal)),
      records: async () => (await Promise.all(guards.map((guard) => guard.records()))).flat(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The environment of a program: libpq's variables, and ROWGATE_URL for drivers that take nothing else (without TLS settings: PGSSLMODE has them). */
export function environmentOf(url: string, certificates?: Certificates): Environment {
  const { hostname, port, username, password, pathname } = new URL(url);
  // The certificate is for this name.
  const host = certificates ? 'localhost' : hostname;
  const secret = decodeURIComponent(password);
  return {
    PGHOST: host,
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: secret,
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
    PGSSLMODE: certificates ? 'verify-full' : 'disable',
    ...(certificates && { PGSSLROOTCERT: certificates.ca }),
    ROWGATE_URL: `postgres://${username}:${encodeURIComponent(secret)}@${host}:${port}${pathname}`,
  };
}
