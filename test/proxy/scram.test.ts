/** Tests SCRAM-SHA-256 on both sides: the messages of the RFC, channel binding, broken messages, and unknown users. */
import { describe, expect, test } from 'vitest';
import { decodeBase64 } from '../../src/protocol/scram.ts';
import { acceptServerFinal, answerServerFirst, chooseMechanism, clientFirst } from '../../src/protocol/scram-client.ts';
import { answerClientFinal, answerClientFirst, type ScramServerInput } from '../../src/protocol/scram-server.ts';
import {
  formatVerifier,
  makeVerifier,
  mockVerifier,
  parseVerifier,
  shareChallenge,
} from '../../src/protocol/scram-verifier.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');

async function serverInput(extra: Partial<ScramServerInput> = {}): Promise<ScramServerInput> {
  return {
    mechanism: 'SCRAM-SHA-256',
    verifiers: [await makeVerifier('pencil', salt)],
    nonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    channelBinding: undefined,
    ...extra,
  };
}

describe('SCRAM-SHA-256', () => {
  test('gives the messages of RFC 7677 section 3', async () => {
    const first = answerClientFirst(await serverInput(), bytes('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'));
    expect(first).toMatchObject({
      kind: 'challenge',
      message: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    });
    if (first.kind !== 'challenge') return;
    const final = answerClientFinal(
      first.exchange,
      bytes(
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      ),
    );
    expect(final).toMatchObject({ kind: 'accepted', message: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=' });
  });

  test.each([
    ['SCRAM-SHA-256', undefined],
    ['SCRAM-SHA-256-PLUS', Buffer.alloc(32, 7)],
  ] as const)('our client convinces our server: %s', async (mechanism, channelBinding) => {
    const other = await makeVerifier('another password', salt);
    const input = await serverInput({
      mechanism,
      channelBinding,
      verifiers: [other, await makeVerifier('pencil', salt)],
    });
    const client = { mechanism, password: 'pencil', nonce: 'clientclientclient', channelBinding };
    const first = answerClientFirst(input, bytes(clientFirst(client)));
    if (first.kind !== 'challenge') throw new Error(first.message);
    const answer = await answerServerFirst(client, bytes(first.message));
    const final = answerClientFinal(first.exchange, bytes(answer!.message));
    expect(final.kind).toBe('accepted');
    if (final.kind !== 'accepted') return;
    expect(acceptServerFinal(answer!, bytes(final.message))).toBe(true);
    expect(acceptServerFinal(answer!, bytes(`v=${Buffer.alloc(32).toString('base64')}`))).toBe(false);
    const stranger = await answerServerFirst({ ...client, password: 'pencils' }, bytes(first.message));
    expect(answerClientFinal(first.exchange, bytes(stranger!.message)).kind).toBe('denied');
  });

  test('a binding to another channel is refused', async () => {
    const mechanism = 'SCRAM-SHA-256-PLUS';
    const input = await serverInput({ mechanism, channelBinding: Buffer.alloc(32, 1) });
    const client = {
      mechanism,
      password: 'pencil',
      nonce: 'clientclient',
      channelBinding: Buffer.alloc(32, 2),
    } as const;
    const first = answerClientFirst(input, bytes(clientFirst(client)));
    if (first.kind !== 'challenge') throw new Error(first.message);
    const answer = await answerServerFirst(client, bytes(first.message));
    expect(answerClientFinal(first.exchange, bytes(answer!.message))).toEqual({
      kind: 'malformed',
      message: 'SCRAM channel binding check failed',
    });
  });

  test.each([
    ['', 'empty'],
    ['n,,', 'no bare part'],
    ['n,,n=u,r=', 'no nonce'],
    ['n,,n=u,r=short', 'short nonce'],
    ['n,,n=u,r=abcdefgh\x01', 'nonce with a control character'],
    ['n,,n=u,r=abcdefgh,x=1', 'extension'],
    ['n,,m=1,n=u,r=abcdefgh', 'mandatory extension'],
    ['n,a=other,n=u,r=abcdefgh', 'another identity'],
    ['p=tls-unique,,n=u,r=abcdefgh', 'binding without -PLUS'],
    ['x,,n=u,r=abcdefgh', 'unknown flag'],
    [`n,,n=${'u'.repeat(3000)},r=abcdefgh`, 'too long'],
    ['n,,n=u\0,r=abcdefgh', 'NUL'],
  ])('client-first-message %j is malformed: %s', async (message) => {
    expect(answerClientFirst(await serverInput(), bytes(message)).kind).toBe('malformed');
  });

  test('an offer that was taken away is noticed', async () => {
    const input = await serverInput({ channelBinding: Buffer.alloc(32) });
    expect(answerClientFirst(input, bytes('y,,n=,r=abcdefgh'))).toMatchObject({
      message: 'SCRAM channel binding negotiation error',
    });
    expect(answerClientFirst(await serverInput(), bytes('y,,n=,r=abcdefgh')).kind).toBe('challenge');
  });

  test.each([
    ['c=biws,r=NONCE', 'no proof'],
    ['c=biws,r=NONCE,p=AAAA', 'short proof'],
    ['c=biws,r=NONCEx,p=PROOF', 'other nonce'],
    ['c=eSws,r=NONCE,p=PROOF', 'other header'],
    ['c=biws,r=NONCE,x=1,p=PROOF', 'extension'],
    ['c=biws,r=NONCE,p=PROOF=', 'padding too many'],
  ])('client-final-message %j is malformed: %s', async (template) => {
    const first = answerClientFirst(await serverInput(), bytes('n,,n=,r=abcdefgh'));
    if (first.kind !== 'challenge') throw new Error(first.message);
    const proof = Buffer.alloc(32).toString('base64');
    const message = template.replace('NONCE', first.exchange.nonce).replace('PROOF', proof);
    expect(answerClientFinal(first.exchange, bytes(message)).kind).toBe('malformed');
  });

  test.each([
    'r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    'r=clientclient,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    'r=clientclientX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0',
    'r=clientclientX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=9999999',
    'r=clientclientX,s=?,i=4096',
    'e=other-error',
  ])('server-first-message %j is not believed', async (message) => {
    const client = {
      mechanism: 'SCRAM-SHA-256',
      password: 'pencil',
      nonce: 'clientclient',
      channelBinding: undefined,
    } as const;
    expect(await answerServerFirst(client, bytes(message))).toBeUndefined();
  });

  test('channel binding is chosen where both sides can', () => {
    const both = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'];
    expect(chooseMechanism(both, Buffer.alloc(32))).toBe('SCRAM-SHA-256-PLUS');
    expect(chooseMechanism(both, undefined)).toBe('SCRAM-SHA-256');
    expect(chooseMechanism(['OAUTHBEARER'], undefined)).toBeUndefined();
  });
});

describe('verifiers', () => {
  test('read what they write', async () => {
    const verifier = await makeVerifier('pencil', salt);
    expect(parseVerifier(formatVerifier(verifier))).toEqual(verifier);
    expect(shareChallenge(verifier, await makeVerifier('other', salt))).toBe(true);
    expect(shareChallenge(verifier, await makeVerifier('pencil', Buffer.alloc(16)))).toBe(false);
  });

  test.each(['', 'md5abc', 'SCRAM-SHA-256$4096:AA==$AA==:AA==', 'SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$a:b'])(
    '%j is none',
    (text) => expect(parseVerifier(text)).toBeUndefined(),
  );

  test('a password is prepared as PostgreSQL does, and taken as it is where that is prohibited', async () => {
    const same = async (a: string, b: string) =>
      formatVerifier(await makeVerifier(a, salt)) === formatVerifier(await makeVerifier(b, salt));
    expect(await same('I\u00adX', 'IX')).toBe(true);
    expect(await same('\u2168', 'IX')).toBe(true);
    expect(await same('a\u0007b', 'ab')).toBe(false);
  });

  test('a made-up challenge stays as it is, whatever other users come and go', async () => {
    const secret = Buffer.alloc(32, 7);
    const shapes = await Promise.all(
      [
        [16, 4096],
        [20, 5000],
        [16, 6000],
      ].map(([length = 0, iterations]) => makeVerifier('x', Buffer.alloc(length), iterations)),
    );
    const names = Array.from({ length: 60 }, (_, i) => `nobody${i}`);
    const challenges = (of: typeof shapes) => {
      const mocks = names.map((name) => mockVerifier(secret, name, of));
      return mocks.map(({ iterations, salt }) => `${iterations} ${salt.toString('hex')}`);
    };
    const before = challenges(shapes);
    expect(new Set(before.map((challenge) => challenge.split(' ')[0]))).toEqual(new Set(['4096', '5000', '6000']));
    expect(challenges([...shapes, ...shapes.slice(0, 1), shapes[1]!].reverse())).toEqual(before);
    // A shape that is new takes some names over; they look like users with a new password, salt and all. The others stay.
    const more = challenges([...shapes, await makeVerifier('x', Buffer.alloc(16), 7000)]);
    const moved = more.filter((challenge, i) => challenge !== before[i]);
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.every((challenge) => challenge.startsWith('7000 '))).toBe(true);
    const salts = new Set(before.map((challenge) => challenge.split(' ')[1]));
    expect(moved.some((challenge) => salts.has(challenge.split(' ')[1]))).toBe(false);
  });

  test('an unknown user is challenged always alike, in the shape of a real one', async () => {
    const secret = Buffer.alloc(32, 9);
    const shape = { ...(await makeVerifier('x', Buffer.alloc(20), 5000)) };
    const mock = mockVerifier(secret, 'nobody', [shape]);
    expect(mock).toEqual(mockVerifier(secret, 'nobody', [shape]));
    expect(mock.salt).toHaveLength(20);
    expect(mock.iterations).toBe(5000);
    expect(mock.salt.equals(mockVerifier(secret, 'nobody2', [shape]).salt)).toBe(false);
  });

  test('base64 is strict', () => {
    expect(decodeBase64('AA==')).toEqual(Buffer.alloc(1));
    for (const text of ['AA', 'AB==', 'A A=', 'AA==\n']) expect(decodeBase64(text)).toBeUndefined();
  });
});
