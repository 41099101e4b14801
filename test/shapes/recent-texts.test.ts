import { expect, it } from 'vitest';
import { RecentTexts } from '../../src/guard/shapes/recent-texts.ts';

it('tells of nearly all of the last thousand texts that they came, and of none that did not', () => {
  const texts = new RecentTexts();
  const all = Array.from({ length: 50_000 }, (_, i) => `SELECT ${i}`);
  expect(all.filter((text) => texts.comesAgain(text))).toEqual([]);
  expect(all.slice(-1_000).filter((text) => texts.comesAgain(text)).length).toBeGreaterThan(850);
  expect(all.slice(0, 1_000).filter((text) => texts.comesAgain(text)).length).toBeLessThan(50);
});

it('keeps no long one, whatever stands before the text', () => {
  const texts = new RecentTexts();
  const long = `${'0,'.repeat(65_535)}SELECT 1`;
  expect([texts.comesAgain(long), texts.comesAgain(long)]).toEqual([false, false]);
});
