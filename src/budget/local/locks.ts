/**
 * Locks out principals and end users by the guard's own decision. Each lock is recorded, alarmed and stored; this process enforces it even while the
 * store is unreachable.
 */
import type { Logger } from 'pino';
import type { AlarmSink, LimitReached } from '../../core/alarm-sink.ts';
import type { RecordSink } from '../../decision-log/record-sink.ts';
import type { AccountLock, BudgetStore } from '../../metering/budget-store.ts';
import type { Owner } from '../../metering/measure.ts';
import { type Holder, holderWords } from '../../metering/owner.ts';
import { shownTime } from '../../policy/source/calendar.ts';

export interface LockAsked extends Holder {
  readonly owner: Owner;
  readonly reason: string;
  /** Milliseconds; undefined: until it is released. */
  readonly duration: number | undefined;
  readonly limit?: LimitReached;
  /** Shown to the policy's owners, never to the client. `decision`: the id of the statement's decision. */
  readonly sighting?: {
    readonly canary: { readonly subject: string; readonly hash: string };
    readonly decision: string;
  };
}

export interface LocksOptions {
  readonly store: BudgetStore;
  readonly records: RecordSink;
  readonly alarms: AlarmSink;
  readonly log: Logger;
  readonly timeZone: string;
  /** Milliseconds since the epoch. */
  clock(): number;
  /** A new lock has begun. */
  changed(): void;
}

/** How often sending to the store is tried again. */
const RETRY_MS = 1_000;

export class Locks {
  /** Locks that the store does not have yet. */
  private readonly own = new Map<Owner, AccountLock>();
  /** Locks that are being sent: each is sent once at a time, however slow the store is. */
  private readonly telling = new Set<AccountLock>();
  private retryAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LocksOptions) {}

  /** Whether there is any lock. */
  get any(): boolean {
    return this.own.size > 0 || this.options.store.exceptions().locks.size > 0;
  }

  /** The lock in force. INVARIANT 59: while the store is unreachable, the last known locks stay in force. */
  of(owner: Owner): AccountLock | undefined {
    // A fast path: this is called for each statement, and there is mostly no lock.
    if (!this.any) return undefined;
    const { locks } = this.options.store.exceptions();
    const now = this.options.clock();
    for (const lock of [locks.get(owner), this.own.get(owner)]) {
      if (lock && (lock.until === undefined || lock.until > now)) return lock;
    }
    return undefined;
  }

  lock({ owner, principal, user, reason, duration, limit, sighting }: LockAsked): void {
    const holder: Holder = { principal, ...(user !== undefined && { user }) };
    const held = this.of(owner);
    // A lock with an end does not replace one that must be released.
    if (held && (held.until === undefined || duration !== undefined)) return;
    const { records, alarms, log, timeZone } = this.options;
    const since = this.options.clock();
    const until = duration === undefined ? undefined : since + duration;
    const lock: AccountLock = { owner, since, reason, by: 'rowgate', ...(until !== undefined && { until }) };
    this.own.set(owner, lock);
    const ends = until === undefined ? undefined : new Date(until).toISOString();
    records.append('lock', {
      ...holder,
      by: lock.by,
      reason,
      ...(limit && { limit }),
      ...(sighting && { canary: sighting.canary, id: sighting.decision }),
      ...(ends !== undefined && { until: ends }),
    });
    const text = `${holderWords(holder)} is locked out ${until === undefined ? 'until it is released' : `until ${shownTime(until, timeZone)}`}`;
    alarms.raise({ kind: 'lock', ...holder, text, reason, by: lock.by, ...(limit && { limit }), ...sighting });
    log.warn({ ...holder, reason, until: ends }, 'locked out');
    this.options.changed();
    void this.tell(lock);
  }

  /** Sends locks that could not be sent before. */
  retry(): void {
    const now = this.options.clock();
    // Does not wait if the clock was set back.
    if (this.own.size === 0 || (now < this.retryAt && this.retryAt - now <= RETRY_MS)) return;
    this.retryAt = now + RETRY_MS;
    for (const lock of this.own.values()) void this.tell(lock);
  }

  private async tell(lock: AccountLock): Promise<void> {
    if (this.telling.has(lock)) return;
    this.telling.add(lock);
    try {
      await this.options.store.change({ kind: 'lock', lock });
      // A later lock, which the store may not have yet, stays.
      if (this.own.get(lock.owner) === lock) this.own.delete(lock.owner);
    } catch (error) {
      this.options.log.error({ owner: lock.owner, err: error }, 'the store could not be told of a lock; trying again');
    } finally {
      this.telling.delete(lock);
    }
  }
}
