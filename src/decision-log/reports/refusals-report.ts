/** The report on refusals, in words. */
import { isReason } from '../../core/reasons.ts';
import type { Speech } from '../language/speech.ts';
import type { Period } from './period.ts';
import type { Refusals, RefusedBy } from './refusals.ts';
import type { Report, ReportColumn, Section } from './report.ts';
import { originNotes, periodWords, type ReportOrigin } from './report-origin.ts';

export function refusalsReport(refusals: Refusals, period: Period, made: ReportOrigin): Report {
  const { statements, late, logins, observed, decisions } = refusals;
  const { speech } = made;
  const by = (heading: string, kind: 'text' | 'code', name: string, all: readonly By[]): Section =>
    tableBy({ heading, kind, name, all, period, speech });
  return {
    title: speech.say('refusals: title'),
    facts: [
      [speech.say('asked about'), periodWords(period, speech)],
      [speech.say('read'), speech.say('files', { n: made.files.length })],
    ],
    figures: [
      {
        name: speech.say('refusals: statements'),
        value: speech.count(statements),
        note: speech.say('of so many', { n: decisions }),
      },
      { name: speech.say('refusals: late'), value: speech.count(late) },
      { name: speech.say('refusals: logins'), value: speech.count(logins) },
      ...(observed > 0
        ? [
            {
              name: speech.say('refusals: observed'),
              value: speech.count(observed),
              note: speech.say('refusals: observed note'),
            },
          ]
        : []),
    ],
    sections: [
      timeline(refusals, period, speech),
      by(speech.say('refusals: why'), 'text', speech.say('column: reason'), refusals.byReason),
      ...meanings(refusals.byReason, speech),
      by(speech.say('refusals: whose'), 'text', speech.say('column: principal'), refusals.byPrincipal),
      by(speech.say('refusals: tables'), 'code', speech.say('column: table'), refusals.byTable),
      by(speech.say('refusals: logins heading'), 'text', speech.say('column: name given'), refusals.loginsBy),
    ],
    foot: originNotes(made, period.timeZone),
    speech,
  };
}

type By = RefusedBy & { readonly reasons?: readonly string[] };

/** Statements of roles in observe mode. */
function observedColumn(speech: Speech): ReportColumn {
  return { name: speech.say('column: would have been'), kind: 'number' };
}

function timeline(
  { timeline: steps, step, observed: anyObserved }: Refusals,
  { timeZone }: Period,
  speech: Speech,
): Section {
  const isObserved = anyObserved > 0;
  return {
    heading: speech.say('taken: when'),
    notes: [speech.say('refusals: when note', { step: speech.step(step), zone: timeZone })],
    table: {
      columns: [
        { name: speech.say('column: time'), kind: 'time' },
        { name: speech.say('column: statements'), kind: 'number' },
        ...(isObserved ? [observedColumn(speech)] : []),
        { name: speech.say('column: logins'), kind: 'number' },
      ],
      rows: steps.map(({ at, times, observed, logins }) => [
        speech.wall(at, step),
        times,
        ...(isObserved ? [observed] : []),
        logins,
      ]),
    },
    charts: [
      {
        form: 'time',
        name: speech.say('refusals: statements'),
        step,
        points: steps.map(({ at, times }) => [at, times]),
        marked: true,
      },
      ...(isObserved
        ? [
            {
              form: 'time' as const,
              name: speech.say('refusals: chart observed'),
              step,
              points: steps.map(({ at, observed }) => [at, observed] as const),
            },
          ]
        : []),
      {
        form: 'time',
        name: speech.say('refusals: logins'),
        step,
        points: steps.map(({ at, logins }) => [at, logins]),
        marked: true,
      },
    ],
  };
}

/** The reasons' meanings. Limits' names and reasons of earlier guards have none here. */
function meanings(byReason: readonly RefusedBy[], speech: Speech): Section[] {
  const rows = byReason.flatMap(({ name }) => (isReason(name) ? [[name, speech.reason(name)]] : []));
  if (rows.length === 0) return [];
  const columns: ReportColumn[] = [
    { name: speech.say('column: reason'), kind: 'text' },
    { name: speech.say('column: meaning'), kind: 'text' },
  ];
  return [{ heading: speech.say('refusals: meanings'), notes: [], table: { columns, rows } }];
}

interface TableBy {
  readonly heading: string;
  readonly kind: 'text' | 'code';
  readonly name: string;
  readonly all: readonly By[];
  readonly period: Period;
  readonly speech: Speech;
}

function tableBy({ heading, kind, name, all, period: { timeZone }, speech }: TableBy): Section {
  const ofPrincipals = all.some(({ reasons }) => reasons);
  const isObserved = all.some(({ observed }) => observed > 0);
  const isRefused = all.some(({ times }) => times > 0);
  const columns: ReportColumn[] = [
    { name, kind },
    { name: speech.say('column: times'), kind: 'number' },
    ...(isObserved ? [observedColumn(speech)] : []),
    ofPrincipals
      ? { name: speech.say('column: reasons'), kind: 'text' }
      : { name: speech.say('column: principals'), kind: 'number' },
    { name: speech.say('column: first'), kind: 'time' },
    { name: speech.say('column: last'), kind: 'time' },
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
        speech.minute(each.first, timeZone),
        speech.minute(each.last, timeZone),
      ]),
    },
    charts: [{ form: 'bars', name: 0, value: isObserved && !isRefused ? 2 : 1 }],
  };
}
