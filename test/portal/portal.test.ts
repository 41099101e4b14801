/** Tests 1,000 people at once behind one account and 20 connections: no one sees another's row, whatever is wrong with a request's token. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Server, startServer } from '../../src/demo/server.ts';
import { LOGGING } from '../completeness/server-log.ts';
import { type Key, makeKey } from '../identity/issuer.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzzSeed, Random } from '../support/random.ts';
import { type Served, serve } from '../workers/served.ts';
import { familyPolicies, seedFamilies, tokenOf } from './families.ts';
import { openPortal, type Portal } from './portal.ts';

const PEOPLE = 1_000;
const REQUESTS = process.env.ROWGATE_LONG ? 20_000 : 1_000;
const CONNECTIONS = 20;

let serverFolder: string;
let server: Server;
let database: FreshDatabase;
let guard: Served;
let portal: Portal;
let key: Key;
let tokens: string[];
const stranger = makeKey('EdDSA');

beforeAll(async () => {
  serverFolder = await mkdtemp(join(tmpdir(), 'rowgate-test-portal-server-'));
  // It tells all that is run, with its parameters.
  const settings = { ...LOGGING, log_parameter_max_length: '-1', log_parameter_max_length_on_error: '-1' };
  server = await startServer({ folder: serverFolder, settings });
  database = await freshDatabase('portal', server.url);
  await seedFamilies(database, PEOPLE);
  const policies = await familyPolicies();
  key = policies.key;
  guard = await serve(database, 'log: { file: ./decisions.jsonl, text: full }\nworkers: 2\n', {}, policies.folder);
  await rm(policies.folder, { recursive: true });
  if (!guard.port) throw new Error(guard.output.stderr);
  portal = await openPortal(guard.url('portal'), CONNECTIONS);
  tokens = Array.from({ length: PEOPLE }, (_, i) => tokenOf(key, i + 1));
});
afterAll(async () => {
  await portal?.close();
  await guard?.stop();
  await database?.drop();
  await server?.stop();
  await rm(serverFolder, { recursive: true, force: true });
});

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

interface Reply {
  readonly status: number;
  readonly body: { readonly family_id?: string }[] & { readonly code?: string; readonly message?: string };
}

function get(path: string, token: string | undefined): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const sent = request({ port: portal.port, host: '127.0.0.1', path, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: text ? JSON.parse(text) : undefined }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

const PAGES = ['/pupils', '/pupils', '/pupils', '/note', '/cursor', '/fails', '/news'] as const;
const WAYS = ['parameter', 'text', 'session'] as const;

/** A request's token, and the family whose rows it may show. */
function tokenFor(random: Random, family: number): { token: string | undefined; family: number | undefined } {
  const now = Math.floor(Date.now() / 1000);
  switch (random.int(12)) {
    case 0:
      return { token: undefined, family: undefined };
    case 1:
      return { token: tokenOf(key, family, { exp: now - 60 }), family: undefined };
    case 2:
      return { token: tokenOf(stranger, family), family: undefined };
    case 3:
      return { token: tokenOf(key, family, { aud: 'another' }), family: undefined };
    default:
      return { token: tokens[family - 1], family };
  }
}

it(`${REQUESTS} requests of ${PEOPLE} people`, { timeout: 60_000 + REQUESTS * 30 }, async () => {
  const random = new Random(fuzzSeed());
  const counts = { own: 0, refused: 0, failed: 0, news: 0 };
  const used: string[] = [];
  const one = async (): Promise<void> => {
    const asked = tokenFor(random, 1 + random.int(PEOPLE));
    const page = random.pick(PAGES);
    const way = random.pick(WAYS);
    if (asked.token) used.push(asked.token);
    const { status, body } = await get(`${page}?way=${way}&note=of-${asked.family}`, asked.token);
    const what = `${page} by ${way} for ${asked.family}: ${status} ${JSON.stringify(body)}`;
    if (page === '/news' && (asked.family !== undefined || asked.token === undefined)) {
      expect(body, what).toEqual([{ title: 'Holidays begin on Friday' }]);
      counts.news += 1;
    } else if (asked.family === undefined) {
      // A request without a valid token learns nothing, whichever error comes first.
      expect(status === 401 || (page === '/fails' && body.code === '42703'), what).toBe(true);
      counts.refused += 1;
    } else if (page === '/fails') {
      expect(body.code, what).toBe('42703');
      counts.failed += 1;
    } else {
      expect(status, what).toBe(200);
      expect(body.length, what).toBe(2);
      for (const row of body) expect(row.family_id, what).toBe(String(asked.family));
      counts.own += 1;
    }
  };
  // All at once, as far as sockets go.
  await Promise.all(Array.from({ length: REQUESTS }, one));
  expect(counts.own).toBeGreaterThan(REQUESTS / 4);
  expect(counts.refused).toBeGreaterThan(REQUESTS / 10);
  // Each note is at the writer's own pupils alone.
  const wrong = await database.query(`SELECT id FROM pupils WHERE note IS NOT NULL AND note <> 'of-' || family_id`);
  expect(wrong).toEqual([]);
  await hidesAll(used);
});

/** INVARIANT: no token in any log of the guard or the server, nor any part of one. */
async function hidesAll(used: readonly string[]): Promise<void> {
  const files = await readdir(guard.folder, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
  );
  const ofServer = await readFile(server.log, 'latin1');
  expect(ofServer).toContain("rowgate.token TO ''");
  texts.push(guard.output.stdout, guard.output.stderr, ofServer);
  for (const text of texts) expect(/eyJ[\w-]{10,}\./.test(text)).toBe(false);
  const signatures = new Set(used.slice(0, 500).map((token) => token.split('.')[2]!.slice(0, 30)));
  for (const text of texts) for (const signature of signatures) expect(text.includes(signature)).toBe(false);
}

it('takes no token that was given back at a logout, on any connection, nor any that only looks like it', async () => {
  const family = 9;
  const [gone, other] = [tokenOf(key, family), tokenOf(key, family, { jti: 'another' })];
  for (let i = 0; i < 40; i += 1) expect((await get('/pupils', gone)).status).toBe(200);
  expect((await get('/logout?way=text', tokenOf(stranger, family))).status).toBe(401);
  expect((await get('/logout?way=text', gone)).status).toBe(200);
  // The other process hears of it within a second.
  await eventually(async () => (await get('/pupils', gone)).status === 401, 'nowhere taken');
  await sleep(1_500);
  const replies = await Promise.all(Array.from({ length: 60 }, (_, i) => get(`/pupils?way=${WAYS[i % 3]}`, gone)));
  for (const { status, body } of replies) expect([status, body.message]).toEqual([401, 'the token was given back']);
  // Once more changes nothing; another token of theirs is good.
  expect((await get('/pupils', other)).status).toBe(200);
});

it('names the end user of each statement in the log', async () => {
  const family = 7;
  await get('/pupils', tokens[family - 1]);
  const records = Object.values(await guard.records()).flat();
  const theirs = records.filter(({ kind, user }) => kind === 'decision' && user === `f${family}`);
  expect(theirs.map(({ statement }) => statement)).toContain(
    'SELECT id , family_id , name , note FROM pupils ORDER BY id'.replaceAll(' ,', ','),
  );
  expect(theirs[0]).toMatchObject({ principal: 'portal', attributes: { family_id: family } });
});
