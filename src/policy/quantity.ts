/** The small language of amounts in a policy: `2000 per hour`, `1 MB`, `30 minutes`, `20:00-06:00`. */
import type { During, LimitEffect, Lock, Weekday, Window, WindowLimit } from './limits.ts';

/** A reading of a text: the value, or what was expected instead. */
export type Reading<T> = { readonly value: T } | { readonly expected: string };

const BYTE_UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  second: 1000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
};

export const WEEKDAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
export const LIMIT_EFFECTS: readonly LimitEffect[] = ['warn', 'throttle', 'deny', 'lock'];

/** A kind of text: what people call it, and what an editor can check of it. */
export interface TextForm {
  readonly title: string;
  readonly pattern: string;
}

const WINDOW = 'per ([0-9]+ )?(second|minute|hour|day)s?';
const EFFECT = '( (warn|throttle|deny|lock))?';
const BYTES = '[0-9]+ ?([kKMGT]?B)?';

export const FORMS = {
  bytes: { title: 'bytes', pattern: `^${BYTES}$` },
  duration: { title: 'duration', pattern: '^0*[1-9][0-9]* ?(ms|s|seconds?|min|minutes?|h|hours?|d|days?)$' },
  window: { title: 'amount per time', pattern: `^[0-9]+ ${WINDOW}${EFFECT}$` },
  byteWindow: { title: 'bytes per time', pattern: `^${BYTES} ${WINDOW}${EFFECT}$` },
  rate: { title: 'amount per second', pattern: '^[0-9]+ per second$' },
  byteRate: { title: 'bytes per second', pattern: `^${BYTES} per second$` },
  lockAfter: { title: 'events per time', pattern: `^[0-9]+ (overrun|refusal)s? ${WINDOW}$` },
  hours: { title: 'hours', pattern: '^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$' },
  date: { title: 'date', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' },
} as const satisfies Record<string, TextForm>;

/** `1 MB`, `512 kB`, `1048576`: units are multiples of 1024, as in PostgreSQL. */
export function readBytes(text: string): Reading<number> {
  const match = /^([0-9]+) ?([kmgt]?b)?$/i.exec(text);
  const amount = match && Number(match[1]) * (BYTE_UNITS[(match[2] ?? 'b').toLowerCase()] ?? Number.NaN);
  return whole(amount) ?? { expected: 'a number of bytes such as "1 MB" (B, kB, MB, GB, TB)' };
}

/** `5 s`, `30 minutes`: milliseconds, at least 1. */
export function readDuration(text: string): Reading<number> {
  const match = /^([0-9]+) ?([a-z]+)$/i.exec(text);
  const unit = DURATION_UNITS[singular(match?.[2] ?? '')];
  const milliseconds = match && unit !== undefined ? Number(match[1]) * unit : null;
  // 0 would switch the server's own timeouts off.
  const reading = milliseconds === 0 ? undefined : whole(milliseconds);
  return reading ?? { expected: 'a duration such as "5 s" (ms, s, minutes, hours, days), more than 0' };
}

/** `N per WINDOW [warn | throttle | deny | lock]`; with `bytes`, N may have a unit. */
export function readWindowLimit(text: string, bytes: boolean): Reading<WindowLimit> {
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

/** `200 per second`, `1 MB per second`: a rate, always of one second. */
export function readRate(text: string, bytes: boolean): Reading<WindowLimit> {
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
export function readLockAfter(text: string): Reading<Lock['after'][number]> {
  const match = /^([0-9]+) (overrun|refusal)s? per (.+)$/.exec(text);
  const window = match && readWindow(match[3] ?? '');
  const amount = match ? readCount(match[1] ?? '') : undefined;
  if (!match || !window || !amount || !('value' in amount) || amount.value === 0) {
    return { expected: 'events per time such as "5 overruns per 10 minutes" or "100 refusals per hour"' };
  }
  return { value: { amount: amount.value, event: match[2] === 'overrun' ? 'overrun' : 'refusal', window } };
}

/** `20:00-06:00`: minutes since midnight. */
export function readHours(text: string): Reading<NonNullable<During['hours']>> {
  const match = /^([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})$/.exec(text);
  const [from, until] = match ? [minutes(match[1], match[2]), minutes(match[3], match[4])] : [];
  if (from === undefined || until === undefined || from === until || from === 1440) {
    return { expected: 'hours such as "20:00-06:00"' };
  }
  return { value: { from, until } };
}

/** `2026-11-30`, a day that exists. */
export function readDate(text: string): Reading<string> {
  const match = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
  if (match) {
    const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
    const date = new Date(Date.UTC(year, month - 1, day));
    if (year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day) return { value: text };
  }
  return { expected: 'a date such as "2026-11-30"' };
}

function readWindow(text: string): Window | undefined {
  const match = /^(?:([0-9]+) )?(second|minute|hour|day)s?$/.exec(text);
  const count = match?.[1] === undefined ? 1 : Number(match[1]);
  if (!match || !Number.isSafeInteger(count) || count === 0) return undefined;
  const unit = match[2] as Window['unit'];
  return { count, unit };
}

function readCount(text: string): Reading<number> {
  return whole(/^[0-9]+$/.test(text) ? Number(text) : null) ?? { expected: 'a whole number' };
}

function whole(value: number | null): Reading<number> | undefined {
  return value !== null && Number.isSafeInteger(value) ? { value } : undefined;
}

function minutes(hours: string | undefined, rest: string | undefined): number | undefined {
  const total = Number(hours) * 60 + Number(rest);
  return Number(rest) < 60 && total <= 1440 ? total : undefined;
}

function singular(unit: string): string {
  return unit.length > 2 && unit.endsWith('s') && unit !== 'ms' ? unit.slice(0, -1) : unit;
}
