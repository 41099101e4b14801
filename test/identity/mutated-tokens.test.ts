/** Tests good tokens with random changes: each is refused, or says the same as before. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keySet, makeKey, ruleOf, token } from './issuer.ts';
import { makeWorld, type World } from './world.ts';

const keys = ['EdDSA', 'ES256', 'RS256'].map((alg) => makeKey(alg));
const ALPHABET = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é'];

let world: World;
beforeAll(async () => {
  world = await makeWorld(keySet(...keys));
});
afterAll(() => world.close());

const edit = fc.record({
  at: fc.nat(),
  removed: fc.nat(3),
  inserted: fc.array(fc.constantFrom(...ALPHABET), { maxLength: 3 }).map((letters) => letters.join('')),
});

it.each(keys)('$alg: edits', async (key) => {
  const good = token(key);
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      let text = good;
      for (const { at, removed, inserted } of edits) {
        const from = at % (text.length + 1);
        text = text.slice(0, from) + inserted + text.slice(from + removed);
      }
      const outcome = await world.outcome(ruleOf(), text);
      expect(outcome.startsWith('user ')).toBe(text === good);
    }),
    { numRuns: 400 },
  );
});

it.each(keys)('$alg: every letter in the place of every one of the signature’s last four', async (key) => {
  const good = token(key);
  for (let at = good.length - 4; at < good.length; at++) {
    for (const letter of ALPHABET) {
      const text = good.slice(0, at) + letter + good.slice(at + 1);
      const outcome = await world.outcome(ruleOf(), text);
      expect([text === good, outcome]).toEqual([
        text === good,
        text === good ? 'user 7731' : expect.stringMatching(/^the /),
      ]);
    }
  }
});

it('the other signature of ECDSA (r, n − s) is of the same claims', async () => {
  const [, es] = keys as [unknown, (typeof keys)[0]];
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const good = token(es);
  const dot = good.lastIndexOf('.') + 1;
  const bytes = Buffer.from(good.slice(dot), 'base64url');
  const s = n - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
  const text = good.slice(0, dot) + other.toString('base64url');
  expect(text).not.toBe(good);
  expect(await world.outcome(ruleOf(), text)).toBe('user 7731');
});
