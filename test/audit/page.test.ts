/** Tests the page and the tables of a report: whatever the log holds is shown as text, and runs nowhere. */
import { describe, expect, it } from 'vitest';
import { ENGLISH } from '../../src/decision-log/language/speech.ts';
import type { Report } from '../../src/decision-log/reports/report.ts';
import { reportCsv } from '../../src/decision-log/show/csv.ts';
import { reportHtml } from '../../src/decision-log/show/html.ts';
import { reportText, tableText } from '../../src/decision-log/show/text.ts';

const EVIL = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style><script>',
  '&lt;b&gt;',
  '\u001b[2J\u009b31m',
  'a\u202eb',
  '=HYPERLINK("http://x")',
  '@SUM(1)',
  'two\nlines\r\nof it',
];

function evil(text: string): Report {
  const columns = [
    { name: text, kind: 'code' as const },
    { name: text, kind: 'number' as const },
  ];
  return {
    title: text,
    facts: [[text, text]],
    figures: [{ name: text, value: text, note: text }],
    sections: [
      {
        heading: text,
        notes: [text],
        table: {
          columns,
          rows: [
            [text, 2],
            [text, 1],
          ],
          more: 1,
        },
        charts: [
          { form: 'bars', name: 0, value: 1 },
          {
            form: 'time',
            name: text,
            step: 60_000,
            points: [
              [0, 1],
              [600_000, 2],
            ],
          },
        ],
      },
    ],
    foot: [text],
    speech: ENGLISH,
  };
}

describe.each(EVIL)('%j', (text) => {
  const page = reportHtml(evil(text));
  const bare = reportHtml(evil('x'));

  it('adds no element and no attribute to the page', () => {
    const tags = (html: string): string[] =>
      html
        .replace(/<span class="long">([^<>]*)<\/span>/g, '$1')
        .match(/<[^>]*>/g)
        ?.map((tag) => tag.replace(/aria-label="[^"]*"|width="[^"]*"|x="[^"]*"/g, '')) ?? [];
    expect(tags(page)).toEqual(tags(bare));
  });

  it('works on no terminal', () => {
    expect(reportText(evil(text), 80)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('is no formula in a spreadsheet', () => {
    for (const line of reportCsv(evil(text)).split('\r\n')) expect(line).not.toMatch(/(^|,)"?[=+@-]/);
  });
});

it('a page asks for nothing from elsewhere, and runs nothing', () => {
  const page = reportHtml(evil('x'));
  expect(page).not.toMatch(/<script|<link|@import|url\(|https?:|src=|href=/);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
});

it('a table fits a terminal: amounts stay whole, text goes on in the next line', () => {
  const columns = [
    { name: 'statement', kind: 'code' as const },
    { name: 'rows', kind: 'number' as const },
  ];
  const text = tableText({ columns, rows: [['SELECT '.repeat(40), 1_234_567]] }, 60, ENGLISH);
  expect(text).toMatch(/^SELECT SELECT .* {2}1,234,567$/m);
  expect(text.match(/SELECT/g)).toHaveLength(40);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
});

describe('a word of the fixed vocabulary is never broken in the middle', () => {
  const words = ['warning', 'login-refused', 'break-glass', 'function-not-granted', 'statement', 'released'];
  const name = 'LONG_NAME_OF_A_TABLE_WITHOUT_ANY_BLANK.AND_COLUMN_8';
  const table = {
    columns: [
      { name: 'time', kind: 'time' as const },
      { name: 'what', kind: 'text' as const },
      { name: 'why', kind: 'text' as const },
      { name: 'table', kind: 'code' as const },
    ],
    rows: words.map((word) => ['2026-11-25 14:30:07', word, `${word} was said of it, and more than once`, name]),
  };

  it('on a page and on paper: only a part of a cell that is longer than a word may be broken', () => {
    const page = reportHtml({ ...evil('x'), sections: [{ heading: 'x', notes: [], table }] });
    const cellRules = page.match(/^[^{\n]*\b(td|th|code|table|long)\b[^{\n]*\{[^}\n]*overflow-wrap.*$/gm);
    expect(cellRules).toEqual(['.long { overflow-wrap: anywhere; }']);
    const long = [...page.matchAll(/<span class="long">([^<]*)<\/span>/g)].map(([, text]) => text);
    expect(new Set(long)).toEqual(new Set([name]));
  });

  it.each([60, 80, 100])('on a terminal of %d characters', (width) => {
    const wordsOf = (text: string): string[] => (text.match(/[a-z]+/g) ?? []).sort();
    const given = [table.columns.map((column) => column.name), ...table.rows].flat().join(' ');
    expect(wordsOf(tableText(table, width, ENGLISH))).toEqual(wordsOf(given));
  });
});
