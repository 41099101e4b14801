/** Tests tokens that their issuer has not signed: algorithms, keys and headers. Each is refused, and the message says why. */
import { createHmac, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { areRefused, CLAIMS, type Forgery, key, worldOfTests } from './forgery.ts';
import { encoded, keySet, ruleOf, signature, signed, token } from './issuer.ts';

const world = worldOfTests();

let server: Server;
let requests = 0;
let address = '';
beforeAll(async () => {
  server = createServer((_, response) => {
    requests++;
    response.setHeader('content-type', 'application/json').end(keySet(key.stranger));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const ALGORITHM = 'the token is not signed by one of EdDSA, ES256, RS256';
const SIGNATURE = 'the signature of the token is wrong';
const UNKNOWN = 'the token is signed by a key that its issuer does not publish';
const SEVERAL = 'the token does not tell by "kid" which of several keys it is signed by';

/** The header is changed behind the signature's back where `as` is another key's algorithm. */
function by(alg: string, sealed: (input: string) => Buffer, header: object = {}): string {
  const input = `${encoded({ alg, kid: 'EdDSA', typ: 'JWT', ...header })}.${encoded(CLAIMS)}`;
  return `${input}.${sealed(input).toString('base64url')}`;
}
const hmac = (bits: number, secret: string | Buffer) => (input: string) =>
  createHmac(`sha${bits}`, secret).update(input).digest();
const pem = (of: KeyObject): string => of.export({ type: 'spki', format: 'pem' }).toString();
const parts = (text: string): [string, string, string] => text.split('.') as [string, string, string];

const ALGORITHMS: readonly Forgery[] = [
  ['none', () => by('none', () => Buffer.alloc(0)), ALGORITHM],
  ['None', () => by('None', () => Buffer.alloc(0)), ALGORITHM],
  [
    'none, with the signature of another token',
    () => by('none', () => Buffer.from(parts(token(key.ed))[2], 'base64url')),
    ALGORITHM,
  ],
  ['no signature', () => by('EdDSA', () => Buffer.alloc(0)), 'the token is not signed'],
  ['HMAC by the public key as PEM', () => by('HS256', hmac(256, pem(key.rs.public)), { kid: 'RS256' }), ALGORITHM],
  [
    'HMAC by the public key as JWK',
    () => by('HS256', hmac(256, JSON.stringify(key.rs.jwk)), { kid: 'RS256' }),
    ALGORITHM,
  ],
  ['HMAC by nothing', () => by('HS512', hmac(512, '')), ALGORITHM],
  [
    'RS256 that says HS256 of the same bytes',
    () => by('RS256', hmac(256, pem(key.rs.public)), { kid: 'RS256' }),
    SIGNATURE,
  ],
  ['RS512', () => by('RS512', (input) => signature(input, key.rs.private, 'RS512'), { kid: 'RS256' }), ALGORITHM],
  [
    'PS256',
    () =>
      by('PS256', (input) => sign('sha256', Buffer.from(input), { key: key.rs.private, padding: 6, saltLength: 32 }), {
        kid: 'RS256',
      }),
    ALGORITHM,
  ],
  [
    'PSS under the name of RS256',
    () =>
      by('RS256', (input) => sign('sha256', Buffer.from(input), { key: key.rs.private, padding: 6, saltLength: 32 }), {
        kid: 'RS256',
      }),
    SIGNATURE,
  ],
  ['ES384', () => token(key.es384), ALGORITHM],
  ['ES256K', () => token(key.es256k), ALGORITHM],
  [
    'ES256 by a key of another curve',
    () => by('ES256', (input) => signature(input, key.es256k.private, 'ES256'), { kid: 'ES256K' }),
    UNKNOWN,
  ],
  ['Ed448 under the name of EdDSA', () => token(key.ed448), UNKNOWN],
  [
    'Ed25519, as newer issuers name it',
    () => by('Ed25519', (input) => signature(input, key.ed.private, 'EdDSA')),
    ALGORITHM,
  ],
  ['RSA of 1024 bits', () => token(key.small), UNKNOWN],
  ['a key that is for encryption', () => token(key.encrypts), UNKNOWN],
  ['a key that is for another algorithm', () => token(key.other), UNKNOWN],
  ['in small letters', () => by('eddsa', (input) => signature(input, key.ed.private, 'EdDSA')), ALGORITHM],
  ['as a list', () => signed(key.ed, { alg: ['EdDSA'], kid: 'EdDSA' }, CLAIMS), ALGORITHM],
  ['no algorithm', () => signed(key.ed, { kid: 'EdDSA' }, CLAIMS), ALGORITHM],
  [
    'ECDSA in ASN.1',
    () =>
      by('ES256', (input) => sign('sha256', Buffer.from(input), { key: key.es.private, dsaEncoding: 'der' }), {
        kid: 'ES256',
      }),
    SIGNATURE,
  ],
  ['ECDSA of zeros (r = s = 0)', () => by('ES256', () => Buffer.alloc(64), { kid: 'ES256' }), SIGNATURE],
  ['EdDSA of zeros', () => by('EdDSA', () => Buffer.alloc(64)), SIGNATURE],
];

const KEYS: readonly Forgery[] = [
  [
    'another key under the name of one',
    () => signed({ ...key.stranger, kid: 'EdDSA' }, { alg: 'EdDSA', kid: 'EdDSA' }, CLAIMS),
    SIGNATURE,
  ],
  ['another ES256 key', () => signed(key.strangerEs, { alg: 'ES256', kid: 'ES256' }, CLAIMS), SIGNATURE],
  ['another RS256 key', () => signed(key.strangerRs, { alg: 'RS256', kid: 'RS256' }, CLAIMS), SIGNATURE],
  ['a key under the name of one for another algorithm', () => token(key.es, {}, { kid: 'RS256' }), UNKNOWN],
  ['an unknown key', () => token(key.stranger, {}, { kid: 'mine' }), UNKNOWN],
  ['the name of a key as a path', () => token(key.stranger, {}, { kid: '../../../../dev/null' }), UNKNOWN],
  ['the name of a key as a file of the guard', () => token(key.stranger, {}, { kid: 'jwks.json' }), UNKNOWN],
  ['the name of a key as SQL', () => token(key.stranger, {}, { kid: "' UNION SELECT 'secret' --" }), UNKNOWN],
  ['the name of a key as an address', () => token(key.stranger, {}, { kid: `${address}/keys` }), UNKNOWN],
  ['the name of a key as what every object has', () => token(key.stranger, {}, { kid: '__proto__' }), UNKNOWN],
  [
    'the name of a key as a number',
    () => token(key.ed, {}, { kid: 0 }),
    '"kid" in the header of the token is not a text',
  ],
  [
    'the name of a key as nothing',
    () => token(key.ed, {}, { kid: null }),
    '"kid" in the header of the token is not a text',
  ],
  ['the name of a key in other letters', () => token(key.ed, {}, { kid: 'eddsa' }), UNKNOWN],
  ['a name that two keys have', () => token(key.twice[0]), SEVERAL],
  ['no name, where several would do', () => token(key.es, {}, { kid: undefined }), SEVERAL],
];

const PARAMETERS: readonly Forgery[] = (
  [
    ['jwk', () => key.stranger.jwk],
    ['jku', () => `${address}/jku`],
    ['x5u', () => `${address}/x5u`],
    ['x5c', () => ['MIIB']],
    ['crit', () => ['exp']],
    ['crit', () => []],
    ['b64', () => false],
    ['b64', () => true],
    ['zip', () => 'DEF'],
    ['cty', () => 'JWT'],
    ['enc', () => 'A256GCM'],
    ['jwk', () => null],
  ] as const
).map(([name, value]) => [
  `${name}: ${JSON.stringify(value())}`,
  () => signed({ ...key.stranger }, { alg: 'EdDSA', typ: 'JWT', [name]: value() }, CLAIMS),
  `"${name}" in the header of the token is not taken`,
]);

describe('the algorithm', () => areRefused(world, ALGORITHMS));
describe('the key', () => areRefused(world, KEYS));
describe('the header', () => areRefused(world, PARAMETERS));

it('asks no address that is written in a token', async () => {
  for (const header of [{ jku: address }, { x5u: address }, { kid: address }, { iss: address }])
    await world().verifier.verify(
      ruleOf(),
      signed(key.stranger, { alg: 'EdDSA', ...header }, { ...CLAIMS, iss: CLAIMS.iss }),
    );
  await world().verifier.verify(ruleOf(), token(key.stranger, { iss: address, aud: address }));
  expect(requests).toBe(0);
});
