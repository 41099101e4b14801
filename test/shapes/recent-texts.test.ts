/** Tests the memory of recent texts: it finds nearly all of the last thousand, and none that did not come. */
import { expect, it } from 'vitest';
import { RecentTexts } from '../../src/guard/cache/recent-texts.ts';

it('finds nearly all of the last thousand texts, and none that did not come', () => {
  const texts = new RecentTexts();
  const came = (text: string) =>
    texts.comesAgain(text, { starts: [7, text.length - 2], ends: [text.length - 4, text.length] });
  const all = Array.from({ length: 50_000 }, (_, i) => `SELECT ${i} + 10`);
  expect(all.filter(came)).toEqual([]);
  expect(all.slice(-1_000).filter(came).length).toBeGreaterThan(850);
  expect(all.slice(0, 1_000).filter(came).length).toBeLessThan(50);
});

it('compares the literals alone, their places and the length of the text', () => {
  const texts = new RecentTexts();
  const came = (text: string, start: number) => texts.comesAgain(text, { starts: [start], ends: [start + 2] });
  expect(came('SELECT 12 AS a', 7)).toBe(false);
  expect(came('SELECT 12 AS b', 7)).toBe(true);
  expect(came('SELECT 13 AS b', 7)).toBe(false);
  expect(came('SELECT b, 12 ,', 10)).toBe(false);
  expect(came('SELECT 12 AS abc', 7)).toBe(false);
});
