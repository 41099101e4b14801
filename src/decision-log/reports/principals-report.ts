/** The report on principals, in words. */

import { shownInstant } from '../read/times.ts';
import { type Made, madeLine, periodText } from './made.ts';
import type { Period } from './period.ts';
import { type BusiestDay, DAYS_BEFORE, type PrincipalDone } from './principals.ts';
import { count, countText, type Report } from './report.ts';

/** So many times its busiest day before is unusual. */
const FACTOR = 2;
/** Of fewer days before, nothing is said. */
const ENOUGH_DAYS = 5;
/** Less than so much in a day is no news. */
const WORTH_SAYING: BusiestDay = { statements: 20, rows: 100, people: 10, refused: 5 };
const MOST_NAMES = 3;

export function principalsReport(all: readonly PrincipalDone[], period: Period, made: Made): Report {
  const sum = (of: (each: PrincipalDone) => number): number => all.reduce((total, each) => total + of(each), 0);
  const unusual = all.map((each) => [each.principal, unusualIn(each)] as const).filter(([, what]) => what.length > 0);
  return {
    title: 'What each principal did',
    facts: [
      ['Asked about', periodText(period)],
      ['Compared with', `the ${DAYS_BEFORE} days before`],
      ['Read', countText(made.files.length, 'file')],
    ],
    figures: [
      { name: 'principals', value: count(all.length) },
      {
        name: 'statements',
        value: count(sum(({ statements }) => statements)),
        note: `${count(sum(({ refused }) => refused))} refused`,
      },
      { name: 'rows', value: count(sum(({ rows }) => rows)) },
      { name: 'unusual', value: count(unusual.length) },
    ],
    sections: [
      {
        heading: 'Unlike their own weeks before',
        notes: [
          `A day with more than ${FACTOR} times what the busiest of the ${DAYS_BEFORE} days before had, or an address or a table that is new. Of principals with fewer than ${ENOUGH_DAYS} days before, nothing is said. It is a reason to look, and no proof.`,
        ],
        table: {
          columns: [
            { name: 'principal', kind: 'text' },
            { name: 'what', kind: 'text' },
          ],
          rows: unusual.map(([principal, what]) => [principal, what.join('; ')]),
        },
      },
      {
        heading: 'All principals',
        notes: ['Those that took most rows first. People are different ids of people in the whole time.'],
        table: {
          columns: [
            { name: 'principal', kind: 'text' },
            { name: 'role', kind: 'text' },
            { name: 'statements', kind: 'number' },
            { name: 'refused', kind: 'number' },
            { name: 'rows', kind: 'number' },
            { name: 'bytes', kind: 'bytes' },
            { name: 'changed', kind: 'number' },
            { name: 'people', kind: 'number' },
            { name: 'last login', kind: 'time' },
          ],
          rows: all.map((each) => [
            each.principal,
            each.roles.join(', '),
            each.statements,
            each.refused,
            each.rows,
            each.bytes,
            each.changed,
            each.people,
            each.lastLogin === undefined ? 'none in this time' : shownInstant(each.lastLogin, period.timeZone),
          ]),
        },
        charts: [{ form: 'bars', name: 0, value: 4 }],
      },
    ],
    foot: madeLine(made, period.timeZone),
  };
}

/** In words; empty where it was as ever, or is too new to tell. */
function unusualIn({ busiest, busiestBefore, daysBefore, newAddresses, newTables }: PrincipalDone): string[] {
  if (daysBefore < ENOUGH_DAYS) return [];
  const more = (['statements', 'rows', 'people', 'refused'] as const)
    .filter(
      (measure) => busiest[measure] > FACTOR * busiestBefore[measure] && busiest[measure] >= WORTH_SAYING[measure],
    )
    .map(
      (measure) => `${count(busiest[measure])} ${measure} in a day, at most ${count(busiestBefore[measure])} before`,
    );
  return [
    ...more,
    ...(newAddresses.length > 0 ? [`new address ${listed(newAddresses)}`] : []),
    ...(newTables.length > 0 ? [`new table ${listed(newTables)}`] : []),
  ];
}

function listed(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
