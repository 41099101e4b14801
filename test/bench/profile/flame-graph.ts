/** Draws a CPU profile as a flame graph: one SVG that needs nothing else. A click widens a call to the whole width, one at the bottom goes back. */
import { type Call, type CpuProfile, callTree } from './call-tree.ts';

export type { CpuProfile } from './call-tree.ts';

const WIDTH = 1600;
const ROW = 18;
const TOP = 30;
const CHARACTER = 6.7;
/** Of the whole; narrower calls cannot be seen. */
const LEAST = 0.0005;

interface Box {
  readonly name: string;
  readonly depth: number;
  /** Shares of the whole. */
  readonly from: number;
  readonly width: number;
}

export function flameGraph(profile: CpuProfile, title: string): string {
  const root = callTree(profile);
  const boxes = boxesOf(root, root.time, 0, 0);
  const rows = Math.max(...boxes.map(({ depth }) => depth)) + 1;
  const height = TOP + rows * ROW + 4;
  const drawn = boxes.map((box) => draw(box, root.time, TOP + (rows - 1 - box.depth) * ROW));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">
<style>g { cursor: pointer } g:hover rect { stroke: black } text { pointer-events: none }</style>
<rect width="100%" height="100%" fill="white"/>
<text x="8" y="20" font-size="14">${escaped(title)}: ${seconds(root.time)} s</text>
${drawn.join('\n')}
<script>//<![CDATA[
${SCRIPT}
//]]></script>
</svg>
`;
}

function boxesOf(call: Call, whole: number, from: number, depth: number): Box[] {
  const width = call.time / whole;
  if (!(width >= LEAST)) return [];
  const boxes: Box[] = [{ name: call.name, depth, from, width }];
  let next = from;
  for (const inner of call.calls) {
    boxes.push(...boxesOf(inner, whole, next, depth + 1));
    next += inner.time / whole;
  }
  return boxes;
}

function draw({ name, from, width }: Box, whole: number, y: number): string {
  const said = escaped(`${name}: ${seconds(width * whole)} s, ${(width * 100).toFixed(1)} %`);
  const place = `x="${(from * WIDTH).toFixed(2)}" y="${y}" width="${(width * WIDTH).toFixed(2)}" height="${ROW - 1}"`;
  return `<g data-from="${from}" data-width="${width}"><title>${said}</title><rect ${place} fill="${colour(name)}"/><text x="${(from * WIDTH + 3).toFixed(2)}" y="${y + 13}">${escaped(fitting(name, width * WIDTH))}</text></g>`;
}

/** The part of the name that fits into the width in pixels; the script below does the same. */
function fitting(name: string, width: number): string {
  const fits = Math.floor((width - 6) / CHARACTER);
  if (fits < 3) return '';
  return name.length <= fits ? name : `${name.slice(0, fits - 1)}…`;
}

/** Each file its own. */
function colour(name: string): string {
  const file = name.replace(/^.* /, '').replace(/:\d+$/, '');
  let hash = 0;
  for (const character of file) hash = (hash * 31 + character.charCodeAt(0)) % 360;
  return `hsl(${hash}, 70%, 75%)`;
}

/** @param time microseconds */
function seconds(time: number): string {
  return (time / 1e6).toFixed(3);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Runs in the browser. */
const SCRIPT = `
const all = [...document.querySelectorAll('g')];
const show = (from, width) => {
  for (const g of all) {
    const [rect, text] = [g.querySelector('rect'), g.querySelector('text')];
    const left = Math.max(0, (g.dataset.from - from) / width) * ${WIDTH};
    const right = Math.min(1, (+g.dataset.from + +g.dataset.width - from) / width) * ${WIDTH};
    const wide = Math.max(0, right - left);
    g.style.display = wide < 0.3 ? 'none' : '';
    rect.setAttribute('x', left);
    rect.setAttribute('width', wide);
    const full = g.querySelector('title').textContent.replace(/: [^:]*$/, '');
    const fits = Math.floor((wide - 6) / ${CHARACTER});
    text.setAttribute('x', left + 3);
    text.textContent = fits < 3 ? '' : full.length <= fits ? full : full.slice(0, fits - 1) + '…';
  }
};
for (const g of all) g.addEventListener('click', () => show(+g.dataset.from, +g.dataset.width));`;
