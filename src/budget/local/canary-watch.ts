/**
 * What happens when a canary is read: the reader is locked out or, if the role is only observed, an alarm is sent. Behind a shared account only the
 * end user is locked out; the others go on.
 */

import type { Owner } from '../../metering/measure.ts';
import { type Holder, holderWords, ownerOf } from '../../metering/owner.ts';
import { isGuarded } from '../../policy/model/is-guarded.ts';
import type { BudgetRefusal, Sighting } from '../../session/admission/budget-port.ts';
import type { SessionPolicy } from '../../session/ports.ts';
import type { BudgetContext } from './context.ts';
import { lockedRefusal } from './messages.ts';

/** The reason shown to the client does not name the canary: it would learn which row to leave out next time. */
const REASON = 'unusual access';

/** A canary that is read repeatedly, as by a nightly dump, is recorded each time, but alarms once in this time. */
const TELL_AGAIN_MS = 3_600_000;

export class CanaryWatch {
  /** By canary, if the principal is not locked: the time of the last alarm. */
  private readonly told = new Map<string, number>();

  private readonly owner: Owner;

  constructor(
    private readonly holder: Holder,
    private readonly context: BudgetContext,
  ) {
    this.owner = ownerOf(holder);
  }

  /** @returns why the row is withheld; undefined if it is shown. */
  seen({ role }: SessionPolicy, { subject, canary: hash, decision }: Sighting): BudgetRefusal | undefined {
    const { owner, holder } = this;
    const { records, log, locks, clock, timeZone } = this.context;
    const canary = { subject, hash };
    const guarded = isGuarded(role);
    const effect = guarded ? 'lock' : 'allow';
    records.append('canary', { id: decision, ...holder, role: role.name, effect, canary, by: 'rowgate' });
    log.warn({ ...holder, canary, decision, effect }, 'a canary was read');
    this.tell(canary, decision, guarded);
    if (!guarded) return undefined;
    locks.lock({ ...holder, owner, reason: REASON, duration: undefined, sighting: { canary, decision } });
    const lock = locks.of(owner) ?? { owner, since: clock(), reason: REASON, by: 'rowgate' };
    return { kind: 'refused', refusal: lockedRefusal(holder, lock, timeZone), effect: 'lock' };
  }

  private tell(canary: { readonly subject: string; readonly hash: string }, decision: string, locks: boolean): void {
    const { alarms, clock } = this.context;
    const { holder } = this;
    const now = clock();
    const last = this.told.get(canary.hash);
    if (!locks && last !== undefined && now - last < TELL_AGAIN_MS) return;
    this.told.set(canary.hash, now);
    const what = locks
      ? `the row was not shown, and ${holder.user === undefined ? 'it is' : 'they are'} locked out`
      : 'its role is not held to its policy: it goes on';
    const text = `${holderWords(holder)} has read a canary of subject "${canary.subject}"; ${what}`;
    alarms.raise({ kind: 'canary', ...holder, text, canary, decision, by: 'rowgate' });
  }
}
