/** `rowgate limits`: what a principal, or a person behind one, has taken of what it may, and a larger limit for a time. */

import { z } from 'zod';
import type { Raise } from '../../../metering/budget-store.ts';
import type { Measure, WindowOfMeasure } from '../../../metering/measure.ts';
import { holderWords } from '../../../metering/owner.ts';
import { STATEMENT_LIMIT_KEYS, STATEMENT_LIMITS } from '../../../policy/model/limits.ts';
import { type LimitInForce, limitsInForce, limitsOfUser } from '../../../policy/model/limits-in-force.ts';
import { shownTime } from '../../../policy/source/calendar.ts';
import { type Commanded, command, findHolder, forMs, holder, iso, reason, UNRECORDED } from '../command.ts';
import { readSaidLimit } from '../limit-text.ts';
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
  /** Of a limit on people: what of it they are, and what was told without naming anybody. Each absent where another limit counts it. */
  readonly people?: number;
  readonly questions?: number;
  readonly values?: number;
  /** Where it is raised: what the policy says, and until when, ISO time. */
  readonly stated?: number;
  readonly until?: string;
}

export interface ShownLimits {
  readonly principal: string;
  /** The person behind it of whom alone these are. */
  readonly user?: string;
  readonly role: string;
  readonly limits: readonly ShownLimit[];
  readonly statement: Readonly<Record<string, number>>;
  /** Other limits may hold from then on, ISO time. */
  readonly until?: string;
  readonly locked?: { readonly until?: string; readonly reason: string };
}

export const showLimits = command(holder, async (given, guard) => {
  const found = findHolder(guard, given);
  if (found.refusal) return found.refusal;
  const { owner } = found;
  const { locks } = guard.store.standing();
  const raises = await raisesOf(guard, found.role, owner);
  const own = raises.filter((raise) => raise.until > guard.now());
  const inForce = inForceFor(guard, found, raises);
  const limits = await Promise.all(
    inForce.windows.map(async (limit): Promise<ShownLimit> => {
      const raise = own.find(({ measure, window }) => measure === limit.measure && isSame(window, limit.window));
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
      .filter(({ measure, window }) => measure === said.measure && isSame(window, said.window))
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
    if (!guard.records.append('raise', fields)) return UNRECORDED;
    try {
      await guard.store.change({ kind: 'raise', raise: wanted });
    } catch (error) {
      guard.records.append('raise', { ...fields, status: 'failed' });
      throw error;
    }
    const text = `${holderWords(holder)} may take more until ${shownTime(until, guard.timeZone)}: ${said.amount}, and not ${lowest.name}`;
    guard.alarms.raise({ kind: 'raise', ...holder, text, limit, reason: given.reason, by });
    return done({ ...holder, ...limit, until: iso(until) });
  },
);

type Found = Exclude<ReturnType<typeof findHolder>, { refusal: unknown }>;

function inForceFor(guard: Commanded, { principal, role, holder }: Found, raises: readonly Raise[]) {
  const { now, timeZone } = guard;
  if (holder.user !== undefined) return limitsOfUser({ role, now: now(), raises });
  return limitsInForce({ role, principal, now: now(), timeZone, raises });
}

async function usedOf(
  { store }: Commanded,
  owner: string,
  { measure, window }: { readonly measure: Measure; readonly window: WindowOfMeasure },
): Promise<number> {
  const [used] = await store.used(owner, measure, [window]);
  return used ?? 0;
}

/** People, questions and values of what a window of people holds. What is taken ahead, and what statements that run have told, stands among the people. */
async function toldOf(
  guard: Commanded,
  owner: string,
  { measure, window }: LimitInForce,
  used: number,
  inForce: readonly LimitInForce[],
): Promise<Pick<ShownLimit, 'people' | 'questions' | 'values'>> {
  const [, kind, subject] = /^(subjects|answers)\.(.*)$/s.exec(measure) ?? [];
  if (kind === undefined) return {};
  if (kind === 'subjects' && inForce.some((other) => other.measure === `answers.${subject}`)) return { people: used };
  const questions = await usedOf(guard, owner, { measure: `questions.${subject}`, window });
  const values = await usedOf(guard, owner, { measure: `values.${subject}`, window });
  if (kind === 'answers') return { questions, values };
  return { people: Math.max(0, used - questions - values), questions, values };
}

function isSame(one: WindowOfMeasure, other: WindowOfMeasure): boolean {
  return one.count === other.count && one.unit === other.unit;
}
