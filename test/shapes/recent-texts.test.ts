import { expect, it } from 'vitest';
import { RecentTexts } from '../../src/guard/shapes/recent-texts.ts';

it('tells of the last thousand texts whether they came, and holds two thousand at most', () => {
  const texts = new RecentTexts();
  for (let i = 0; i < 5_000; i++) expect(texts.comesAgain(`SELECT ${i}`)).toBe(false);
  expect(texts.comesAgain('SELECT 4001')).toBe(true);
  expect(texts.comesAgain('SELECT 2999')).toBe(false);
});

it('keeps no long one, whatever stands before the text', () => {
  const texts = new RecentTexts();
  const long = `${'0,'.repeat(65_535)}SELECT 1`;
  expect([texts.comesAgain(long), texts.comesAgain(long)]).toEqual([false, false]);
});
