/** Tests tokens that were given back: each is kept until a day after its own end, up to a number. */
import { expect, it } from 'vitest';
import { LOGOUTS_AT_ONCE, Logouts } from '../../src/metering/logouts.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const kept = (logouts: Logouts, now: number): string[] =>
  [...logouts.inPieces(now)].flatMap((piece) => piece.map(({ token }) => token));

it('one is kept until a day after its end, and then goes as others come', () => {
  const logouts = new Logouts();
  for (let i = 0; i < 100; i++) logouts.add({ token: `old ${i}`, end: HOUR }, 0);
  for (let i = 0; i < 200; i++) logouts.add({ token: `new ${i}`, end: 3 * DAY }, HOUR + DAY - 1);
  expect(logouts.has('old 0')).toBe(true);
  expect(kept(logouts, HOUR + DAY - 1)).toHaveLength(300);
  expect(kept(logouts, HOUR + DAY)).toHaveLength(200);
  // Two others are looked at for each that comes.
  for (let i = 0; i < 400; i++) logouts.add({ token: `next ${i}`, end: 3 * DAY }, HOUR + DAY);
  for (let i = 0; i < 100; i++) expect(logouts.has(`old ${i}`)).toBe(false);
  for (let i = 0; i < 200; i++) expect(logouts.has(`new ${i}`)).toBe(true);
});

it('told again with an earlier end, it ends no earlier', () => {
  const logouts = new Logouts();
  logouts.add({ token: 'a', end: 2 * HOUR }, 0);
  logouts.add({ token: 'a', end: HOUR }, 0);
  expect([...logouts.inPieces(HOUR + DAY)]).toEqual([[{ token: 'a', end: 2 * HOUR }]]);
});

it('where there is no room it is full until some are over, and none is forgotten for another', () => {
  const logouts = new Logouts(10);
  for (let i = 0; i < 10; i++) logouts.add({ token: String(i), end: i < 3 ? HOUR : 2 * DAY }, 0);
  expect(logouts.isFull(0)).toBe(true);
  expect(kept(logouts, 0)).toHaveLength(10);
  expect(logouts.isFull(HOUR + DAY)).toBe(false);
  expect(kept(logouts, 0)).toHaveLength(7);
});

it('they are gone through in pieces, also while others come', () => {
  const logouts = new Logouts();
  for (let i = 0; i < LOGOUTS_AT_ONCE + 1; i++) logouts.add({ token: String(i), end: HOUR }, 0);
  const sizes: number[] = [];
  for (const piece of logouts.inPieces(0)) {
    if (sizes.length === 0) logouts.add({ token: 'late', end: HOUR }, 0);
    sizes.push(piece.length);
  }
  expect(sizes).toEqual([LOGOUTS_AT_ONCE, 2]);
});
