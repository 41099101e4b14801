/** What it costs to say for whom a transaction is: pgbench -S in a transaction, with a token set in it and without. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ISSUER, keySet, makeKey, token } from '../identity/issuer.ts';
import { interleave, ratios } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { MODES, type Mode, pgbench, warmUp } from './world/pgbench.ts';
import { type Database, makeDatabase } from './world/world.ts';

const PEOPLE = 50;

let database: Database;
let guard: ServedGuard;
const key = makeKey('EdDSA');

beforeAll(async () => {
  database = await makeDatabase();
  guard = await serve(database, {
    prepare: async (policies, password) => {
      const rule = `{ issuer: "${ISSUER}", keys: jwks.json, user: sub }`;
      const people = `  people: { role: headline, attributes: { branches: 10 }, password: "${password}", token: ${rule} }\n`;
      await writeFile(join(policies, 'jwks.json'), keySet(key));
      await writeFile(join(policies, 'principals.yaml'), people, { flag: 'a' });
    },
  });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

const QUESTION = '\\set aid random(1, 100000 * :scale)';
const SELECT = 'SELECT abalance FROM pgbench_accounts WHERE aid = :aid;';

/** A script for each person: pgbench takes one at random for each transaction. */
async function scripts(name: string, begin: (token: string) => string): Promise<string[]> {
  const now = Math.floor(Date.now() / 1000);
  return Promise.all(
    Array.from({ length: PEOPLE }, async (_, i) => {
      const file = join(process.env.TMPDIR ?? '/tmp', `rowgate-${name}-${i}.sql`);
      const theirs = token(key, { sub: `p${i}`, iat: now, exp: now + 7200 });
      await writeFile(file, `${QUESTION}\n${begin(theirs)}\n${SELECT}\nEND;\n`);
      return file;
    }),
  );
}

test('what a token costs', async () => {
  const section = new Section('tokens');
  const url = guard.url('people');
  await warmUp(url);
  const none = await scripts('none', () => 'BEGIN;');
  const alone = await scripts('alone', (text) => `BEGIN;\nSET LOCAL rowgate.token = '${text}';`);
  const together = await scripts('together', (text) => `BEGIN\\; SET LOCAL rowgate.token = '${text}';`);
  const rows: string[][] = [];
  // The one that `docs/identity.md` recommends; by itself it is a fourth message beside three.
  const recommended = 'in one message with BEGIN';
  const ways: readonly (readonly [string, Mode, readonly string[]])[] = [
    [recommended, 'simple', together],
    ...MODES.map((mode) => ['as a message of its own', mode, alone] as const),
  ];
  for (const [way, mode, files] of ways) {
    const places = [
      { name: 'none', files: none },
      { name: 'token', files },
    ];
    const figures = await interleave(places, async ({ files }) => {
      return (await pgbench(url, { clients: 8, mode, script: { files } })).tps;
    });
    const [off, on] = [figures.get('none'), figures.get('token')];
    const where = `${way}, ${mode}`;
    rows.push([
      way,
      mode,
      section.figure(`without, ${where}`, 'tps', off),
      section.figure(`with, ${where}`, 'tps', on),
      section.figure(
        `with to without, ${where}`,
        'ratio',
        ratios(on, off),
        way === recommended ? { atLeast: 0.85 } : undefined,
      ),
    ]);
  }
  await section.write(`pgbench's SELECT in a transaction, 8 clients, headline role: with the token of one of ${PEOPLE} people set for each transaction, and without any. Transactions a second. By itself
the token is a fourth message beside BEGIN, SELECT and END; inside a transaction the guard answers that of the simple protocol itself.

${table(['the token is set', 'protocol', 'without', 'with', 'ratio'], rows)}`);
  expect(rows.length).toBe(ways.length);
});
