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

/** The instant of a local time: the first of two, or just after the gap if a clock change skips it. */
export function instantOf({ date, minutes }: LocalTime, timeZone: string): number {
  return instantOfWall(Date.parse(`${date}T00:00:00Z`) + minutes * 60_000, timeZone);
}

/** The same of a time from `wallTime`. */
export function instantOfWall(wall: number, timeZone: string): number {
  const offsets = [wall - DAY_MS, wall + DAY_MS].map((near) => wallTime(near, timeZone) - near);
  const candidates = offsets.map((offset) => wall - offset);
  const exact = candidates.filter((instant) => wallTime(instant, timeZone) === wall);
  return Math.min(...(exact.length > 0 ? exact : candidates.slice(0, 1)));
}

/** The local time at an instant. */
export function localTime(instant: number, timeZone: string): LocalTime {
  const shown = new Date(wallTime(instant, timeZone));
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
  const shown = new Date(wallTime(at, timeZone)).toISOString();
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

/** The local time at an instant, in milliseconds as if it were UTC. */
export function wallTime(instant: number, timeZone: string): number {
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
  return shown + instant - Math.floor(instant / 1000) * 1000;
}
