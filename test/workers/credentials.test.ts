/** Tests several workers with credentials that change while they run: all take them up, and so does one that is started again. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { revokingAuthority } from '../proxy/revoking.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type Served, serve } from './served.ts';

let database: FreshDatabase;
let guard: Served | undefined;

beforeAll(async () => {
  database = await freshDatabase();
});
afterEach(async () => {
  await guard?.stop();
  guard = undefined;
});
afterAll(() => database?.drop());

test('a new password towards the server is known to every worker, and to one that takes the place of another', async () => {
  guard = await serve(database, 'workers: 2');
  const running = guard;
  const file = join(running.folder, 'rowgate.yaml');
  await database.query(`ALTER ROLE ${running.account} PASSWORD 'new one'`);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/(postgres:\/\/[^:]+:)[^@]+@/, '$1new%20one@'));
  process.kill(running.pid, 'SIGHUP');
  /** By turns, connections go to each of the workers. */
  const everywhere = async () => {
    for (let turn = 0; turn < 4; turn++) {
      const client = await running.connect('dba').catch(() => undefined);
      if (!client) return false;
      await client.end();
    }
    return true;
  };
  await eventually(everywhere, 'both workers know it');
  const [first = 0] = running.workers();
  process.kill(first, 'SIGKILL');
  await eventually(() => running.workers().length === 2 && !running.workers().includes(first), 'another one is there');
  await eventually(everywhere, 'it knows it as well');
  expect(running.output.stderr).not.toMatch(/new(%20| )one/);
});

describe('a certificate that is taken back', () => {
  let made: Certificates;
  beforeAll(() => {
    made = makeCertificates();
  });
  afterAll(() => rmSync(made.folder, { recursive: true, force: true }));

  test('ends its sessions at every worker', async () => {
    const authority = revokingAuthority(made);
    const { cert, key } = made.server;
    const tls = { cert, key, client_ca: made.ca, client_crl: authority.list };
    guard = await serve(database, `workers: 2\ntls: ${JSON.stringify(tls)}`);
    const ssl = {
      rejectUnauthorized: false,
      cert: readFileSync(made.client.cert),
      key: readFileSync(made.client.key),
    };
    const ended: Promise<Error>[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const client = new pg.Client({ connectionString: guard.url('dba'), ssl });
      ended.push(new Promise((done) => client.on('error', done)));
      await client.connect();
    }
    const logins = Object.values(await guard.records()).map((all) => all.filter(({ kind }) => kind === 'login').length);
    expect(logins.filter((n) => n > 0)).toHaveLength(2);
    authority.revoke(made.client.cert);
    authority.makeList();
    for (const error of await Promise.all(ended)) expect(error).toMatchObject({ code: '57P01' });
  });
});
