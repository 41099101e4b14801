/** Tests a stolen application server: the thief has its login and the tokens of the end users who come, and gets only these users' rows, within their limits. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encoded, type Key, makeKey } from '../identity/issuer.ts';
import { familyPolicies, seedFamilies, tokenOf } from '../portal/families.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const FAMILIES = 6;
const CAME = [1, 2];
let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let key: Key;
let tokens: string[];

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, FAMILIES);
  ({ folder, key } = await familyPolicies());
  guard = await guardInFrontOf(database, { policies: folder });
  tokens = CAME.map((family) => tokenOf(key, family));
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true });
});

type Row = { readonly family_id: string };
const failed = (): { rows: Row[] } => ({ rows: [] });

/** The other people's rows that a session shows, of their pupils or of what it writes, after it is set up in some way. */
async function taken(prepare: readonly string[]): Promise<Set<string>> {
  const client = await guard.connect('portal');
  for (const text of prepare) await client.query(text).catch(failed);
  const reads = ['family_id = 3', 'true', 'family_id = 3 OR id > 0', 'family_id IN (SELECT id FROM families)'];
  const seen = new Set<string>();
  for (const condition of reads) {
    const statements = [
      `SELECT family_id FROM pupils WHERE ${condition}`,
      `UPDATE pupils SET note = 'x' WHERE ${condition} RETURNING family_id`,
    ];
    for (const text of statements) {
      const { rows } = await client.query<Row>(text).catch(failed);
      for (const row of rows) seen.add(row.family_id);
    }
  }
  await client.end();
  return seen;
}

it('gets the rows of the users who come, one by one', async () => {
  for (const [i, family] of CAME.entries()) {
    expect(await taken([`SET rowgate.token = '${tokens[i]}'`])).toEqual(new Set([String(family)]));
  }
});

/** The token of one who has come, with the claims of one who has not. */
function edited(token: string): string {
  const [header, claims, signature] = token.split('.');
  const told = JSON.parse(Buffer.from(claims!, 'base64url').toString());
  return [header, encoded({ ...told, sub: 'f3', family_id: 3 }), signature].join('.');
}

const thief = makeKey('EdDSA');
const WAYS: readonly (readonly [string, () => readonly string[]])[] = [
  ['without a token', () => []],
  ['with a token that was edited', () => [`SET rowgate.token = '${edited(tokens[0]!)}'`]],
  ['with one signed by a key of its own', () => [`SET rowgate.token = '${tokenOf(thief, 3)}'`]],
  ['with the public key as a secret', () => [`SET rowgate.token = '${JSON.stringify(key.jwk)}'`]],
  [
    'with settings that could name an end user',
    () => ['family_id', 'user', 'sub', 'claims'].map((n) => `SET rowgate.${n} = 3`),
  ],
  ['by another role', () => ['SET ROLE f3', "SET SESSION AUTHORIZATION 'f3'"]],
];

it.each(WAYS)('has no end user %s', async (_way, prepare) => {
  expect(await taken(prepare())).toEqual(new Set());
});

it.each(WAYS.slice(1))('has no other end user after the token of one who has come, %s', async (_way, prepare) => {
  const seen = await taken([`SET rowgate.token = '${tokens[0]}'`, ...prepare()]);
  expect([...seen].filter((family) => family !== '1')).toEqual([]);
});

it('is shown by the log: it names the users of the tokens, and their statements', async () => {
  const decisions = (await guard.records()).filter(({ kind, effect }) => kind === 'decision' && effect !== 'refuse');
  const ofPupils = decisions.filter(({ tables }) => (tables as string[] | undefined)?.includes('public.pupils'));
  expect(ofPupils.length).toBeGreaterThanOrEqual(10);
  expect(new Set(ofPupils.map(({ user }) => user))).toEqual(new Set(CAME.map((family) => `f${family}`)));
});
