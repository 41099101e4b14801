/** One way to take more people than the budget has, and the table of all of them in `what-left.md`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'vitest';
import type { Need } from '../support/tools.ts';
import type { Thief } from './thief.ts';
import { BUDGET } from './world.ts';

export interface Scenario {
  readonly name: string;
  readonly role?: string;
  /** The number of different people that it tries to get. */
  readonly asked: number;
  /**
   * People who leave: exactly so many, or between two numbers where it depends on who comes first. Absent: the whole budget, since it asks
   * for people by their keys.
   */
  readonly leaves?: number | readonly [number, number];
  /** Why it is fewer, or how. */
  readonly note?: string;
  /** Tools that the scenario needs; without them it is not played. */
  readonly needs?: Need;
  readonly run: (thief: Thief) => Promise<void>;
}

/** In the long run all is played. */
export const LONG = process.env.ROWGATE_LONG === '1';

export const each = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Over one connection, a text after the other. */
export const texts =
  (...queries: string[]) =>
  (thief: Thief) =>
    thief.askAll(queries);

/** Plays it, and counts who has come. */
export async function play(scenario: Scenario, thief: Thief): Promise<void> {
  await scenario.run(thief);
  const left = thief.left();
  const [least, most] = rangeOf(scenario);
  const why = `${left} of ${scenario.asked} left; refused: ${JSON.stringify(thief.refusals.slice(0, 3))}`;
  expect(left, why).toBeLessThanOrEqual(most);
  expect(left, why).toBeGreaterThanOrEqual(least);
}

const PAGE = resolve(import.meta.dirname, 'what-left.md');

export function rangeOf({ leaves = BUDGET }: Pick<Scenario, 'leaves'>): readonly [number, number] {
  return typeof leaves === 'number' ? [leaves, leaves] : leaves;
}

function rowOf(scenario: Omit<Scenario, 'run'>): string {
  const [least, most] = rangeOf(scenario);
  const left = least === most ? `${most}` : `${least} to ${most}`;
  const name = scenario.note ? `${scenario.name}: ${scenario.note}` : scenario.name;
  return `| ${name.replaceAll('|', '\\|')} | ${scenario.asked} | ${left} |`;
}

/** The page's text of these scenarios, between the marks of their `part`, and the present text. ROWGATE_UPDATE=1 writes it again. */
export function onThePage(part: string, scenarios: readonly Omit<Scenario, 'run'>[]): { said: string; is: string } {
  const begin = `<!-- ${part}: written by ROWGATE_UPDATE=1 npm run vitest -- test/bulk -->`;
  const end = `<!-- end of ${part} -->`;
  const page = readFileSync(PAGE, 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`what-left.md has lost the marks of "${part}"`);
  const is = ['| way | asked for | left |', '|---|---|---|', ...scenarios.map(rowOf)].join('\n');
  if (process.env.ROWGATE_UPDATE === '1') {
    writeFileSync(PAGE, `${page.slice(0, from)}${begin}\n${is}\n${page.slice(to)}`);
    return { said: is, is };
  }
  return { said: page.slice(from + begin.length, to).trim(), is };
}
