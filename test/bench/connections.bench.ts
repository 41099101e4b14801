/** Connections a second, each with SCRAM and one transaction, without TLS and with it. */
import { chmod, rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { interleave, ratios } from './figures/interleave.ts';
import { IS_TRIAL } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { type Load, pgbench, warmUp } from './world/pgbench.ts';
import { type Place, pgbouncer, type StartedProxy } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

const LOAD: Load = { clients: 8, mode: 'simple', reconnect: true };
/** A server connection serves one client alone, as the guard's does. */
const ANEW = 'PgBouncer, both sides anew';
/** Of each client, in each way, before anything is measured: a guard's logins come to their own pace after some thousand. */
const WARM_UP = IS_TRIAL ? 20 : 400;

let certificates: Certificates;
let database: Database;
let guard: ServedGuard;
const proxies: StartedProxy[] = [];
let places: Place[];

beforeAll(async () => {
  database = await makeDatabase();
  certificates = makeCertificates();
  const { cert, key } = certificates.server;
  // PgBouncer runs as another user, and reads them as well.
  await chmod(certificates.folder, 0o755);
  await chmod(key, 0o644);
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
  await rm(certificates.folder, { recursive: true, force: true });
});

test('connections a second', async () => {
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
