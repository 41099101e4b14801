/** Charts as SVG. The page sets their colours; the table below has the same numbers. */

import type { Speech } from '../language/speech.ts';
import type { Chart, Table } from '../reports/report.ts';
import { escaped } from './escaped.ts';

type Time = Extract<Chart, { form: 'time' }>;
type Bars = Extract<Chart, { form: 'bars' }>;

const WIDTH = 760;
const HEIGHT = 150;
const LEFT = 56;
const TOP = 10;
const BOTTOM = 24;
const MOST_BARS = 12;
const BAR = 22;
/** For a name beside a bar; longer ones are cut. */
const NAME_WIDTH = 230;
const NAME_LENGTH = 34;

/** Columns along time, empty steps included. */
export function timeChart({ name, step, points, marked = false }: Time, speech: Speech): string {
  const values = points.map(([, value]) => value);
  const most = Math.max(0, ...values);
  if (most === 0) return '';
  const first = points[0]?.[0] ?? 0;
  const steps = Math.round(((points.at(-1)?.[0] ?? 0) - first) / step) + 1;
  const top = ceiling(most);
  const y = (value: number): number => TOP + (HEIGHT - TOP) * (1 - value / top);
  // Limits the width of columns if there are few steps.
  const each = Math.min((WIDTH - LEFT) / steps, 48);
  const columns = points
    .filter(([, value]) => value > 0)
    .map(([at, value]) => {
      const x = LEFT + Math.round((at - first) / step) * each;
      const said = `<title>${speech.wall(at, step)}: ${speech.count(value)}</title>`;
      return `<rect x="${fixed(x + each * 0.1)}" y="${fixed(y(value))}" width="${fixed(each * 0.8)}" height="${fixed(HEIGHT - y(value))}">${said}</rect>`;
    });
  const grid = [0, top / 2, top].map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH}" y1="${fixed(y(value))}" y2="${fixed(y(value))}"/><text x="${LEFT - 8}" y="${fixed(y(value) + 4)}" text-anchor="end">${speech.count(value)}</text>`,
  );
  const [peak] = points.find(([, value]) => value === most) ?? [first];
  const label = speech.say('chart: by', { what: name, by: speech.step(step) });
  const described = speech.say('chart: most at', { label, most, at: speech.wall(peak, step) });
  return `<figure${marked ? ' class="marked"' : ''}><figcaption>${escaped(label)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT + BOTTOM}" role="img" aria-label="${escaped(described)}">
<g class="grid">${grid.join('')}</g>
<g class="value">${columns.join('')}</g>
<g class="axis">${labels(first, step, steps, each, speech)}</g>
</svg></figure>`;
}

/** Horizontal bars for the first rows of the table. */
export function barsChart({ name, value }: Bars, { columns, rows }: Table, speech: Speech): string {
  const shown = rows.slice(0, MOST_BARS);
  const values = shown.map((row) => Number(row[value] ?? 0));
  const most = Math.max(0, ...values);
  if (most === 0 || shown.length < 2) return '';
  const bars = shown.map((row, index) => {
    const amount = values[index] ?? 0;
    const width = ((WIDTH - NAME_WIDTH - 80) * amount) / most;
    const middle = index * BAR + BAR / 2 + 4;
    return `<text x="${NAME_WIDTH - 10}" y="${middle}" text-anchor="end">${escaped(cut(String(row[name] ?? '')))}</text><rect x="${NAME_WIDTH}" y="${index * BAR + 4}" width="${fixed(Math.max(width, amount > 0 ? 1 : 0))}" height="${BAR - 8}"/><text x="${fixed(NAME_WIDTH + width + 8)}" y="${middle}">${speech.count(amount)}</text>`;
  });
  const label = speech.say('chart: by', { what: columns[value]?.name ?? '', by: columns[name]?.name ?? '' });
  const described = speech.say('chart: most', { label, most: String(shown[0]?.[name] ?? '') });
  return `<figure><figcaption>${escaped(label)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${shown.length * BAR}" role="img" aria-label="${escaped(described)}">
<g class="value">${bars.join('')}</g>
</svg></figure>`;
}

/** The first time, the last, and one between if there is room. */
function labels(first: number, step: number, steps: number, each: number, speech: Speech): string {
  const wanted =
    steps * each > 420 ? [0, Math.floor((steps - 1) / 2), steps - 1] : steps * each > 200 ? [0, steps - 1] : [0];
  return [...new Set(wanted)]
    .map((index) => {
      const anchor = index === 0 ? 'start' : index === steps - 1 ? 'end' : 'middle';
      const x = LEFT + each * (anchor === 'start' ? 0 : anchor === 'end' ? steps : index + 0.5);
      return `<text x="${fixed(x)}" y="${HEIGHT + 16}" text-anchor="${anchor}">${speech.wall(first + index * step, step)}</text>`;
    })
    .join('');
}

/** The next round number: 1, 2, 4, 5 or 8 and zeros, so that its half is a whole number as well. */
function ceiling(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = [1, 2, 4, 6, 8, 10].find((each) => each * power >= most) ?? 10;
  return Math.max(2, factor * power);
}

function cut(text: string): string {
  return text.length > NAME_LENGTH ? `${text.slice(0, NAME_LENGTH - 1)}…` : text;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
