/** Tests tokens that their issuer has signed, with claims that are refused. */
import { describe, expect, it } from 'vitest';
import { areRefused, CLAIMS, type Forgery, key, NO_USER, worldOfTests } from './forgery.ts';
import { ISSUER, NOW_S, ruleOf, signed, token } from './issuer.ts';

const world = worldOfTests();

const TIME = 'a time in the token ("exp", "nbf", "iat") is not a number of seconds';
const AUDIENCE = 'the token is for another audience';

const OTHER_CLAIMS: readonly (readonly [string, object, string])[] = [
  ['another issuer', { iss: 'https://evil.example' }, 'the token is of another issuer'],
  ['the issuer with a slash', { iss: `${ISSUER}/` }, 'the token is of another issuer'],
  ['the issuer in capitals', { iss: ISSUER.toUpperCase() }, 'the token is of another issuer'],
  ['a list of issuers', { iss: [ISSUER] }, 'the token is of another issuer'],
  ['no issuer', { iss: undefined }, 'the token is of another issuer'],
  ['another audience', { aud: 'portal' }, AUDIENCE],
  ['other audiences', { aud: ['portal', 'Rowgate'] }, AUDIENCE],
  ['an audience that begins so', { aud: 'rowgate2' }, AUDIENCE],
  ['no audience', { aud: undefined }, AUDIENCE],
  ['audiences that are not all texts', { aud: ['rowgate', 5] }, AUDIENCE],
  ['an audience in an object', { aud: { rowgate: true } }, AUDIENCE],
  ['expired', { exp: NOW_S - 31 }, 'the token has expired'],
  ['expired at the end of the skew', { exp: NOW_S - 30 }, 'the token has expired'],
  ['no expiry', { exp: undefined }, 'the token does not say when it expires'],
  ['expiry as a text', { exp: String(NOW_S + 300) }, TIME],
  ['expiry with a part of a second', { exp: NOW_S + 0.5 }, TIME],
  ['expiry before time began', { exp: -1 }, TIME],
  ['expiry as nothing', { exp: null }, TIME],
  ['expiry too large', { exp: 2 ** 60 }, TIME],
  ['not yet valid', { nbf: NOW_S + 31 }, 'the token is not valid yet'],
  ['not before, as a text', { nbf: '0' }, TIME],
  ['issued in the future', { iat: NOW_S + 31 }, 'the token was issued in the future'],
  ['issued at a text', { iat: 'now' }, TIME],
  ['no user', { sub: undefined }, NO_USER],
  ['an empty name', { sub: '' }, NO_USER],
  ['a name of nothing but a blank', { sub: ' ' }, NO_USER],
  ['a blank behind a name', { sub: '7731 ' }, NO_USER],
  ['a list of people', { sub: ['7731'] }, NO_USER],
  ['a truth value', { sub: true }, NO_USER],
  ['half a person', { sub: 7731.5 }, NO_USER],
  ['a number that JSON rounds', { sub: 2 ** 53 }, NO_USER],
  ['a name that is too long', { sub: 'x'.repeat(201) }, NO_USER],
  ['a zero byte', { sub: '7731\0' }, NO_USER],
  ['a line in a name', { sub: '7731\n7732' }, NO_USER],
  ['a zero-width space', { sub: '77\u200b31' }, NO_USER],
  ['a mark of direction', { sub: '\u202e7731' }, NO_USER],
  ['a filler', { sub: '7731\u3164' }, NO_USER],
  ['a variation selector', { sub: '7731\ufe0f' }, NO_USER],
  ['a wide blank', { sub: 'a\u3000b' }, NO_USER],
  ['a blank that does not break', { sub: 'a\u00a0b' }, NO_USER],
  ['two blanks', { sub: 'a  b' }, NO_USER],
  ['half a pair', { sub: 'a\ud800' }, NO_USER],
  ['an accent as a character of its own', { sub: 'Zoe\u0308' }, NO_USER],
];

const CLAIM_FORGERIES: readonly Forgery[] = [
  ...OTHER_CLAIMS.map(([name, claims, words]): Forgery => [name, () => token(key.ed, claims), words]),
  [
    'expiry that is infinite',
    () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, JSON.stringify(CLAIMS).replace(/"exp":\d+/, '"exp":1e999')),
    TIME,
  ],
  [
    'claims that objects have by birth',
    () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, `{"__proto__":${JSON.stringify(CLAIMS)}}`),
    'the token is of another issuer',
  ],
];

describe('claims', () => areRefused(world, CLAIM_FORGERIES));

describe('claims that a rule requires', () => {
  const old = ruleOf({ maxAge: 600_000 });
  const groups = ruleOf({ require: new Map([['groups', 'families']]) });
  const OTHER = 'the token is not for this account: a claim that it requires is another one';
  it.each([
    ['too old', old, { iat: NOW_S - 631 }, 'the token was issued too long ago'],
    ['of no age', old, { iat: undefined }, 'the token does not say when it was issued'],
    ['of the right age', old, { iat: NOW_S - 629 }, 'user 7731'],
    ['in none of the groups', groups, { groups: ['families2', 'teachers'] }, OTHER],
    ['with no groups', groups, {}, OTHER],
    ['with groups in a group', groups, { groups: [['families']] }, OTHER],
    ['with groups in a text', groups, { groups: 'families teachers' }, OTHER],
    ['in the group', groups, { groups: ['teachers', 'families'] }, 'user 7731'],
    ['in the one group', groups, { groups: 'families' }, 'user 7731'],
    ['without the scope', ruleOf({ require: new Map([['scope', 'db']]) }), { scope: 'db2 openid' }, OTHER],
    ['with the scope', ruleOf({ require: new Map([['scope', 'db']]) }), { scope: 'openid db' }, 'user 7731'],
    ['with a truth value', ruleOf({ require: new Map([['verified', 'true']]) }), { verified: true }, 'user 7731'],
    ['with another', ruleOf({ require: new Map([['verified', 'true']]) }), { verified: false }, OTHER],
    ['by another claim', ruleOf({ user: 'email' }), { email: 'a@b.example' }, 'user a@b.example'],
    ['by a claim that objects have by birth', ruleOf({ user: 'constructor' }), {}, NO_USER],
    ['for another of its audiences', ruleOf({ audience: ['a', 'portal'] }), { aud: 'portal' }, 'user 7731'],
  ])('%s', async (_, rule, claims, words) => {
    expect(await world().outcome(rule, token(key.ed, claims))).toBe(words);
  });
});

it('within the skew of the clocks it is taken', async () => {
  for (const claims of [{ exp: NOW_S - 29 }, { nbf: NOW_S + 30 }, { iat: NOW_S + 30 }])
    expect(await world().outcome(ruleOf(), token(key.ed, claims))).toBe('user 7731');
});
