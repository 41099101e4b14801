/** Tests a token that was given back: it is refused in every form, for as long as any account would accept it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Verified } from '../../src/identity/verifier.ts';
import { type Key, keySet, makeKey, NOW_S, ruleOf, token } from './issuer.ts';
import { makeWorld, type World } from './world.ts';

const GONE = 'the token was given back';

let world: World;
let key: Key;
beforeEach(async () => {
  key = makeKey('ES256');
  world = await makeWorld(keySet(key));
});
afterEach(() => world.close());

async function giveBack(text: string, rule = ruleOf()): Promise<void> {
  const verified = (await world.verifier.verify(rule, text)) as Verified;
  expect(await world.verifier.giveBack(verified)).toBeUndefined();
}

/** The other signature by the same key over the same text: (r, n - s). */
function turned(text: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const signature = Buffer.from(text.slice(text.lastIndexOf('.') + 1), 'base64url');
  const s = order - BigInt(`0x${signature.subarray(32).toString('hex')}`);
  const other = Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
  return `${text.slice(0, text.lastIndexOf('.'))}.${other.toString('base64url')}`;
}

it('with its signature turned', async () => {
  const [one, another] = [token(key, { jti: 'one' }), token(key, { jti: 'another' })];
  expect(await world.outcome(ruleOf(), turned(another))).toBe('user 7731');
  await giveBack(one);
  expect(await world.outcome(ruleOf(), one)).toBe(GONE);
  expect(await world.outcome(ruleOf(), turned(one))).toBe(GONE);
  expect(await world.outcome(ruleOf(), turned(turned(another)))).toBe('user 7731');
});

it('by an account that takes it for longer than the one by which it was given back', async () => {
  const text = token(key, { exp: NOW_S + 86_400 });
  await giveBack(text, ruleOf({ maxAge: 600_000 }));
  world.later(3_600_000);
  // Another logout, behind which what is over is no longer kept.
  await giveBack(token(key, { jti: 'other', exp: NOW_S + 86_400 }));
  expect(await world.outcome(ruleOf({ maxAge: 600_000 }), text)).toBe('the token was issued too long ago');
  expect(await world.outcome(ruleOf(), text)).toBe(GONE);
});

it('by a guard with a clock behind that of the store', async () => {
  const text = token(key, { exp: NOW_S + 300 });
  await giveBack(text);
  world.later(3_600_000);
  await giveBack(token(key, { jti: 'other', iat: NOW_S, exp: NOW_S + 86_400 }));
  world.clock.now -= 3_600_000;
  expect(await world.outcome(ruleOf(), text)).toBe(GONE);
});
