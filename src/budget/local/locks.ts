/** Locks a principal, or a person behind one, out by the guard's own decision: recorded, told, kept by the store, and held to here also while the store cannot be reached. */
import type { Logger } from 'pino';
import type { AlarmSink } from '../../core/alarm-sink.ts';
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
  readonly limit?: { readonly name: string; readonly used: number; readonly of: number };
  /** Told to who keeps the policies, never to the client. `decision`: the id of that on the statement. */
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
  /** Somebody is locked out who was not. */
  changed(): void;
}

/** So often the store is told again. */
const RETRY_MS = 1_000;

export class Locks {
  /** Those that the store does not know yet. */
  private readonly own = new Map<Owner, AccountLock>();
  /** Those of which it is being told: each once at a time, also where it is slow. */
  private readonly telling = new Set<AccountLock>();
  private retryAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LocksOptions) {}

  /** Whether anybody may be locked out. */
  get any(): boolean {
    return this.own.size > 0 || this.options.store.standing().locks.size > 0;
  }

  /** The lock that holds now. INVARIANT 59: the last standing that is known holds while the store cannot be reached. */
  of(owner: Owner): AccountLock | undefined {
    // Asked for each statement, and mostly nobody is locked out.
    if (!this.any) return undefined;
    const { locks } = this.options.store.standing();
    const now = this.options.clock();
    for (const lock of [locks.get(owner), this.own.get(owner)]) {
      if (lock && (lock.until === undefined || lock.until > now)) return lock;
    }
    return undefined;
  }

  lock({ owner, principal, user, reason, duration, limit, sighting }: LockAsked): void {
    const holder: Holder = { principal, ...(user !== undefined && { user }) };
    const held = this.of(owner);
    // A lock that ends by itself does not stand for one that somebody must release.
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

  /** Tells the store what it could not be told yet. */
  retry(): void {
    const now = this.options.clock();
    // Where the clock was set back, it is not waited for.
    if (this.own.size === 0 || (now < this.retryAt && this.retryAt - now <= RETRY_MS)) return;
    this.retryAt = now + RETRY_MS;
    for (const lock of this.own.values()) void this.tell(lock);
  }

  private async tell(lock: AccountLock): Promise<void> {
    if (this.telling.has(lock)) return;
    this.telling.add(lock);
    try {
      await this.options.store.change({ kind: 'lock', lock });
      // A later one, which the store may not know yet, stays.
      if (this.own.get(lock.owner) === lock) this.own.delete(lock.owner);
    } catch (error) {
      this.options.log.error({ owner: lock.owner, err: error }, 'the store could not be told of a lock; trying again');
    } finally {
      this.telling.delete(lock);
    }
  }
}
