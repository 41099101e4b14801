/** What the notification to the supervisory authority asks for (GDPR, article 33 (3)), as far as a log can say it. */

import { shownInstant } from '../read/times.ts';
import type { BreachFacts } from './breach-facts.ts';
import { peopleText } from './people.ts';
import { categoriesOf } from './policy-texts.ts';
import { count, countText, type Section } from './report.ts';

const BY_HAND = 'Not in the log: to be written by the data protection officer.';

/** Headings with what is known filled in, and room for the rest. */
export function notification({ asked, breach, policies }: BreachFacts): Section {
  const { totals, people, columns, events } = breach;
  const categories = [...new Set(columns.flatMap(({ name }) => categoriesOf(name, policies)))];
  const outside = columns.filter(({ name }) => categoriesOf(name, policies).length === 0).length;
  const at = (instant: number | undefined): string =>
    instant === undefined ? 'no statement' : shownInstant(instant, asked.timeZone);
  const locks = events.filter(({ kind }) => kind === 'lock');
  const subjects = people.map((each) => `${each.subject}: ${peopleText(each)}`).join('; ');
  const rows: [string, string][] = [
    [
      '(a) Nature of the breach',
      `The account ${asked.principal} read data through the database. What is unlawful in it is not in the log.`,
    ],
    [
      'Began, ended',
      `${at(totals.first)}; ${at(totals.last)} (first and last statement in the time asked about, ${asked.timeZone})`,
    ],
    ['Became known', `${BY_HAND} 72 hours run from then.`],
    ['Categories of people', people.map(({ subject }) => subject).join(', ') || 'No declared subject was shown.'],
    ['Approximate number of people', subjects === '' ? '0' : subjects],
    [
      'Categories of data',
      `${categories.join(', ') || 'None of the categories in the policies.'}${outside > 0 ? ` And ${countText(outside, 'column')} of no category.` : ''}`,
    ],
    [
      'Approximate number of records',
      `${count(totals.rows)} rows${totals.changed > 0 ? `; ${count(totals.changed)} rows were changed` : ''}`,
    ],
    ['(b) Contact', BY_HAND],
    ['(c) Likely consequences', BY_HAND],
    [
      '(d) Measures taken',
      [
        `By the guard: ${countText(totals.refused, 'statement')} refused, ${count(totals.stopped)} stopped at a limit.`,
        ...locks.slice(0, 3).map((lock) => `Locked out ${at(lock.at)}: ${lock.what}.`),
        'What else was done: to be written by the data protection officer.',
      ].join(' '),
    ],
  ];
  return {
    heading: 'For the notification (GDPR, article 33)',
    notes: [
      'The supervisory authority is to be told within 72 hours of the breach having become known. What the log can say is filled in.',
    ],
    table: {
      columns: [
        { name: 'asked for', kind: 'text' },
        { name: 'as far as the log says', kind: 'text' },
      ],
      rows,
    },
  };
}
