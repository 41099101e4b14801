/** `rowgate locks`: lists locks, and locks and releases by hand. */

import { type Holder, holderOf, holderWords, ownerOf } from '../../../metering/owner.ts';
import { shownTime } from '../../../policy/source/calendar.ts';
import {
  ambiguous,
  type CommandContext,
  command,
  findHolder,
  forMs,
  holder,
  holdersNamed,
  iso,
  reason,
  recordThenChange,
} from '../command.ts';
import { done, failed } from '../protocol.ts';

export interface ShownLock {
  readonly principal: string;
  /** The end user, if only that one is locked out. */
  readonly user?: string;
  /** ISO 8601 times. */
  readonly since: string;
  readonly until?: string;
  readonly reason: string;
  readonly by: string;
}

/** Reply: `{ locks }` in force, newest first. */
export const listLocks = command({}, async (_, { store, now }) => {
  const locks = [...store.exceptions().locks.values()]
    .filter(({ until }) => lasts(until) > now())
    .sort((a, b) => b.since - a.since)
    .map(
      ({ owner, since, until, reason, by }): ShownLock => ({
        ...(holderOf(owner) ?? { principal: owner }),
        since: iso(since),
        ...(until !== undefined && { until: iso(until) }),
        reason,
        by,
      }),
    );
  return done({ locks });
});

/** Locks a holder until a time, or until it is released. */
export const addLock = command({ ...holder, reason, forMs: forMs.optional() }, async (given, guard, by) => {
  const found = findHolder(guard, given);
  if (found.refusal) return found.refusal;
  const { owner, holder } = found;
  const since = guard.now();
  const until = given.forMs === undefined ? undefined : since + given.forMs;
  const held = guard.store.exceptions().locks.get(owner);
  if (held && lasts(held.until) > since && lasts(held.until) >= lasts(until)) {
    // A shorter lock does not replace a longer one: that would be a release in disguise.
    return failed(
      'refused',
      `${holderWords(holder)} is locked out ${untilWhen(held.until, guard)} already: ${held.reason}`,
    );
  }
  const shown = { ...holder, ...(until !== undefined && { until: iso(until) }) };
  const fields = { ...shown, reason: given.reason, by };
  const lock = { owner, since, reason: given.reason, by, ...(until !== undefined && { until }) };
  const record = (failed = {}) => guard.records.append('lock', { ...fields, ...failed });
  const refused = await recordThenChange(guard, record, { kind: 'lock', lock });
  if (refused) return refused;
  const text = `${holderWords(holder)} is locked out ${untilWhen(until, guard)}`;
  guard.alarms.raise({ kind: 'lock', ...holder, text, reason: given.reason, by });
  return done(shown);
});

/** Ends a lock before its time. */
export const releaseLock = command({ ...holder, reason }, async (given, guard, by) => {
  const { locks } = guard.store.exceptions();
  const lockOf = (one: Holder) => locks.get(ownerOf(one));
  // A holder that the policy no longer has can still be released.
  const locked = holdersNamed(given).filter((one) => {
    const lock = lockOf(one);
    return lock !== undefined && lasts(lock.until) > guard.now();
  });
  if (locked.length > 1) return ambiguous(given.principal, locked);
  const [holder] = locked;
  const lock = holder && lockOf(holder);
  if (!holder || !lock) {
    const said = given.user === undefined ? given.principal : `${given.principal}/${given.user}`;
    return failed('refused', `"${said}" is not locked out`);
  }
  const fields = { ...holder, reason: given.reason, by };
  const record = (failed = {}) => guard.records.append('release', { ...fields, ...failed });
  const refused = await recordThenChange(guard, record, { kind: 'release', owner: lock.owner });
  if (refused) return refused;
  const text = `${holderWords(holder)} is no longer locked out`;
  guard.alarms.raise({ kind: 'release', ...holder, text, reason: given.reason, by });
  return done({ ...holder, was: lock.reason });
});

function lasts(until: number | undefined): number {
  return until ?? Number.POSITIVE_INFINITY;
}

function untilWhen(until: number | undefined, { timeZone }: CommandContext): string {
  return until === undefined ? 'until it is released' : `until ${shownTime(until, timeZone)}`;
}
