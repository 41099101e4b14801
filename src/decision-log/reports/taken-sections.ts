/** What a principal took in a time, section by section: whose data, which tables and columns, when, with which statements, from where. */
import type { MessageKey } from '../language/en.ts';
import type { Speech } from '../language/speech.ts';
import type { BreachFacts } from './breach-facts.ts';
import { atLeast, atMost, unnamed } from './people-bounds.ts';
import { categoriesOf } from './policy-texts.ts';
import type { Cell, ReportColumn, Section } from './report.ts';
import { upToLimits } from './without-outcome.ts';

export function takenSections(facts: BreachFacts): Section[] {
  return [
    people(facts),
    tables(facts),
    columns(facts),
    timeline(facts),
    statements(facts),
    clients(facts),
    stopped(facts),
  ];
}

type ColumnKey = Extract<MessageKey, `column: ${string}`> extends `column: ${infer Name}` ? Name : never;

/** Columns of a table, by message keys. */
function columnsOf(
  speech: Speech,
  all: readonly (readonly [kind: ReportColumn['kind'], name: ColumnKey])[],
): ReportColumn[] {
  return all.map(([kind, name]) => ({ kind, name: speech.say(`column: ${name}`) }));
}

function timeline({ asked, breach, made: { speech } }: BreachFacts): Section {
  const { timeline: steps, step } = breach;
  return {
    heading: speech.say('taken: when'),
    notes: [speech.say('taken: when note', { step: speech.step(step), zone: asked.timeZone })],
    table: {
      columns: columnsOf(speech, [
        ['time', 'time'],
        ['number', 'statements'],
        ['number', 'refused'],
        ['number', 'rows'],
        ['bytes', 'bytes'],
        ['number', 'people'],
      ]),
      rows: steps.map((each) => [
        speech.wall(each.at, step),
        each.statements,
        each.refused,
        each.rows,
        each.bytes,
        each.people,
      ]),
    },
    charts: [
      { form: 'time', name: speech.say('chart: rows'), step, points: steps.map(({ at, rows }) => [at, rows]) },
      {
        form: 'time',
        name: speech.say('chart: refused'),
        step,
        points: steps.map(({ at, refused }) => [at, refused]),
        marked: true,
      },
    ],
  };
}

function people(facts: BreachFacts): Section {
  const { breach, made } = facts;
  const { people: all, totals, unended } = breach;
  const { speech } = made;
  const several = all.some(({ named }) => named.length > 1);
  return {
    heading: speech.say('taken: whose data'),
    notes: [
      speech.say('taken: people note'),
      ...(all.some(({ countedIn }) => countedIn > 0) ? [speech.say('taken: named and counted')] : []),
      ...(all.some((each) => unnamed(each) > 0) ? [speech.say('taken: unnamed note')] : []),
      ...(all.some(({ counted: without }) => without > 0) ? [speech.say('taken: without id note')] : []),
      ...(several ? [speech.say('taken: several keys')] : []),
      ...(totals.unended > 0 ? [upToLimits(unended, facts, speech)] : []),
    ],
    table: {
      columns: columnsOf(speech, [
        ['text', 'subject'],
        ['number', 'at least'],
        ['number', 'at most'],
        ['number', 'by id'],
        ['number', 'without id'],
        ['number', 'questions'],
        ['number', 'values'],
        ['number', 'named in'],
        ['number', 'counted in'],
        ['text', 'keys of the ids'],
      ]),
      rows: all.map((each) => [
        each.subject,
        atLeast(each),
        atMost(each),
        each.named.reduce((sum, { people: n }) => sum + n, 0),
        each.counted,
        each.questions,
        each.values,
        each.namedIn,
        each.countedIn,
        each.named.map(({ key, people: n }) => (several ? `${key} (${speech.count(n)})` : key)).join(', '),
      ]),
    },
  };
}

function tables({ breach: { tables: all, columns: read }, policies, made: { speech } }: BreachFacts): Section {
  return {
    heading: speech.say('taken: tables'),
    notes: [speech.say('taken: tables note')],
    table: {
      columns: columnsOf(speech, [
        ['code', 'table'],
        ['text', 'categories'],
        ['number', 'statements'],
        ['number', 'rows'],
        ['bytes', 'bytes'],
        ['number', 'changed'],
      ]),
      rows: all.map((each) => {
        const columnsRead = read.filter(({ name }) => name.startsWith(`${each.name}.`));
        const categories = new Set(columnsRead.flatMap(({ name }) => categoriesOf(name, policies)));
        return [each.name, [...categories].join(', '), each.statements, each.rows, each.bytes, each.changed];
      }),
    },
    charts: [{ form: 'bars', name: 0, value: 3 }],
  };
}

function columns({ breach: { columns: all }, policies, made: { speech } }: BreachFacts): Section {
  return {
    heading: speech.say('taken: columns'),
    notes: [speech.say('taken: columns note')],
    table: {
      columns: columnsOf(speech, [
        ['code', 'column'],
        ['text', 'categories'],
        ['number', 'statements'],
        ['number', 'rows'],
      ]),
      rows: all.map((each) => [each.name, categoriesOf(each.name, policies).join(', '), each.statements, each.rows]),
    },
  };
}

function statements({ asked, breach: { statements: all, shapes }, made: { speech } }: BreachFacts): Section {
  return {
    heading: speech.say('taken: statements'),
    notes: [speech.say('taken: statements note')],
    table: {
      columns: columnsOf(speech, [
        ['code', 'statement'],
        ['number', 'times'],
        ['number', 'refused'],
        ['number', 'rows'],
        ['number', 'people'],
        ['time', 'first'],
        ['time', 'last'],
      ]),
      rows: all.map((each): Cell[] => [
        each.name,
        each.statements,
        each.refused,
        each.rows,
        each.people,
        speech.minute(each.first, asked.timeZone),
        speech.minute(each.last, asked.timeZone),
      ]),
      more: shapes - all.length,
    },
  };
}

function clients({ asked, breach: { clients: all }, made: { speech } }: BreachFacts): Section {
  return {
    heading: speech.say('taken: clients'),
    notes: [speech.say('taken: clients note')],
    table: {
      columns: columnsOf(speech, [
        ['code', 'address'],
        ['text', 'application'],
        ['text', 'certificate'],
        ['number', 'sessions'],
        ['number', 'statements'],
        ['number', 'rows'],
        ['time', 'first'],
        ['time', 'last'],
      ]),
      rows: all.map((each) => [
        each.address,
        each.application || speech.say('none'),
        each.certificate ?? speech.say('none'),
        each.sessions,
        each.statements,
        each.rows,
        speech.minute(each.first, asked.timeZone),
        speech.minute(each.last, asked.timeZone),
      ]),
    },
  };
}

function stopped({ asked, breach: { refusals, events }, made: { speech } }: BreachFacts): Section {
  const at = (instant: number): string => speech.instant(instant, asked.timeZone);
  return {
    heading: speech.say('taken: stopped'),
    notes: [speech.say('taken: stopped note')],
    table: {
      columns: columnsOf(speech, [
        ['time', 'time'],
        ['text', 'what'],
        ['text', 'why'],
        ['text', 'by'],
        ['number', 'times'],
      ]),
      rows: [
        ...refusals.map(({ reason, late, times, last }) => [
          speech.say('last at', { at: at(last) }),
          speech.say(late ? 'stopped' : 'refused'),
          reason,
          '',
          times,
        ]),
        ...events.map((event) => [at(event.at), event.kind, event.what, event.by ?? '', event.times]),
      ],
    },
  };
}
