/** Tests files of keys: read again when they change, kept when they break, and never trusted with a private or secret key. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Jwk, keySet, makeKey, ruleOf, token } from './issuer.ts';
import { makeWorld, type World } from './world.ts';

const first = makeKey('EdDSA', 'first');
const second = makeKey('EdDSA', 'second');
const UNKNOWN = 'the token is signed by a key that its issuer does not publish';
const UNCHECKED = 'the token cannot be checked now';

let world: World;
beforeEach(async () => {
  world = await makeWorld(keySet(first));
});
afterEach(() => world.close());

const says = () => world.lines.map(({ msg, detail }) => [msg, detail].filter(Boolean).join(': '));

describe('a file', () => {
  it('a new key is known within a second', async () => {
    expect(await world.outcome(ruleOf(), token(second))).toBe(UNKNOWN);
    await world.writeKeys(keySet(first, second));
    world.later(1_000);
    expect(await world.outcome(ruleOf(), token(second))).toBe('user 7731');
    expect(await world.outcome(ruleOf(), token(first))).toBe('user 7731');
  });

  it('a key that was taken away has signed nothing, remembered or not', async () => {
    const text = token(first);
    expect(await world.outcome(ruleOf(), text)).toBe('user 7731');
    expect(world.verifier.known(ruleOf(), text)).toMatchObject({ user: '7731' });
    await world.writeKeys(keySet(second));
    world.later(3_000);
    expect(world.verifier.known(ruleOf(), text)).toBeUndefined();
    expect(await world.outcome(ruleOf(), text)).toBe(UNKNOWN);
    expect(world.verifier.known(ruleOf(), text)).toBeUndefined();
  });

  it('is read at once after a notice that it has changed', async () => {
    expect(await world.outcome(ruleOf(), token(first))).toBe('user 7731');
    await world.writeKeys(keySet(second));
    world.verifier.keysChanged();
    expect(world.verifier.known(ruleOf(), token(first))).toBeUndefined();
    expect(await world.outcome(ruleOf(), token(first))).toBe(UNKNOWN);
    expect(await world.outcome(ruleOf(), token(second))).toBe('user 7731');
  });

  it('that broke leaves the keys that were known, and says so once', async () => {
    expect(await world.outcome(ruleOf(), token(first))).toBe('user 7731');
    await world.writeKeys('{"keys": [');
    for (let n = 0; n < 5; n++) {
      world.later(60_000);
      expect(await world.outcome(ruleOf(), token(first, { exp: world.clock.now / 1000 + 60 }))).toBe('user 7731');
    }
    expect(says().filter((line) => line.startsWith('could not'))).toEqual([
      'could not read the keys of tokens; those that are known stay: not a JWK set: {"keys": [ … ]}',
    ]);
    await world.writeKeys(keySet(second));
    // A reading that began before may still be under way: the next one sees the file as it is.
    await vi.waitFor(async () => {
      world.later(1_000);
      expect(await world.outcome(ruleOf(), token(second, { exp: world.clock.now / 1000 + 60 }))).toBe('user 7731');
    }, 60_000);
    expect(says().at(-1)).toBe('keys of tokens read');
  });

  it('that is not there refuses tokens until it is', async () => {
    await rm(join(world.folder, 'jwks.json'));
    expect(await world.verifier.verify(ruleOf(), token(first))).toMatchObject({
      refused: { sqlstate: '28000', reason: 'token-unchecked', message: UNCHECKED },
    });
    expect(says()).toEqual([
      expect.stringMatching(/^could not read the keys of tokens; no token can be checked: ENOENT/),
    ]);
    await world.writeKeys(keySet(first));
    world.later(1_000);
    expect(await world.outcome(ruleOf(), token(first))).toBe('user 7731');
  });

  it('an empty set takes every key away', async () => {
    expect(await world.outcome(ruleOf(), token(first))).toBe('user 7731');
    await world.writeKeys('{"keys":[]}');
    world.later(3_000);
    expect(await world.outcome(ruleOf(), token(first))).toBe(UNKNOWN);
  });
});

const SECRET = 'holds a private or a symmetric key; only public keys belong there';
const SET = 'not a JWK set: {"keys": [ … ]}';

it.each([
  ['a private key', keySet(first, { ...second.jwk, ...(second.private.export({ format: 'jwk' }) as Jwk) }), SECRET],
  ['a symmetric key', keySet(first, { kty: 'oct', k: 'c2VjcmV0', kid: 'HS256', alg: 'HS256' }), SECRET],
  ['parts of a private key', keySet(first, { kty: 'RSA', n: 'AQ', e: 'AQAB', qi: 'AQ' }), SECRET],
  ['a member that stands twice', keySet(first).replace('"kid"', '"kid":"other","kid"'), SET],
  ['one key', JSON.stringify(first.jwk), SET],
  ['a list of keys', JSON.stringify([first.jwk]), SET],
  ['keys that are none', '{"keys":["a"]}', SET],
  ['PEM', first.public.export({ type: 'spki', format: 'pem' }).toString(), SET],
  ['nothing', '', SET],
  ['101 keys', keySet(...Array.from({ length: 101 }, () => first)), 'more than 100 keys'],
  ['more than is read', `${keySet(first)}${' '.repeat(262_144)}`, 'longer than 262144 bytes'],
])('%s is not taken for a set of public keys', async (_, text, why) => {
  await world.writeKeys(text);
  expect(await world.outcome(ruleOf(), token(first))).toBe(UNCHECKED);
  expect(says()).toEqual([`could not read the keys of tokens; no token can be checked: ${why}`]);
});

it.each([
  ['for encryption', { ...second.jwk, use: 'enc' }],
  ['of an unknown algorithm', { ...second.jwk, alg: 'X25519' }],
  ['of an unknown kind', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA', kid: 'pq' }],
  ['without its number', { kty: 'RSA', e: 'AQAB', kid: 'second' }],
  ['that anyone can sign with', { ...makeKey('RS256', 'second').jwk, e: 'AQ' }],
  ['with operations of their own', { ...second.jwk, key_ops: ['sign'] }],
  ['with a point off the curve', { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'second' }],
])('keys %s are skipped, and the others are used', async (_, jwk) => {
  await world.writeKeys(keySet(first, jwk));
  expect(await world.outcome(ruleOf(), token(first))).toBe('user 7731');
  expect(await world.outcome(ruleOf(), token(second))).toBe(UNKNOWN);
});
