/** Tests tokens that are accepted: every algorithm, and what issuers may leave out or add. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keySet, makeKey, NOW_S, ruleOf, token } from './issuer.ts';
import { makeWorld, type World } from './world.ts';

const keys = ['EdDSA', 'ES256', 'RS256'].map((alg) => makeKey(alg));
const [ed] = keys as [(typeof keys)[0]];

let world: World;
beforeAll(async () => {
  world = await makeWorld(keySet(...keys, makeKey('ES384'), makeKey('RS1024', 'small', 'RS256')));
});
afterAll(() => world.close());

it.each(keys)('$alg', async (key) => {
  expect(await world.outcome(ruleOf(), token(key))).toBe('user 7731');
});

describe('tokens as issuers write them', () => {
  it.each([
    ['a list of audiences', { aud: ['portal', 'rowgate'] }],
    ['a number as the person', { sub: 7731 }],
    ['no time of issue', { iat: undefined }],
    ['claims of its own', { roles: { a: [{ b: 1 }] }, name: 'Zoë', constructor: 'x' }],
    ['not before, a while ago', { nbf: NOW_S - 60 }],
  ])('%s', async (_, claims) => {
    expect(await world.outcome(ruleOf(), token(ed, claims))).toBe('user 7731');
  });

  it.each([
    ['no type', { typ: undefined }],
    ['the type of access tokens', { typ: 'at+jwt' }],
    ['the type as a media type', { typ: 'application/JWT' }],
    ['a thumbprint of a certificate', { x5t: 'abc' }],
    ['a parameter that means nothing here', { 'pi.atm': '1' }],
    ['no name of a key, where one of its kind is alone', { kid: undefined }],
  ])('%s', async (_, header) => {
    expect(await world.outcome(ruleOf(), token(ed, {}, header))).toBe('user 7731');
  });

  it('Names of people in every script', async () => {
    for (const sub of ['marie.curie@college-12.example', 'Zoë Müller', 'Анна', '小明', 'علي', 'a:b|c/d'])
      expect(await world.outcome(ruleOf(), token(ed, { sub }))).toBe(`user ${sub}`);
  });
});
