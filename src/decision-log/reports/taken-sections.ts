/** What a principal took in a time, section by section: whose data, which tables and columns, when, by which statements, from where. */

import { stepName } from '../read/steps.ts';
import { shownInstant, shownMinute, shownWall } from '../read/times.ts';
import type { Breach } from './breach.ts';
import type { BreachFacts } from './breach-facts.ts';
import { atLeast, atMost, unnamed } from './people.ts';
import { categoriesOf, type PolicyFacts } from './policy-texts.ts';
import { type Cell, count, type ReportColumn, type Section } from './report.ts';
import { upToLimits } from './unended.ts';

export function takenSections(facts: BreachFacts): Section[] {
  const { asked, breach, policies } = facts;
  return [
    people(breach, facts),
    tables(breach, policies),
    columns(breach, policies),
    timeline(breach, asked.timeZone),
    statements(breach, asked.timeZone),
    clients(breach, asked.timeZone),
    stopped(breach, asked.timeZone),
  ];
}

const text = (name: string): ReportColumn => ({ name, kind: 'text' });
const code = (name: string): ReportColumn => ({ name, kind: 'code' });
const number = (name: string): ReportColumn => ({ name, kind: 'number' });
const time = (name: string): ReportColumn => ({ name, kind: 'time' });
const bytes = (name: string): ReportColumn => ({ name, kind: 'bytes' });

function timeline({ timeline: steps, step }: Breach, timeZone: string): Section {
  return {
    heading: 'When',
    notes: [
      `By ${stepName(step)}, in the time of ${timeZone}; a statement stands where it ended. People are counted once in each line.`,
    ],
    table: {
      columns: [
        time('time'),
        number('statements'),
        number('refused'),
        number('rows'),
        bytes('bytes'),
        number('people'),
      ],
      rows: steps.map((each) => [
        shownWall(each.at, step),
        each.statements,
        each.refused,
        each.rows,
        each.bytes,
        each.people,
      ]),
    },
    charts: [
      { form: 'time', name: 'rows', step, points: steps.map(({ at, rows }) => [at, rows]) },
      {
        form: 'time',
        name: 'refused statements',
        step,
        points: steps.map(({ at, refused }) => [at, refused]),
        marked: true,
      },
    ],
  };
}

function people({ people: all, totals, unended }: Breach, facts: BreachFacts): Section {
  const more = totals.unended > 0 ? [upToLimits(unended, facts)] : [];
  const several = all.some(({ named }) => named.length > 1);
  return {
    heading: 'Whose data',
    notes: [
      'Different people, counted once for the whole time, by the ids that stand in the log in the place of their keys.',
      ...(all.some((each) => unnamed(each) > 0)
        ? [
            'Questions are statements whose answer named nobody, as a list without rows. Values are answers of 8 bytes that name nobody, as counts and names without a key. Both are of anybody in the scope of the role, and perhaps of those counted by id.',
          ]
        : []),
      ...(all.some(({ counted: without }) => without > 0)
        ? ['“Without id” were counted, each as often as shown, and the log does not say who they were.']
        : []),
      ...(several ? ['Ids were made with more than one key: the same person may be counted under each.'] : []),
      ...more,
    ],
    table: {
      columns: [
        text('subject'),
        number('at least'),
        number('at most'),
        number('by id'),
        number('without id'),
        number('questions'),
        number('values'),
        text('keys of the ids'),
      ],
      rows: all.map((each) => [
        each.subject,
        atLeast(each),
        atMost(each),
        each.named.reduce((sum, { people: n }) => sum + n, 0),
        each.counted,
        each.questions,
        each.values,
        each.named.map(({ key, people: n }) => (several ? `${key} (${count(n)})` : key)).join(', '),
      ]),
    },
  };
}

function tables({ tables: all, columns: read }: Breach, policies: PolicyFacts): Section {
  return {
    heading: 'Which tables',
    notes: ['A statement that reads several tables counts, with its rows, for each of them.'],
    table: {
      columns: [
        code('table'),
        text('categories'),
        number('statements'),
        number('rows'),
        bytes('bytes'),
        number('changed'),
      ],
      rows: all.map((each) => {
        const columnsOf = read.filter(({ name }) => name.startsWith(`${each.name}.`));
        const categories = new Set(columnsOf.flatMap(({ name }) => categoriesOf(name, policies)));
        return [each.name, [...categories].join(', '), each.statements, each.rows, each.bytes, each.changed];
      }),
    },
    charts: [{ form: 'bars', name: 0, value: 3 }],
  };
}

function columns({ columns: all }: Breach, policies: PolicyFacts): Section {
  return {
    heading: 'Which columns',
    notes: [
      'Columns that the statements named: to return them, or in a condition. What a mask showed of one is in the policy.',
    ],
    table: {
      columns: [code('column'), text('categories'), number('statements'), number('rows')],
      rows: all.map((each) => [each.name, categoriesOf(each.name, policies).join(', '), each.statements, each.rows]),
    },
  };
}

function statements({ statements: all, shapes }: Breach, timeZone: string): Section {
  return {
    heading: 'Which statements',
    notes: ['Without their values, those that returned most first.'],
    table: {
      columns: [
        code('statement'),
        number('times'),
        number('refused'),
        number('rows'),
        number('people'),
        time('first'),
        time('last'),
      ],
      rows: all.map((each): Cell[] => [
        each.name,
        each.statements,
        each.refused,
        each.rows,
        each.people,
        shownMinute(each.first, timeZone),
        shownMinute(each.last, timeZone),
      ]),
      more: shapes - all.length,
    },
  };
}

function clients({ clients: all }: Breach, timeZone: string): Section {
  return {
    heading: 'From where',
    notes: ['The name of the application is what the client called itself.'],
    table: {
      columns: [
        code('address'),
        text('application'),
        text('certificate'),
        number('sessions'),
        number('statements'),
        number('rows'),
        time('first'),
        time('last'),
      ],
      rows: all.map((each) => [
        each.address,
        each.application || 'none',
        each.certificate ?? 'none',
        each.sessions,
        each.statements,
        each.rows,
        shownMinute(each.first, timeZone),
        shownMinute(each.last, timeZone),
      ]),
    },
  };
}

function stopped({ refusals, events }: Breach, timeZone: string): Section {
  return {
    heading: 'What stopped it',
    notes: [
      'Statements refused, or stopped as they ran, by their reason; and what the guard or its operators did. What repeats itself within a minute is one line.',
    ],
    table: {
      columns: [time('time'), text('what'), text('why'), text('by'), number('times')],
      rows: [
        ...refusals.map(({ reason, late, times, last }) => [
          `last ${shownInstant(last, timeZone)}`,
          late ? 'stopped' : 'refused',
          reason,
          '',
          times,
        ]),
        ...events.map(({ at, kind, what, by, times }) => [shownInstant(at, timeZone), kind, what, by ?? '', times]),
      ],
    },
  };
}
