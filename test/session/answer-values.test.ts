/** Tests the hash of a whole answer: equal for equal bytes however they were cut, different for different bytes. */
import { expect, test } from 'vitest';
import { AnswerValues } from '../../src/session/results/values.ts';

function wholeOf(bytes: Uint8Array, piece: number, tag = 'SELECT 1'): string | undefined {
  const values = new AnswerValues(undefined, true);
  for (let at = 0; at < bytes.length; at += piece) values.hashed(bytes.subarray(at, at + piece), true);
  return values.end(tag)?.whole;
}

test.each([0, 1, 200, 4_095, 4_096, 4_097, 20_000])('%i bytes', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) % 256);
  const whole = wholeOf(bytes, length + 1);
  for (const piece of [1, 3, 1_000, 4_096, 5_000]) expect(wholeOf(bytes, piece)).toBe(whole);
  expect(wholeOf(bytes, 1_000, 'SELECT 2')).not.toBe(whole);
  if (length === 0) return;
  const other = Uint8Array.from(bytes);
  other[length - 1]! ^= 0x80;
  expect(wholeOf(other, 1_000)).not.toBe(whole);
  expect(wholeOf(bytes.subarray(1), 1_000)).not.toBe(whole);
});

test('an answer that was not seen whole equals no other', () => {
  const values = new AnswerValues(undefined, true);
  values.hashed(new Uint8Array(10), false);
  expect(values.end('SELECT 1')).toBeUndefined();
});
