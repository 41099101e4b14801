/** Tests keys that change while people work, through a real guard: in a file of the policies folder and at an address. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { familyPolicies, seedFamilies, tokenOf } from '../portal/families.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type Key, keySet, makeKey } from './issuer.ts';
import { type KeyServer, startKeyServer } from './key-server.ts';

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let key: Key;
let server: KeyServer;
const next = makeKey('ES256', 'next');

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, 5);
  ({ folder, key } = await familyPolicies());
  server = await startKeyServer(keySet(key));
  const principals = join(folder, 'principals.yaml');
  const text = await readFile(principals, 'utf8');
  const [first = '', second = ''] = text.split('\n');
  const other = second.replace('portal:', 'elsewhere:').replace('jwks.json', JSON.stringify(server.address));
  await writeFile(principals, `${first}\n${second}\n${other}\n`);
  guard = await guardInFrontOf(database, { policies: folder });
});
afterAll(async () => {
  await guard.stop();
  await server.stop();
  await database.drop();
  await rm(folder, { recursive: true });
});

/** The families whose pupils the session sees, or the error. */
async function sees(client: pg.Client): Promise<string> {
  try {
    const { rows } = await client.query({ name: 'mine', text: 'SELECT DISTINCT family_id FROM pupils' });
    return rows.map((row) => String(row.family_id)).join();
  } catch (error) {
    return `${(error as { code?: string }).code} ${(error as Error).message}`;
  }
}

it.each([
  ['a file', 'portal', (text: string) => writeFile(join(folder, 'jwks.json'), text)],
  [
    'an address',
    'elsewhere',
    async (text: string) => {
      server.answer = text;
    },
  ],
])('%s', async (_, principal, publish) => {
  const client = await guard.connect(principal, 'demo-portal');
  await client.query(`SET rowgate.token = '${tokenOf(key, 2)}'`);
  expect(await sees(client)).toBe('2');

  // The next key beside the first: a token by it is taken as soon as it comes.
  await publish(keySet(key, next));
  await guard.reload();
  await client.query(`SET rowgate.token = '${tokenOf(next, 3)}'`);
  expect(await sees(client)).toBe('3');

  // The next one alone: a token that the first has signed is refused, in a session that began before as well.
  const before = await guard.connect(principal, 'demo-portal');
  await before.query(`SET rowgate.token = '${tokenOf(key, 4)}'`);
  expect(await sees(before)).toBe('4');
  await publish(keySet(next));
  await guard.reload();
  expect(await sees(before)).toBe('28000 the token is signed by a key that its issuer does not publish');
  expect(await sees(client)).toBe('3');
  await before.query(`SET rowgate.token = '${tokenOf(next, 5)}'`);
  expect(await sees(before)).toBe('5');
});

it('a file in the policies folder is read when it changes, without being asked', async () => {
  const client = await guard.connect('portal');
  await client.query(`SET rowgate.token = '${tokenOf(next, 1)}'`);
  expect(await sees(client)).toBe('1');
  await writeFile(join(folder, 'jwks.json'), keySet(key));
  await expect.poll(() => sees(client), { timeout: 120_000, interval: 200 }).toMatch(/^28000/);
});

it('a policy that names a broken file of keys is not taken, and tokens go on by the keys that are known', async () => {
  const client = await guard.connect('portal');
  await client.query(`SET rowgate.token = '${tokenOf(key, 1)}'`);
  expect(await sees(client)).toBe('1');
  await writeFile(join(folder, 'jwks.json'), '{');
  const { policy } = await guard.reload();
  expect(policy).toMatchObject({ kind: 'kept', errors: [expect.stringMatching(/keys "jwks.json": not a JWK set/)] });
  expect(await sees(client)).toBe('1');
});
