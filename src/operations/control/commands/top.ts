/** `rowgate top`: the sessions of this process, their activity, and how much of the daily limit on data subjects is used. */

import { performance } from 'node:perf_hooks';
import { ownerOf } from '../../../metering/owner.ts';
import { limitsInForce } from '../../../policy/model/limits-in-force.ts';
import type { SessionSummary } from '../../../server/sessions.ts';
import { type CommandContext, command, findPrincipal } from '../command.ts';
import { done } from '../protocol.ts';

/** A principal's limit on data subjects of which the largest part is used. */
export interface SubjectsUsed {
  /** `subjects.student 300 per day` */
  readonly name: string;
  readonly used: number;
  readonly of: number;
}

export interface ShownTop {
  readonly sessions: readonly SessionSummary[];
  /** By principal, for those that are connected. */
  readonly subjects: Readonly<Record<string, readonly SubjectsUsed[]>>;
}

/** Reply: the open sessions of this process, and for each principal how much of its limits on data subjects is used. */
export const showTop = command({}, async (_, guard) => {
  const sessions = guard.sessions().map((session) => session.summary(performance.now()));
  const subjects: Record<string, readonly SubjectsUsed[]> = {};
  for (const principal of new Set(sessions.map((session) => session.principal)))
    subjects[principal] = await subjectsUsed(guard, principal);
  return done({ sessions, subjects } satisfies ShownTop);
});

async function subjectsUsed(guard: CommandContext, name: string): Promise<SubjectsUsed[]> {
  const found = findPrincipal(guard, name);
  if (found.refusal) return [];
  const { role, principal } = found;
  const inForce = limitsInForce({ role, principal, now: guard.now(), timeZone: guard.timeZone });
  const daily = inForce.windows.filter(
    ({ measure, window }) => measure.startsWith('subjects.') && window.unit === 'day' && window.count === 1,
  );
  return Promise.all(
    daily.map(async ({ name: limit, measure, window, amount }) => {
      const [used = 0] = await guard.store.used(ownerOf({ principal: name }), measure, [window]);
      return { name: limit, used, of: amount };
    }),
  );
}

/** Merges the results of all worker processes: sessions are concatenated; usage is the same in all, as they share a store. */
export function mergedTop(parts: readonly ShownTop[]): ShownTop {
  return {
    sessions: parts.flatMap(({ sessions }) => sessions),
    subjects: Object.assign({}, ...parts.map(({ subjects }) => subjects)),
  };
}
