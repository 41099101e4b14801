/** Tests the text of a certificate's subject: the most specific part first, with escapes, and none for broken bytes. */
import { describe, expect, test } from 'vitest';
import { formatDistinguishedName, parseDistinguishedName, subjectOf } from '../../src/pki/distinguished-name.ts';

const normal = (text: string) => {
  const name = parseDistinguishedName(text);
  return name && formatDistinguishedName(name);
};

/** DER, as far as a subject needs it: lengths below 128, or of two bytes. */
const der = (tag: number, ...parts: (Buffer | string)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
};
const TAGS = { utf8: 0x0c, printable: 0x13, teletex: 0x14, ia5: 0x16, bmp: 0x1e };
const CN = Buffer.from([0x55, 4, 3]);
const O = Buffer.from([0x55, 4, 10]);
type Value = Buffer | string;
const attribute = (type: Buffer, value: Value, tag = TAGS.utf8) => der(0x30, der(0x06, type), der(tag, value));
const certificate = (...sets: Buffer[][]) => {
  const subject = der(0x30, ...sets.map((attributes) => der(0x31, ...attributes)));
  const filler = der(0x30);
  return der(0x30, der(0x30, der(0xa0, der(0x02, '\x02')), der(0x02, '\x01'), filler, filler, filler, subject, filler));
};
const subject = (...sets: Buffer[][]) => {
  const name = subjectOf(certificate(...sets));
  return name && formatDistinguishedName(name);
};

describe('the text of a name', () => {
  test.each<[string, string | undefined, string]>([
    ['CN=app,O=School', 'CN=app,O=School', 'as it is'],
    [
      'cn = app , o=School ',
      'CN=app,O=School',
      'spaces around separators, and small letters in types, count for nothing',
    ],
    ['2.5.4.3=app', 'CN=app', 'a type by its number'],
    ['1.2.3.4=app', '1.2.3.4=app', 'a type that has no word here'],
    ['CN=two words', 'CN=two words', 'spaces inside count'],
    ['CN=\\ app\\ ', 'CN=\\ app\\ ', 'and escaped ones at the ends'],
    ['CN=a\\,O\\=b', 'CN=a\\,O=b', 'an escaped comma is part of the value'],
    ['CN=a\\2cO=b', 'CN=a\\,O=b', 'also in hex digits'],
    ['CN=\\c3\\a9l\\c3\\a8ve', 'CN=élève', 'bytes of UTF-8'],
    ['OU=b+CN=a', 'CN=a+OU=b', 'the attributes of a set have no order'],
    ['O=School,CN=app', 'O=School,CN=app', 'the sets have one'],
    ['CN=\\#1', 'CN=\\#1', 'an escaped number sign'],
    ['CN=App', 'CN=App', 'the case of values counts'],
    ['', undefined, 'nothing'],
    ['app', undefined, 'no type'],
    ['CN=', undefined, 'no value'],
    ['CN=app,', undefined, 'a comma too many'],
    ['CN=app,,O=x', undefined, 'two commas'],
    ['XX=app', undefined, 'an unknown type'],
    ['CN=#0c03617070', undefined, 'DER in hex digits'],
    ['CN="a,b"', undefined, 'quotes of the older RFC'],
    ['CN=a<b', undefined, 'a character that must be escaped'],
    ['CN=a;O=b', undefined, 'the older separator'],
    ['CN=a\\', undefined, 'an escape of nothing'],
    ['CN=a\\q', undefined, 'an escape of an ordinary letter'],
    ['CN=a\\00b', undefined, 'a NUL'],
    ['CN=a\\ff', undefined, 'bytes that are not UTF-8'],
    ['CN=a\nb', undefined, 'a line break'],
    ['/CN=app/O=School', undefined, "OpenSSL's own form"],
  ])('%j is %j: %s', (text, expected) => {
    expect(normal(text)).toBe(expected);
    if (expected !== undefined) expect(normal(expected)).toBe(expected);
  });
});

describe('the subject of a certificate', () => {
  test('is written the most specific part first', () => {
    expect(subject([attribute(O, 'School')], [attribute(CN, 'app')])).toBe('CN=app,O=School');
  });

  test.each<[string, Value, number]>([
    ['UTF8String', 'app', TAGS.utf8],
    ['PrintableString', 'app', TAGS.printable],
    ['IA5String', 'app', TAGS.ia5],
    ['BMPString', Buffer.from([0, 0x61, 0, 0x70, 0, 0x70]), TAGS.bmp],
  ])('%s: the same characters are the same name', (_type, value, tag) => {
    expect(subject([attribute(CN, value, tag)])).toBe('CN=app');
  });

  test.each<[string, Buffer[][], string]>([
    ['a comma in a value is no separator', [[attribute(CN, 'app,O=School')]], 'CN=app\\,O=School'],
    ['nor a plus', [[attribute(CN, 'app+OU=x')]], 'CN=app\\+OU=x'],
    ['nor a backslash that makes one', [[attribute(CN, 'app\\')], [attribute(O, 'x')]], 'O=x,CN=app\\\\'],
    ['two CNs are another name than either', [[attribute(CN, 'app')], [attribute(CN, 'evil')]], 'CN=evil,CN=app'],
    ['also in one set', [[attribute(CN, 'app'), attribute(CN, 'evil')]], 'CN=app+CN=evil'],
    ['a longer name', [[attribute(CN, 'app')], [attribute(O, 'x')], [attribute(O, 'y')]], 'O=y,O=x,CN=app'],
    ['letters that look alike', [[attribute(CN, 'аpp')]], 'CN=аpp'],
  ])('%s', (_what, sets, expected) => {
    expect(subject(...sets)).toBe(expected);
    expect(expected).not.toBe('CN=app');
    expect(normal(expected)).toBe(expected);
  });

  test.each<[string, Buffer[][]]>([
    ['a NUL', [[attribute(CN, 'app\0.evil')]]],
    ['a NUL at the end', [[attribute(CN, 'app\0')]]],
    ['another control character', [[attribute(CN, 'app\n')]]],
    ['a string type that is read in several ways', [[attribute(CN, 'app', TAGS.teletex)]]],
    ['bytes that are not UTF-8', [[attribute(CN, Buffer.from([0xff]))]]],
    ['PrintableString with a character that it has not', [[attribute(CN, 'app@', TAGS.printable)]]],
    ['IA5String beyond ASCII', [[attribute(CN, Buffer.from([0xe9]), TAGS.ia5)]]],
    ['half a character of BMPString', [[attribute(CN, Buffer.from([0, 0x61, 0]), TAGS.bmp)]]],
    ['one part that cannot be read beside one that can', [[attribute(CN, 'app')], [attribute(O, '\0')]]],
    ['an empty value', [[attribute(CN, '')]]],
    ['an empty set', [[]]],
    ['nothing', []],
    ['a third element in an attribute', [[der(0x30, der(0x06, CN), der(TAGS.utf8, 'app'), der(TAGS.utf8, 'x'))]]],
  ])('%s equals no name', (_what, sets) => {
    expect(subject(...sets)).toBeUndefined();
  });

  test('a certificate that was cut anywhere has none', () => {
    const whole = certificate([attribute(CN, 'app')]);
    for (let length = 0; length < whole.length; length++) {
      expect(subjectOf(whole.subarray(0, length))).toBeUndefined();
    }
  });
});
