/** The limits at a time: those of `during` replace the ones that they name. */
import { dayAfter, instantOf, localTime, weekdayOf } from '../source/calendar.ts';
import type { During, Limits } from './limits.ts';

export interface LimitsAt {
  readonly limits: Limits;
  /** When other limits may begin to apply, milliseconds since the epoch. */
  readonly until: number;
}

/** At a clock change the computed time may be off: limits are looked up again after this time at the latest. */
const LOOK_AGAIN_MS = 900_000;

/** `now`: milliseconds since the epoch. Returns the same `limits` object if no time of `during` applies. */
export function limitsAt(
  limits: Limits,
  during: readonly During[] | undefined,
  now: number,
  timeZone: string,
): LimitsAt {
  if (!during || during.length === 0) return { limits, until: Number.POSITIVE_INFINITY };
  const { date, minutes } = localTime(now, timeZone);
  const holding = during.filter((time) => holds(time, date, minutes));
  return {
    // The last time that names a limit counts; limits that no time names stay.
    limits: holding.reduce((before, time) => replaced(before, time.limits), limits),
    until: nextLook(during, date, now, timeZone),
  };
}

function holds(time: During, date: string, minutes: number): boolean {
  const { hours } = time;
  if (!hours) return isOn(time, date);
  if (hours.from < hours.until) return hours.from <= minutes && minutes < hours.until && isOn(time, date);
  return (minutes >= hours.from && isOn(time, date)) || (minutes < hours.until && isOn(time, dayAfter(date, -1)));
}

function isOn({ from, until, days }: During, date: string): boolean {
  if (from !== undefined && date < from) return false;
  if (until !== undefined && date > until) return false;
  return days === undefined || days.has(weekdayOf(date));
}

function replaced(before: Limits, named: Limits): Limits {
  const { subjects, answers, rules } = named;
  return {
    ...before,
    ...named,
    ...(subjects && { subjects: new Map([...(before.subjects ?? []), ...subjects]) }),
    ...(answers && { answers: new Map([...(before.answers ?? []), ...answers]) }),
    ...((before.rules ?? rules) && { rules: { ...before.rules, ...rules } }),
  };
}

function nextLook(during: readonly During[], date: string, now: number, timeZone: string): number {
  const edges = new Set([0, ...during.flatMap(({ hours }) => (hours ? [hours.from, hours.until] : []))]);
  const ahead = [...edges]
    .flatMap((minutes) => [date, dayAfter(date, 1)].map((day) => instantOf({ date: day, minutes }, timeZone)))
    .filter((instant) => instant > now);
  return Math.min(now + LOOK_AGAIN_MS, ...ahead);
}
