/** Test results as JUnit XML, which CI servers read: a `testsuite` for each file, a `testcase` for each test. */
import { countsOf, type FileResult, type TestCounts, type TestResult } from './run.ts';

export function junitXml(files: readonly FileResult[]): string {
  const lines = files.flatMap((file) => [
    `  <testsuite name=${quoted(file.path)} ${countAttributes(countsOf([file]), file.failed ? 1 : 0)} time="${seconds(file.results)}">`,
    ...file.results.map((result) => testCase(file.path, result)),
    ...(file.failed ? [caseOf(file.path, '(rows)', 0, `<error message=${quoted(file.failed.message)}/>`)] : []),
    '  </testsuite>',
  ]);
  const broken = files.filter(({ failed }) => failed).length;
  const all = `${countAttributes(countsOf(files), broken)} time="${seconds(files.flatMap(({ results }) => results))}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="rowgate test" ${all}>\n${lines.join('\n')}\n</testsuites>\n`;
}

function testCase(file: string, { test, outcome, ms }: TestResult): string {
  const name = `${test.name} (line ${test.place.line})`;
  switch (outcome.status) {
    case 'passed':
      return caseOf(file, name, ms, '');
    case 'skipped':
      return caseOf(file, name, ms, `<skipped message=${quoted(outcome.differs)}/>`);
    case 'failed':
      return caseOf(file, name, ms, `<failure message=${quoted(outcome.differs)} type="policy"/>`);
    case 'broken':
      return caseOf(file, name, ms, `<failure message=${quoted(outcome.diagnostic.message)} type="test"/>`);
  }
}

function caseOf(file: string, name: string, ms: number, inside: string): string {
  const attributes = `name=${quoted(name)} classname=${quoted(file)} file=${quoted(file)} time="${(ms / 1000).toFixed(3)}"`;
  return inside === '' ? `    <testcase ${attributes}/>` : `    <testcase ${attributes}>${inside}</testcase>`;
}

/** `errors`: files whose rows could not be made; each is a case of its own. */
function countAttributes({ tests, failed, skipped }: TestCounts, errors: number): string {
  return `tests="${tests + errors}" failures="${failed - errors}" errors="${errors}" skipped="${skipped}"`;
}

function seconds(results: readonly TestResult[]): string {
  return (results.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(3);
}

/** What XML 1.0 has no character for becomes U+FFFD: no reference may name it either. */
function quoted(text: string): string {
  const allowed = text.replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}');
  const escaped = allowed.replace(/[&<>"\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `"${escaped}"`;
}
