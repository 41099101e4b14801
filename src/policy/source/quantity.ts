/** The small language of amounts in a policy: `2000 per hour`, `1 MB`, `30 minutes`, `20:00-06:00`. */
import type { During, LimitEffect, Lock, Weekday, Window, WindowLimit } from '../model/limits.ts';

/** The result of reading a text: the value, or what was expected instead. */
export type QuantityReading<T> = { readonly value: T } | { readonly expected: string };

const BYTE_UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };

/** Units of time with a fixed length, in milliseconds. */
export const FIXED_UNITS = {
  ms: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
} as const;

type FixedUnit = keyof typeof FIXED_UNITS;

/** A length of time as written. Months and years have the calendar's length. */
export interface QuantityPeriod {
  readonly amount: number;
  readonly unit: FixedUnit | 'month' | 'year';
}

/** Every unit of time, in the singular: for durations and windows, in policies, in `rowgate.yaml` and on the command line. */
const TIME_UNITS: ReadonlyMap<string, QuantityPeriod['unit']> = new Map([
  ['ms', 'ms'],
  ['s', 'second'],
  ['second', 'second'],
  ['m', 'minute'],
  ['min', 'minute'],
  ['minute', 'minute'],
  ['h', 'hour'],
  ['hour', 'hour'],
  ['d', 'day'],
  ['day', 'day'],
  ['w', 'week'],
  ['week', 'week'],
  ['month', 'month'],
  ['year', 'year'],
] as const);

const expectedDuration = (more = '') =>
  `a duration such as "5 s" (ms, s, minutes, hours, days, weeks${more}), more than 0`;

/** The most months or years: far beyond all calendars. */
const MOST_OF_CALENDAR = 999_999;

export const WEEKDAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
export const LIMIT_EFFECTS: readonly LimitEffect[] = ['warn', 'throttle', 'deny', 'lock'];

/** A kind of text: its name for people, and a pattern that editors can check. */
export interface TextForm {
  readonly title: string;
  readonly pattern: string;
}

const WORDS = 's|seconds?|min|minutes?|h|hours?|d|days?|w|weeks?';
const IN_WINDOWS = `m|${WORDS}`;
const WINDOW = `per ([0-9]+ ?)?(${IN_WINDOWS})`;
const EFFECT = '( (warn|throttle|deny|lock))?';
const BYTES = '[0-9]+ ?([kKMGT]?B)?';

export const FORMS = {
  bytes: { title: 'bytes', pattern: `^${BYTES}$` },
  duration: { title: 'duration', pattern: `^0*[1-9][0-9]* ?(ms|${IN_WINDOWS})$` },
  period: { title: 'duration', pattern: `^0*[1-9][0-9]* ?(ms|${WORDS}|months?|years?)$` },
  window: { title: 'amount per time', pattern: `^[0-9]+ ${WINDOW}${EFFECT}$` },
  byteWindow: { title: 'bytes per time', pattern: `^${BYTES} ${WINDOW}${EFFECT}$` },
  rate: { title: 'amount per second', pattern: '^[0-9]+ per (s|second)$' },
  byteRate: { title: 'bytes per second', pattern: `^${BYTES} per (s|second)$` },
  lockAfter: { title: 'events per time', pattern: `^[0-9]+ (overrun|refusal)s? ${WINDOW}$` },
  hours: { title: 'hours', pattern: '^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$' },
  date: { title: 'date', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' },
} as const satisfies Record<string, TextForm>;

/** `1 MB`, `512 kB`, `1048576`: units are multiples of 1024, as in PostgreSQL. */
export function readBytes(text: string): QuantityReading<number> {
  const match = /^([0-9]+) ?([kmgt]?b)?$/i.exec(text);
  const amount = match && Number(match[1]) * (BYTE_UNITS[(match[2] ?? 'b').toLowerCase()] ?? Number.NaN);
  return whole(amount) ?? { expected: 'a number of bytes such as "1 MB" (B, kB, MB, GB, TB)' };
}

/** `5 s`, `30 minutes`: milliseconds, at least 1. */
export function readDuration(text: string): QuantityReading<number> {
  const period = periodIn(text);
  return (period && inMs(period)) ?? { expected: expectedDuration() };
}

/** The same with calendar units: `90 days`, `12 months`. `12m` is refused as ambiguous: a log must not be deleted after 12 minutes. */
export function readPeriod(text: string): QuantityReading<QuantityPeriod> {
  const period = /^[0-9]+ ?m$/i.test(text) ? undefined : periodIn(text);
  const isKnown = period && (inMs(period) ?? period.amount <= MOST_OF_CALENDAR);
  return isKnown ? { value: period } : { expected: expectedDuration(', months, years') };
}

/** `N per WINDOW [warn | throttle | deny | lock]`; with `bytes`, N may have a unit. */
export function readWindowLimit(text: string, bytes: boolean): QuantityReading<WindowLimit> {
  const example = bytes ? '"20 MB per hour"' : '"2000 per hour"';
  const expected = { expected: `an amount per time such as ${example}, then perhaps warn, throttle, deny or lock` };
  const match = /^(.+?) per (.+?)(?: (warn|throttle|deny|lock))?$/.exec(text);
  if (!match) return expected;
  const amount = bytes ? readBytes(match[1] ?? '') : readCount(match[1] ?? '');
  const window = readWindow(match[2] ?? '');
  if (!('value' in amount) || !window) return expected;
  const effect = LIMIT_EFFECTS.find((word) => word === match[3]);
  return { value: { amount: amount.value, window, ...(effect && { effect }) } };
}

/** `200 per second`, `1 MB per second`: a rate, always for one second. */
export function readRate(text: string, bytes: boolean): QuantityReading<WindowLimit> {
  const limit = readWindowLimit(text, bytes);
  const ok =
    'value' in limit &&
    limit.value.amount > 0 &&
    limit.value.effect === undefined &&
    limit.value.window.unit === 'second' &&
    limit.value.window.count === 1;
  return ok ? limit : { expected: `a rate such as ${bytes ? '"1 MB per second"' : '"200 per second"'}` };
}

/** `5 overruns per 10 minutes`, `100 refusals per hour`. */
export function readLockAfter(text: string): QuantityReading<Lock['after'][number]> {
  const match = /^([0-9]+) (overrun|refusal)s? per (.+)$/.exec(text);
  const window = match && readWindow(match[3] ?? '');
  const amount = match ? readCount(match[1] ?? '') : undefined;
  if (!match || !window || !amount || !('value' in amount) || amount.value === 0) {
    return { expected: 'events per time such as "5 overruns per 10 minutes" or "100 refusals per hour"' };
  }
  return { value: { amount: amount.value, event: match[2] === 'overrun' ? 'overrun' : 'refusal', window } };
}

/** `20:00-06:00`: minutes since midnight. */
export function readHours(text: string): QuantityReading<NonNullable<During['hours']>> {
  const match = /^([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})$/.exec(text);
  const [from, until] = match ? [minutes(match[1], match[2]), minutes(match[3], match[4])] : [];
  if (from === undefined || until === undefined || from === until || from === 1440) {
    return { expected: 'hours such as "20:00-06:00"' };
  }
  return { value: { from, until } };
}

/** `2026-11-30`, a day that exists. */
export function readDate(text: string): QuantityReading<string> {
  const match = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
  if (match) {
    const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
    const date = new Date(Date.UTC(year, month - 1, day));
    if (year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day) return { value: text };
  }
  return { expected: 'a date such as "2026-11-30"' };
}

function readWindow(text: string): Window | undefined {
  const period = periodIn(/^[0-9]/.test(text) ? text : `1 ${text}`);
  if (!period || !inMs(period)) return undefined;
  const { amount: count, unit } = period;
  if (unit === 'week') return { count: 7 * count, unit: 'day' };
  return unit === 'ms' || unit === 'month' || unit === 'year' ? undefined : { count, unit };
}

/** More than 0. */
function periodIn(text: string): QuantityPeriod | undefined {
  const [, digits, word = ''] = /^([0-9]+) ?([a-z]+)$/i.exec(text) ?? [];
  const unit = TIME_UNITS.get(singular(word.toLowerCase()));
  // 0 would switch off the server's timeouts.
  return unit && Number(digits) > 0 ? { amount: Number(digits), unit } : undefined;
}

/** Undefined if the unit has no fixed length, or if the number is too large. */
function inMs({ amount, unit }: QuantityPeriod): { readonly value: number } | undefined {
  const milliseconds = unit === 'month' || unit === 'year' ? Number.NaN : amount * FIXED_UNITS[unit];
  return Number.isSafeInteger(milliseconds) ? { value: milliseconds } : undefined;
}

function readCount(text: string): QuantityReading<number> {
  return whole(/^[0-9]+$/.test(text) ? Number(text) : null) ?? { expected: 'a whole number' };
}

function whole(value: number | null): QuantityReading<number> | undefined {
  return value !== null && Number.isSafeInteger(value) ? { value } : undefined;
}

function minutes(hours: string | undefined, rest: string | undefined): number | undefined {
  const total = Number(hours) * 60 + Number(rest);
  return Number(rest) < 60 && total <= 1440 ? total : undefined;
}

function singular(unit: string): string {
  return unit.length > 2 && unit.endsWith('s') && unit !== 'ms' ? unit.slice(0, -1) : unit;
}
