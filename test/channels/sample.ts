/** Runs many scripts, and describes what was found. */
import { shrink } from '../noninterference/choices.ts';
import { Checker, type Finding, type Told } from './check.ts';
import type { Routines } from './routines.ts';
import { formOf, type Script, script } from './script.ts';
import type { Guarded } from './worlds.ts';

export interface Piece {
  readonly seed: number;
  readonly runs: number;
  /** Absent: all. */
  readonly forms?: readonly string[];
  /** Ends at the first finding. */
  readonly untilFound?: boolean;
}

export interface Report {
  /** Scripts that were made and played. */
  ran: number;
  /** By result. */
  readonly states: Map<Told['state'], number>;
  /** Forms that told of the hidden person, and were answered. */
  readonly answered: Map<string, number>;
  readonly found: { readonly seed: number; readonly finding: Finding }[];
}

/** Scripts under way. */
const DEPTH = 3;

export async function runSample(
  guarded: Guarded,
  routines: Routines,
  { seed, runs, forms, untilFound }: Piece,
): Promise<Report> {
  const report: Report = { ran: 0, states: new Map(), answered: new Map(), found: [] };
  const checkers = await Promise.all(Array.from({ length: DEPTH }, () => Checker.open(guarded)));
  let next = 0;
  const work = async (checker: Checker): Promise<void> => {
    while (next < runs && !(untilFound && report.found.length > 0)) {
      const own = seed + next;
      next += 1;
      if (forms && !forms.includes(formOf(own))) continue;
      const made = script(routines, own);
      const { state, finding } = await checker.check(made, leftOf(own));
      report.ran += 1;
      add(report.states, state);
      if (state === 'answered') add(report.answered, made.form);
      if (finding) report.found.push({ seed: own, finding });
    }
  };
  await Promise.all(checkers.map(work));
  return report;
}

/** What is left in the budget: one for one account in ten, two for one in ten. */
export function leftOf(seed: number): number | undefined {
  const left = seed % 10;
  return left === 1 || left === 2 ? left : undefined;
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The first few, the very first in its smallest form. */
export async function described(guarded: Guarded, routines: Routines, { found }: Report): Promise<string[]> {
  const [first, ...more] = found.slice(0, 10);
  if (!first) return [];
  const checker = await Checker.open(guarded);
  const findingOf = async (made: Script): Promise<Finding | undefined> =>
    (await checker.check(made, leftOf(first.seed))).finding;
  const smallest = await shrink(first.finding.script.choices, async (choices) => {
    return (await findingOf(script(routines, 0, choices))) !== undefined;
  });
  const again = await findingOf(script(routines, 0, smallest));
  return [again ? { seed: first.seed, finding: again } : first, ...more].map(
    ({ seed, finding }) => `ROWGATE_SEED=${seed} ROWGATE_RUNS=1, ${wordsOf(finding)}`,
  );
}

export function wordsOf({ script: { form, use, texts, course }, why, replies }: Finding): string {
  const shown = replies.map((reply) => JSON.stringify(reply.slice(0, 400)));
  return `${form}, ${use}${course === 'single' ? '' : `, ${course}`}: ${why}: ${texts.join('; ')}\n  ${shown.join('\n  ')}`;
}
