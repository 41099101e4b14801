/** Tests the first message of SASL OAUTHBEARER: a token, a question, or a message that cannot be read. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bearerError, readBearerMessage } from '../../src/protocol/oauthbearer.ts';

const KV = '\x01';
const TOKEN = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI3NzMxIn0.c2lnbmF0dXJl';
const message = (auth: string, header = 'n,,') => `${header}${KV}auth=${auth}${KV}${KV}`;

describe('a token', () => {
  test.each([
    ['as libpq sends it', message(`Bearer ${TOKEN}`)],
    ['its scheme in small letters', message(`bearer ${TOKEN}`)],
    ['behind several spaces', message(`Bearer   ${TOKEN}`)],
    ['of a client that would bind a channel', message(`Bearer ${TOKEN}`, 'y,,')],
    ['an empty authorization identity', message(`Bearer ${TOKEN}`, 'n,a=,')],
    ['beside host and port', `n,,${KV}host=db${KV}port=5432${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
    ['before them', `n,,${KV}auth=Bearer ${TOKEN}${KV}host=db${KV}${KV}`],
    ['beside an unknown key', `n,,${KV}x=1 2\t3${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
  ])('%s', (_, text) => {
    expect(readBearerMessage(text)).toEqual({ kind: 'token', token: TOKEN });
  });
});

test('without a token, the client asks where it gets one', () => {
  expect(readBearerMessage(message(''))).toEqual({ kind: 'discover' });
});

describe('malformed', () => {
  test.each([
    ['nothing', ''],
    ['the sign of a client that gives up', KV],
    ['a header alone', 'n,,'],
    ['a header and one separator', `n,,${KV}`],
    ['no pair', `n,,${KV}${KV}`],
    ['no auth', `n,,${KV}host=db${KV}${KV}`],
    ['no separator at its end', `n,,${KV}auth=Bearer ${TOKEN}`],
    ['one separator at its end', `n,,${KV}auth=Bearer ${TOKEN}${KV}`],
    ['three separators at its end', `n,,${KV}auth=Bearer ${TOKEN}${KV}${KV}${KV}`],
    ['something behind it', `n,,${KV}auth=Bearer ${TOKEN}${KV}${KV}x`],
    ['an empty pair', `n,,${KV}${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
    ['a pair without a value', `n,,${KV}auth${KV}${KV}`],
    ['a pair without a key', `n,,${KV}=Bearer ${TOKEN}${KV}${KV}`],
    ['a digit in a key', `n,,${KV}auth2=x${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
    ['auth twice', `n,,${KV}auth=Bearer ${TOKEN}${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
    ['auth twice, the second empty', `n,,${KV}auth=Bearer ${TOKEN}${KV}auth=${KV}${KV}`],
    ['auth twice, the first empty', `n,,${KV}auth=${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
    ['AUTH', `n,,${KV}AUTH=Bearer ${TOKEN}${KV}${KV}`],
    ['a zero byte', message(`Bearer ${TOKEN}\0`)],
    ['a control character in another value', `n,,${KV}host=\x02${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
    ['a letter beyond ASCII in another value', `n,,${KV}host=é${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
    ['no scheme', message(TOKEN)],
    ['another scheme', message(`Basic ${TOKEN}`)],
    ['no space', message(`Bearer${TOKEN}`)],
    ['a tab for the space', message(`Bearer\t${TOKEN}`)],
    ['a space before the scheme', message(` Bearer ${TOKEN}`)],
    ['a scheme alone', message('Bearer')],
    ['a scheme and a space', message('Bearer ')],
    ['a space behind the token', message(`Bearer ${TOKEN} `)],
    ['a line break behind it', message(`Bearer ${TOKEN}\n`)],
    ['a space within the token', message('Bearer a b')],
    ['a comma within the token', message('Bearer a,b')],
    ['quotes', message(`Bearer "${TOKEN}"`)],
    ['= within the token', message('Bearer a=b')],
    ['= alone', message('Bearer ==')],
    ['channel binding', message(`Bearer ${TOKEN}`, 'p=tls-server-end-point,,')],
    ['an authorization identity', message(`Bearer ${TOKEN}`, 'n,a=root,')],
    ['an authorization identity of SCRAM', message(`Bearer ${TOKEN}`, 'n,root,')],
    ['a header of one comma', message(`Bearer ${TOKEN}`, 'n,')],
    ['a header of three', message(`Bearer ${TOKEN}`, 'n,,,')],
    ['another flag', message(`Bearer ${TOKEN}`, 'x,,')],
    ['no flag', message(`Bearer ${TOKEN}`, ',,')],
    ['no header', `${KV}auth=Bearer ${TOKEN}${KV}${KV}`],
    ['a byte order mark', `\ufeff${message(`Bearer ${TOKEN}`)}`],
    ['a message of SCRAM', 'n,,n=,r=rOprNGfwEbeRWgbNEkqO'],
  ])('%s', (_, text) => {
    expect(readBearerMessage(text).kind).toBe('malformed');
  });

  test('with any one character changed: no token other than the one in the message', () => {
    const whole = message(`Bearer ${TOKEN}`);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.string({ unit: 'binary', minLength: 0, maxLength: 2 }), (at, put) => {
        const read = readBearerMessage(whole.slice(0, at) + put + whole.slice(at + 1));
        if (read.kind === 'token')
          expect(whole.slice(0, at) + put + whole.slice(at + 1)).toContain(` ${read.token}${KV}`);
        else expect(['malformed', 'discover']).toContain(read.kind);
      }),
      { numRuns: 3000 },
    );
  });

  test('a message as long as a frame is read in no time', () => {
    const before = process.cpuUsage();
    for (const text of ['='.repeat(65_000), `n,,${KV}auth=Bearer ${'='.repeat(65_000)}`, `n,,${KV}`.repeat(16_000)]) {
      expect(readBearerMessage(text).kind).toBe('malformed');
      expect(readBearerMessage(message(`Bearer ${text}`)).kind).toBe('malformed');
    }
    expect(process.cpuUsage(before).user).toBeLessThan(500_000);
  });
});

test('where to get a token is said as PostgreSQL says it', () => {
  expect(JSON.parse(bearerError('https://id.example/realms/x', 'openid rows'))).toEqual({
    status: 'invalid_token',
    'openid-configuration': 'https://id.example/realms/x/.well-known/openid-configuration',
    scope: 'openid rows',
  });
  expect(JSON.parse(bearerError('https://id.example/.well-known/oauth-authorization-server', 'a'))).toMatchObject({
    'openid-configuration': 'https://id.example/.well-known/oauth-authorization-server',
  });
});
