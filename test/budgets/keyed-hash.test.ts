/** Tests the hash under which people are counted: AES-CMAC as in NIST SP 800-38B, of one text or of many at once. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeyedHash } from '../../src/budget/local/subject-hashes.ts';

const hash = new KeyedHash(Buffer.from('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', 'hex'));
const MESSAGE = Buffer.from(
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
  'hex',
);

it.each([
  [0, '028962f61b7bf89efc6b551f4667d983'],
  [16, '28a7023f452e8f82bd4bf28d8c37c35c'],
  [40, 'aaf3d8f1de5640c232f5b169b9c911e6'],
  [64, 'e1992190549f6ed5696a2c056c315410'],
])('the example of %s bytes', (length, expected) => {
  expect(hash.of(MESSAGE, [length], 1).toString('hex')).toBe(expected);
});

it('of many at once each has what it has alone', () => {
  const texts = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
  fc.assert(
    fc.property(texts, (list) => {
      let end = 0;
      const ends = list.map(({ length }) => {
        end += length;
        return end;
      });
      const together = hash.of(Buffer.concat(list), ends, list.length);
      const alone = list.map((text) => hash.of(text, [text.length], 1));
      expect(together.toString('hex')).toBe(Buffer.concat(alone).toString('hex'));
    }),
  );
});
