/** A report for a spreadsheet (RFC 4180): its tables one after another, each under its heading. */
import type { Cell, Report } from '../reports/report.ts';

/** Text that a spreadsheet would evaluate as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** RFC 4180, with lines that end in CR LF. A text that a spreadsheet would run as a formula gets an apostrophe. */
export function reportCsv({ title, facts, sections, speech }: Report): string {
  const lines: Cell[][] = [[title], ...facts.map((fact) => [...fact])];
  for (const { heading, table } of sections) {
    if (!table) {
      lines.push([], [heading]);
      continue;
    }
    lines.push(
      [],
      [heading],
      table.columns.map(({ name }) => name),
      ...table.rows.map((row) => [...row]),
    );
    if (table.more) lines.push([speech.say('rows more', { n: table.more })]);
  }
  return lines.map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

function field(cell: Cell): string {
  if (cell === undefined) return '';
  if (typeof cell === 'number') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
