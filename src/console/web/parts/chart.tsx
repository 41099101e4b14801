/** A chart over time with its legend, the values under the pointer, and the same numbers as a table. */
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormats } from '../session.tsx';
import type { Drawn } from './plot.ts';
import { type Column, DataTable } from './table.tsx';

export interface Line {
  readonly name: string;
  readonly values: readonly number[];
}

interface ChartProps {
  readonly label: string;
  /** Milliseconds; a series has one number for each of these times. */
  readonly times: readonly number[];
  /** At most six. */
  readonly lines: readonly Line[];
  /** A time in full, and as the axis shows it. */
  readonly clock: (ms: number) => string;
  readonly tick: (ms: number) => string;
  /** A limit: a line across. */
  readonly ceiling?: number | undefined;
}

const MOST_LINES = 6;

export function Chart({ label, times, lines, clock, tick, ceiling }: ChartProps): ReactNode {
  const { t } = useTranslation();
  const { number } = useFormats();
  const place = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number>();
  const isDark = useDark();
  const drawn = useRef<Drawn>(undefined);
  const latest = useRef({ times, lines, tick, number });
  latest.current = { times, lines, tick, number };
  const names = lines.map(({ name }) => name).join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: other series, words or colours make a new chart; other numbers are set below.
  useEffect(() => {
    const into = place.current;
    if (!into) return;
    let isGone = false;
    void import('./plot.ts').then(({ draw }) => {
      if (isGone) return;
      const { times, lines, tick, number } = latest.current;
      drawn.current = draw(into, {
        times,
        lines: lines.map(({ values }) => values),
        ceiling,
        tick,
        number,
        pointed: setPointed,
      });
    });
    return () => {
      isGone = true;
      drawn.current?.end();
      drawn.current = undefined;
    };
  }, [names, ceiling, number, isDark]);
  useEffect(
    () =>
      drawn.current?.change(
        times,
        lines.map(({ values }) => values),
      ),
    [times, lines],
  );
  const at = pointed ?? times.length - 1;
  return (
    <figure className="chart">
      <div ref={place} className="plot" role="img" aria-label={label} />
      <figcaption>
        <ul className="legend">
          {lines.slice(0, MOST_LINES).map(({ name, values }) => (
            <li key={name}>{t('chart value', { name, value: number(values[at] ?? 0) })}</li>
          ))}
          {ceiling !== undefined && (
            <li className="limit">{t('chart value', { name: t('limit'), value: number(ceiling) })}</li>
          )}
        </ul>
        <span className="soft">{times[at] === undefined ? '' : clock(times[at])}</span>
      </figcaption>
      <details className="no-print">
        <summary>{t('chart as table')}</summary>
        <NumbersTable {...{ label, times, lines, clock }} />
      </details>
    </figure>
  );
}

function NumbersTable({ label, times, lines, clock }: Omit<ChartProps, 'ceiling' | 'tick'>): ReactNode {
  const { t } = useTranslation();
  const { number } = useFormats();
  const columns: Column<{ readonly at: number }>[] = [
    { id: 'time', title: t('time'), isName: true, cell: ({ at }) => clock(times[at]!), by: ({ at }) => at },
    ...lines.map(
      ({ name, values }): Column<{ readonly at: number }> => ({
        id: name,
        title: name,
        look: 'number',
        cell: ({ at }) => number(values[at] ?? 0),
        by: ({ at }) => values[at] ?? 0,
      }),
    ),
  ];
  const rows = times.map((_, at) => ({ at })).reverse();
  return <DataTable label={label} columns={columns} rows={rows} keyOf={({ at }) => String(at)} empty={t('none')} />;
}

const dark = matchMedia('(prefers-color-scheme: dark)');

function useDark(): boolean {
  return useSyncExternalStore(
    (changed) => {
      dark.addEventListener('change', changed);
      return () => dark.removeEventListener('change', changed);
    },
    () => dark.matches,
  );
}
