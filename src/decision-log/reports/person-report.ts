/**
 * What the log says about one data subject, in words, for a request of access (GDPR, article 15). Other people's names are included only on request.
 */
import type { MessageKey } from '../language/en.ts';
import { coverageNotes } from './coverage.ts';
import type { ConcerningStatement, PersonFound, PersonQuestion, PossibleStatements } from './person.ts';
import { categoriesOf, type PolicyFacts } from './policy-texts.ts';
import type { Cell, Report, ReportColumn, Section } from './report.ts';
import { originNotes, periodWords, type ReportOrigin, readWords } from './report-origin.ts';

export interface PersonFacts {
  readonly asked: PersonQuestion;
  readonly found: PersonFound;
  /** The policies of now, for categories of data. */
  readonly policies: PolicyFacts;
  /** With accounts, end users and addresses. */
  readonly withNames: boolean;
  /** A statement's text as it may be shown: without literals. */
  readonly shownStatement: (text: string) => string;
  readonly made: ReportOrigin;
}

/** Further times are only counted in the report; its data has all of them. */
const MOST_TIMES = 1_000;

export function personReport(facts: PersonFacts): Report {
  const { asked, found, made, withNames } = facts;
  const { speech } = made;
  const { subject, key, keys } = asked.sought;
  const open = openQuestions(facts);
  const perhaps = found.perhaps.reduce((sum, { statements }) => sum + statements, 0);
  const isAllTold = perhaps + open.length === 0;
  const names = keys.map(({ name }) => name).join(', ');
  const none = speech.say(isAllTold ? 'person: nobody' : 'person: not nobody', { subject });
  return {
    title: speech.say('person: title', { subject, key }),
    facts: [
      [speech.say('asked about'), periodWords(asked, speech)],
      [speech.say('read'), readWords(made, found.coverage, asked.timeZone)],
    ],
    figures: [
      { name: speech.say('person: figure certainly'), value: speech.say('statements', { n: found.certainly.length }) },
      { name: speech.say('person: figure perhaps'), value: speech.say('statements', { n: perhaps }) },
      { name: speech.say('person: figure cannot be told'), value: speech.count(open.length) },
    ],
    sections: [
      certainly(facts, found.certainly.length === 0 ? [none] : [speech.say('person: certainly note', { subject })]),
      ...(found.certainly.length > 0 ? [eachTime(facts)] : []),
      perhapsSection(facts),
      {
        heading: speech.say('person: cannot be told'),
        notes: open.length > 0 ? open : [speech.say('person: nothing open')],
      },
    ],
    foot: [
      speech.say(withNames ? 'person: with names' : 'person: names left out'),
      ...(keys.length > 0 ? [speech.say('person: looked for with keys', { n: keys.length, keys: names })] : []),
      ...originNotes(made, asked.timeZone),
    ],
    speech,
  };
}

/** The same as data. Codes and times are not translated; without names it identifies no other person. */
export function personData({ asked, found, withNames, shownStatement }: PersonFacts) {
  const { subject, key } = asked.sought;
  const iso = (at: number): string => new Date(at).toISOString();
  const named = ({ principal, user, client }: Partial<ConcerningStatement>) =>
    withNames ? { principal, user, client } : {};
  const { coverage, keysMissing, functions, strange } = found;
  return {
    subject,
    key,
    certainly: found.certainly.map((each) => ({
      id: each.id,
      time: iso(each.at),
      what: each.what,
      role: each.role,
      ...named(each),
      command: each.command,
      statement: each.statement === undefined ? undefined : shownStatement(each.statement),
      columns: each.columns,
      rows: each.rows,
      changed: each.changed,
    })),
    perhaps: found.perhaps.map((each) => ({
      doubt: each.doubt,
      role: each.role,
      ...named(each),
      tables: each.tables,
      statements: each.statements,
      first: iso(each.first),
      last: iso(each.last),
    })),
    cannot_be_told: {
      keys_missing: keysMissing.map(({ name, statements, first, last }) => ({
        ...{ name, statements },
        first: iso(first),
        last: iso(last),
      })),
      records_missing: coverage.missing,
      begin_late: coverage.beginLate,
      lines_without_record: strange,
      functions,
    },
  };
}

const text = (name: string): ReportColumn => ({ name, kind: 'text' });
const code = (name: string): ReportColumn => ({ name, kind: 'code' });
const number = (name: string): ReportColumn => ({ name, kind: 'number' });
const time = (name: string): ReportColumn => ({ name, kind: 'time' });

function certainly(facts: PersonFacts, notes: readonly string[]): Section {
  const { asked, found, policies } = facts;
  const { speech } = facts.made;
  const { timeZone } = asked;
  const groups = new Map<string, ConcerningStatement[]>();
  for (const each of found.certainly) {
    const id = JSON.stringify([...who(facts, each), each.what, shown(facts, each), each.columns]);
    groups.set(id, [...(groups.get(id) ?? []), each]);
  }
  const rows = [...groups.values()].map((all): Cell[] => {
    const [one] = all as [ConcerningStatement];
    const categories = new Set(one.columns.flatMap((column) => categoriesOf(column, policies)));
    return [
      ...who(facts, one),
      speech.say(`person: ${one.what}`),
      shown(facts, one),
      one.columns.join(', '),
      [...categories].join(', '),
      all.length,
      speech.minute(one.at, timeZone),
      speech.minute(all.at(-1)?.at ?? one.at, timeZone),
    ];
  });
  const columns = [
    ...whoColumns(facts),
    text(speech.say('column: what')),
    code(speech.say('column: statement')),
    code(speech.say('column: columns')),
    text(speech.say('column: categories')),
    number(speech.say('column: times')),
    time(speech.say('column: first')),
    time(speech.say('column: last')),
  ];
  const heading = speech.say('person: certainly', { subject: asked.sought.subject });
  return { heading, notes, ...(rows.length > 0 && { table: { columns, rows } }) };
}

function eachTime(facts: PersonFacts): Section {
  const { asked, found } = facts;
  const { speech } = facts.made;
  const listed = found.certainly.slice(0, MOST_TIMES);
  return {
    heading: speech.say('person: each time'),
    notes: [],
    table: {
      columns: [
        time(speech.say('column: time')),
        ...whoColumns(facts),
        text(speech.say('column: what')),
        number(speech.say('column: rows')),
        number(speech.say('column: changed')),
        code(speech.say('column: columns')),
      ],
      rows: listed.map((each) => [
        speech.instant(each.at, asked.timeZone),
        ...who(facts, each),
        speech.say(`person: ${each.what}`),
        each.rows,
        each.changed,
        each.columns.join(', '),
      ]),
      more: found.certainly.length - listed.length,
    },
  };
}

function perhapsSection(facts: PersonFacts): Section {
  const { asked, found } = facts;
  const { speech } = facts.made;
  const groups = new Map<string, PossibleStatements>();
  // Without names, accounts of one role are merged.
  for (const each of found.perhaps) {
    const id = JSON.stringify([...who(facts, each), each.doubt, each.tables]);
    const before = groups.get(id);
    groups.set(id, {
      ...each,
      statements: each.statements + (before?.statements ?? 0),
      first: Math.min(each.first, before?.first ?? each.first),
      last: Math.max(each.last, before?.last ?? each.last),
    });
  }
  const rows = [...groups.values()].map((each): Cell[] => [
    ...who(facts, each),
    speech.say(`doubt: ${each.doubt}`),
    each.tables.join(', '),
    each.statements,
    speech.minute(each.first, asked.timeZone),
    speech.minute(each.last, asked.timeZone),
  ]);
  const columns = [
    ...whoColumns(facts),
    text(speech.say('column: why')),
    code(speech.say('column: tables')),
    number(speech.say('column: statements')),
    time(speech.say('column: first')),
    time(speech.say('column: last')),
  ];
  const heading = speech.say('person: perhaps', { subject: asked.sought.subject });
  return rows.length > 0
    ? { heading, notes: [], table: { columns, rows } }
    : { heading, notes: [speech.say('person: nothing open')] };
}

/** What is not known, one sentence each. */
function openQuestions({ asked, found, made: { speech } }: PersonFacts): string[] {
  const { coverage, keysMissing, functions, strange } = found;
  return [
    ...coverageNotes(coverage, speech),
    ...(coverage.first === undefined ? [speech.say('person: no records')] : []),
    ...(strange > 0 ? [speech.say('lines passed over', { n: strange })] : []),
    ...keysMissing.map(({ name, statements, first, last }) => {
      const span = { from: speech.minute(first, asked.timeZone), to: speech.minute(last, asked.timeZone) };
      const which = speech.say('from to in zone', { ...span, zone: speech.say('statements', { n: statements }) });
      return `${speech.say('person: key missing', { name })} ${which}`;
    }),
    ...(functions.length > 0 ? [speech.say('person: functions', { names: speech.list(functions) })] : []),
  ];
}

function whoColumns({ made: { speech }, withNames }: PersonFacts): ReportColumn[] {
  const names: MessageKey[] = withNames
    ? ['column: role', 'column: account', 'column: person behind it', 'column: address']
    : ['column: role'];
  return names.map((name) => text(speech.say(name)));
}

function who(
  { withNames, made: { speech } }: PersonFacts,
  { role, principal, user, client }: Partial<ConcerningStatement>,
): Cell[] {
  const shownRole = role ?? speech.say('none');
  return withNames ? [shownRole, principal ?? '', user ?? '', client?.replace(/:\d+$/, '') ?? ''] : [shownRole];
}

function shown({ shownStatement }: PersonFacts, { statement, command }: ConcerningStatement): string {
  return statement === undefined ? (command ?? '') : shownStatement(statement);
}
