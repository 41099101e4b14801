/** The report on principals, in words. */

import type { MessageKey } from '../language/en.ts';
import type { Speech } from '../language/speech.ts';
import type { Period } from './period.ts';
import { type BusiestDay, DAYS_BEFORE, type PrincipalDone } from './principals.ts';
import type { Report, ReportColumn } from './report.ts';
import { originNotes, periodWords, type ReportOrigin } from './report-origin.ts';

/** A busiest day is unusual if it exceeds the busiest day before by this factor. */
const FACTOR = 2;
/** With fewer earlier days, nothing is reported. */
const ENOUGH_DAYS = 5;
/** Smaller amounts in a day are never reported. */
const WORTH_SAYING: BusiestDay = { statements: 20, rows: 100, people: 10, refused: 5 };
const MOST_NAMES = 3;

export function principalsReport(all: readonly PrincipalDone[], period: Period, made: ReportOrigin): Report {
  const { speech } = made;
  const text = (key: MessageKey): ReportColumn => ({ name: speech.say(key), kind: 'text' });
  const number = (key: MessageKey): ReportColumn => ({ name: speech.say(key), kind: 'number' });
  const sum = (of: (each: PrincipalDone) => number): number => all.reduce((total, each) => total + of(each), 0);
  const unusual = all
    .map((each) => [each.principal, unusualIn(each, speech)] as const)
    .filter(([, what]) => what.length > 0);
  return {
    title: speech.say('principals: title'),
    facts: [
      [speech.say('asked about'), periodWords(period, speech)],
      [speech.say('principals: compared with'), speech.say('principals: days before', { n: DAYS_BEFORE })],
      [speech.say('read'), speech.say('files', { n: made.files.length })],
    ],
    figures: [
      { name: speech.say('column: principals'), value: speech.count(all.length) },
      {
        name: speech.say('column: statements'),
        value: speech.count(sum(({ statements }) => statements)),
        note: speech.say('so many refused', { n: sum(({ refused }) => refused) }),
      },
      { name: speech.say('column: rows'), value: speech.count(sum(({ rows }) => rows)) },
      { name: speech.say('principals: unusual'), value: speech.count(unusual.length) },
    ],
    sections: [
      {
        heading: speech.say('principals: unlike'),
        notes: [speech.say('principals: unlike note', { factor: FACTOR, days: DAYS_BEFORE, enough: ENOUGH_DAYS })],
        table: {
          columns: [text('column: principal'), text('column: what')],
          rows: unusual.map(([principal, what]) => [principal, what.join('; ')]),
        },
      },
      {
        heading: speech.say('principals: all'),
        notes: [speech.say('principals: all note')],
        table: {
          columns: [
            text('column: principal'),
            text('column: role'),
            number('column: statements'),
            number('column: refused'),
            number('column: rows'),
            { name: speech.say('column: bytes'), kind: 'bytes' },
            number('column: changed'),
            number('column: people'),
            { name: speech.say('column: last login'), kind: 'time' },
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
            each.lastLogin === undefined
              ? speech.say('principals: no login')
              : speech.instant(each.lastLogin, period.timeZone),
          ]),
        },
        charts: [{ form: 'bars', name: 0, value: 4 }],
      },
    ],
    foot: originNotes(made, period.timeZone),
    speech,
  };
}

/** In words; empty if nothing is unusual, or if there is too little to compare with. */
function unusualIn(
  { busiest, busiestBefore, daysBefore, newAddresses, newTables }: PrincipalDone,
  speech: Speech,
): string[] {
  if (daysBefore < ENOUGH_DAYS) return [];
  const more = (['statements', 'rows', 'people', 'refused'] as const)
    .filter(
      (measure) => busiest[measure] > FACTOR * busiestBefore[measure] && busiest[measure] >= WORTH_SAYING[measure],
    )
    .map((measure) =>
      speech.say('principals: in a day', {
        n: busiest[measure],
        what: speech.say(`column: ${measure}`),
        before: busiestBefore[measure],
      }),
    );
  return [
    ...more,
    ...(newAddresses.length > 0
      ? [speech.say('principals: new address', { names: speech.list(newAddresses, MOST_NAMES) })]
      : []),
    ...(newTables.length > 0
      ? [speech.say('principals: new table', { names: speech.list(newTables, MOST_NAMES) })]
      : []),
  ];
}
