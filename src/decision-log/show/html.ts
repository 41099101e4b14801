/** A report as a self-contained page: no script, and no font or image from elsewhere. */
import type { Speech } from '../language/speech.ts';
import type { Report, ReportColumn, Section, Table } from '../reports/report.ts';
import { cellText, isAmount } from './cells.ts';
import { barsChart, timeChart } from './charts.ts';
import { escaped, escapedCell } from './escaped.ts';

/** One self-contained page: no scripts, nothing is loaded. */
export function reportHtml({ title, facts, figures, sections, foot, speech }: Report): string {
  return `<!doctype html>
<html lang="${speech.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="kind">${escaped(speech.say('kind'))}</p>
<h1>${escaped(title)}</h1>
<dl class="facts">
${facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join('\n')}
</dl>
</header>
<ul class="figures">
${figures.map(({ name, value, note }) => `<li><strong>${escaped(value)}</strong> ${escaped(name)}${note === undefined ? '' : `<span>${escaped(note)}</span>`}</li>`).join('\n')}
</ul>
${sections.map((each, index) => section(each, index, speech)).join('\n')}
<footer>
${foot.map((line) => `<p>${escaped(line)}</p>`).join('\n')}
</footer>
</main>
</body>
</html>
`;
}

function section({ heading, notes, table, charts = [] }: Section, index: number, speech: Speech): string {
  const id = `s${index + 1}`;
  const drawn = charts.map((chart) =>
    chart.form === 'time' ? timeChart(chart, speech) : table ? barsChart(chart, table, speech) : '',
  );
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escaped(heading)}</h2>
${notes.map((note) => `<p class="note">${escaped(note)}</p>`).join('\n')}
${drawn.join('\n')}
${table ? tableHtml(table, id, speech) : ''}
</section>`;
}

function tableHtml({ columns, rows, more = 0 }: Table, labelled: string, speech: Speech): string {
  if (rows.length === 0) return `<p class="none">${escaped(speech.say('none of them'))}</p>`;
  const head = columns.map((column) => `<th scope="col"${classOf(column)}>${escapedCell(column.name)}</th>`);
  const body = rows.map((row) => {
    const cells = columns.map((column, at) => {
      const text = escapedCell(cellText(row[at], column, speech));
      const shown = column.kind === 'code' && text !== '' ? `<code>${text}</code>` : text;
      return at === 0 ? `<th scope="row"${classOf(column)}>${shown}</th>` : `<td${classOf(column)}>${shown}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  const rest = more > 0 ? `<p class="note">${escaped(speech.say('rows more', { n: more }))}</p>` : '';
  return `<div class="wide"><table aria-labelledby="${labelled}">
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>${rest}`;
}

function classOf(column: ReportColumn): string {
  if (isAmount(column)) return ' class="amount"';
  return column.kind === 'time' ? ' class="time"' : '';
}

/** The style of a report: on a screen, light or dark, and on paper. */
const STYLE = `
:root {
  --paper: #fdfdfc; --ink: #1d2126; --quiet: #5d6670; --line: #dcdfe3; --value: #2f6690; --mark: #b4532a; --ground: #f3f4f5;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e6e8ea; --quiet: #9aa4ae; --line: #30363d; --value: #7fb2da; --mark: #e08a5f; --ground: #1d2126; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
.kind { margin: 0; color: var(--quiet); font-size: 0.87rem; }
h1 { margin: 0.1rem 0 1.2rem; font-size: 1.9rem; line-height: 1.2; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 0 0 0.4rem; font-size: 1.2rem; font-weight: 650; overflow-wrap: anywhere; }
.facts { display: grid; gap: 0.2rem 2rem; margin: 0; }
.facts div { display: grid; grid-template-columns: 13rem 1fr; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2.6rem; list-style: none; margin: 1.8rem 0 0; padding: 1.1rem 0; border-block: 1px solid var(--line); }
.figures li { color: var(--quiet); }
.figures strong { display: block; color: var(--ink); font-size: 1.75rem; line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures span { display: block; font-size: 0.87rem; }
section { margin-top: 2.6rem; }
.note, .none { margin: 0 0 0.3rem; max-width: 46rem; color: var(--quiet); overflow-wrap: anywhere; }
figure { margin: 1rem 0 0.6rem; }
figcaption { margin-bottom: 0.3rem; font-size: 0.87rem; color: var(--quiet); }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif; }
svg text { fill: var(--quiet); font-variant-numeric: tabular-nums; }
svg rect { fill: var(--value); }
.marked rect { fill: var(--mark); }
.grid line { stroke: var(--line); stroke-width: 1; }
.wide { overflow-x: auto; margin-top: 0.8rem; }
table { width: 100%; border-collapse: collapse; font-size: 0.9rem; }
th, td { padding: 0.38rem 1rem 0.38rem 0; text-align: left; vertical-align: top; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-size: 0.87rem; border-bottom: 1px solid var(--ink); white-space: nowrap; }
tbody th, tbody td { border-bottom: 1px solid var(--line); }
.long { overflow-wrap: anywhere; }
.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.amount { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font: 0.86em/1.5 ui-monospace, "SF Mono", Consolas, monospace; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.87rem; }
footer p { margin: 0 0 0.3rem; }
@media (max-width: 40rem) { .facts div { grid-template-columns: 1fr; } main { padding-top: 1.5rem; } }
@page { margin: 16mm 14mm; }
@media print {
  :root { --paper: #fff; --ink: #000; --quiet: #444; --line: #ccc; --value: #2f6690; --mark: #b4532a; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .wide { overflow: visible; }
  h2, figure, tr { break-inside: avoid; }
  h2, .note { break-after: avoid; }
  thead { display: table-header-group; }
  svg rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
