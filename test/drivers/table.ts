/** The table of drivers in `outcomes.md`: a row for each driver, made from what it printed. */
import type { Driver, Outcomes } from './driver.ts';
import { STEPS } from './steps.ts';

const HEADINGS = ['driver', 'language', ...Object.values(STEPS).map(({ heading }) => heading), 'also', 'remarks'];
const BEGIN = '<!-- drivers: written by ROWGATE_UPDATE=1 npm run vitest -- test/drivers/drivers.test.ts -->';
const END = '<!-- end of drivers -->';

/** Its row: a mark for each step that it took with the same outcome directly and through Rowgate. */
export function rowOf(driver: Driver, outcomes: Outcomes): string {
  const lacks: string[] = [];
  const marks = Object.entries(STEPS).map(([step, { heading }]) => {
    const outcome = outcomes[step];
    if (!outcome || !('lacks' in outcome)) return outcome && 'result' in outcome ? '✓' : '?';
    lacks.push(`${heading}: ${outcome.lacks}`);
    return '–';
  });
  const remarks = [...(driver.note === undefined ? [] : [driver.note]), ...lacks].join('. ');
  return rowText([driver.name, driver.language, ...marks, Object.values(driver.also ?? {}).join(', '), remarks]);
}

/** The rows that the page holds now, by driver. */
export function rowsIn(page: string): ReadonlyMap<string, string> {
  const rows = between(page)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1);
  return new Map(rows.map((row) => [row.slice(2, row.indexOf(' |')), row]));
}

/** The page with these rows in its table, in this order. */
export function withRows(page: string, rows: readonly string[]): string {
  const table = [rowText(HEADINGS), `|${'---|'.repeat(HEADINGS.length)}`, ...rows].join('\n');
  return page.replace(between(page), `\n${table}\n`);
}

const rowText = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function between(page: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error('outcomes.md has lost the marks of its table of drivers');
  return page.slice(from + BEGIN.length, to);
}
