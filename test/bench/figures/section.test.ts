/** Figures beside their targets, and turns that are fair to all places. */
import { expect, test } from 'vitest';
import { interleave, ratios } from './interleave.ts';
import { ROUNDS } from './knobs.ts';
import { Section } from './section.ts';

test.each([
  [[0.89, 0.9, 0.95], { atLeast: 0.9 }, '0.90 (0.89–0.95); ≥ 0.90: met'],
  [[0.899], { atLeast: 0.9 }, '0.90; ≥ 0.90: **not met**'],
  [[16], { atMost: 16 }, '16.0; ≤ 16: met'],
  [[16.01], { atMost: 16 }, '16.0; ≤ 16: **not met**'],
  [[Number.NaN], { atMost: 16 }, 'NaN; ≤ 16: **not met**'],
  [[1234.5], undefined, '1235'],
  [undefined, { atLeast: 1 }, '–'],
] as const)('%j, %j: %s', (values, goal, cell) => {
  expect(new Section('proxies').figure('ratio', 'ratio', values, goal)).toBe(cell);
});

test('two figures of one name are an error: one would be lost', () => {
  const section = new Section('proxies');
  section.figure('tps', 'tps', [1]);
  expect(() => section.figure('tps', 'tps', [2])).toThrow('two figures');
});

test('each round begins with another place, and figures stay in the order of the rounds', async () => {
  const turns: string[] = [];
  const places = ['a', 'b', 'c'].map((name) => ({ name }));
  const measured = await interleave(places, async ({ name }) => turns.push(name));
  expect(turns.slice(0, 9).join('')).toBe('abcbcacab'.slice(0, Math.min(9, 3 * ROUNDS)));
  for (const { name } of places) {
    const own = turns.flatMap((turn, index) => (turn === name ? [index + 1] : []));
    expect(measured.get(name)).toEqual(own);
    expect(own).toHaveLength(ROUNDS);
  }
});

test('ratios are of the same round', () => {
  expect(ratios([1, 4], [2, 4])).toEqual([0.5, 1]);
  expect(ratios([1], undefined)).toBeUndefined();
});
