/** Tests tokens in a wrong form: each is refused. */
import { areRefused, CLAIMS, type Forgery, key, worldOfTests } from './forgery.ts';
import { encoded, signed, token } from './issuer.ts';

const NOT_JWT = 'the token is not a JWT: three parts in base64url, with a dot between them';
const HEADER = 'the header of the token is not a JSON object with members that differ';
const BODY = 'the claims of the token are not a JSON object with members that differ';
const TYPE = 'the token is of another type ("typ") than JWT or at+jwt';
const SIGNATURE = 'the signature of the token is wrong';

const parts = (text: string): [string, string, string] => text.split('.') as [string, string, string];

const FORMS: readonly Forgery[] = [
  ['nothing', () => '', NOT_JWT],
  ['dots alone', () => '..', HEADER],
  ['two parts', () => parts(token(key.ed)).slice(0, 2).join('.'), NOT_JWT],
  ['a dot at the end', () => `${token(key.ed)}.`, NOT_JWT],
  ['a dot at the beginning', () => `.${token(key.ed)}`, NOT_JWT],
  ['a part behind it', () => `${token(key.ed)}.e30`, NOT_JWT],
  ['five parts', () => `${token(key.ed)}.e30.e30`, 'the token is encrypted, not signed'],
  [
    'JSON serialization',
    () => {
      const [header, payload, sig] = parts(token(key.ed));
      return JSON.stringify({ protected: header, payload, signature: sig });
    },
    NOT_JWT,
  ],
  ['within another token', () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, token(key.ed)), BODY],
  ['a word before it', () => `Bearer ${token(key.ed)}`, NOT_JWT],
  ['a blank behind it', () => `${token(key.ed)} `, NOT_JWT],
  ['a line behind it', () => `${token(key.ed)}\n`, NOT_JWT],
  ['padding', () => `${token(key.ed)}==`, NOT_JWT],
  [
    'padding of each part',
    () =>
      parts(token(key.ed))
        .map((part) => part.padEnd(Math.ceil(part.length / 4) * 4, '='))
        .join('.'),
    NOT_JWT,
  ],
  ['bits left over in the signature', () => leftOver(token(key.ed)), NOT_JWT],
  ['base64 in place of base64url', () => differing((text) => text.replaceAll('-', '+').replaceAll('_', '/')), NOT_JWT],
  [
    'longer than what is read',
    () => token(key.ed, { more: 'x'.repeat(6200) }),
    'the token is longer than 8192 characters',
  ],
  ['very long', () => `${'a'.repeat(20_000_000)}.a.a`, 'the token is longer than 8192 characters'],
  ['letters of other scripts', () => token(key.ed).replace('e', 'е'), NOT_JWT],
  ['a zero byte', () => `${token(key.ed)}\0`, NOT_JWT],
  ['a header that is no JSON', () => signed(key.ed, 'alg: EdDSA', CLAIMS), HEADER],
  ['a header that is a list', () => signed(key.ed, '[]', CLAIMS), HEADER],
  ['claims that are a text', () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, '"claims"'), BODY],
  ['claims that are nothing', () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, 'null'), BODY],
  [
    'claims with a byte order mark',
    () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, `\ufeff${JSON.stringify(CLAIMS)}`),
    BODY,
  ],
  [
    'claims in no UTF-8',
    () =>
      signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, Buffer.from(JSON.stringify({ ...CLAIMS, name: 'é' }), 'latin1')),
    BODY,
  ],
  ['two algorithms', () => signed(key.ed, '{"alg":"EdDSA","kid":"EdDSA","alg":"EdDSA"}', CLAIMS), HEADER],
  [
    'two people',
    () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, `{"sub":"1",${JSON.stringify(CLAIMS).slice(1)}`),
    BODY,
  ],
  [
    'two people, one name escaped',
    () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, `{"s\\u0075b":"1",${JSON.stringify(CLAIMS).slice(1)}`),
    BODY,
  ],
  [
    'a member twice within another',
    () => signed(key.ed, { alg: 'EdDSA', kid: 'EdDSA' }, `{"a":[{"b":1,"b":2}],${JSON.stringify(CLAIMS).slice(1)}`),
    BODY,
  ],
  [
    'deep',
    () =>
      signed(
        key.ed,
        { alg: 'EdDSA', kid: 'EdDSA' },
        `{"a":${'['.repeat(2900)}${']'.repeat(2900)},${JSON.stringify(CLAIMS).slice(1)}`,
      ),
    BODY,
  ],
  ['a token of logout', () => token(key.ed, {}, { typ: 'logout+jwt' }), TYPE],
  ['a type that is none', () => token(key.ed, {}, { typ: 5 }), TYPE],
  [
    'header of one token, rest of another',
    () => {
      const [, payload, sig] = parts(token(key.ed));
      return `${encoded({ alg: 'EdDSA', kid: 'EdDSA' })}.${payload}.${sig}`;
    },
    SIGNATURE,
  ],
  [
    'claims of one token, rest of another',
    () => {
      const [header, , sig] = parts(token(key.ed));
      return `${header}.${parts(token(key.ed, { sub: '1' }))[1]}.${sig}`;
    },
    SIGNATURE,
  ],
];

/** The last character of a part holds bits that belong to no byte. */
function leftOver(text: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return `${text.slice(0, -1)}${letters[letters.indexOf(text.at(-1) ?? '') + 1]}`;
}

/** A good token in which that changes something. */
function differing(change: (text: string) => string): string {
  for (let n = 0; ; n++) {
    const text = token(key.ed, { jti: String(n) });
    if (change(text) !== text) return change(text);
  }
}

areRefused(worldOfTests(), FORMS);
