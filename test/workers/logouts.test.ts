/** Tests a token that was given back at one worker: it is refused at all of them, and at one that takes another's place. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keySet, makeKey, token } from '../identity/issuer.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';
import { type Served, serve } from './served.ts';

const GONE = 'the token was given back';
const key = makeKey('EdDSA');
const policies = mkdtempSync(join(tmpdir(), 'rowgate-test-logouts-'));
const now = Math.floor(Date.now() / 1000);
const tokens = Array.from({ length: 602 }, (_, i) =>
  token(key, { iss: 'https://portal.demo', sub: '7', parent_id: 7, iat: now - 60, exp: now + 3_000, jti: String(i) }),
);
const [kept = '', ...given] = tokens;

let database: FreshDatabase;
let guard: Served | undefined;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  await samplesWithoutBudgets(policies);
  writeFileSync(join(policies, 'portal.jwks.json'), keySet(key));
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  rmSync(policies, { recursive: true, force: true });
});

test('at every worker, and at one that takes the place of another', async () => {
  const running = await serve(database, 'workers: 2', {}, policies);
  guard = running;
  const outcome = async (text: string): Promise<string> => {
    const client = await running.connect('portal');
    try {
      await client.query(`SET rowgate.token = '${text}'`);
      return 'taken';
    } catch (error) {
      const { message, detail = '' } = error as Error & { detail?: string };
      return `${message} ${detail}`;
    } finally {
      await client.end();
    }
  };
  /** By turns, connections go to each of the workers. */
  const everywhere = async (text: string): Promise<string[]> => {
    const outcomes: string[] = [];
    for (let turn = 0; turn < 4; turn++) outcomes.push(await outcome(text));
    return outcomes;
  };
  const client = await running.connect('portal');
  // More than are told in one message.
  for (const text of given) await client.query(`SET rowgate.logout = '${text}'`);
  for (const text of [given[0], given.at(-1)])
    for (const one of await everywhere(text ?? '')) expect(one.toLowerCase()).toContain(GONE);
  expect(await everywhere(kept)).toEqual(Array(4).fill('taken'));
  const [first = 0, second = 0] = running.workers();
  process.kill(first, 'SIGKILL');
  await eventually(() => running.output.stderr.includes('a worker was replaced'), 'another one is there');
  // From here on there is only the new one.
  process.kill(second, 'SIGKILL');
  await eventually(async () => (await outcome(kept).catch(() => '')) === 'taken', 'it serves');
  for (const text of [given[0], given[300], given.at(-1)])
    expect((await outcome(text ?? '')).toLowerCase()).toContain(GONE);
});
