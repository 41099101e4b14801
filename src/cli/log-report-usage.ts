/** Who uses how much, by role: percentiles of what principals took in an hour and in a day, and the limits that follow. */
import { CalendarDays } from '../meter/days.ts';
import { ofStatements, type Percentiles, percentiles } from './log-report-percentiles.ts';
import { proposedLimits } from './log-report-proposal.ts';
import type { PrincipalUsage, UsageTally, Used } from './log-report-tally.ts';

export interface RoleReport {
  readonly role: string;
  readonly principals: number;
  readonly usage: readonly Percentiles[];
  /** A `limits:` block for the role's file. */
  readonly proposed: string;
}

export interface UsageReport {
  readonly from: string;
  readonly until: string;
  readonly margin: number;
  /** Principals that were locked out in that time: what they took may be no honest use. */
  readonly locked: readonly string[];
  readonly roles: readonly RoleReport[];
}

/** `margin`: 0.3 adds 30 percent to what is proposed. Undefined where nothing was used. */
export function usageReport(tally: UsageTally, timeZone: string, margin: number): UsageReport | undefined {
  const { first, last } = tally;
  if (first === undefined || last === undefined) return undefined;
  const days = new CalendarDays(timeZone);
  const names = [...new Set([...tally.principals.values()].map(({ role }) => role))].toSorted();
  return {
    from: first,
    until: last,
    margin,
    locked: [...tally.locked].toSorted(),
    roles: names.map((role) => {
      const principals = [...tally.principals.values()].filter((principal) => principal.role === role);
      const usage = [
        ...ofStatements('rows_per_statement', tally.rowsPerStatement.get(role)),
        ...ofStatements('bytes_per_statement', tally.bytesPerStatement.get(role)),
        ...overTime(principals, days),
        ...people(principals, days),
      ];
      return { role, principals: principals.length, usage, proposed: proposedLimits(usage, margin) };
    }),
  };
}

const MEASURES = ['rows', 'bytes', 'statements', 'changed'] as const;

function overTime(principals: readonly PrincipalUsage[], days: CalendarDays): Percentiles[] {
  return MEASURES.flatMap((measure) => {
    const amount = (used: Used): number => used[measure];
    const hours = principals.flatMap(({ minutes }) => busiestOfEachHour(minutes, amount));
    const each = principals.flatMap(({ minutes }) => ofEachDay(minutes, amount, days));
    if (each.every((taken) => taken === 0)) return [];
    return [percentiles(measure, 'per hour', hours), percentiles(measure, 'per day', each)];
  });
}

/** As the meter counts it: a sliding hour of 60 minutes and the part of one more. For each full hour in which something was taken, the highest. */
function busiestOfEachHour(minutes: ReadonlyMap<number, Used>, amount: (used: Used) => number): number[] {
  const inOrder = [...minutes].toSorted(([a], [b]) => a - b);
  const highest = new Map<number, number>();
  let held = 0;
  let oldest = 0;
  for (const [minute, used] of inOrder) {
    held += amount(used);
    while (inOrder[oldest]![0] < minute - 60) held -= amount(inOrder[oldest++]![1]);
    const hour = Math.floor(minute / 60);
    highest.set(hour, Math.max(highest.get(hour) ?? 0, held));
  }
  return [...highest.values()];
}

function ofEachDay(minutes: ReadonlyMap<number, Used>, amount: (used: Used) => number, days: CalendarDays): number[] {
  const sums = new Map<number, number>();
  for (const [minute, used] of minutes) {
    const day = days.dayOf(minute * 60_000);
    sums.set(day, (sums.get(day) ?? 0) + amount(used));
  }
  return [...sums.values()];
}

/** Of windows by what the guard has noted; where it counts none, what each statement has shown, added up. */
function people(principals: readonly PrincipalUsage[], days: CalendarDays): Percentiles[] {
  const windows = [...new Set(principals.flatMap((each) => [...each.people.keys()]))];
  const counted = windows.map((window) => {
    const [measure = '', length = ''] = window.split(/ (?=per )/);
    const ofHour = /^per (\d+ )?(second|minute|hour)s?$/.test(length);
    const samples = principals.flatMap((each) => {
      const hours = [...(each.people.get(window) ?? [])];
      return ofHour ? hours.map(([, used]) => used) : highestOfEachDay(hours, days);
    });
    return percentiles(measure, length, samples);
  });
  const subjects = new Set(
    principals.flatMap(({ minutes }) => [...minutes.values()].flatMap(({ shown }) => [...shown.keys()])),
  );
  const shown = [...subjects]
    .filter((subject) => !counted.some(({ measure }) => measure === `subjects.${subject}`))
    .map((subject): Percentiles => {
      const amount = (used: Used): number => used.shown.get(subject) ?? 0;
      const samples = principals.flatMap(({ minutes }) => ofEachDay(minutes, amount, days));
      return { ...percentiles(`subjects.${subject}`, 'per day', samples), atMost: true };
    });
  return [...counted, ...shown];
}

function highestOfEachDay(hours: readonly (readonly [number, number])[], days: CalendarDays): number[] {
  const highest = new Map<number, number>();
  for (const [hour, used] of hours) {
    const day = days.dayOf(hour * 3_600_000);
    highest.set(day, Math.max(highest.get(day) ?? 0, used));
  }
  return [...highest.values()];
}
