/** Reports break-glass: all openings in a time as figures, or one in full. */

import type { MessageKey } from '../language/en.ts';
import type { Speech } from '../language/speech.ts';
import type { RecordTable } from '../read/source.ts';
import { type Breach, breachOf } from './breach.ts';
import { coverageNotes } from './coverage.ts';
import { openingsOf, openTime, type RecordedOpening } from './openings.ts';
import { peopleText } from './people.ts';
import type { Period } from './period.ts';
import { NO_POLICIES, type PolicyFacts } from './policy-texts.ts';
import type { Report, ReportColumn, Section } from './report.ts';
import { originNotes, periodWords, type ReportOrigin } from './report-origin.ts';
import type { WhoAndWhen } from './taken.ts';
import { takenSections } from './taken-sections.ts';

/** An opening, and what was done in it; `done` is absent if it was never open. */
export interface OpeningDone {
  readonly opening: RecordedOpening;
  readonly asked?: WhoAndWhen;
  readonly done?: Breach;
}

/** Openings with a step in the time, newest first. `id`: only this one, whenever it was. */
export async function breakGlassOf(
  source: RecordTable,
  period: Period,
  now: number,
  id?: string,
): Promise<OpeningDone[]> {
  const all = await openingsOf(source);
  const found = all.filter((opening) => (id === undefined ? fallsInto(opening, period, now) : opening.id === id));
  const each: OpeningDone[] = [];
  for (const opening of found.reverse()) {
    const time = openTime(opening, now);
    const asked = time && { ...time, timeZone: period.timeZone, principal: opening.principal };
    each.push({ opening, ...(asked && { asked, done: await breachOf(source, asked) }) });
  }
  return each;
}

function fallsInto(opening: RecordedOpening, { since, until }: Period, now: number): boolean {
  const last = Math.max(...opening.steps.map(({ at }) => at), openTime(opening, now)?.until ?? 0);
  return opening.requested < until && last >= since;
}

/** All openings in a time. */
export function breakGlassOverview(all: readonly OpeningDone[], period: Period, made: ReportOrigin): Report {
  const { timeZone } = period;
  const { speech } = made;
  const at = (instant: number | undefined): string => (instant === undefined ? '' : speech.instant(instant, timeZone));
  const rows = all.map(({ opening, done }) => [
    opening.id,
    opening.principal,
    opening.usedBy,
    opening.reason,
    at(opening.opened) || speech.say('break-glass: never open'),
    opening.opened === undefined ? '' : at(opening.ended ?? opening.until),
    done?.totals.statements,
    done?.totals.rows,
    done?.totals.changed,
    done?.people
      .map((each) => speech.say('break-glass: people', { subject: each.subject, people: peopleText(each, speech) }))
      .join(', '),
  ]);
  const opened = all.filter(({ opening }) => opening.opened !== undefined);
  return {
    title: speech.say('break-glass: overview'),
    facts: [
      [speech.say('asked about'), periodWords(period, speech)],
      [speech.say('read'), speech.say('files', { n: made.files.length })],
    ],
    figures: [
      { name: speech.say('break-glass: asked for'), value: speech.count(all.length) },
      { name: speech.say('break-glass: opened'), value: speech.count(opened.length) },
      {
        name: speech.say('column: statements'),
        value: speech.count(all.reduce((sum, { done }) => sum + (done?.totals.statements ?? 0), 0)),
      },
    ],
    sections: [
      {
        heading: speech.say('break-glass: openings'),
        notes: [speech.say('break-glass: openings note')],
        table: {
          columns: [
            column(speech, 'column: id', 'code'),
            column(speech, 'column: principal'),
            column(speech, 'column: for'),
            column(speech, 'column: reason'),
            column(speech, 'column: opened', 'time'),
            column(speech, 'column: until', 'time'),
            column(speech, 'column: statements', 'number'),
            column(speech, 'column: rows', 'number'),
            column(speech, 'column: changed', 'number'),
            column(speech, 'column: people'),
          ],
          rows,
        },
      },
    ],
    foot: [
      ...originNotes(made, timeZone),
      ...coverageNotes(all.find(({ done }) => done)?.done?.coverage ?? NO_GAPS, speech),
    ],
    speech,
  };
}

const NO_GAPS = { missing: 0, beginLate: [] };

function column(speech: Speech, key: MessageKey, kind: ReportColumn['kind'] = 'text'): ReportColumn {
  return { name: speech.say(key), kind };
}

/** One opening. `policiesKept`: the kept policy with this hash. */
export function breakGlassReport(
  { opening, asked, done }: OpeningDone,
  { timeZone }: Period,
  policiesKept: (kept: string) => PolicyFacts | undefined,
  made: ReportOrigin,
): Report {
  const { speech } = made;
  const at = (instant: number): string => speech.instant(instant, timeZone);
  const { totals } = done ?? {};
  return {
    title: speech.say('break-glass: title', { principal: opening.principal }),
    facts: [
      [speech.say('break-glass: opening'), opening.id],
      [
        speech.say('break-glass: principal'),
        speech.say('break-glass: with role', { principal: opening.principal, role: opening.role }),
      ],
      [speech.say('break-glass: used by'), opening.usedBy],
      [speech.say('break-glass: reason'), opening.reason],
      [speech.say('break-glass: asked for by'), `${opening.requestedBy}, ${at(opening.requested)}`],
      [speech.say('break-glass: open'), asked ? periodWords(asked, speech) : speech.say('break-glass: never')],
      [speech.say('read'), speech.say('files', { n: made.files.length })],
    ],
    figures: [
      {
        name: speech.say('column: statements'),
        value: speech.count(totals?.statements ?? 0),
        note: speech.say('so many refused', { n: totals?.refused ?? 0 }),
      },
      { name: speech.say('column: rows'), value: speech.count(totals?.rows ?? 0) },
      { name: speech.say('figure: rows changed'), value: speech.count(totals?.changed ?? 0) },
      ...(done?.people ?? []).map((each) => ({
        name: speech.say('figure: shown', { subject: each.subject }),
        value: peopleText(each, speech),
      })),
    ],
    sections: [
      steps(opening, timeZone, speech),
      ...(done && asked ? takenSections({ asked, breach: done, policies: NO_POLICIES, policiesKept, made }) : []),
    ],
    foot: [...originNotes(made, timeZone), ...(done ? coverageNotes(done.coverage, speech) : [])],
    speech,
  };
}

const STEPS = ['requested', 'approved', 'opened', 'used', 'closed', 'over', 'failed'] as const;

function isStep(status: string): status is (typeof STEPS)[number] {
  return (STEPS as readonly string[]).includes(status);
}

function steps({ steps: all }: RecordedOpening, timeZone: string, speech: Speech): Section {
  return {
    heading: speech.say('break-glass: who'),
    notes: [speech.say('break-glass: who note')],
    table: {
      columns: [
        column(speech, 'column: time', 'time'),
        column(speech, 'column: step'),
        column(speech, 'column: by'),
        column(speech, 'column: reason'),
        column(speech, 'column: signed by'),
      ],
      rows: all.map(({ at, status, by, reason, signed }) => [
        speech.instant(at, timeZone),
        isStep(status) ? speech.say(`step: ${status}`) : status,
        by ?? '',
        reason ?? '',
        signed.join(', '),
      ]),
    },
  };
}
