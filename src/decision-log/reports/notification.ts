/**
 * What the notification to the supervisory authority must contain (GDPR, article 33 (3)), as far as a log can tell; and whom to notify (articles 33
 * and 34).
 */
import type { BreachFacts } from './breach-facts.ts';
import { peopleText } from './people.ts';
import { categoriesOf } from './policy-texts.ts';
import type { Section } from './report.ts';

/** Names of categories that article 9 (1) makes special, in English and French. */
const SPECIAL =
  /health|medical|disab|handicap|sant[eé]|m[eé]dica|belief|religi|faith|croyance|politic|politique|union|syndic|ethnic|ethni|race|racial|origin|genetic|g[eé]n[eé]tique|biometric|biom[eé]tri|sexual|sexuel|orientation/i;
/** Subjects whose name suggests that they are minors. */
const MINORS = /student|pupil|learner|child|minor|kid|[eé]l[eè]ve|enfant|mineur|[eé]colier|coll[eé]gien|lyc[eé]en/i;

/** Headings, filled in with what is known, and with room for the rest. */
export function notification(facts: BreachFacts): Section {
  const { asked, breach, policies, made } = facts;
  const { totals, people, columns, events } = breach;
  const { speech } = made;
  const byHand = speech.say('notice: by hand');
  const statements = (n: number): string => speech.say('statements', { n });
  const categories = [...new Set(columns.flatMap(({ name }) => categoriesOf(name, policies)))];
  const outside = speech.say('columns', { n: withoutCategory(facts) });
  const at = (instant: number | undefined): string =>
    instant === undefined ? speech.say('no statement') : speech.instant(instant, asked.timeZone);
  const locks = events.filter(({ kind }) => kind === 'lock');
  const subjects = people.map((each) => `${each.subject}: ${peopleText(each, speech)}`).join('; ');
  const read = totals.statements - totals.refused;
  const left = { rows: speech.say('rows', { n: totals.rows }), statements: statements(read) };
  const changed = breach.tables.filter((table) => table.changed > 0).map(({ name }) => name);
  const rows: [string, string][] = [
    [speech.say('notice: nature'), speech.say('notice: nature text', { principal: asked.principal })],
    [
      speech.say('notice: began'),
      speech.say('notice: began text', { first: at(totals.first), last: at(totals.last), zone: asked.timeZone }),
    ],
    [speech.say('notice: known'), speech.say('notice: known text', { by_hand: byHand })],
    [speech.say('notice: confidentiality'), speech.say('notice: confidentiality text', left)],
    [
      speech.say('notice: integrity'),
      totals.changed > 0
        ? speech.say('notice: integrity text', {
            rows: speech.say('rows', { n: totals.changed }),
            tables: speech.list(changed),
          })
        : speech.say('notice: integrity none'),
    ],
    [speech.say('notice: availability'), availability(facts)],
    [speech.say('notice: people'), people.map(({ subject }) => subject).join(', ') || speech.say('notice: no subject')],
    [speech.say('notice: minors'), minors(facts)],
    [speech.say('notice: number'), subjects === '' ? '0' : subjects],
    [
      speech.say('notice: data'),
      `${categories.join(', ') || speech.say('notice: no category')}${withoutCategory(facts) > 0 ? ` ${speech.say('notice: outside', { columns: outside })}` : ''}`,
    ],
    [speech.say('notice: special'), special(facts)],
    [
      speech.say('notice: records'),
      [
        speech.say('notice: rows', { n: totals.rows }),
        ...(totals.changed > 0 ? [speech.say('notice: rows changed', { n: totals.changed })] : []),
      ].join('; '),
    ],
    [speech.say('notice: contact'), byHand],
    [speech.say('notice: consequences'), byHand],
    [
      speech.say('notice: measures'),
      [
        speech.say('notice: measures text', { statements: statements(totals.refused), stopped: totals.stopped }),
        ...locks.slice(0, 3).map((lock) => speech.say('notice: locked out', { at: at(lock.at), what: lock.what })),
        speech.say('notice: what else'),
      ].join(' '),
    ],
  ];
  return {
    heading: speech.say('notice: heading'),
    notes: [speech.say('notice: note')],
    table: {
      columns: [
        { name: speech.say('column: asked for'), kind: 'text' },
        { name: speech.say('column: as the log says'), kind: 'text' },
      ],
      rows,
    },
  };
}

/** Whether people must be notified depends on the risk: the section shows what the log says about that. */
export function peopleToNotify(facts: BreachFacts): Section {
  const { speech } = facts.made;
  const reasons = [
    ...(specialColumns(facts).length > 0 ? [speech.say('whom: high by special')] : []),
    ...(minorSubjects(facts).length > 0 ? [speech.say('whom: high by minors')] : []),
  ];
  const high = reasons.length > 0 ? reasons.join(' ') : speech.say('whom: high not known');
  return {
    heading: speech.say('whom: heading'),
    notes: [],
    table: {
      columns: (['column: whom', 'column: by when', 'column: what to tell'] as const).map((name) => ({
        name: speech.say(name),
        kind: 'text',
      })),
      rows: [
        [speech.say('whom: authority'), speech.say('whom: authority when'), speech.say('whom: authority what')],
        [speech.say('whom: controller'), speech.say('whom: controller when'), speech.say('whom: controller what')],
        [
          speech.say('whom: people'),
          speech.say('whom: people when', { reasons: high }),
          speech.say('whom: people what'),
        ],
      ],
    },
  };
}

function availability({ breach, made: { speech } }: BreachFacts): string {
  const { removing } = breach;
  const n = removing.reduce((sum, { statements }) => sum + statements, 0);
  if (n === 0) return speech.say('notice: availability none');
  return speech.say('notice: availability text', {
    statements: speech.say('statements', { n }),
    commands: removing.map(({ command }) => command).join(', '),
    rows: speech.say('rows', { n: removing.reduce((sum, { changed }) => sum + changed, 0) }),
  });
}

function special(facts: BreachFacts): string {
  const { policies, made } = facts;
  const { speech } = made;
  const found = specialColumns(facts);
  if (found.length === 0)
    return speech.say('notice: special none', { columns: speech.say('columns', { n: withoutCategory(facts) }) });
  const categories = new Set(
    found.flatMap((name) => categoriesOf(name, policies).filter((each) => SPECIAL.test(each))),
  );
  return speech.say('notice: special text', { categories: [...categories].join(', '), columns: speech.list(found) });
}

function minors(facts: BreachFacts): string {
  const { speech } = facts.made;
  const found = minorSubjects(facts);
  if (found.length === 0) return speech.say('notice: minors not known');
  return speech.say('notice: minors likely', { subjects: found.join(', ') });
}

function minorSubjects({ breach }: BreachFacts): string[] {
  return breach.people.map(({ subject }) => subject).filter((subject) => MINORS.test(subject));
}

function specialColumns({ breach, policies }: BreachFacts): string[] {
  const isSpecial = (name: string): boolean => categoriesOf(name, policies).some((each) => SPECIAL.test(each));
  return breach.columns.map(({ name }) => name).filter(isSpecial);
}

function withoutCategory({ breach, policies }: BreachFacts): number {
  return breach.columns.filter(({ name }) => categoriesOf(name, policies).length === 0).length;
}
