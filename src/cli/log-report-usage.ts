/** Who uses how much, by role: percentiles of what windows of its principals held, and the limits that follow. */
import { roundedUp } from '../desk/learn/taken.ts';
import { CalendarDays } from '../metering/days.ts';
import { isCalendarDay, lengthOf, SlotLine } from '../metering/window-slots.ts';
import { amountName } from '../policy/model/limits-in-force.ts';
import { readWindowLimit } from '../policy/source/quantity.ts';
import type { DisclosedTotals, PerStatement, PrincipalUsage, UsageTally, UsedAmounts } from './log-report-tally.ts';

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

/** `margin`: 0.3 adds 30 percent to the proposal. Undefined if nothing was used. */
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
        ...ofSubjects(principals, days),
      ];
      return { role, principals: principals.length, usage, proposed: proposedLimits(usage, margin) };
    }),
  };
}

const MEASURES = ['rows', 'bytes', 'statements', 'changed'] as const;

function overTime(principals: readonly PrincipalUsage[], days: CalendarDays): Percentiles[] {
  const windows = ['per hour', 'per day'].map((name) => new ReportedWindow(name, days));
  return MEASURES.flatMap((measure) => {
    const found = windows.map((window) => {
      const samples = principals.flatMap(({ minutes }) => highestOf(window, minutes, (used) => used[measure]));
      return percentiles(measure, window.name, samples);
    });
    return found.every(({ most }) => most === 0) ? [] : found;
  });
}

/** For each step of time in which something was used, the highest that the window held of it. */
function highestOf(
  window: ReportedWindow,
  minutes: ReadonlyMap<number, UsedAmounts>,
  amount: (used: UsedAmounts) => number,
) {
  const taken = inOrder(minutes, amount);
  const at = taken.map(([minute]) => minute);
  return window.highest(window.held(taken, at).map((held, i) => [at[i]!, held]));
}

function inOrder(minutes: ReadonlyMap<number, UsedAmounts>, amount: (used: UsedAmounts) => number): [number, number][] {
  return [...minutes]
    .map(([minute, used]): [number, number] => [minute, amount(used)])
    .toSorted(([one], [other]) => one - other);
}

/** People, questions and values of each subject, counted in the guard's windows, or by day if the guard counted none. */
function ofSubjects(principals: readonly PrincipalUsage[], days: CalendarDays): Percentiles[] {
  const windows = new Map<string, Set<string>>();
  for (const { minutes, noted } of principals) {
    for (const { told } of minutes.values())
      for (const subject of told.keys()) if (!windows.has(subject)) windows.set(subject, new Set());
    for (const name of noted.keys()) {
      const [, subject = '', window = ''] = /^\w+\.(\S+) (per .+)$/.exec(name) ?? [];
      windows.set(subject, (windows.get(subject) ?? new Set()).add(window));
    }
  }
  return [...windows].flatMap(([subject, names]) =>
    [...(names.size === 0 ? ['per day'] : names)].flatMap((name) =>
      inWindow(subject, new ReportedWindow(name, days), principals),
    ),
  );
}

function inWindow(subject: string, window: ReportedWindow, principals: readonly PrincipalUsage[]): Percentiles[] {
  const told = (what: string, of: (told: DisclosedTotals) => number): Percentiles => {
    const samples = principals.flatMap(({ minutes }) => highestOf(window, minutes, amountOf(subject, of)));
    return percentiles(`${what}.${subject}`, window.name, samples);
  };
  const counted = peopleIn(subject, window, principals);
  const people: Percentiles = counted ?? { ...told('subjects', (each) => each.people), atMost: true };
  const answers = told('answers', answersOf);
  if (answers.most === 0) return [people];
  return [people, told('questions', (each) => each.questions), told('values', (each) => each.values), answers];
}

/** Counts that the guard noted: each person counts once in a window. Undefined if no limit counted people in this window. */
function peopleIn(subject: string, window: ReportedWindow, principals: readonly PrincipalUsage[]) {
  const measure = `subjects.${subject}`;
  const all = principals.flatMap(({ minutes, noted }) => {
    const notes = [...(noted.get(`${measure} ${window.name}`)?.values() ?? [])].toSorted((a, b) => a.minute - b.minute);
    const answers = window.held(
      inOrder(minutes, amountOf(subject, answersOf)),
      notes.map(({ minute }) => minute),
    );
    const people = notes.map(({ used, withAnswers }, i) => Math.max(0, used - (withAnswers ? answers[i]! : 0)));
    return window.highest(people.map((held, i) => [notes[i]!.minute, held]));
  });
  return all.length === 0 ? undefined : percentiles(measure, window.name, all);
}

function amountOf(subject: string, of: (told: DisclosedTotals) => number): (used: UsedAmounts) => number {
  return ({ told }) => {
    const ofSubject = told.get(subject);
    return ofSubject ? of(ofSubject) : 0;
  };
}

function answersOf({ questions, values }: DisclosedTotals): number {
  return questions + values;
}

/** A `limits:` block in YAML. */
function proposedLimits(usage: readonly Percentiles[], margin: number): string {
  const lines: string[] = [];
  const of = (measure: string): Percentiles[] => usage.filter((each) => each.measure === measure);
  const amount = ({ measure, p999 }: Percentiles, more = margin): string => rounded(measure, p999 * (1 + more));
  for (const measure of ['rows_per_statement', 'bytes_per_statement']) {
    for (const each of of(measure)) lines.push(`  ${measure}: ${amount(each)}`);
  }
  for (const measure of ['rows', 'bytes', 'statements', 'changed']) {
    const windows = of(measure).map((each) => `${amount(each)} ${each.window}`);
    if (windows.length > 0) lines.push(`  ${measure}: [${windows.join(', ')}]`);
  }
  const subjects = [...new Set(usage.flatMap(({ measure }) => /^subjects\.(.+)$/.exec(measure)?.[1] ?? []))];
  // Who was named, and counted by no limit, may have been named before.
  const isCounted = (subject: string): boolean =>
    of(`subjects.${subject}`).every(({ atMost, most }) => !atMost || most === 0);
  const counted = subjects.filter(isCounted);
  for (const key of ['subjects', 'answers']) {
    const blocks = counted.flatMap((subject) => {
      const windows = of(`${key}.${subject}`).flatMap((each) => [
        `${amount(each, 0)} ${each.window} warn`,
        `${amount(each)} ${each.window}`,
      ]);
      return windows.length > 0 ? [`    ${subject}: [${windows.join(', ')}]`] : [];
    });
    if (blocks.length > 0) lines.push(`  ${key}:`, ...blocks);
  }
  for (const subject of subjects) {
    if (counted.includes(subject)) continue;
    lines.push(
      `  # People who are shown twice count once, and the log says so only where a limit counts them. Begin with:`,
      `  # subjects: { ${subject}: [1000000 per day warn, 1000000 per 30 days warn] }`,
    );
  }
  return `limits:\n${lines.join('\n')}\n`;
}

const KB = 1024;

function rounded(measure: string, amount: number): string {
  if (!measure.startsWith('bytes')) return String(Math.max(1, roundedUp(amount)));
  const unit = amount >= KB * KB ? KB * KB : KB;
  return amountName('bytes', Math.max(1, roundedUp(amount / unit)) * unit);
}

/** The amounts in windows of time, from the amounts of each minute: as the meter counts them, to the precision of a minute. */
const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_MS = 86_400_000;

/** A window of a limit, by its name. */
class ReportedWindow {
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

/** How much of one measure a role's principals took in windows of one length. */
export interface Percentiles {
  /** `rows`, `rows_per_statement`; `subjects.student`: people; `questions.student`, `values.student`, and both as `answers.student` */
  readonly measure: string;
  /** `per hour`; absent for one statement. */
  readonly window?: string;
  /** Of how many hours, days or statements. */
  readonly samples: number;
  readonly median: number;
  readonly p99: number;
  readonly p999: number;
  readonly most: number;
  /** People, each as often as they were shown: the log does not say who was the same. */
  readonly atMost?: true;
}

/** Percentiles of counts by amount; empty if there are no statements. */
function ofStatements(measure: string, counts: PerStatement = new Map()): Percentiles[] {
  const inOrder = [...counts].toSorted(([a], [b]) => a - b);
  const samples = inOrder.reduce((sum, [, times]) => sum + times, 0);
  if (samples === 0) return [];
  const at = (part: number): number => {
    let passed = 0;
    for (const [amount, times] of inOrder) {
      passed += times;
      if (passed >= samples * part) return amount;
    }
    return inOrder.at(-1)?.[0] ?? 0;
  };
  return [{ measure, samples, median: at(0.5), p99: at(0.99), p999: at(0.999), most: at(1) }];
}

/** By nearest rank. */
function percentiles(measure: string, window: string, samples: readonly number[]): Percentiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
  return { measure, window, samples: sorted.length, median: at(0.5), p99: at(0.99), p999: at(0.999), most: at(1) };
}
