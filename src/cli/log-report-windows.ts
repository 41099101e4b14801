/** What windows of time held, by what was taken in each minute: as the meter counts it, so far as a minute tells. */
import type { CalendarDays } from '../metering/days.ts';
import { isCalendarDay, lengthOf, SlotLine } from '../metering/window-slots.ts';
import { readWindowLimit } from '../policy/source/quantity.ts';

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_MS = 86_400_000;

/** A window of a limit, by its name. */
export class ReportedWindow {
  private readonly line: SlotLine;
  private readonly isShort: boolean;

  /** @param name `per hour`, `per 30 days`: as limits are named, or it throws. */
  constructor(
    readonly name: string,
    private readonly days: CalendarDays,
  ) {
    const read = readWindowLimit(`1 ${name}`, false);
    if (!('value' in read)) throw new Error(`"${name}" is no window of time`);
    const { window } = read.value;
    this.line = new SlotLine(window, days);
    this.isShort = !isCalendarDay(window) && lengthOf(window) < DAY_MS;
  }

  /** What it held at each of these minutes since the epoch. @param taken by minute; both in order. */
  held(taken: readonly (readonly [minute: number, amount: number])[], at: readonly number[]): number[] {
    let sum = 0;
    let next = 0;
    let oldest = 0;
    return at.map((now) => {
      for (; next < taken.length && taken[next]![0] <= now; next += 1) sum += taken[next]![1];
      for (; oldest < next && !this.line.counts(taken[oldest]![0] * MINUTE_MS, now * MINUTE_MS); oldest += 1)
        sum -= taken[oldest]![1];
      return sum;
    });
  }

  /** The highest of each hour in which there is one; of windows of a day and more, of each day. */
  highest(amounts: readonly (readonly [minute: number, amount: number])[]): number[] {
    const highest = new Map<number, number>();
    for (const [minute, amount] of amounts) {
      const step = this.isShort ? Math.floor(minute / HOUR_MINUTES) : this.days.dayOf(minute * MINUTE_MS);
      highest.set(step, Math.max(highest.get(step) ?? 0, amount));
    }
    return [...highest.values()];
  }
}
