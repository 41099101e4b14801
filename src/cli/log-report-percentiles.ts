/** Percentiles of amounts taken. */
import type { PerStatement } from './log-report-tally.ts';

/** How much of one measure a role's principals took in windows of one length. */
export interface Percentiles {
  /** `rows`, `rows_per_statement`; `subjects.student`: people; `questions.student`, `values.student`, and both as `answers.student` */
  readonly measure: string;
  /** `per hour`; absent for one statement. */
  readonly window?: string;
  /** Of how many hours, days or statements. */
  readonly samples: number;
  readonly median: number;
  readonly p99: number;
  readonly p999: number;
  readonly most: number;
  /** People, each as often as they were shown: the log does not say who was the same. */
  readonly atMost?: true;
}

/** Percentiles of counts by amount; empty if there are no statements. */
export function ofStatements(measure: string, counts: PerStatement = new Map()): Percentiles[] {
  const inOrder = [...counts].toSorted(([a], [b]) => a - b);
  const samples = inOrder.reduce((sum, [, times]) => sum + times, 0);
  if (samples === 0) return [];
  const at = (part: number): number => {
    let passed = 0;
    for (const [amount, times] of inOrder) {
      passed += times;
      if (passed >= samples * part) return amount;
    }
    return inOrder.at(-1)?.[0] ?? 0;
  };
  return [{ measure, samples, median: at(0.5), p99: at(0.99), p999: at(0.999), most: at(1) }];
}

/** By nearest rank. */
export function percentiles(measure: string, window: string, samples: readonly number[]): Percentiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
  return { measure, window, samples: sorted.length, median: at(0.5), p99: at(0.99), p999: at(0.999), most: at(1) };
}
