/** What a principal may still take, over all of its sessions in this process: its meters under the limits that hold now. */
import type { Standing } from '../../meter/budget-store.ts';
import type { Lease } from '../../meter/lease.ts';
import { Leases, type Outcome } from '../../meter/leases.ts';
import type { Line } from '../../meter/line.ts';
import type { Measure, Owner } from '../../meter/measure.ts';
import { type LimitInForce, type LimitsInForce, limitsInForce } from '../../policy/limits-in-force.ts';
import type { Demand, People, Taken, Warning } from '../../session/budget.ts';
import type { SessionPolicy } from '../../session/ports.ts';
import { CanaryWatch } from './canary-watch.ts';
import type { BudgetContext } from './context.ts';
import { Events } from './events.ts';
import { limitRefusal, limitWarning, reached, storeUnavailable } from './messages.ts';
import { Meter } from './meter.ts';
import { Permits } from './permits.ts';
import { UsageNotes } from './usage-notes.ts';

/** `principal:college_12_app` */
export function ownerOf(principal: string): Owner {
  return `principal:${principal}`;
}

/** A rate holds back for so long, then it is asked again. */
const RATE_RETRY_MS = 50;

/** For so long all flow slowly where one does: else those who ask for little and for much would end each other's questions, for ever. */
const SLOWED_MS = 1_000;

const TAKEN: Taken = { kind: 'taken' };

export class PrincipalBudget {
  readonly owner: Owner;
  readonly leases: Leases;
  readonly permits: Permits;
  readonly canaries: CanaryWatch;
  /** Sessions that have it. */
  sessions = 0;
  /** Of what has limits; where windows are not known yet they must be looked at. */
  limited: readonly Lease[] = [];
  private readonly meters = new Map<Measure, Meter>();
  /** Those of which something is told when it is passed. */
  private watched: readonly Meter[] = [];
  private readonly events: Events;
  private readonly notes: UsageNotes;
  private readonly waiting = new Set<() => void>();
  private readonly notices: Warning[] = [];
  private retrying: NodeJS.Timeout | undefined;
  private policy: SessionPolicy | undefined;
  private standing: Standing | undefined;
  private limits: LimitsInForce = { windows: [], until: Number.NEGATIVE_INFINITY };
  /** When these limits were looked up, milliseconds since the epoch. */
  private lookedAt = Number.NEGATIVE_INFINITY;
  private slows = false;
  private slowedUntil = Number.NEGATIVE_INFINITY;
  /** Whether anything at all is counted. */
  private counts = false;

  constructor(
    readonly name: string,
    private readonly context: BudgetContext,
  ) {
    this.owner = ownerOf(name);
    this.leases = new Leases({
      store: context.store,
      now: context.now,
      wake: () => this.wake(),
      failed: context.failed,
      beside: () => this.limited,
    });
    this.notes = new UsageNotes(context);
    this.permits = new Permits(this.owner, name, context);
    this.canaries = new CanaryWatch(this.owner, name, context);
    this.events = new Events(context, this.owner, name, (warning) => void this.notices.push(warning));
  }

  /** The limits that hold now, by the policy that its sessions have now. */
  follow(policy: SessionPolicy): LimitsInForce {
    const { store, clock, timeZone } = this.context;
    const standing = store.standing();
    const { until } = this.limits;
    if (policy === this.policy && standing === this.standing) {
      if (until === Number.POSITIVE_INFINITY) return this.limits;
      const now = clock();
      // Also looked at anew where the clock was set back: a closed hour may have come again.
      if (this.lookedAt <= now && now < until) return this.limits;
    }
    this.lookedAt = clock();
    this.policy = policy;
    this.standing = standing;
    const { role, principal } = policy;
    const raises = standing.raises.filter(({ owner }) => owner === this.owner);
    this.limits = limitsInForce({ role, principal, now: clock(), timeZone, raises });
    this.setMeters(this.limits.windows);
    return this.limits;
  }

  /** Of the measure, where it has limits. */
  meter(measure: Measure): Meter | undefined {
    const meter = this.meters.get(measure);
    return meter && meter.lease.ceilings.length > 0 ? meter : undefined;
  }

  take(policy: SessionPolicy, demand: Demand): Taken {
    this.follow(policy);
    if (!this.counts && demand.account === undefined) return TAKEN;
    const lines = this.linesOf(demand);
    if (lines === 'wait') return { kind: 'wait' };
    if (lines === 'unavailable') return { kind: 'refused', refusal: storeUnavailable() };
    if (lines.length === 0) return TAKEN;
    return this.answer(this.leases.take(lines));
  }

  /** What is said of an outcome. */
  answer(outcome: Outcome): Taken {
    switch (outcome.kind) {
      case 'taken': {
        const warnings = this.warnings();
        return warnings ? { kind: 'taken', warnings } : TAKEN;
      }
      case 'wait':
        if (outcome.rate) this.retryLater();
        return { kind: 'wait' };
      case 'unavailable':
        return { kind: 'refused', refusal: storeUnavailable() };
      case 'short':
        return this.short(outcome.lease, outcome.need);
    }
  }

  event(policy: SessionPolicy, event: 'overrun' | 'refusal'): void {
    this.events.count(event, this.follow(policy));
  }

  /** Called once, as soon as the same may be asked again. */
  wakeLater(wake: () => void): void {
    this.waiting.add(wake);
  }

  forgetWaiting(wake: () => void): void {
    this.waiting.delete(wake);
  }

  wake(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Reports, and gives back what nobody uses; all of it where `all` is set. */
  sweep(all = false): void {
    for (const { lease, known } of this.meters.values()) if (known) this.leases.report(lease, known);
    if (this.policy) {
      const { windows } = this.limits;
      const meter = ({ measure }: LimitInForce): Meter | undefined => this.meters.get(measure);
      this.notes.look({ principal: this.name, role: this.policy.role.name, windows, meter }, all);
    }
    const leases = [...[...this.meters.values()].map(({ lease }) => lease), ...this.permits.leases()];
    this.leases.sweep(leases, all, this.waiting.size > 0);
    this.events.retry(this.limits);
  }

  get lastUse(): number {
    return Math.max(...[...this.meters.values()].map(({ lease }) => lease.lastUse), Number.NEGATIVE_INFINITY);
  }

  private setMeters(windows: readonly LimitInForce[]): void {
    const measures = new Set<Measure>([...this.meters.keys(), ...windows.map(({ measure }) => measure)]);
    this.slows = windows.some(({ effect }) => effect === 'throttle');
    // What has no limit of its own may have to flow slowly.
    if (this.slows) for (const measure of ['rows', 'bytes'] as const) measures.add(measure);
    for (const measure of measures) {
      const meter = this.meters.get(measure) ?? this.newMeter(measure);
      if (meter.known) this.leases.report(meter.lease, meter.known);
      if (!meter.setLimits(windows.filter((limit) => limit.measure === measure))) continue;
      this.leases.giveBack(meter.lease.change(meter.currentTerms, undefined));
    }
    this.counts = windows.length > 0;
    const meters = [...this.meters.values()];
    this.limited = meters.map(({ lease }) => lease).filter(({ ceilings }) => ceilings.length > 0);
    this.watched = meters.filter((meter) => meter.isWatched);
  }

  private newMeter(measure: Measure): Meter {
    const { days, hashKey } = this.context;
    const key = (): Uint8Array => {
      const known = hashKey();
      // INVARIANT: nobody is counted under a name that others would not give them.
      if (!known) throw new Error('people were to be counted before the key of their hashes was known');
      return known;
    };
    const meter = new Meter({ owner: this.owner, measure, days, hashKey: key });
    this.meters.set(measure, meter);
    return meter;
  }

  private linesOf(demand: Demand): Line[] | 'wait' | 'unavailable' {
    const lines: Line[] = [];
    const { rows = 0, bytes = 0, changed = 0, people, account } = demand;
    if (account !== undefined) {
      const lease = this.permits.lease(account);
      // INVARIANT: what a permit does not pay, nobody pays.
      if (!lease) return 'unavailable';
      // INVARIANT: who signed for so many rows has not signed for rows that hold a hundred people each.
      const need = Math.max(rows, ...(people ?? []).map(({ keys, unnamed }) => keys.length + unnamed));
      if (need > 0) lines.push({ lease, need });
    } else {
      const slowed = this.slows && this.isSlowed(rows, bytes);
      this.add(lines, 'rows', rows, slowed);
      this.add(lines, 'bytes', bytes, slowed);
      if (people && people.length > 0) {
        for (const { subject, keys, unnamed } of merged(people)) {
          const meter = this.meter(`subjects.${subject}`);
          if (!meter || keys.length + unnamed === 0) continue;
          if (this.context.hashKey() === undefined) return 'unavailable';
          lines.push(meter.people(keys, unnamed));
        }
      }
    }
    this.add(lines, 'changed', changed, false);
    return lines;
  }

  private add(lines: Line[], measure: Measure, need: number, slowed: boolean): void {
    if (need === 0) return;
    const meter = this.meters.get(measure);
    if (!meter) return;
    const { throttle } = this.limits;
    const rate = slowed ? (measure === 'rows' ? throttle?.rows : throttle?.bytes)?.amount : undefined;
    if (this.slows) this.leases.giveBack(meter.lease.change(meter.currentTerms, rate));
    if (rate !== undefined || meter.lease.ceilings.length > 0) lines.push(meter.amount(need));
  }

  private isSlowed(rows: number, bytes: number): boolean {
    const now = this.context.now();
    for (const [measure, meter] of this.meters) {
      if (meter.slows(measure === 'rows' ? rows : measure === 'bytes' ? bytes : 0)) this.slowedUntil = now + SLOWED_MS;
    }
    return now < this.slowedUntil;
  }

  /** INVARIANT: passing a limit that locks locks, before the client is told. */
  private short(lease: Lease, need: number): Taken {
    const spent = this.permits.spent(lease);
    if (spent) return spent;
    const meter = this.meters.get(lease.measure);
    const limit = meter?.passedBy(need);
    if (!meter || !limit) return { kind: 'refused', refusal: storeUnavailable() };
    const limitReached = reached(limit, meter.spentOf(limit));
    if (limit.effect === 'lock') {
      const reason = `passed the limit ${limit.name}`;
      const duration = this.limits.lock?.duration;
      this.context.locks.lock({ owner: this.owner, principal: this.name, reason, duration, limit: limitReached });
    }
    const refusal = limitRefusal(this.name, limit, meter.spentOf(limit), need, this.context.timeZone);
    return { kind: 'over', refusal, limit: limitReached };
  }

  /** What its client is to be told, each once. Recorded, and told to who keeps the policies. Undefined where there is nothing. */
  private warnings(): readonly Warning[] | undefined {
    for (const meter of this.watched) {
      for (const limit of meter.passed()) {
        const spent = meter.spentOf(limit);
        const warning = limitWarning(this.name, limit, spent);
        const { records, alarms } = this.context;
        const at = reached(limit, spent);
        records.append('warning', { principal: this.name, by: 'rowgate', limit: at, message: warning.message });
        alarms.raise({ kind: 'warning', principal: this.name, text: warning.message, limit: at });
        this.notices.push(warning);
      }
    }
    return this.notices.length > 0 ? this.notices.splice(0) : undefined;
  }

  private retryLater(): void {
    this.retrying ??= setTimeout(() => {
      this.retrying = undefined;
      this.wake();
    }, RATE_RETRY_MS).unref();
  }
}

/** Each subject once, and each of its people once. */
function merged(people: readonly People[]): readonly People[] {
  const [only] = people;
  if (only && people.length === 1 && only.keys.length < 2) return people;
  const bySubject = new Map<string, { keys: Set<string>; unnamed: number }>();
  for (const { subject, keys, unnamed } of people) {
    const known = bySubject.get(subject) ?? { keys: new Set<string>(), unnamed: 0 };
    for (const key of keys) known.keys.add(key);
    known.unnamed += unnamed;
    bySubject.set(subject, known);
  }
  return [...bySubject].map(([subject, { keys, unnamed }]) => ({ subject, keys: [...keys], unnamed }));
}
