/** The table of statements in `rows-read.md`: the rows that each reads, guarded, unguarded and under row security. */
import type { Reading } from './rows-read.ts';
import type { RowsRead } from './world.ts';

const BEGIN = '<!-- plans: written by ROWGATE_UPDATE=1 npm run vitest -- test/plans -->';
const END = '<!-- end of plans -->';

export function rowText(name: string, { guarded, unguarded, native }: RowsRead): string {
  return `| ${[name.replaceAll('|', '\\|'), guarded, unguarded, native].map((c) => (typeof c === 'string' ? c : shown(c))).join(' | ')} |`;
}

const shown = ({ rows, dropped }: Reading): string => `${rows}${dropped > 0 ? ` (+${dropped})` : ''}`;

/** The statements that the page tells of. */
export function namesIn(page: string): string[] {
  return between(page)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => line.slice(2, line.indexOf(' | ')).replaceAll('\\|', '|'));
}

export function withRows(page: string, rows: readonly string[]): string {
  const table = ['| statement | guarded | unguarded | row security |', '|---|---|---|---|', ...rows].join('\n');
  return page.replace(between(page), `\n${table}\n`);
}

function between(page: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error('rows-read.md has lost the marks of its table of plans');
  return page.slice(from + BEGIN.length, to);
}
