/** Draws lines over time on a canvas, and follows the pointer. Loaded where there is something to draw: uPlot comes with it. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Plot {
  /** Milliseconds. */
  readonly times: readonly number[];
  readonly lines: readonly (readonly number[])[];
  /** A line across: a limit. */
  readonly ceiling?: number | undefined;
  /** At the axis of times. */
  tick(ms: number): string;
  number(value: number): string;
  /** The step under the pointer; undefined if it has left. */
  pointed(at: number | undefined): void;
}

/** Series differ in their dashes, too, not only in colour. */
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [1, 3]];

export interface Drawn {
  /** Other numbers on the same lines. */
  change(times: readonly number[], lines: readonly (readonly number[])[]): void;
  end(): void;
}

export function draw(into: HTMLElement, plot: Plot): Drawn {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const font = `11px ${getComputedStyle(into).fontFamily}`;
  const axis = { stroke: colour('soft'), font, grid: { stroke: colour('line'), width: 1 }, ticks: { show: false } };
  const { ceiling } = plot;
  const limit =
    ceiling === undefined ? [] : [{ stroke: colour('bad'), width: 1, dash: [4, 4], points: { show: false } }];
  const dataOf = (times: readonly number[], lines: readonly (readonly number[])[]): uPlot.AlignedData => [
    times.map((ms) => ms / 1000),
    ...lines.map((line) => [...line]),
    ...(ceiling === undefined ? [] : [times.map(() => ceiling)]),
  ];
  const chart = new uPlot(
    {
      width: Math.max(200, into.clientWidth),
      height: into.clientHeight,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(most || 0, 1) * 1.05] } },
      axes: [
        { ...axis, size: 28, space: 70, values: (_, splits) => splits.map((second) => plot.tick(second * 1000)) },
        { ...axis, size: 56, values: (_, splits) => splits.map((value) => plot.number(value)) },
      ],
      series: [
        {},
        ...plot.lines.map((_, at) => ({
          stroke: colour(`series-${at + 1}`),
          width: 1.5,
          dash: DASHES[at] ?? [],
          points: { show: false },
        })),
        ...limit,
      ],
      hooks: { setCursor: [({ cursor }) => plot.pointed(cursor.idx ?? undefined)] },
    },
    dataOf(plot.times, plot.lines),
    into,
  );
  const watch = new ResizeObserver(() => {
    const width = Math.max(200, into.clientWidth);
    if (width !== chart.width) chart.setSize({ width, height: into.clientHeight });
  });
  watch.observe(into);
  return {
    change: (times, lines) => chart.setData(dataOf(times, lines)),
    end() {
      watch.disconnect();
      chart.destroy();
    },
  };
}
