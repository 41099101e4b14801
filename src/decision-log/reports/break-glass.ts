/** What was done by break-glass: all openings of a time in figures, or one of them in full. */

import type { RecordTable } from '../read/source.ts';
import { shownInstant } from '../read/times.ts';
import { type Breach, breachOf } from './breach.ts';
import { gapsOf } from './coverage.ts';
import { type Made, madeLine, periodText } from './made.ts';
import { type OpeningTold, openingsOf, openTime } from './openings.ts';
import { peopleText } from './people.ts';
import type { Period } from './period.ts';
import { NO_POLICIES, type PolicyFacts } from './policy-texts.ts';
import { count, countText, type Report, type Section } from './report.ts';
import type { WhoAndWhen } from './taken.ts';
import { takenSections } from './taken-sections.ts';

/** An opening, and what was done in it; `done` is absent where it was never open. */
export interface OpeningDone {
  readonly opening: OpeningTold;
  readonly asked?: WhoAndWhen;
  readonly done?: Breach;
}

/** Those of which something falls into the time, the newest first. `id`: this one alone, whenever it was. */
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

function fallsInto(opening: OpeningTold, { since, until }: Period, now: number): boolean {
  const last = Math.max(...opening.steps.map(({ at }) => at), openTime(opening, now)?.until ?? 0);
  return opening.requested < until && last >= since;
}

/** Of all openings of a time. */
export function breakGlassOverview(all: readonly OpeningDone[], period: Period, made: Made): Report {
  const { timeZone } = period;
  const at = (instant: number | undefined): string => (instant === undefined ? '' : shownInstant(instant, timeZone));
  const rows = all.map(({ opening, done }) => [
    opening.id,
    opening.principal,
    opening.usedBy,
    opening.reason,
    at(opening.opened) || 'never open',
    opening.opened === undefined ? '' : at(opening.ended ?? opening.until),
    done?.totals.statements,
    done?.totals.rows,
    done?.totals.changed,
    done?.people.map((each) => `${each.subject}s ${peopleText(each)}`).join(', '),
  ]);
  const opened = all.filter(({ opening }) => opening.opened !== undefined);
  return {
    title: 'What was done by break-glass',
    facts: [
      ['Asked about', periodText(period)],
      ['Read', countText(made.files.length, 'file')],
    ],
    figures: [
      { name: 'asked for', value: count(all.length) },
      { name: 'opened', value: count(opened.length) },
      { name: 'statements', value: count(all.reduce((sum, { done }) => sum + (done?.totals.statements ?? 0), 0)) },
    ],
    sections: [
      {
        heading: 'Openings',
        notes: ['The newest first. With --id the report tells of one of them in full.'],
        table: {
          columns: [
            { name: 'id', kind: 'code' },
            { name: 'principal', kind: 'text' },
            { name: 'for', kind: 'text' },
            { name: 'reason', kind: 'text' },
            { name: 'opened', kind: 'time' },
            { name: 'until', kind: 'time' },
            { name: 'statements', kind: 'number' },
            { name: 'rows', kind: 'number' },
            { name: 'changed', kind: 'number' },
            { name: 'people', kind: 'text' },
          ],
          rows,
        },
      },
    ],
    foot: [...madeLine(made, timeZone), ...gapsOf(all.find(({ done }) => done)?.done?.coverage ?? NO_GAPS)],
  };
}

const NO_GAPS = { missing: 0, beginLate: [] };

/** Of one opening. `policiesKept`: what was kept of the policies that were in force, by its hash. */
export function breakGlassReport(
  { opening, asked, done }: OpeningDone,
  { timeZone }: Period,
  policiesKept: (kept: string) => PolicyFacts | undefined,
  made: Made,
): Report {
  const at = (instant: number): string => shownInstant(instant, timeZone);
  const { totals } = done ?? {};
  return {
    title: `What ${opening.principal} did by break-glass`,
    facts: [
      ['Opening', opening.id],
      ['Principal', `${opening.principal}, role ${opening.role}`],
      ['Used by', opening.usedBy],
      ['Reason', opening.reason],
      ['Asked for by', `${opening.requestedBy}, ${at(opening.requested)}`],
      ['Open', asked ? periodText(asked) : 'never'],
      ['Read', countText(made.files.length, 'file')],
    ],
    figures: [
      { name: 'statements', value: count(totals?.statements ?? 0), note: `${count(totals?.refused ?? 0)} refused` },
      { name: 'rows', value: count(totals?.rows ?? 0) },
      { name: 'rows changed', value: count(totals?.changed ?? 0) },
      ...(done?.people ?? []).map((each) => ({ name: `${each.subject}s shown`, value: peopleText(each) })),
    ],
    sections: [
      steps(opening, timeZone),
      ...(done && asked ? takenSections({ asked, breach: done, policies: NO_POLICIES, policiesKept, made }) : []),
    ],
    foot: [...madeLine(made, timeZone), ...(done ? gapsOf(done.coverage) : [])],
  };
}

function steps({ steps: all }: OpeningTold, timeZone: string): Section {
  return {
    heading: 'Who opened it',
    notes: ['Each step, with those whose signatures counted then, and the fingerprints of their keys.'],
    table: {
      columns: [
        { name: 'time', kind: 'time' },
        { name: 'step', kind: 'text' },
        { name: 'by', kind: 'text' },
        { name: 'reason', kind: 'text' },
        { name: 'signed by', kind: 'text' },
      ],
      rows: all.map(({ at, status, by, reason, signed }) => [
        shownInstant(at, timeZone),
        status,
        by ?? '',
        reason ?? '',
        signed.join(', '),
      ]),
    },
  };
}
