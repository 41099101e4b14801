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

/** What a column of these values costs, after a last answer of those. */
function costAfter(last: string, now: string): number {
  const before = { whole: '', weight: 0, rows: [...last].map((cell) => new Map([[0, cell]])) };
  const values = new AnswerValues(last === '' ? undefined : before, true);
  let cost = 0;
  for (const cell of now) {
    values.begin();
    values.beginRow();
    cost += values.costOf(0, Buffer.from(cell));
    values.show(1);
  }
  return cost;
}

const LETTERS = ['a', 'b', 'c'];
const ROWS = 6;
const columns = (rows: number): string[] =>
  rows === 0 ? [''] : columns(rows - 1).flatMap((column) => LETTERS.map((letter) => column + letter));
const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);

test.each(['', 'b', 'bbb', 'bbbbbb', 'abcabc', 'abbbbb', 'aabbcc'])(
  'as many columns can come as their price can pay for, after "%s"',
  (last) => {
    const counts = new Map<number, number>();
    for (const column of columns(ROWS)) {
      const cost = costAfter(last, column);
      counts.set(cost, (counts.get(cost) ?? 0) + 1);
    }
    // Which places were paid, and with which value each.
    for (const [cost, count] of counts)
      expect(count, `for ${cost}`).toBeLessThanOrEqual(
        choose(ROWS, cost) * (LETTERS.length - 1) ** cost * (last === '' ? LETTERS.length : 1),
      );
  },
);

test('a column of one value that is another now, and one in which a single value has changed, cost one', () => {
  expect(costAfter('555555', '666666')).toBe(1);
  expect(costAfter('abcdef', 'abxdef')).toBe(1);
  expect(costAfter('abcdef', 'xbcdef')).toBe(1);
  expect(costAfter('bbbbbb', 'abaaba')).toBe(3);
});
