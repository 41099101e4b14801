/** Tests keys at an address: asked for seldom, kept while the provider is away, and not for ever. */
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TokenRule } from '../../src/policy/model/token-rule.ts';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { type Key, keySet, makeKey, ruleOf, token } from './issuer.ts';
import { type KeyServer, startKeyServer } from './key-server.ts';
import { makeWorld, type World } from './world.ts';

const first = makeKey('EdDSA', 'first');
const second = makeKey('ES256', 'second');
const UNKNOWN = 'the token is signed by a key that its issuer does not publish';
const UNCHECKED = 'the token cannot be checked now';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let world: World;
let server: KeyServer;
let rule: TokenRule;
beforeEach(async () => {
  world = await makeWorld();
  server = await startKeyServer(keySet(first));
  rule = ruleOf({ keys: server.address });
});
afterEach(async () => {
  await server.stop();
  await world.close();
});

/** A token of now. */
const now = (key: Key, claims: object = {}) => {
  const seconds = Math.floor(world.clock.now / 1000);
  return token(key, { iat: seconds, exp: seconds + 300, ...claims });
};
const outcome = (text: string) => world.outcome(rule, text);
const says = () => world.lines.map(({ msg, detail }) => [msg, detail].filter(Boolean).join(': '));

describe('how often it is asked', () => {
  it('once for many people at once', async () => {
    const texts = Array.from({ length: 50 }, (_, n) => now(first, { sub: String(n) }));
    expect(await Promise.all(texts.map(outcome))).toEqual(texts.map((_, n) => `user ${n}`));
    expect(server.asked).toEqual(['/jwks']);
  });

  it('every five minutes while it is used, while no session waits', async () => {
    expect(await outcome(now(first))).toBe('user 7731');
    world.later(4 * MINUTE);
    expect(await outcome(now(first))).toBe('user 7731');
    expect(server.asked.length).toBe(1);
    world.later(2 * MINUTE);
    const text = now(first);
    expect(world.verifier.known(rule, text)).toBeUndefined();
    expect(await outcome(text)).toBe('user 7731');
    await expect.poll(() => server.asked.length).toBe(2);
  });

  it('at most every ten seconds for keys that it does not have', async () => {
    expect(await outcome(now(first))).toBe('user 7731');
    for (let n = 0; n < 20; n++) {
      world.later(1_000);
      const forged = Array.from({ length: 5 }, () => now(second));
      expect(new Set(await Promise.all(forged.map(outcome)))).toEqual(new Set([UNKNOWN]));
    }
    expect(server.asked.length).toBe(3);
  });

  it('never for a token of another issuer, or one that has expired', async () => {
    await outcome(now(first, { iss: 'https://evil.example' }));
    await outcome(now(first, { exp: 5 }));
    expect(server.asked).toEqual([]);
  });
});

describe('keys that change', () => {
  it('a new key is found for the first token that it has signed', async () => {
    expect(await outcome(now(first))).toBe('user 7731');
    server.answer = keySet(first, second);
    world.later(10_000);
    expect(await outcome(now(second))).toBe('user 7731');
    expect(await outcome(now(first))).toBe('user 7731');
  });

  it('a removed key is refused ten minutes later', async () => {
    const text = now(first, { exp: world.clock.now / 1000 + 3600 });
    expect(await outcome(text)).toBe('user 7731');
    server.answer = keySet(second);
    world.later(10 * MINUTE);
    expect(world.verifier.known(rule, text)).toBeUndefined();
    expect(await outcome(text)).toBe(UNKNOWN);
  });
});

describe('a provider that is away', () => {
  it('leaves the keys of before for a day; then tokens are refused until it is back', async () => {
    expect(await outcome(now(first))).toBe('user 7731');
    await server.stop();
    for (let hours = 1; hours <= 23; hours++) {
      world.later(HOUR);
      expect(await outcome(now(first))).toBe('user 7731');
      expect(await outcome(now(second))).toBe(UNKNOWN);
    }
    world.later(HOUR);
    expect(await outcome(now(first))).toBe(UNCHECKED);
    expect(says().filter((line) => line.startsWith('could not'))).toEqual([
      expect.stringMatching(/^could not read the keys of tokens; those that are known stay: .*ECONNREFUSED/),
      expect.stringMatching(/^could not read the keys of tokens; no token can be checked: .*ECONNREFUSED/),
    ]);
    await server.start();
    world.later(10_000);
    expect(await outcome(now(first))).toBe('user 7731');
    expect(says().at(-1)).toBe('keys of tokens read');
  });

  it('is not asked while it is known to be away, and no session waits for it', async () => {
    expect(await outcome(now(first))).toBe('user 7731');
    server.answer = (response) => void response.writeHead(503).end();
    world.later(11 * MINUTE);
    expect(await outcome(now(first))).toBe('user 7731');
    expect(server.asked.length).toBe(2);
    server.answer = () => {}; // from now on it says nothing at all
    const text = now(first, { exp: world.clock.now / 1000 + 3600 });
    expect(await outcome(text)).toBe('user 7731');
    for (let n = 0; n < 5; n++) {
      world.later(10_000);
      expect(world.verifier.known(rule, text)).toMatchObject({ user: '7731' });
    }
    await expect.poll(() => server.asked.length).toBe(3);
  });
});

it.each([
  ['an error', (response) => response.writeHead(500).end(keySet(first)), 'the address answers 500'],
  ['another address', (response) => response.writeHead(302, { location: '/other' }).end(), 'the address answers 302'],
  ['a page', (response) => response.end('<html>'), 'not a JWK set: {"keys": [ … ]}'],
  [
    'a private key',
    (response) => response.end(keySet(first.private.export({ format: 'jwk' }) as never)),
    'holds a private or a symmetric key; only public keys belong there',
  ],
  [
    'half of it',
    (response) => {
      response.writeHead(200, { 'content-length': '500' }).write('{"keys":');
      setTimeout(() => response.destroy(), 20);
    },
    'terminated',
  ],
  [
    'more than is read',
    (response) => {
      const more = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    },
    'longer than 262144 bytes',
  ],
  ['no UTF-8', (response) => response.end(Buffer.from([0xff])), 'The encoded data was not valid for encoding utf-8'],
] as readonly (readonly [string, Extract<KeyServer['answer'], (...args: never) => void>, string])[])(
  'of a server that answers with %s no key is taken',
  async (_, answer, why) => {
    server.answer = answer;
    expect(await outcome(now(first))).toBe(UNCHECKED);
    expect(says()).toEqual([`could not read the keys of tokens; no token can be checked: ${why}`]);
    expect(server.asked).toEqual(['/jwks']);
  },
);

it('a session does not wait for keys of a slow server', async () => {
  server.answer = (response) => void response.writeHead(200).write('{"keys":');
  expect(await outcome(now(first))).toBe(UNCHECKED);
  expect(says()).toEqual([expect.stringMatching(/no token can be checked: .*timeout/)]);
});

describe('https', () => {
  it.each([
    [
      'of an authority that the machine does not know',
      (made: Certificates) => made.server,
      /verify|self-signed|issuer certificate/,
    ],
    ['that is signed by itself', (made: Certificates) => made.stranger, /self-signed/],
  ] as const)('a server with a certificate %s is not asked', async (_, which, why) => {
    const made = makeCertificates();
    const { cert, key } = which(made);
    const asked: string[] = [];
    const https = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
      asked.push(request.url ?? '');
      response.end(keySet(first));
    });
    await new Promise<void>((ready) => https.listen(0, '127.0.0.1', ready));
    const keys = `https://localhost:${(https.address() as AddressInfo).port}/jwks`;
    expect(await world.outcome(ruleOf({ keys }), now(first))).toBe(UNCHECKED);
    expect(says()).toEqual([expect.stringMatching(why)]);
    expect(asked).toEqual([]);
    https.close();
    rmSync(made.folder, { recursive: true });
  });
});
