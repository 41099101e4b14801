/** `rowgate locks`: who is locked out, and locking and releasing by hand. */
import { command, findPrincipal, forMs, iso, name, ownerOf, reason, shownOwner, UNRECORDED } from '../command.ts';
import { done, failed } from '../protocol.ts';

export interface ShownLock {
  readonly principal: string;
  /** ISO times. */
  readonly since: string;
  readonly until?: string;
  readonly reason: string;
  readonly by: string;
}

export const listLocks = command({}, async (_, { store, now }) => {
  const locks = [...store.standing().locks.values()]
    .filter(({ until }) => until === undefined || until > now())
    .sort((a, b) => b.since - a.since)
    .map(
      ({ owner, since, until, reason, by }): ShownLock => ({
        principal: shownOwner(owner),
        since: iso(since),
        ...(until !== undefined && { until: iso(until) }),
        reason,
        by,
      }),
    );
  return done({ locks });
});

export const addLock = command({ principal: name, reason, forMs: forMs.optional() }, async (given, guard, by) => {
  const { refusal } = findPrincipal(guard, given.principal);
  if (refusal) return refusal;
  const since = guard.now();
  const until = given.forMs === undefined ? undefined : since + given.forMs;
  const held = guard.store.standing().locks.get(ownerOf(given.principal));
  if (held && lasts(held.until) > since && lasts(held.until) >= lasts(until)) {
    // INVARIANT: no shorter one takes its place: that would be a release that nobody called so.
    const ends = held.until === undefined ? 'until it is released' : `until ${iso(held.until)}`;
    return failed('refused', `principal "${given.principal}" is locked out ${ends} already: ${held.reason}`);
  }
  const lock = {
    owner: ownerOf(given.principal),
    since,
    reason: given.reason,
    by,
    ...(until !== undefined && { until }),
  };
  const { principal } = given;
  const fields = { principal, reason: given.reason, by, ...(until !== undefined && { until: iso(until) }) };
  if (!guard.records.append('lock', fields)) return UNRECORDED;
  try {
    await guard.store.change({ kind: 'lock', lock });
  } catch (error) {
    guard.records.append('lock', { ...fields, status: 'failed' });
    throw error;
  }
  const ends = until === undefined ? 'until it is released' : `until ${iso(until)}`;
  const text = `principal "${principal}" is locked out ${ends}`;
  guard.alarms.raise({ kind: 'lock', principal, text, reason: given.reason, by });
  return done({ principal, ...(until !== undefined && { until: iso(until) }) });
});

export const releaseLock = command({ principal: name, reason }, async (given, guard, by) => {
  const { locks } = guard.store.standing();
  // A principal that was taken out of the policy can be released as well, and a person behind a token by the name in the list.
  const owner = [ownerOf(given.principal), given.principal].find((candidate) => locks.has(candidate));
  const lock = owner === undefined ? undefined : locks.get(owner);
  if (owner === undefined || !lock || (lock.until !== undefined && lock.until <= guard.now())) {
    return failed('refused', `"${given.principal}" is not locked out`);
  }
  const fields = { principal: shownOwner(owner), reason: given.reason, by };
  if (!guard.records.append('release', fields)) return UNRECORDED;
  try {
    await guard.store.change({ kind: 'release', owner });
  } catch (error) {
    guard.records.append('release', { ...fields, status: 'failed' });
    throw error;
  }
  const text = `principal "${shownOwner(owner)}" is no longer locked out`;
  guard.alarms.raise({ kind: 'release', principal: shownOwner(owner), text, reason: given.reason, by });
  return done({ principal: shownOwner(owner), was: lock.reason });
});

function lasts(until: number | undefined): number {
  return until ?? Number.POSITIVE_INFINITY;
}
