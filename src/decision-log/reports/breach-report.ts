/** The report on a breach, in the words and the order in which a data protection officer needs it. */

import { shownInstant } from '../read/times.ts';
import type { Breach } from './breach.ts';
import type { BreachFacts } from './breach-facts.ts';
import { gapsOf } from './coverage.ts';
import { madeLine, periodText } from './made.ts';
import { notification } from './notification.ts';
import { peopleText, type ShownSubjects, unnamed } from './people.ts';
import { bytesText, count, countText, type Figure, type Report } from './report.ts';
import { subjectSection } from './subject-section.ts';
import { takenSections } from './taken-sections.ts';

export function breachReport(facts: BreachFacts): Report {
  const { asked, breach, sought } = facts;
  return {
    title: `What ${asked.principal} took`,
    facts: factsOf(facts),
    figures: figuresOf(breach),
    sections: [
      ...(sought ? [subjectSection(sought.who, sought.answer, asked.timeZone)] : []),
      ...takenSections(facts),
      notification(facts),
    ],
    foot: footOf(facts),
  };
}

function factsOf({ asked, breach, made }: BreachFacts): [string, string][] {
  const at = (instant: number): string => shownInstant(instant, asked.timeZone);
  const { first, last, users, roles, databases } = breach.totals;
  const { coverage } = breach;
  const range =
    coverage.first === undefined || coverage.last === undefined ? '' : `${at(coverage.first)} to ${at(coverage.last)}`;
  const list = (names: readonly string[]): string =>
    names.length > 8 ? `${names.slice(0, 8).join(', ')} and ${names.length - 8} more` : names.join(', ') || 'none';
  return [
    ['Principal', asked.principal],
    ...(asked.user !== undefined
      ? [['Person behind it', asked.user] as [string, string]]
      : users.length > 0
        ? [['People behind it', list(users)] as [string, string]]
        : []),
    ['Role', list(roles)],
    ['Database', list(databases)],
    ['Asked about', periodText(asked)],
    ['First and last statement', first === undefined || last === undefined ? 'none' : `${at(first)} and ${at(last)}`],
    ['Read', `${countText(made.files.length, 'file')}${range === '' ? '' : `, with records from ${range}`}`],
  ];
}

function figuresOf({ totals, people, events }: Breach): Figure[] {
  const locks = events.filter(({ kind }) => kind === 'lock').reduce((sum, { times }) => sum + times, 0);
  return [
    ...people.map((each) => ({ name: `${each.subject}s shown`, value: peopleText(each), ...unnamedNote(each) })),
    { name: 'rows', value: count(totals.rows), note: bytesText(totals.bytes) },
    ...(totals.changed > 0 ? [{ name: 'rows changed', value: count(totals.changed) }] : []),
    {
      name: 'statements',
      value: count(totals.statements),
      note: `${count(totals.refused)} refused, ${count(totals.stopped)} stopped`,
    },
    { name: 'locked out', value: locks === 0 ? 'never' : countText(locks, 'time') },
  ];
}

function unnamedNote(people: ShownSubjects): { readonly note?: string } {
  return unnamed(people) > 0 ? { note: `of these, up to ${count(unnamed(people))} unnamed` } : {};
}

function footOf({ breach: { totals, coverage }, made, asked }: BreachFacts): string[] {
  const { undecided, observed } = totals;
  return [
    ...madeLine(made, asked.timeZone),
    ...gapsOf(coverage),
    ...(undecided > 0
      ? [
          `No decision in these files: ${countText(undecided, 'outcome')}. Rows and people are countText, tables and clients are not known.`,
        ]
      : []),
    ...(observed > 0
      ? [`Its policy would have refused ${countText(observed, 'statement')}: the role was only observed.`]
      : []),
  ];
}
