/** Connections a second, each with SCRAM and one transaction, without TLS and with it. */
import { execFile } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram } from '../support/programs.ts';
import { interleave, ratios } from './figures/interleave.ts';
import { IS_TRIAL } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { type Load, pgbench, warmUp } from './world/pgbench.ts';
import { type Place, pgbouncer, type StartedProxy } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

const LOAD: Load = { clients: 8, mode: 'simple', reconnect: true };
/** A server connection serves one client alone, as the guard's does. */
const ANEW = 'PgBouncer, both sides anew';
/** Of each client, in each way, before anything is measured: a guard's logins come to their own pace after some thousand. */
const WARM_UP = IS_TRIAL ? 20 : 400;

const openssl = findProgram('openssl');
const folder = scratchFolder();
let database: Database;
let guard: ServedGuard;
const proxies: StartedProxy[] = [];
let places: Place[];

beforeAll(async () => {
  database = await makeDatabase();
  const [cert, key] = await certificate();
  guard = await serve(database, { configuration: `tls: { cert: "${cert}", key: "${key}", required: false }` });
  const tls = { client_tls_sslmode: 'allow', client_tls_cert_file: cert, client_tls_key_file: key };
  for (const start of [pgbouncer(tls), pgbouncer({ ...tls, server_lifetime: 0 }, ANEW)]) {
    if (start) proxies.push(await start(database));
  }
  const all = [...proxies, { name: 'headline', url: guard.url('headline') }];
  places = all.map(({ name, url }) => ({ name, url: `${url}?sslmode=disable` }));
  await warmUp(...places.map(({ url }) => url));
});

afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await guard?.stop();
  await database?.drop();
});

test.skipIf(!openssl)('connections a second', async () => {
  const section = new Section('connections');
  const rows: string[][] = [];
  const connect = async ({ url }: Place) => (await pgbench(url, LOAD)).tps;
  for (const [name, sslmode] of [
    ['SCRAM', 'disable'],
    ['SCRAM in TLS', 'require'],
  ]) {
    const direct = sslmode === 'disable' ? [{ name: 'direct', url: database.account.url }] : [];
    const here = places.map((place) => ({ ...place, url: place.url.replace('disable', sslmode!) }));
    for (const { url } of here) await pgbench(url, { ...LOAD, transactions: WARM_UP });
    const figures = await interleave([...direct, ...here], connect);
    const rate = (place: string) => section.figure(`${place}, ${name}`, 'a second', figures.get(place));
    const ratio = (to: string) =>
      section.figure(`headline to ${to}, ${name}`, 'ratio', ratios(figures.get('headline'), figures.get(to)), {
        atLeast: 0.8,
      });
    rows.push([name!, ...['direct', 'PgBouncer', ANEW, 'headline'].map(rate), ...[ANEW, 'PgBouncer'].map(ratio)]);
  }
  await section.write(`pgbench -S -C, 8 clients: each transaction has a connection of its own, with SCRAM (4,096 rounds of hashing, as PostgreSQL has them). The guard logs in to the server for each client. PgBouncer has a list
of users with SCRAM secrets, and keeps server connections for the clients that come; "both sides anew" is PgBouncer with \`server_lifetime = 0\`, which logs in for each client as the guard does. TLS is between client
and proxy.

${table(['', 'direct', 'PgBouncer', ANEW, 'headline', `headline to ${ANEW}`, 'headline to PgBouncer'], rows)}`);
  expect(rows).toHaveLength(2);
});

/** PgBouncer, which is nobody, reads it as well. */
async function certificate(): Promise<[cert: string, key: string]> {
  const [cert, key] = [join(folder(), 'cert.pem'), join(folder(), 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-days', '2'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  await promisify(execFile)(openssl!, ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject]);
  await chmod(folder(), 0o755);
  await chmod(key, 0o644);
  return [cert, key];
}
