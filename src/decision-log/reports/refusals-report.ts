/** The report on refusals, in words. */

import { isReason, REASONS } from '../../core/reasons.ts';
import { stepName } from '../read/steps.ts';
import { shownMinute, shownWall } from '../read/times.ts';
import { type Made, madeLine, periodText } from './made.ts';
import type { Period } from './period.ts';
import type { Refusals, RefusedBy } from './refusals.ts';
import { count, countText, type Report, type ReportColumn, type Section } from './report.ts';

export function refusalsReport(refusals: Refusals, period: Period, made: Made): Report {
  const { statements, late, logins, observed, decisions } = refusals;
  return {
    title: 'What was refused',
    facts: [
      ['Asked about', periodText(period)],
      ['Read', countText(made.files.length, 'file')],
    ],
    figures: [
      { name: 'statements refused', value: count(statements), note: `of ${count(decisions)}` },
      { name: 'stopped as they ran', value: count(late) },
      { name: 'logins refused', value: count(logins) },
      ...(observed > 0
        ? [{ name: 'would have been refused', value: count(observed), note: 'by roles that are only observed' }]
        : []),
    ],
    sections: [
      timeline(refusals, period),
      by('Why', 'text', 'reason', refusals.byReason, period),
      ...meanings(refusals.byReason),
      by('Whose statements', 'text', 'principal', refusals.byPrincipal, period),
      by('On which tables', 'code', 'table', refusals.byTable, period),
      by('Logins', 'text', 'name given', refusals.loginsBy, period),
    ],
    foot: madeLine(made, period.timeZone),
  };
}

/** Of statements of roles in observe mode. */
const OBSERVED: ReportColumn = { name: 'would have been', kind: 'number' };

function timeline({ timeline: steps, step, observed: anyObserved }: Refusals, { timeZone }: Period): Section {
  const isObserved = anyObserved > 0;
  return {
    heading: 'When',
    notes: [`By ${stepName(step)}, in the time of ${timeZone}.`],
    table: {
      columns: [
        { name: 'time', kind: 'time' },
        { name: 'statements', kind: 'number' },
        ...(isObserved ? [OBSERVED] : []),
        { name: 'logins', kind: 'number' },
      ],
      rows: steps.map(({ at, times, observed, logins }) => [
        shownWall(at, step),
        times,
        ...(isObserved ? [observed] : []),
        logins,
      ]),
    },
    charts: [
      {
        form: 'time',
        name: 'statements refused',
        step,
        points: steps.map(({ at, times }) => [at, times]),
        marked: true,
      },
      ...(isObserved
        ? [
            {
              form: 'time' as const,
              name: 'statements that would have been refused',
              step,
              points: steps.map(({ at, observed }) => [at, observed] as const),
            },
          ]
        : []),
      { form: 'time', name: 'logins refused', step, points: steps.map(({ at, logins }) => [at, logins]), marked: true },
    ],
  };
}

/** What the reasons mean. Names of limits and words of older guards have no meaning here. */
function meanings(byReason: readonly RefusedBy[]): Section[] {
  const rows = byReason.flatMap(({ name }) => (isReason(name) ? [[name, REASONS[name].meaning]] : []));
  if (rows.length === 0) return [];
  const columns: ReportColumn[] = [
    { name: 'reason', kind: 'text' },
    { name: 'meaning', kind: 'text' },
  ];
  return [{ heading: 'What the reasons mean', notes: [], table: { columns, rows } }];
}

function by(
  heading: string,
  kind: 'text' | 'code',
  name: string,
  all: readonly (RefusedBy & { readonly reasons?: readonly string[] })[],
  { timeZone }: Period,
): Section {
  const ofPrincipals = all.some(({ reasons }) => reasons);
  const isObserved = all.some(({ observed }) => observed > 0);
  const isRefused = all.some(({ times }) => times > 0);
  const columns: ReportColumn[] = [
    { name, kind },
    { name: 'times', kind: 'number' },
    ...(isObserved ? [OBSERVED] : []),
    ofPrincipals ? { name: 'reasons', kind: 'text' } : { name: 'principals', kind: 'number' },
    { name: 'first', kind: 'time' },
    { name: 'last', kind: 'time' },
  ];
  return {
    heading,
    notes: [],
    table: {
      columns,
      rows: all.map((each) => [
        each.name,
        each.times,
        ...(isObserved ? [each.observed] : []),
        ofPrincipals ? each.reasons?.join(', ') : each.principals,
        shownMinute(each.first, timeZone),
        shownMinute(each.last, timeZone),
      ]),
    },
    charts: [{ form: 'bars', name: 0, value: isObserved && !isRefused ? 2 : 1 }],
  };
}
