/** The budget of one holder (a principal or an end user) in this process: a meter for each measure, under the limits in force. */

import type { Exceptions } from '../../metering/budget-store.ts';
import type { ChargeLine } from '../../metering/charge-line.ts';
import type { Hashes } from '../../metering/hashes.ts';
import type { Lease } from '../../metering/lease.ts';
import type { Leases } from '../../metering/leases.ts';
import type { Measure, Owner } from '../../metering/measure.ts';
import { type Holder, ownerOf } from '../../metering/owner.ts';
import { raiseHolds } from '../../metering/raise.ts';
import {
  areAnswersApart,
  type LimitInForce,
  type LimitsInForce,
  limitsInForce,
  limitsOfUser,
} from '../../policy/model/limits-in-force.ts';
import type { BudgetTaken, Demand, Prepayment, Warning } from '../../session/admission/budget-port.ts';
import type { SubjectCount } from '../../session/log-entries.ts';
import type { SessionPolicy } from '../../session/ports.ts';
import { AnswerCounts } from './answer-counts.ts';
import { CanaryWatch } from './canary-watch.ts';
import type { BudgetContext } from './context.ts';
import { Events } from './events.ts';
import { limitRefusal, limitWarning, type Price, reached, storeUnavailable } from './messages.ts';
import { Meter } from './meter.ts';
import type { StatementCharges } from './statement-charges.ts';
import type { Counted } from './subject-hashes.ts';

/**
 * While one session is throttled, all of the holder's are, for this time: else small and large requests would keep replacing each other's lease
 * requests.
 */
const SLOWED_MS = 1_000;

/** Shared by a principal and its end users. */
export interface OwnerBudgetOptions {
  readonly context: BudgetContext;
  readonly leases: Leases;
}

/** What counts the people of one subject, and the answers about them; undefined where nothing limits that. */
interface SubjectMeters {
  readonly people: Meter | undefined;
  readonly answers: Meter | undefined;
  /** The one of them that questions and values are charged to. */
  readonly from: Meter | undefined;
}

export class OwnerBudget {
  readonly owner: Owner;
  /** Leases of limited measures: their windows must be known before a statement runs. */
  limited: readonly Lease[] = [];
  /** Whether anything is counted. */
  counts = false;
  private readonly meters = new Map<Measure, Meter>();
  private readonly ofSubjects = new Map<string, SubjectMeters>();
  /** Meters with limits that are reported when exceeded. */
  private watched: readonly Meter[] = [];
  private readonly notices: Warning[] = [];
  private canaryWatch: CanaryWatch | undefined;
  private eventCount: Events | undefined;
  private answerCounts: AnswerCounts | undefined;
  private policy: SessionPolicy | undefined;
  private exceptions: Exceptions | undefined;
  private limits: LimitsInForce = { windows: [], until: Number.NEGATIVE_INFINITY };
  /** When the limits were last looked up, milliseconds since the epoch. */
  private lookedAt = Number.NEGATIVE_INFINITY;
  private slows = false;
  private slowedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    readonly holder: Holder,
    private readonly options: OwnerBudgetOptions,
  ) {
    this.owner = ownerOf(holder);
  }

  // Made on demand: most end users never read a canary or exceed a limit.
  get canaries(): CanaryWatch {
    this.canaryWatch ??= new CanaryWatch(this.holder, this.options.context);
    return this.canaryWatch;
  }

  get events(): Events {
    this.eventCount ??= new Events(this.options.context, this.holder, (warning) => void this.notices.push(warning));
    return this.eventCount;
  }

  /** The limits in force, by the current policy of the holder's sessions. */
  follow(policy: SessionPolicy): LimitsInForce {
    const { store, clock } = this.options.context;
    const exceptions = store.exceptions();
    const { until } = this.limits;
    if (policy === this.policy && exceptions === this.exceptions) {
      if (until === Number.POSITIVE_INFINITY) return this.limits;
      const now = clock();
      // Also looked up if the clock was set back: a rule by the hour may apply again.
      if (this.lookedAt <= now && now < until) return this.limits;
    }
    this.lookedAt = clock();
    this.policy = policy;
    this.exceptions = exceptions;
    this.limits = this.limitsNow(policy, exceptions);
    this.setMeters(this.limits.windows);
    return this.limits;
  }

  /** The meter of the measure, if it has limits. */
  meter(measure: Measure): Meter | undefined {
    const meter = this.meters.get(measure);
    return meter && meter.lease.ceilings.length > 0 ? meter : undefined;
  }

  /** Looked up once for each policy: their names would be put together for every row and statement. */
  private metersOf(subject: string): SubjectMeters {
    let meters = this.ofSubjects.get(subject);
    if (!meters) {
      const people = this.meter(`subjects.${subject}`);
      const answers = this.meter(`answers.${subject}`);
      meters = { people, answers, from: areAnswersApart(this.limits.windows, subject) ? answers : people };
      this.ofSubjects.set(subject, meters);
    }
    return meters;
  }

  /** Whether the usage of all limited windows is known. */
  get isKnown(): boolean {
    for (const lease of this.limited) if (!lease.known) return false;
    return true;
  }

  /** Known rows left to show; infinite without a limit. */
  rowsLeft(): number {
    return this.meter('rows')?.lease.room() ?? Number.POSITIVE_INFINITY;
  }

  /** Adds the charges for shown rows to `lines`. `disclosed`: each subject kind once, and each of its people once. */
  addShown(
    lines: ChargeLine[],
    { rows = 0, bytes = 0 }: Pick<Demand, 'rows' | 'bytes'>,
    disclosed: readonly Counted[],
    charges: StatementCharges | undefined,
  ): 'unavailable' | undefined {
    const slowed = this.slows && this.isSlowed(rows, bytes);
    this.add(lines, 'rows', rows, slowed);
    this.add(lines, 'bytes', bytes, slowed);
    for (const { subject, hashes, values } of disclosed) {
      const { people, answers, from } = this.metersOf(subject);
      const charge = charges?.of(this.owner, subject);
      const named = people && hashes.count > 0;
      if (named && this.options.context.hashKey() === undefined) return 'unavailable';
      if (answers && values > 0) lines.push(answers.values(values, charge));
      if (named) lines.push(people.people(hashes, from === people ? values : 0, charge));
      else if (from === people && people && values > 0) lines.push(people.values(values, charge));
    }
    return undefined;
  }

  /**
   * Adds the charges before a statement runs to `lines`.
   * @param hashes of the people that the statement names by key.
   */
  addPrepaid(
    lines: ChargeLine[],
    { subject, setsAside }: Prepayment,
    hashes: Hashes,
    charges: StatementCharges,
  ): 'unavailable' | undefined {
    const { people, from } = this.metersOf(subject);
    const named = people && hashes.count > 0;
    if (named && this.options.context.hashKey() === undefined) return 'unavailable';
    const charge =
      from && setsAside !== 'nothing' ? charges.add(this.owner, subject, from.lease, setsAside !== 'one') : undefined;
    const places = charge && from;
    const aside = setsAside === 'two' ? 2 : 1;
    if (named) lines.push(people.people(hashes, 0, charge, places === people ? aside : 0));
    if (places && !(named && places === people)) lines.push(places.values(0, charge, aside));
    return undefined;
  }

  /** Whether many rows may be charged at once: nothing is throttled, and no limit would have to be reported. */
  isQuiet(lines: readonly ChargeLine[]): boolean {
    if (this.slows || this.notices.length > 0) return false;
    for (const meter of this.watched) {
      const line = lines.find(({ lease }) => lease === meter.lease);
      if (line && meter.wouldPass(line.need + (line.people?.hashes.count ?? 0))) return false;
    }
    return true;
  }

  addChanged(lines: ChargeLine[], { changed = 0 }: Demand): void {
    this.add(lines, 'changed', changed, false);
  }

  /** Counts what an ended statement told without naming people, if a limit counted it. */
  told(subject: string, count: SubjectCount): void {
    const { from } = this.metersOf(subject);
    if (!from || count.questions + count.values === 0) return;
    this.answerCounts ??= new AnswerCounts(this.owner, this.options.context.store);
    this.answerCounts.count(subject, count, from.currentTerms.ceilings);
  }

  /**
   * The answer when one of the holder's leases is used up. Exceeding a limit that locks, locks before the client is told. `price`: set if the
   * statement has not run and is only refused.
   */
  short({ measure }: Lease, need: number, price: Price | undefined): BudgetTaken {
    const { context } = this.options;
    const meter = this.meters.get(measure);
    const limit = meter?.passedBy(need);
    if (!meter || !limit) return { kind: 'refused', refusal: storeUnavailable() };
    const limitReached = reached(limit, meter.spentOf(limit));
    if (limit.effect === 'lock' && !price) {
      const reason = `passed the limit ${limit.name}`;
      const duration = this.limits.lock?.duration;
      context.locks.lock({ ...this.holder, owner: this.owner, reason, duration, limit: limitReached });
    }
    const refusal = limitRefusal(this.holder, limit, meter.usageOf(limit), price, context.timeZone);
    return { kind: 'over', refusal, limit: limitReached };
  }

  /** Warnings for the holder's clients, each once. They are recorded and alarmed too. Undefined if there is none. */
  warnings(): readonly Warning[] | undefined {
    for (const meter of this.watched) for (const limit of meter.passed()) this.tell(limit, meter.spentOf(limit));
    return this.notices.length > 0 ? this.notices.splice(0) : undefined;
  }

  /** Reports to the store and returns unused leases; all of them with `all`. `awaited`: a session waits for an answer. */
  sweep(all: boolean, awaited: boolean): void {
    const { leases } = this.options;
    for (const { lease, known } of this.meters.values()) if (known) leases.report(lease, known);
    leases.sweep(
      [...this.meters.values()].map(({ lease }) => lease),
      all,
      awaited,
    );
    this.eventCount?.retry(this.limits);
    this.answerCounts?.book();
  }

  /** Nothing is left to return or report, and no request is pending. */
  get isAtRest(): boolean {
    if (this.eventCount?.isOwed || this.answerCounts?.isOwed) return false;
    for (const { lease, known } of this.meters.values()) {
      if (lease.left > 0 || lease.asking || (known && known.unreported > 0)) return false;
    }
    return true;
  }

  /** When a lease was last granted or spent, in the process's time. */
  get lastUse(): number {
    return Math.max(...[...this.meters.values()].map(({ lease }) => lease.lastUse), Number.NEGATIVE_INFINITY);
  }

  /** The windows on data subjects, for a record, by the last policy that was applied. */
  get followed(): { readonly role: string; readonly windows: readonly LimitInForce[] } | undefined {
    return this.policy && { role: this.policy.role.name, windows: this.limits.windows };
  }

  private limitsNow({ role, principal }: SessionPolicy, exceptions: Exceptions): LimitsInForce {
    const { clock, timeZone, approvers, state } = this.options.context;
    const terms = { approvals: role.raise?.approvals, approvers: approvers(), state: state() };
    const raises = exceptions.raises.filter((raise) => raise.owner === this.owner && raiseHolds(raise, terms));
    if (this.holder.user !== undefined) return limitsOfUser({ role, now: clock(), raises });
    return limitsInForce({ role, principal, now: clock(), timeZone, raises });
  }

  private setMeters(windows: readonly LimitInForce[]): void {
    const { leases } = this.options;
    const measures = new Set<Measure>([...this.meters.keys(), ...windows.map(({ measure }) => measure)]);
    this.slows = windows.some(({ effect }) => effect === 'throttle');
    // While throttled, rows and bytes without a limit are counted too.
    if (this.slows) for (const measure of ['rows', 'bytes'] as const) measures.add(measure);
    for (const measure of measures) {
      const meter = this.meters.get(measure) ?? this.newMeter(measure);
      if (meter.known) leases.report(meter.lease, meter.known);
      if (!meter.setLimits(windows.filter((limit) => limit.measure === measure))) continue;
      leases.giveBack(meter.lease.change(meter.currentTerms, undefined));
    }
    this.ofSubjects.clear();
    this.counts = windows.length > 0;
    const meters = [...this.meters.values()];
    this.limited = meters.map(({ lease }) => lease).filter(({ ceilings }) => ceilings.length > 0);
    this.watched = meters.filter((meter) => meter.isWatched);
  }

  private newMeter(measure: Measure): Meter {
    const { days } = this.options.context;
    const meter = new Meter({ owner: this.owner, measure, days });
    this.meters.set(measure, meter);
    return meter;
  }

  private add(lines: ChargeLine[], measure: Measure, need: number, slowed: boolean): void {
    if (need === 0) return;
    const meter = this.meters.get(measure);
    if (!meter) return;
    const { throttle } = this.limits;
    const rate = slowed ? (measure === 'rows' ? throttle?.rows : throttle?.bytes)?.amount : undefined;
    if (this.slows) this.options.leases.giveBack(meter.lease.change(meter.currentTerms, rate));
    if (rate !== undefined || meter.lease.ceilings.length > 0) lines.push(meter.amount(need));
  }

  private isSlowed(rows: number, bytes: number): boolean {
    const now = this.options.context.now();
    for (const [measure, meter] of this.meters) {
      if (meter.slows(measure === 'rows' ? rows : measure === 'bytes' ? bytes : 0)) this.slowedUntil = now + SLOWED_MS;
    }
    return now < this.slowedUntil;
  }

  private tell(limit: LimitInForce, spent: number): void {
    const { holder } = this;
    const { records, alarms } = this.options.context;
    const warning = limitWarning(holder, limit, spent);
    const at = reached(limit, spent);
    records.append('warning', { ...holder, by: 'rowgate', limit: at, message: warning.message });
    alarms.raise({ kind: 'warning', ...holder, text: warning.message, limit: at });
    this.notices.push(warning);
  }
}
