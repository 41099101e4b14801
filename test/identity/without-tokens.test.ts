/** Tests the removal of tokens from texts: whole or cut, in quotes, escaped; all other text stays as it is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactTokens } from '../../src/core/redact-tokens.ts';
import { encoded, makeKey, signed, token } from './issuer.ts';

const key = makeKey('EdDSA');
const TOKEN = token(key);
const [HEADER = '', CLAIMS = ''] = TOKEN.split('.');
const each = (text: string, write: (code: number) => string): string =>
  [...text].map((letter) => write(letter.charCodeAt(0))).join('');
const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0');

describe('is taken out', () => {
  it.each([
    ['a token', TOKEN, '<token>'],
    ['in quotes', `SET rowgate.token = '${TOKEN}'`, "SET rowgate.token = '<token>'"],
    ['in quotes that do not end', `SET rowgate.token = '${TOKEN}`, "SET rowgate.token = '<token>"],
    ['between dollars', `SELECT $$${TOKEN}$$, 1`, 'SELECT $$<token>$$, 1'],
    ['as a word of its own', `syntax error at or near "${TOKEN}"`, 'syntax error at or near "<token>"'],
    ['two of them', `${TOKEN} ${TOKEN}\n${TOKEN}`, '<token> <token>\n<token>'],
    ['behind a letter', `x${TOKEN}`, 'x<token>'],
    ['cut in its header', `at "${HEADER.slice(0, 20)}`, 'at "<token>'],
    ['cut in its claims', `at "${HEADER}.${CLAIMS.slice(0, 10)}"`, 'at "<token>"'],
    ['without its signature', `${HEADER}.${CLAIMS}.`, '<token>'],
    ['with more parts', `${TOKEN}.${CLAIMS}.abc`, '<token>'],
    ['with blanks in its header', signed(key, '{ "alg": "EdDSA" }', '{}'), '<token>'],
    ['with lines in its header', signed(key, '{\n  "alg": "EdDSA"\n}', '{}'), '<token>'],
    ['with a tab in its header', signed(key, '{\n\t"alg": "EdDSA"\n}', '{}'), '<token>'],
    ['in JSON', JSON.stringify({ sql: `SET x = '${TOKEN}'` }), `{"sql":"SET x = '<token>'"}`],
    ['with bytes in hex', `E'${each(TOKEN, (c) => `\\x${hex(c, 2)}`)}'`, "E'<token>'"],
    ['with bytes in octal', `E'${each(TOKEN, (c) => `\\${c.toString(8).padStart(3, '0')}`)}'`, "E'<token>'"],
    ['in code points', `E'${each(TOKEN, (c) => `\\u${hex(c, 4)}`)}'`, "E'<token>'"],
    ['in long code points', `E'${each(TOKEN, (c) => `\\U${hex(c, 8)}`)}'`, "E'<token>'"],
    ['in an identifier of code points', `U&"${each(TOKEN, (c) => `\\${hex(c, 4)}`)}"`, 'U&"<token>"'],
    ['in long ones', `U&'${each(TOKEN, (c) => `\\+${hex(c, 6)}`)}'`, "U&'<token>'"],
    ['escaped, in JSON', JSON.stringify(`E'${each(TOKEN, (c) => `\\x${hex(c, 2)}`)}'`), `"E'<token>'"`],
    ['with its first letter escaped', `E'\\x65${TOKEN.slice(1)}'`, "E'<token>'"],
  ])('%s', (_, text, expected) => expect(redactTokens(text)).toBe(expected));

  it('anywhere in a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (before, behind) => {
        const left = redactTokens(`${before}${TOKEN}${behind}`);
        expect(left).toContain('<token>');
        expect(left).not.toContain(CLAIMS.slice(4, 20));
      }),
    );
  });
});

describe('stays', () => {
  it.each([
    'SELECT key, eyes FROM students WHERE money > 5',
    'SELECT public.monkeys.eyelashes, "viewkind".name FROM renewoil.things',
    "SELECT 'eyJ', 'eyJhb'",
    `SELECT decode('${Buffer.from(`${'x'.repeat(9)}{"a":1}`).toString('base64')}', 'base64')`,
    `k3:${'a'.repeat(10)}eyJ${'b'.repeat(20)}`,
    "E'\\x65\\x79\\x31\\x32\\x33\\x34\\x35\\x36\\x37\\x38'",
    '\\d students',
    `sha256:${'e'.repeat(64)}`,
    encoded('no JSON at all, but long enough to be one'),
  ])('%s', (text) => expect(redactTokens(text)).toBe(text));
});

it.each([
  ['beginnings', 'eyJ'.repeat(3_000_000)],
  ['beginnings with dots', 'eyJ.'.repeat(3_000_000)],
  ['beginnings that are too short', 'eyJaaaa/'.repeat(1_000_000)],
  ['backslashes', '\\'.repeat(8_000_000)],
  ['escapes', '\\x65'.repeat(2_000_000)],
  ['escapes that are cut', '\\x'.repeat(4_000_000)],
])('a text of eight megabytes of %s takes less than two seconds of the processor', (_, text) => {
  const before = process.cpuUsage();
  redactTokens(text);
  expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
});
