/** How much a role's principals have taken, and limits that leave that alone: `warn` at the 99th percentile, `deny` at the most and half of it. */
import type { LogRecord } from '../../decision-log/fields.ts';
import { CalendarDays } from '../../metering/days.ts';
import type { WindowOfMeasure } from '../../metering/measure.ts';
import { SlotLine } from '../../metering/window-slots.ts';
import { amountOf, countPeople, RunningWindow } from '../replay/limits.ts';

const HOUR: WindowOfMeasure = { count: 1, unit: 'hour' };
const DAY: WindowOfMeasure = { count: 1, unit: 'day' };
const MEASURES = ['rows', 'bytes', 'statements', 'changed'] as const;
type Measure = (typeof MEASURES)[number];

/** Windows are looked at each minute: their peaks are what percentiles are of. */
const MINUTE_MS = 60_000;

class Peaks {
  most = 0;
  private readonly past: number[] = [];
  private minute = -1;
  private peak = 0;

  add(total: number, now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.minute) {
      if (this.minute >= 0) this.past.push(this.peak);
      this.minute = minute;
      this.peak = 0;
    }
    this.peak = Math.max(this.peak, total);
    this.most = Math.max(this.most, total);
  }

  get all(): readonly number[] {
    return [...this.past, this.peak];
  }
}

interface Taker {
  readonly windows: Map<string, { readonly window: RunningWindow; readonly peaks: Peaks }>;
}

export interface LearnedLimit {
  readonly measure: string;
  /** `per hour`; absent: of one statement. */
  readonly window?: 'per hour' | 'per day';
  readonly p99: number;
  readonly most: number;
}

export class TakenAmounts {
  private readonly takers = new Map<string, Taker>();
  private readonly days: CalendarDays;
  private readonly ofStatements = { rows: 0, bytes: 0, changed: 0 };

  constructor(timeZone: string) {
    this.days = new CalendarDays(timeZone);
  }

  /** An outcome of the role's. */
  add(record: LogRecord): void {
    const principal = String(record.principal);
    let taker = this.takers.get(principal);
    if (!taker) {
      taker = { windows: new Map() };
      this.takers.set(principal, taker);
    }
    const now = Date.parse(String(record.time));
    for (const measure of MEASURES)
      this.count(taker, measure, HOUR, now, (window) => window.add(amountOf(measure, record)));
    for (const subject of Object.keys((record.subjects as object | undefined) ?? {}))
      this.count(taker, `subjects.${subject}`, DAY, now, (window) => countPeople(window, subject, record));
    for (const measure of ['rows', 'bytes', 'changed'] as const)
      this.ofStatements[measure] = Math.max(this.ofStatements[measure], amountOf(measure, record));
  }

  /** Limits of one statement come first; amounts of zero are left out. */
  limits(): LearnedLimit[] {
    const { rows, bytes, changed } = this.ofStatements;
    const single = { rows_per_statement: rows, bytes_per_statement: bytes, changed_per_statement: changed };
    const names = new Set([...this.takers.values()].flatMap(({ windows }) => [...windows.keys()]));
    const overTime = [...names].map((measure): LearnedLimit => {
      const peaks = [...this.takers.values()].flatMap(({ windows }) => windows.get(measure)?.peaks ?? []);
      const all = peaks.flatMap((one) => one.all).sort((a, b) => a - b);
      const window = measure.startsWith('subjects.') ? 'per day' : 'per hour';
      const p99 = all[Math.ceil(all.length * 0.99) - 1] ?? 0;
      return { measure, window, p99, most: Math.max(0, ...peaks.map(({ most }) => most)) };
    });
    return [
      ...Object.entries(single).map(([measure, most]): LearnedLimit => ({ measure, p99: most, most })),
      ...overTime,
    ].filter(({ most }) => most > 0);
  }

  private count(
    { windows }: Taker,
    name: Measure | `subjects.${string}`,
    length: WindowOfMeasure,
    now: number,
    add: (window: RunningWindow) => void,
  ): void {
    let counted = windows.get(name);
    if (!counted) {
      counted = { window: new RunningWindow(new SlotLine(length, this.days)), peaks: new Peaks() };
      windows.set(name, counted);
    }
    counted.window.goOnTo(now);
    add(counted.window);
    counted.peaks.add(counted.window.total, now);
  }
}

/** Not so exact as to look measured: two digits, upwards. */
export function roundedUp(amount: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, amount))) - 1);
  return Math.ceil(amount / step) * step;
}
