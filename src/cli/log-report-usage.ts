/** Who uses how much, by role: percentiles of what windows of its principals held, and the limits that follow. */
import { CalendarDays } from '../metering/days.ts';
import { ofStatements, type Percentiles, percentiles } from './log-report-percentiles.ts';
import { proposedLimits } from './log-report-proposal.ts';
import type { PrincipalUsage, Told, UsageTally, Used } from './log-report-tally.ts';
import { ReportedWindow } from './log-report-windows.ts';

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
function highestOf(window: ReportedWindow, minutes: ReadonlyMap<number, Used>, amount: (used: Used) => number) {
  const taken = inOrder(minutes, amount);
  const at = taken.map(([minute]) => minute);
  return window.highest(window.held(taken, at).map((held, i) => [at[i]!, held]));
}

function inOrder(minutes: ReadonlyMap<number, Used>, amount: (used: Used) => number): [number, number][] {
  return [...minutes]
    .map(([minute, used]): [number, number] => [minute, amount(used)])
    .toSorted(([one], [other]) => one - other);
}

/** People, questions and values of each subject, in the windows in which the guard has counted them; where in none, in a day. */
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
  const told = (what: string, of: (told: Told) => number): Percentiles => {
    const samples = principals.flatMap(({ minutes }) => highestOf(window, minutes, amountOf(subject, of)));
    return percentiles(`${what}.${subject}`, window.name, samples);
  };
  const counted = peopleIn(subject, window, principals);
  const people: Percentiles = counted ?? { ...told('subjects', (each) => each.people), atMost: true };
  const answers = told('answers', answersOf);
  if (answers.most === 0) return [people];
  return [people, told('questions', (each) => each.questions), told('values', (each) => each.values), answers];
}

/** By what the guard has noted: in a window each of them stands once. Undefined where no limit has counted them in this one. */
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

function amountOf(subject: string, of: (told: Told) => number): (used: Used) => number {
  return ({ told }) => {
    const ofSubject = told.get(subject);
    return ofSubject ? of(ofSubject) : 0;
  };
}

function answersOf({ questions, values }: Told): number {
  return questions + values;
}
