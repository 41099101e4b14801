/** A report as one page that needs nothing else: no script, no font, no image from elsewhere. */
import type { Report, ReportColumn, Section, Table } from '../reports/report.ts';
import { cellText, isAmount } from './cells.ts';
import { barsChart, timeChart } from './charts.ts';
import { escaped, escapedCell } from './escaped.ts';
import { STYLE } from './style.ts';

export function reportHtml({ title, facts, figures, sections, foot }: Report): string {
  return `<!doctype html>
<html lang="en">
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
<p class="kind">Rowgate · decision log</p>
<h1>${escaped(title)}</h1>
<dl class="facts">
${facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join('\n')}
</dl>
</header>
<ul class="figures">
${figures.map(({ name, value, note }) => `<li><strong>${escaped(value)}</strong> ${escaped(name)}${note === undefined ? '' : `<span>${escaped(note)}</span>`}</li>`).join('\n')}
</ul>
${sections.map(section).join('\n')}
<footer>
${foot.map((line) => `<p>${escaped(line)}</p>`).join('\n')}
</footer>
</main>
</body>
</html>
`;
}

function section({ heading, notes, table, charts = [] }: Section, index: number): string {
  const id = `s${index + 1}`;
  const drawn = charts.map((chart) =>
    chart.form === 'time' ? timeChart(chart) : table ? barsChart(chart, table) : '',
  );
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escaped(heading)}</h2>
${notes.map((note) => `<p class="note">${escaped(note)}</p>`).join('\n')}
${drawn.join('\n')}
${table ? tableHtml(table, id) : ''}
</section>`;
}

function tableHtml({ columns, rows, more = 0 }: Table, labelled: string): string {
  if (rows.length === 0) return '<p class="none">None.</p>';
  const head = columns.map((column) => `<th scope="col"${classOf(column)}>${escapedCell(column.name)}</th>`);
  const body = rows.map((row) => {
    const cells = columns.map((column, at) => {
      const text = escapedCell(cellText(row[at], column));
      const shown = column.kind === 'code' && text !== '' ? `<code>${text}</code>` : text;
      return at === 0 ? `<th scope="row"${classOf(column)}>${shown}</th>` : `<td${classOf(column)}>${shown}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  const rest = more > 0 ? `<p class="note">And ${more} more.</p>` : '';
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
