/** Runs the tests of a policies folder, file by file, and returns their results. Prints nothing. */
import type { Diagnostic } from '../../policy/source/diagnostic.ts';
import { Bench, type BenchOptions } from './bench.ts';
import { coverageItems, type PolicyCoverage, TouchedItems } from './coverage.ts';
import { TestJudge, type TestOutcome } from './judge.ts';
import type { TestDatabase } from './rows.ts';
import type { PolicyTest, TestFile } from './test-file.ts';

export interface TestResult {
  readonly test: PolicyTest;
  readonly outcome: TestOutcome;
  readonly ms: number;
}

export interface FileResult {
  /** Relative to the policies folder. */
  readonly path: string;
  readonly results: readonly TestResult[];
  /** The rows of its tests could not be made. */
  readonly failed?: Diagnostic;
}

export interface TestRun {
  readonly files: readonly FileResult[];
  readonly coverage: PolicyCoverage;
}

/** A test file, with the SQL that its `data` names. */
export interface Runnable {
  readonly file: TestFile;
  readonly data: string | undefined;
}

/** @param clock monotonic milliseconds. */
export async function runTests(
  files: readonly Runnable[],
  options: BenchOptions,
  database: TestDatabase | undefined,
  clock: () => number,
): Promise<TestRun> {
  const bench = new Bench(options);
  const touched = new TouchedItems();
  const judge = new TestJudge(bench, touched, database);
  const done: FileResult[] = [];
  for (const { file, data } of files) {
    const results: TestResult[] = [];
    const all = async (): Promise<void> => {
      for (const test of file.tests) {
        const begun = clock();
        const outcome = await judge.outcome(test, file.data !== undefined);
        results.push({ test, outcome, ms: clock() - begun });
      }
    };
    try {
      await (database ? database.file(data, all) : all());
      done.push({ path: file.path, results });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const failed: Diagnostic = { file: file.path, line: 1, column: 1, severity: 'error', message: error.message };
      done.push({ path: file.path, results, failed });
    }
  }
  return { files: done, coverage: touched.of(coverageItems(options.policy, options.catalog)) };
}

export interface TestCounts {
  readonly tests: number;
  readonly passed: number;
  readonly failed: number;
  /** What they ask could not be found out here. */
  readonly skipped: number;
}

/** Invalid tests, and files whose rows could not be made, count as failed. */
export function countsOf(files: readonly FileResult[]): TestCounts {
  const results = files.flatMap((file) => file.results);
  const of = (...words: TestOutcome['status'][]): number =>
    results.filter(({ outcome }) => words.includes(outcome.status)).length;
  const broken = files.filter(({ failed }) => failed).length;
  return {
    tests: results.length,
    passed: of('passed'),
    failed: of('failed', 'broken') + broken,
    skipped: of('skipped'),
  };
}
