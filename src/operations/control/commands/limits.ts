/** `rowgate limits`: the usage of a principal or an end user, and raises. */

import { z } from 'zod';
import type { Raise } from '../../../metering/budget-store.ts';
import type { Measure, WindowOfMeasure } from '../../../metering/measure.ts';
import { holderWords } from '../../../metering/owner.ts';
import { STATEMENT_LIMIT_KEYS, STATEMENT_LIMITS } from '../../../policy/model/limits.ts';
import {
  areAnswersApart,
  type LimitInForce,
  limitsInForce,
  limitsOfUser,
  sameWindow,
} from '../../../policy/model/limits-in-force.ts';
import { shownTime } from '../../../policy/source/calendar.ts';
import { readWindowLimit } from '../../../policy/source/quantity.ts';
import { type CommandContext, command, findHolder, forMs, holder, iso, reason, recordThenChange } from '../command.ts';
import { done, failed } from '../protocol.ts';
import { askForRaise, raisesOf } from './raises.ts';

export interface ShownLimit {
  /** `rows 2000 per hour` */
  readonly name: string;
  readonly used: number;
  readonly of: number;
  readonly effect: string;
  /** `roles/teacher.yaml:31` */
  readonly rule: string;
  /** For a limit on data subjects: how much of the usage is subjects, and how much is answers that name none. Absent for other limits. */
  readonly people?: number;
  readonly questions?: number;
  readonly values?: number;
  /** If the limit is raised: the policy's amount, and the raise's end as ISO 8601 time. */
  readonly stated?: number;
  readonly until?: string;
}

export interface ShownLimits {
  readonly principal: string;
  /** The end user, if the limits are counted for one alone. */
  readonly user?: string;
  readonly role: string;
  readonly limits: readonly ShownLimit[];
  readonly statement: Readonly<Record<string, number>>;
  /** When other limits may begin to apply, as ISO 8601 time. */
  readonly until?: string;
  readonly locked?: { readonly until?: string; readonly reason: string };
}

/** Reply: the holder's limits with their usage (`ShownLimits`). */
export const showLimits = command(holder, async (given, guard) => {
  const found = findHolder(guard, given);
  if (found.refusal) return found.refusal;
  const { owner } = found;
  const { locks } = guard.store.exceptions();
  const raises = await raisesOf(guard, found.role, owner);
  const own = raises.filter((raise) => raise.until > guard.now());
  const inForce = inForceFor(guard, found, raises);
  const limits = await Promise.all(
    inForce.windows.map(async (limit): Promise<ShownLimit> => {
      const raise = own.find(({ measure, window }) => measure === limit.measure && sameWindow(window, limit.window));
      const used = await usedOf(guard, owner, limit);
      return {
        name: limit.name,
        used,
        of: limit.amount,
        effect: limit.effect,
        rule: limit.rule,
        ...(await toldOf(guard, owner, limit, used, inForce.windows)),
        ...(limit.stated !== undefined && { stated: limit.stated }),
        ...(limit.stated !== undefined && raise && { until: iso(raise.until) }),
      };
    }),
  );
  const lock = locks.get(owner);
  const isLocked = lock && (lock.until === undefined || lock.until > guard.now());
  const statement = {
    ...Object.fromEntries(
      STATEMENT_LIMIT_KEYS.flatMap((key) => {
        const limit = inForce[key];
        return limit ? [[STATEMENT_LIMITS[key], limit.amount]] : [];
      }),
    ),
    ...(inForce.connections !== undefined && { connections: inForce.connections }),
  };
  const shown: ShownLimits = {
    ...found.holder,
    role: found.role.name,
    limits,
    statement,
    ...(Number.isFinite(inForce.until) && { until: iso(inForce.until) }),
    ...(isLocked && { locked: { reason: lock.reason, ...(lock.until !== undefined && { until: iso(lock.until) }) } }),
  };
  return done(shown);
});

export const raiseLimit = command(
  { ...holder, limit: z.string().max(100), forMs, reason },
  async (given, guard, by) => {
    const found = findHolder(guard, given);
    if (found.refusal) return found.refusal;
    const { holder, owner } = found;
    const said = readSaidLimit(given.limit, [...(found.policy.subjects?.keys() ?? [])]);
    if (!said) return failed('call', `expected a limit such as "5000 rows per hour", found "${given.limit}"`);
    const { windows } = inForceFor(guard, found, await raisesOf(guard, found.role, owner));
    const [lowest] = windows
      .filter(({ measure, window }) => measure === said.measure && sameWindow(window, said.window))
      .sort((a, b) => a.amount - b.amount);
    if (!lowest) {
      const names = [...new Set(windows.map((limit) => limit.name))].join(', ');
      const hint = names === '' ? 'It has no limits over time.' : `Its limits over time: ${names}.`;
      return failed('refused', `${holderWords(holder)} has no limit of that kind and window`, hint);
    }
    if (said.amount <= lowest.amount) {
      return failed(
        'refused',
        `that is not more than what holds: ${lowest.name}`,
        'A smaller limit belongs into the policy.',
      );
    }
    const until = guard.now() + given.forMs;
    const used = await usedOf(guard, owner, lowest);
    const limit = { name: lowest.name, used, of: said.amount };
    const wanted = { id: guard.newId(), owner, ...said, until, reason: given.reason, by };
    if (found.role.raise) return askForRaise(guard, wanted, limit);
    const fields = { ...holder, limit, until: iso(until), reason: given.reason, by };
    const record = (failed = {}) => guard.records.append('raise', { ...fields, ...failed });
    const refused = await recordThenChange(guard, record, { kind: 'raise', raise: wanted });
    if (refused) return refused;
    const text = `${holderWords(holder)} may take more until ${shownTime(until, guard.timeZone)}: ${said.amount}, and not ${lowest.name}`;
    guard.alarms.raise({ kind: 'raise', ...holder, text, limit, reason: given.reason, by });
    return done({ ...holder, ...limit, until: iso(until) });
  },
);

type Found = Exclude<ReturnType<typeof findHolder>, { refusal: unknown }>;

function inForceFor(guard: CommandContext, { principal, role, holder }: Found, raises: readonly Raise[]) {
  const { now, timeZone } = guard;
  if (holder.user !== undefined) return limitsOfUser({ role, now: now(), raises });
  return limitsInForce({ role, principal, now: now(), timeZone, raises });
}

async function usedOf(
  { store }: CommandContext,
  owner: string,
  { measure, window }: { readonly measure: Measure; readonly window: WindowOfMeasure },
): Promise<number> {
  const [used] = await store.used(owner, measure, [window]);
  return used ?? 0;
}

/** Subjects, questions and values in a window on data subjects. Leases, and what running statements have shown, count as subjects. */
async function toldOf(
  guard: CommandContext,
  owner: string,
  { measure, window }: LimitInForce,
  used: number,
  inForce: readonly LimitInForce[],
): Promise<Pick<ShownLimit, 'people' | 'questions' | 'values'>> {
  const [, kind, subject] = /^(subjects|answers)\.(.*)$/s.exec(measure) ?? [];
  if (kind === undefined) return {};
  if (kind === 'subjects' && areAnswersApart(inForce, subject ?? '')) return { people: used };
  const questions = await usedOf(guard, owner, { measure: `questions.${subject}`, window });
  const values = await usedOf(guard, owner, { measure: `values.${subject}`, window });
  if (kind === 'answers') return areAnswersApart(inForce, subject ?? '') ? { questions, values } : { values: used };
  return { people: Math.max(0, used - questions - values), questions, values };
}

/** A limit as the command line gives it: `5000 rows per hour`, `40 MB per hour`, `500 students per day`. Pure. */
interface SaidLimit {
  readonly measure: Measure;
  readonly amount: number;
  readonly window: WindowOfMeasure;
}

const COUNTED: Readonly<Record<string, Measure>> = {
  row: 'rows',
  statement: 'statements',
  changed: 'changed',
  'changed row': 'changed',
};

/** `subjects`: those of the policy. Undefined if the text is not a limit. */
export function readSaidLimit(text: string, subjects: readonly string[]): SaidLimit | undefined {
  const [, amount = '', unit = '', window = ''] = /^\s*([0-9]+) ?([^\d].*?)? (per .+?)\s*$/.exec(text) ?? [];
  if (/^([kmgt]?b|bytes?)$/i.test(unit)) {
    const bytes = readWindowLimit(`${amount} ${unit.replace(/^bytes?$/i, 'B')} ${window}`, true);
    return said('bytes', bytes);
  }
  const measure = measureOf(unit, subjects);
  return measure && said(measure, readWindowLimit(`${amount} ${window}`, false));
}

function measureOf(unit: string, subjects: readonly string[]): Measure | undefined {
  const words = unit.toLowerCase();
  // The limit's name and its words: `answers.student`, `student answers`.
  const answers = (/^answers\.(.+)$/.exec(words) ?? /^(.+) answers$/.exec(words))?.[1];
  const word = answers ?? words.replace(/^subjects\./, '');
  const singular = word.replace(/s$/, '');
  const subject = subjects.find((name) => [word, singular].includes(name.toLowerCase()));
  if (subject !== undefined) return `${answers === undefined ? 'subjects' : 'answers'}.${subject}`;
  return answers === undefined && Object.hasOwn(COUNTED, singular) ? COUNTED[singular] : undefined;
}

function said(measure: Measure, reading: ReturnType<typeof readWindowLimit>): SaidLimit | undefined {
  // Only the policy sets the effect of a limit.
  if (!('value' in reading) || reading.value.effect !== undefined) return undefined;
  return { measure, amount: reading.value.amount, window: reading.value.window };
}
