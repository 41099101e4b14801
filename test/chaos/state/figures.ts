/** The bounds that hold in every trial of the state, and its line in ../worst-days.md. */
import { expect } from 'vitest';
import { ms, told } from '../trials.ts';
import { SCALE } from './scale.ts';
import type { Used } from './stand.ts';
import type { Outcome } from './trial.ts';

export const HEAD = [
  'trial',
  'answered meanwhile',
  'refused meanwhile',
  'served again after',
  'people, rows, statements that left',
  'counted and not shown',
  'lost without an error',
  'sessions left upstream',
  'lock seen by the other guard after',
  'what happened',
];

export interface Bounds {
  /** How often the state may forget the budget, which then starts again. */
  readonly lives?: number;
  /** How often a lease may be lost, over all guards. */
  readonly losses: number;
  /** Connections break: their statements end with these as well. */
  readonly broken?: readonly string[];
}

/** The most that a guard takes ahead. */
const AHEAD: Used = { people: 1_000, rows: 1_000, statements: 1_000 };
const BUDGET: Used = SCALE;
/** Where the machine is busy with other tests, times are looser. */
const LOOSE = SCALE.full ? 1 : 5;

export function check(outcome: Outcome, { lives = 1, losses, broken = [] }: Bounds): void {
  const { meanwhile, after, left, over, lost, wrong, leaked, alarms, back, locks } = outcome;
  expect(lost, 'statements without an answer').toBe(0);
  expect(wrong, 'answers that were not what was asked for').toBe(0);
  expect(leaked, 'sessions left at the server').toBe(0);
  for (const [why, n] of [...meanwhile.refused, ...after.refused]) {
    expect(['53400', ...broken], `${n} statements refused`).toContain(why);
  }
  // Where a last page of a full disk has room for a little, it may be back and lost again.
  expect(alarms, 'how often it was told that the store is back').toBeLessThanOrEqual(2);
  expect(back, 'served again').toBeLessThan(5_000 * LOOSE);
  const working = SCALE.clients * SCALE.page;
  const refused = [...meanwhile.refused.values(), ...after.refused.values()].reduce((sum, n) => sum + n, 0);
  for (const measure of ['people', 'rows', 'statements'] as const) {
    const n = left[measure];
    expect(n, `${measure} that left`).toBeLessThanOrEqual(lives * BUDGET[measure]);
    expect(n, `${measure} that left`).toBeGreaterThan(BUDGET[measure] / 2);
    if (lives > 1) continue;
    // A statement that was refused in the middle has counted as one, and has kept one for its error.
    const most = losses * (AHEAD[measure] + working) + (measure === 'rows' ? 0 : refused);
    expect(over[measure], `${measure} counted too little`).toBeGreaterThanOrEqual(0);
    expect(over[measure], `${measure} counted too much`).toBeLessThanOrEqual(most);
  }
  if (locks?.calm) expect(locks.calm, 'lock seen by the other guard').toBeLessThan(1_000 * LOOSE);
}

/** `result`: what happened, in words, with its numbers. */
export function row(name: string, outcome: Outcome, result: string): string[] {
  const { meanwhile, back, left, over, lost, leaked, locks } = outcome;
  const answered = meanwhile.answered.reduce((sum, n) => sum + n, 0);
  return [
    name,
    String(answered),
    told(meanwhile.refused),
    ms(back),
    `${left.people}, ${left.rows}, ${left.statements}`,
    `${over.people}, ${over.rows}, ${over.statements}`,
    String(lost),
    String(leaked),
    locks?.calm ? ms(locks.calm) : '',
    result,
  ];
}
