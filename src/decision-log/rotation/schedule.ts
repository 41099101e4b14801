/** When a log file is full: by its size, or at the end of its hour, day, week or month. */
import { dayAfter, instantOf, localTime, weekdayOf } from '../../policy/source/calendar.ts';

export type RotationPeriod = 'hourly' | 'daily' | 'weekly' | 'monthly';

export interface Rotation {
  readonly every?: RotationPeriod;
  readonly bytes?: number;
}

const HOUR_MS = 3_600_000;
const DAYS_OF_WEEK = 7;
const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** The end of the period that contains `opened`: milliseconds since the epoch; weeks begin on Monday. An hour that a clock change repeats is one. */
export function periodEnd(every: RotationPeriod, opened: number, timeZone: string): number {
  const { date, minutes } = localTime(opened, timeZone);
  const end =
    every === 'hourly'
      ? instantOf({ date, minutes: (Math.floor(minutes / 60) + 1) * 60 }, timeZone)
      : instantOf({ date: nextBeginning(every, date), minutes: 0 }, timeZone);
  // When clocks are set forward, the computed end may be too early.
  return end > opened ? end : opened + HOUR_MS;
}

function nextBeginning(every: Exclude<RotationPeriod, 'hourly'>, date: string): string {
  switch (every) {
    case 'daily':
      return dayAfter(date, 1);
    case 'weekly':
      return dayAfter(date, DAYS_OF_WEEK - WEEK.indexOf(weekdayOf(date)));
    case 'monthly':
      return `${dayAfter(`${date.slice(0, 7)}-01`, 31).slice(0, 7)}-01`;
  }
}
