/** Test results in lines: one for each test, then the counts, and what no test covers. */
import { formatDiagnostic } from '../../policy/source/diagnostic.ts';
import type { PolicyCoverage } from './coverage.ts';
import { countsOf, type FileResult, type TestResult, type TestRun } from './run.ts';

export function formatRun({ files, coverage }: TestRun, withCoverage: boolean): string {
  const { tests, passed, failed, skipped } = countsOf(files);
  const counts = [`${passed} passed`, `${failed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])];
  const lines = [...files.flatMap(linesOf), `${tests} test${tests === 1 ? '' : 's'}: ${counts.join(', ')}`];
  return `${[...lines, ...(withCoverage ? coverageLines(coverage) : [])].join('\n')}\n`;
}

/** As JSON for programs; codes are never translated. */
export function runAsJson({ files, coverage }: TestRun): object {
  const tests = files.flatMap(({ results }) =>
    results.map(({ test: { name, place }, outcome, ms }) => ({
      ...place,
      name,
      status: outcome.status,
      differs:
        outcome.status === 'passed'
          ? null
          : outcome.status === 'broken'
            ? formatDiagnostic(outcome.diagnostic)
            : outcome.differs,
      ms: Math.round(ms * 1000) / 1000,
    })),
  );
  const errors = files.flatMap(({ failed }) => (failed ? [formatDiagnostic(failed)] : []));
  return { ...countsOf(files), results: tests, errors, coverage };
}

function linesOf({ results, failed }: FileResult): string[] {
  const lines = results.map(lineOf);
  return failed ? [...lines, `FAIL  ${formatDiagnostic(failed)}`] : lines;
}

function lineOf({ test: { name, place }, outcome }: TestResult): string {
  const at = `${place.file}:${place.line} ${name}`;
  switch (outcome.status) {
    case 'passed':
      return `ok    ${at}`;
    case 'failed':
      return `FAIL  ${at}: ${outcome.differs}`;
    case 'skipped':
      return `skip  ${at}: ${outcome.differs}`;
    case 'broken':
      return `FAIL  ${formatDiagnostic(outcome.diagnostic)}`;
  }
}

function coverageLines({ items, touched, percent, untouched }: PolicyCoverage): string[] {
  return [
    `coverage: ${percent} % (${touched} of ${items} grants, masks, filters, functions and limits)`,
    ...untouched.map(({ rule, kind, name }) => `  ${rule}: ${kind} ${name}`),
  ];
}
