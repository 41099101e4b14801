/** A report or table for a terminal. */
import type { Speech } from '../language/speech.ts';
import type { Report, Section, Table } from '../reports/report.ts';
import { cellText, isAmount } from './cells.ts';
import { visible } from './visible.ts';
import { unbroken, widestWord } from './words.ts';

/** @param width of the terminal, in characters. */
export function reportText(report: Report, width: number): string {
  const title = visible(report.title);
  const names = Math.max(...report.facts.map(([name]) => visible(name).length));
  const facts = report.facts.map(([name, value]) => `${visible(name).padEnd(names)}  ${visible(value)}\n`);
  const figures = report.figures.map(
    ({ name, value, note }) => `${value} ${name}${note === undefined ? '' : ` (${note})`}`,
  );
  return [
    `${title}\n${'='.repeat(title.length)}\n\n`,
    ...facts,
    `\n${folded(visible(figures.join(', ')), width)}`,
    ...report.sections.map((section) => sectionText(section, width, report.speech)),
    '\n',
    ...report.foot.map((line) => folded(visible(line), width)),
  ].join('');
}

function sectionText({ heading, notes, table }: Section, width: number, speech: Speech): string {
  const title = visible(heading);
  return [
    `\n${title}\n${'-'.repeat(title.length)}\n`,
    ...notes.map((note) => folded(visible(note), width)),
    ...(table ? [tableText(table, width, speech)] : []),
  ].join('');
}

const GAP = 2;
/** Columns other than amounts are made no narrower than this. */
const SHORTEST = 8;

/** If a line does not fit, the widest columns are wrapped between words; amounts are never broken. */
export function tableText({ columns, rows, more = 0 }: Table, width: number, speech: Speech): string {
  if (rows.length === 0) return `  ${speech.say('none')}\n`;
  const cells = [
    columns.map(({ name }) => visible(name)),
    ...rows.map((row) => columns.map((column, at) => visible(cellText(row[at], column, speech)))),
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const shortest = columns.map((_, at) => Math.max(SHORTEST, ...cells.map((row) => widestWord(row[at] ?? ''))));
  const over = (): number => widths.reduce((sum, each) => sum + each + GAP, GAP - GAP) - width;
  while (over() > 0) {
    const candidates = widths.map((each, at) => {
      const isWhole = columns[at] && (isAmount(columns[at]) || columns[at].kind === 'time');
      return isWhole || each <= (shortest[at] ?? 0) ? 0 : each;
    });
    const widest = Math.max(...candidates);
    if (widest === 0) break;
    const at = candidates.indexOf(widest);
    widths[at] = Math.max(shortest[at] ?? 0, widest - over(), secondOf(candidates));
  }
  const lines = cells.flatMap((row) => {
    const folds = row.map((cell, at) => foldsOf(cell, widths[at] ?? 0));
    const height = Math.max(...folds.map((each) => each.length));
    return Array.from({ length: height }, (_, line) =>
      folds
        .map((each, at) => {
          const [shown, wide] = [each[line] ?? '', widths[at] ?? 0];
          return columns[at] && isAmount(columns[at]) ? shown.padStart(wide) : shown.padEnd(wide);
        })
        .join(' '.repeat(GAP))
        .trimEnd(),
    );
  });
  return `${lines.map((line) => `${line}\n`).join('')}${more > 0 ? `${speech.say('rows more', { n: more })}\n` : ''}`;
}

/** The next smaller width, so that two wide columns shrink alike; one less if several are widest. */
function secondOf(widths: readonly number[]): number {
  const widest = Math.max(...widths);
  const others = widths.filter((each) => each < widest);
  return widths.filter((each) => each === widest).length > 1 ? widest - 1 : Math.max(0, ...others);
}

function folded(text: string, width: number): string {
  return foldsOf(text, width)
    .map((line) => `${line}\n`)
    .join('');
}

/** Breaks the text between words, and inside a word that is too long. */
function foldsOf(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of unbroken(text)) {
    if (line !== '' && line.length + part.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += part;
    while (line.trimEnd().length > width) {
      lines.push(line.slice(0, width));
      line = line.slice(width);
    }
  }
  return [...lines, line.trimEnd()];
}
