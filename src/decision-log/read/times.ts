/** Times as people write and read them. Clock and time zone are parameters. */
import { CalendarDays } from '../../metering/days.ts';
import { instantOfWall } from '../../policy/source/calendar.ts';
import { type QuantityReading, readDate, readDuration } from '../../policy/source/quantity.ts';

export interface TimeContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** `Europe/Paris` */
  readonly timeZone: string;
}

const EXPECTED = 'a time such as 2026-11-25, 2026-11-25T14:30, 13:00 (today), 2h (ago), today or yesterday';
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * `2h`: that long ago; `13:00`: today at that time; `today`, `yesterday`, `2026-11-25`: that day; `2026-11-25T14:30`: that time, in the time zone if
 * none is given.
 * @param end a day means the instant after it, not its first. Milliseconds since the epoch.
 */
export function readTime(text: string, { now, timeZone }: TimeContext, end = false): QuantityReading<number> {
  const days = new CalendarDays(timeZone);
  const startOf = (day: number): QuantityReading<number> => ({ value: days.startOf(end ? day + 1 : day) });
  const said = text.trim().toLowerCase();
  if (said === 'now') return { value: now };
  if (said === 'today') return startOf(days.dayOf(now));
  if (said === 'yesterday') return startOf(days.dayOf(now) - 1);
  if ('value' in readDate(said)) return startOf(Date.parse(said) / DAY_MS);
  if (/^[0-9]{2}:[0-9]{2}(?::[0-9]{2})?$/.test(said)) {
    const today = new Date(days.dayOf(now) * DAY_MS).toISOString().slice(0, 10);
    return readTime(`${today}T${said}`, { now, timeZone });
  }
  const ago = readDuration(said.replace(/ ago$/, ''));
  if ('value' in ago) return { value: now - ago.value };
  const match =
    /^([0-9]{4}-[0-9]{2}-[0-9]{2})[t ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?)(z|[+-][0-9]{2}:?[0-9]{2})?$/.exec(
      said,
    );
  if (!match || !('value' in readDate(match[1] ?? ''))) return { expected: EXPECTED };
  const [, date, time, zone] = match;
  const instant = Date.parse(`${date}T${time}${zone?.toUpperCase() ?? 'Z'}`);
  if (Number.isNaN(instant)) return { expected: EXPECTED };
  return { value: zone === undefined ? instantOfWall(instant, timeZone) : instant };
}

/** @param wall from `wallTime`. Parts smaller than `step` (milliseconds) are left out. */
export function shownWall(wall: number, step = 1_000): string {
  const text = new Date(wall).toISOString().replace('T', ' ');
  if (step >= DAY_MS) return text.slice(0, 10);
  return text.slice(0, step >= MINUTE_MS ? 16 : 19);
}
