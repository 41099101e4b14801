/** Shared parts of the tests of forged tokens: an issuer's keys, a stranger's keys, and the refusal of each forgery. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ISSUER, keySet, makeKey, NOW_S, ruleOf } from './issuer.ts';
import { makeWorld, type World } from './world.ts';

export const key = {
  ed: makeKey('EdDSA'),
  es: makeKey('ES256'),
  rs: makeKey('RS256'),
  small: makeKey('RS1024', 'small', 'RS256'),
  es384: makeKey('ES384'),
  es256k: makeKey('ES256K'),
  ed448: makeKey('Ed448', 'ed448', 'EdDSA'),
  encrypts: makeKey('RS256', 'encrypts'),
  other: makeKey('RS256', 'other-alg'),
  twice: [makeKey('ES256', 'twice'), makeKey('ES256', 'twice')] as const,
  stranger: makeKey('EdDSA'),
  strangerEs: makeKey('ES256'),
  strangerRs: makeKey('RS256'),
};

const published = keySet(
  key.ed,
  key.es,
  key.rs,
  key.small,
  key.es384,
  key.es256k,
  key.ed448,
  { ...key.encrypts.jwk, use: 'enc' },
  { ...key.other.jwk, alg: 'PS256' },
  ...key.twice,
);

/** The claims of a good token. */
export const CLAIMS = { iss: ISSUER, aud: 'rowgate', sub: '7731', iat: NOW_S - 60, exp: NOW_S + 300 };

export const NO_USER = 'the token does not name its end user in the claim that the policy asks for';

export type Forgery = readonly [name: string, make: () => string, words: string];

/** The verifier that knows the issuer, for the tests of a file. */
export function worldOfTests(): () => World {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld(published);
  });
  afterAll(async () => {
    // The log holds neither the user nor any part of a token.
    expect(JSON.stringify(world.lines)).not.toMatch(/7731|eyJ|evil/);
    await world.close();
  });
  return () => world;
}

export function areRefused(world: () => World, forgeries: readonly Forgery[]): void {
  it.each(forgeries)('%s', async (_, make, message) => {
    const refused = { severity: 'ERROR', sqlstate: '28000', reason: 'token-refused', message };
    expect(await world().verifier.verify(ruleOf(), make())).toEqual({ refused });
  });
}
