/** Days and hours of the guard's time zone as instants. */
import type { Weekday } from '../model/limits.ts';

/** What a clock on the wall shows. */
export interface LocalTime {
  /** `2026-11-30` */
  readonly date: string;
  /** Since midnight. */
  readonly minutes: number;
}

const DAY_MS = 86_400_000;
const WEEKDAYS: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** The last millisecond of `date` (`2027-07-31`) in the time zone, in milliseconds since the epoch. */
export function endOfDay(date: string, timeZone: string): number {
  return instantOf({ date: dayAfter(date, 1), minutes: 0 }, timeZone) - 1;
}

/** When the clocks show this; where they skip it, at about that time. */
export function instantOf({ date, minutes }: LocalTime, timeZone: string): number {
  const shown = Date.parse(`${date}T00:00:00Z`) + minutes * 60_000; // as if the zone were UTC
  // Twice: the offset is asked at the instant that it gives, which a change of clocks may have moved.
  const guess = shown - offsetAt(shown, timeZone);
  return shown - offsetAt(guess, timeZone);
}

/** What the clocks show at an instant. */
export function localTime(instant: number, timeZone: string): LocalTime {
  const shown = new Date(instant + offsetAt(instant, timeZone));
  return { date: shown.toISOString().slice(0, 10), minutes: shown.getUTCHours() * 60 + shown.getUTCMinutes() };
}

const ISO_TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$/;

/**
 * `2026-11-30 14:30:07 Europe/Paris`: an instant as all commands, alarms and messages write it.
 * @param instant milliseconds since the epoch, or an ISO time; any other text stays what it is.
 */
export function shownTime(instant: number | string, timeZone: string): string {
  if (typeof instant === 'string' && !ISO_TIME.test(instant)) return instant;
  const at = typeof instant === 'string' ? Date.parse(instant) : instant;
  if (Number.isNaN(at)) return String(instant);
  const shown = new Date(at + offsetAt(at, timeZone)).toISOString();
  return `${shown.slice(0, 10)} ${shown.slice(11, 19)} ${timeZone}`;
}

/** So many days later, or earlier. */
export function dayAfter(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

export function weekdayOf(date: string): Weekday {
  return WEEKDAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? 'sun';
}

/** Made once: it takes as long as a hundred questions to it. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** How far the zone's clocks are ahead of UTC at that instant, in milliseconds. */
function offsetAt(instant: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  const parts = format.formatToParts(instant);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const shown = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return shown - Math.floor(instant / 1000) * 1000;
}
