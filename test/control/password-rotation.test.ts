/** Tests the replacement of a password while an application works, step by step as in docs/identity.md: no query fails, and at the end the old one is refused. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifierOf } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { type Operated, operate } from './served.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const OLD = 'demo-vendor';
let database: FreshDatabase;
let guard: Operated;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await operate(database, '');
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

/** `rowgate password --generate [--like VERIFIER]`: what it prints on both outputs. */
function generate(like?: string): Promise<{ password: string; verifier: string }> {
  return new Promise((done, fail) => {
    const words = [MAIN, 'password', '--generate', ...(like === undefined ? [] : ['--like', like])];
    execFile(process.execPath, words, (error, stdout, stderr) => {
      if (error) fail(error);
      else done({ password: stderr.replace('password: ', '').trim(), verifier: stdout.trim() });
    });
  });
}

async function verifiers(...all: string[]): Promise<void> {
  const list = all.map((verifier) => `"${verifier}"`).join(', ');
  await guard.policy('principals.yaml', `principals:\n  vendor: { role: vendor, password: [${list}] }\n`);
  expect(await guard.ask('reload')).toMatchObject({ ok: true });
}

const urlWith = (password: string) => guard.url('vendor').replace(OLD, password);
async function login(password: string): Promise<pg.Client> {
  const client = new pg.Client(urlWith(password));
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** An application with a pool that takes new connections now and then, and asks as long as it is told to. */
function application(passwordNow: () => string) {
  const url = new URL(urlWith('unused'));
  const pool = new pg.Pool({
    host: url.hostname,
    port: Number(url.port),
    user: 'vendor',
    database: database.name,
    password: passwordNow,
    max: 4,
    maxUses: 5,
  });
  const errors: Error[] = [];
  pool.on('error', (error) => void errors.push(error));
  let asks = true;
  let answered = 0;
  const ask = async (): Promise<void> => {
    while (asks) {
      await pool.query('SELECT id FROM classes LIMIT 1').then(
        () => {
          answered += 1;
        },
        (error: Error) => void errors.push(error),
      );
      await new Promise((done) => setTimeout(done, 5));
    }
  };
  const working = Promise.all(Array.from({ length: 4 }, ask));
  return {
    errors,
    /** Waits until `queries` more queries were answered: each connection was replaced by then. */
    async goesOn(queries = 60) {
      const from = answered;
      await expect.poll(() => answered - from, { timeout: 120_000 }).toBeGreaterThan(queries);
    },
    async stop() {
      asks = false;
      await working;
      await pool.end();
    },
  };
}

it('no query fails, and sessions of the new password outlive the old one', async () => {
  let password = OLD;
  const old = await verifierOf(OLD);
  await verifiers(old);
  const app = application(() => password);
  await app.goesOn();
  const forgotten = await login(OLD);
  const end = new Promise<string>((done) => forgotten.once('error', (error) => done(error.message)));

  // 1. Both passwords hold.
  const next = await generate(old);
  await verifiers(old, next.verifier);
  await app.goesOn();
  for (const one of [OLD, next.password]) await (await login(one)).end();
  expect((await guard.recorded('login')).slice(-60).map(({ via }) => via)).toEqual(
    expect.arrayContaining(['password 1 of 2', 'password 2 of 2']),
  );

  // 2. The application takes the new one, connection by connection.
  password = next.password;
  await app.goesOn();
  expect((await guard.recorded('login')).slice(-3).map(({ via }) => via)).toEqual(Array(3).fill('password 2 of 2'));

  // 3. The old one is taken out: sessions that still use it end, and no others.
  const renewed = await login(next.password);
  await verifiers(next.verifier);
  expect(await end).toBe('terminating connection because the password was changed');
  await expect(login(OLD)).rejects.toMatchObject({ code: '28P01' });
  await app.goesOn();
  expect((await renewed.query('SELECT id FROM classes LIMIT 1')).rowCount).toBe(1);
  await renewed.end();
  await app.stop();
  expect(app.errors).toEqual([]);
});

it('a verifier with a salt of its own is an error, and the password in force stays', async () => {
  const other = await generate();
  const list = `["${await verifierOf('first-one')}", "${other.verifier}"]`;
  await guard.policy('principals.yaml', `principals:\n  vendor: { role: vendor, password: ${list} }\n`);
  expect(JSON.stringify(await guard.ask('reload'))).toContain('need one salt and iteration count');
  await expect(login('first-one')).rejects.toMatchObject({ code: '28P01' });
});
