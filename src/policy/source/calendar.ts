/** Converts dates and hours in the guard's time zone to instants. */
import type { Weekday } from '../model/limits.ts';

/** A local date and time. */
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

/** The instant of a local time; if a clock change skips it, about that time. */
export function instantOf({ date, minutes }: LocalTime, timeZone: string): number {
  const shown = Date.parse(`${date}T00:00:00Z`) + minutes * 60_000; // as if the zone were UTC
  // Twice: a clock change may lie between the guess and the result.
  const guess = shown - offsetAt(shown, timeZone);
  return shown - offsetAt(guess, timeZone);
}

/** The local time at an instant. */
export function localTime(instant: number, timeZone: string): LocalTime {
  const shown = new Date(instant + offsetAt(instant, timeZone));
  return { date: shown.toISOString().slice(0, 10), minutes: shown.getUTCHours() * 60 + shown.getUTCMinutes() };
}

const ISO_TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$/;

/**
 * `2026-11-30 14:30:07 Europe/Paris`: the format of an instant in commands, alarms and messages.
 * @param instant milliseconds since the epoch, or an ISO 8601 time; any other text is returned unchanged.
 */
export function shownTime(instant: number | string, timeZone: string): string {
  if (typeof instant === 'string' && !ISO_TIME.test(instant)) return instant;
  const at = typeof instant === 'string' ? Date.parse(instant) : instant;
  if (Number.isNaN(at)) return String(instant);
  const shown = new Date(at + offsetAt(at, timeZone)).toISOString();
  return `${shown.slice(0, 10)} ${shown.slice(11, 19)} ${timeZone}`;
}

/** `days` later, or earlier if negative. */
export function dayAfter(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** @param date `2026-11-25`. */
export function weekdayOf(date: string): Weekday {
  return WEEKDAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? 'sun';
}

/** Cached: making a format takes as long as a hundred uses. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** The zone's offset from UTC at that instant, in milliseconds. */
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
