/** Tests the measurement of memory's latency: it visits each line once, and gives plausible times. */
import { expect, test } from 'vitest';
import { memoryLatency, oneRound } from './memory-latency.ts';

test.each([1, 2, 3, 1_000])('a round through %d lines comes to each of them once', (lines) => {
  const places = oneRound(lines);
  const seen = new Set<number>();
  for (let at = 0; !seen.has(at); at = places[at]!) seen.add(at);
  expect(seen.size).toBe(lines);
  expect([...seen].every((at) => at % 16 === 0)).toBe(true);
});

test('no memory answers at once, and none takes a thousandth of a second', () => {
  const ns = memoryLatency();
  expect(ns).toBeGreaterThan(1);
  expect(ns).toBeLessThan(1_000_000);
});
