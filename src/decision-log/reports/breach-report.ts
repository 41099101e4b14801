/** The report on a breach, in the terms and order that a data protection officer needs. */
import type { Speech } from '../language/speech.ts';
import type { BreachFacts } from './breach-facts.ts';
import { coverageNotes } from './coverage.ts';
import { evidenceSections } from './evidence.ts';
import { notification, peopleToNotify } from './notification.ts';
import { peopleText } from './people.ts';
import { type ShownSubjects, unnamed } from './people-bounds.ts';
import type { Figure, Report, Section } from './report.ts';
import { originNotes, periodWords, readWords } from './report-origin.ts';
import type { PersonSearch, SubjectAnswer } from './subject.ts';
import { takenSections } from './taken-sections.ts';

export function breachReport(facts: BreachFacts): Report {
  const { asked, sought, made, evidence } = facts;
  const { speech } = made;
  return {
    title: speech.say('breach: title', { principal: asked.principal }),
    facts: factsOf(facts),
    figures: figuresOf(facts),
    sections: [
      ...(evidence ? evidenceSections(evidence, speech) : []),
      ...(sought ? [subjectSection(sought.who, sought.answer, asked.timeZone, speech)] : []),
      ...takenSections(facts),
      notification(facts),
      ...(evidence ? [peopleToNotify(facts)] : []),
    ],
    foot: footOf(facts),
    speech,
  };
}

function factsOf({ asked, breach, made, evidence }: BreachFacts): [string, string][] {
  const { speech } = made;
  const at = (instant: number): string => speech.instant(instant, asked.timeZone);
  const { first, last, users, roles, databases } = breach.totals;
  const span = first === undefined || last === undefined ? undefined : { first: at(first), last: at(last) };
  return [
    ...(evidence?.caseNumber === undefined
      ? []
      : [[speech.say('breach: case'), evidence.caseNumber] as [string, string]]),
    ...(evidence?.author === undefined ? [] : [[speech.say('breach: author'), evidence.author] as [string, string]]),
    [speech.say('breach: principal'), asked.principal],
    ...(asked.user !== undefined
      ? [[speech.say('breach: person behind it'), asked.user] as [string, string]]
      : users.length > 0
        ? [[speech.say('breach: people behind it'), speech.list(users)] as [string, string]]
        : []),
    [speech.say('breach: role'), speech.list(roles)],
    [speech.say('breach: database'), speech.list(databases)],
    [speech.say('asked about'), periodWords(asked, speech)],
    [speech.say('breach: first and last'), span ? speech.say('two instants', span) : speech.say('none')],
    [speech.say('read'), readWords(made, breach.coverage, asked.timeZone)],
  ];
}

function figuresOf({ breach: { totals, people, events }, made: { speech } }: BreachFacts): Figure[] {
  const locks = events.filter(({ kind }) => kind === 'lock').reduce((sum, { times }) => sum + times, 0);
  return [
    ...people.map((each) => ({
      name: speech.say('figure: shown', { subject: each.subject }),
      value: peopleText(each, speech),
      ...unnamedNote(each, speech),
    })),
    { name: speech.say('figure: rows'), value: speech.count(totals.rows), note: speech.bytes(totals.bytes) },
    ...(totals.changed > 0 ? [{ name: speech.say('figure: rows changed'), value: speech.count(totals.changed) }] : []),
    {
      name: speech.say('figure: statements'),
      value: speech.count(totals.statements),
      note: speech.say('figure: refused, stopped', { refused: totals.refused, stopped: totals.stopped }),
    },
    {
      name: speech.say('figure: locked out'),
      value: locks === 0 ? speech.say('never') : speech.say('times', { n: locks }),
    },
  ];
}

function unnamedNote(people: ShownSubjects, speech: Speech): { readonly note?: string } {
  return unnamed(people) > 0 ? { note: speech.say('figure: unnamed', { n: unnamed(people) }) } : {};
}

function footOf({ breach: { totals, coverage }, made, asked }: BreachFacts): string[] {
  const { undecided, observed } = totals;
  const { speech } = made;
  return [
    ...originNotes(made, asked.timeZone),
    ...coverageNotes(coverage, speech),
    ...(undecided > 0 ? [speech.say('breach: undecided', { outcomes: speech.say('outcomes', { n: undecided }) })] : []),
    ...(observed > 0
      ? [speech.say('breach: observed', { statements: speech.say('statements', { n: observed }) })]
      : []),
  ];
}

/** Whether one person is among those who were shown, in words. */
function subjectSection(
  { subject, key, keys }: PersonSearch,
  answer: SubjectAnswer,
  timeZone: string,
  speech: Speech,
): Section {
  const { statements, first, last, columns } = answer;
  const at = (instant: number | undefined): string => (instant === undefined ? '' : speech.instant(instant, timeZone));
  const said = speech.say(`subject: ${answer.answer}`);
  const span = { first: at(first), last: at(last) };
  return {
    heading: speech.say('subject: heading', { subject, key, answer: said }),
    notes: [
      ...(answer.answer === 'yes'
        ? [speech.say('subject: showed', { statements: speech.say('statements', { n: statements }), subject, ...span })]
        : []),
      ...(answer.answer === 'no' ? [speech.say('subject: none of the ids', { subject })] : []),
      ...doubtsOf(answer, speech),
      speech.say('person: looked for with keys', { n: keys.length, keys: keys.map(({ name }) => name).join(', ') }),
    ],
    ...(columns.length > 0 && {
      table: {
        columns: [{ name: speech.say('subject: columns'), kind: 'code' as const }],
        rows: columns.map((column) => [column]),
      },
    }),
  };
}

function doubtsOf({ doubts }: SubjectAnswer, speech: Speech): string[] {
  const { coverage, keysMissing } = doubts;
  const counted = (['unnamed', 'counted', 'unended'] as const).filter((doubt) => doubts[doubt] > 0);
  return [
    ...counted.map((doubt) =>
      speech.say(`subject: ${doubt}`, { statements: speech.say('statements', { n: doubts[doubt] }) }),
    ),
    ...coverageNotes(coverage, speech),
    ...(keysMissing.length > 0 ? [speech.say('subject: keys missing', { names: keysMissing.join(', ') })] : []),
  ];
}
