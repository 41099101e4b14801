/** The budget of a principal's sessions in this process, together with that of the end user for whom a statement runs. */

import type { LimitReached } from '../../core/alarm-sink.ts';
import type { ChargeLine } from '../../metering/charge-line.ts';
import type { Lease } from '../../metering/lease.ts';
import { Leases, type TakeOutcome } from '../../metering/leases.ts';
import type { Owner } from '../../metering/measure.ts';
import { isOfUser, ownerOf } from '../../metering/owner.ts';
import type { LimitInForce } from '../../policy/model/limits-in-force.ts';
import type {
  BudgetRefusal,
  BudgetTaken,
  Demand,
  DemandOfMany,
  Disclosed,
  DisclosedByStatement,
  Prepayment,
  Sighting,
  Warning,
} from '../../session/admission/budget-port.ts';
import type { SessionPolicy } from '../../session/ports.ts';
import { LastAnswers } from '../../session/results/last-answers.ts';
import type { BudgetContext } from './context.ts';
import { EndUserBudgets } from './end-user-budgets.ts';
import { lockedRefusal, storeUnavailable } from './messages.ts';
import type { Meter } from './meter.ts';
import { OwnerBudget, type OwnerBudgetOptions } from './owner-budget.ts';
import { Permits } from './permits.ts';
import type { StatementCharges } from './statement-charges.ts';
import { type Counted, SubjectHashes } from './subject-hashes.ts';
import { UsageNotes } from './usage-notes.ts';

/** How soon a statement that a rate holds back asks again. */
const RATE_RETRY_MS = 50;

const TAKEN: BudgetTaken = { kind: 'taken' };
const NOBODY: readonly Counted[] = [];

/** The budgets that pay for a statement. */
export interface Payers {
  /** A permit; it pays in place of the principal's own windows. */
  readonly account: string | undefined;
  readonly own: OwnerBudget | undefined;
  readonly person: OwnerBudget | undefined;
}

export class PrincipalBudget {
  readonly own: OwnerBudget;
  readonly leases: Leases;
  readonly permits: Permits;
  /** How many sessions use it. */
  sessions = 0;
  /** The prefix of the owner names of its end users. */
  private readonly ofPeople: Owner;
  /** Made on demand: most principals have no end users. */
  private peopleHere: EndUserBudgets | undefined;
  private readonly shared: OwnerBudgetOptions;
  /** Made on demand. */
  private lastAnswers: LastAnswers | undefined;
  private readonly notes: UsageNotes;
  private readonly hashes: SubjectHashes;
  /** Sessions to wake, each with the owner whose answer it waits for; undefined: for several. */
  private readonly waiting = new Map<() => void, Owner | undefined>();
  /** Exceeded limits that belong to the account, not to an end user. */
  private readonly ofAccount = new WeakSet<LimitReached>();
  private retrying: NodeJS.Timeout | undefined;

  constructor(
    readonly name: string,
    private readonly context: BudgetContext,
  ) {
    this.leases = new Leases({
      store: context.store,
      now: context.now,
      wake: (leases) => this.answered(leases),
      failed: context.failed,
      beside: () => this.own.limited,
    });
    this.hashes = new SubjectHashes(() => context.hashKey());
    this.shared = { context, leases: this.leases };
    this.own = new OwnerBudget({ principal: name }, this.shared);
    this.ofPeople = ownerOf({ principal: name, user: '' });
    this.notes = new UsageNotes(context);
    this.permits = new Permits(this.own.owner, name, context);
  }

  /** The budget of the end user, if the role limits each one. */
  personOf({ role }: SessionPolicy, user: string | undefined): OwnerBudget | undefined {
    return user === undefined || role.limitsPerUser === undefined ? undefined : this.people.of(user);
  }

  /** Why the end user's statements are refused. The session may serve others too, and stays open. */
  lockedPerson(user: string | undefined): BudgetRefusal | undefined {
    const { locks, timeZone } = this.context;
    if (user === undefined || !locks.any) return undefined;
    const lock = locks.of(this.ofPeople + user);
    if (!lock) return undefined;
    return { kind: 'refused', refusal: lockedRefusal({ principal: this.name, user }, lock, timeZone), effect: 'lock' };
  }

  take(policy: SessionPolicy, demand: Demand): BudgetTaken {
    const { own } = this;
    const { account, user } = demand;
    // A holder that is locked while a statement runs sees no more of its rows.
    const locked = this.lockedPerson(user);
    if (locked) return locked;
    const person = this.personOf(policy, user);
    own.follow(policy);
    person?.follow(policy);
    if (!own.counts && !person?.counts && account === undefined) return TAKEN;
    const lines = this.linesOf(demand, person);
    if (lines === 'unavailable') return { kind: 'refused', refusal: storeUnavailable() };
    if (lines.length === 0) return TAKEN;
    return this.answer(this.leases.take(lines, person?.limited), person);
  }

  /** @returns as `Budget.takeMany`. */
  takeMany(policy: SessionPolicy, demand: DemandOfMany): 'taken' | 'wait' | 'singly' {
    const { own } = this;
    const { user, disclosed } = demand;
    const charges = demand.charges as StatementCharges | undefined;
    if (this.lockedPerson(user)) return 'singly';
    const person = this.personOf(policy, user);
    own.follow(policy);
    person?.follow(policy);
    if (!own.counts && !person?.counts) return 'taken';
    const lines: ChargeLine[] = [];
    const each = disclosed ? this.hashes.of(disclosed) : NOBODY;
    if (own.addShown(lines, demand, each, charges) || person?.addShown(lines, demand, each, charges)) return 'singly';
    if (!own.isQuiet(lines) || (person && !person.isQuiet(lines))) return 'singly';
    const outcome = this.leases.take(lines, person?.limited);
    if (outcome.kind === 'wait' && outcome.rate) this.retryLater();
    return outcome.kind === 'taken' || outcome.kind === 'wait' ? outcome.kind : 'singly';
  }

  /** Adds the charges before a statement runs to `lines`. */
  addPrepaid(
    lines: ChargeLine[],
    prepayments: readonly Prepayment[],
    charges: StatementCharges,
    { account, own, person }: Payers,
  ): 'unavailable' | undefined {
    if (account !== undefined) {
      const lease = this.permits.lease(account);
      if (!lease) return 'unavailable';
      const need = Math.max(0, ...prepayments.map(({ keys }) => keys.length));
      const paid = prepayments.filter(({ setsAside }) => setsAside !== 'nothing');
      const kept = paid.some(({ setsAside }) => setsAside !== 'one');
      const charge = paid.length > 0 ? charges.add(account, '', lease, kept) : undefined;
      const places = paid.some((one) => one.setsAside === 'two') ? 2 : 1;
      const setsAside = charge ? places : 0;
      if (need > 0 || setsAside > 0) lines.push({ lease, need, people: undefined, charge, setsAside });
    }
    const asked = prepayments.map(({ subject, keys }) => this.hashes.ofOne(subject, keys));
    for (const payer of [own, person]) {
      if (!payer) continue;
      for (let at = 0; at < prepayments.length; at += 1)
        if (payer.addPrepaid(lines, prepayments[at]!, asked[at]!, charges)) return 'unavailable';
    }
    return undefined;
  }

  warnings(person: OwnerBudget | undefined): readonly Warning[] | undefined {
    const ofOwn = this.own.warnings();
    const ofPerson = person?.warnings();
    return ofOwn || ofPerson ? [...(ofOwn ?? []), ...(ofPerson ?? [])] : undefined;
  }

  /** The answer for an outcome. `asks`: the statement has not run yet. */
  answer(outcome: TakeOutcome, person: OwnerBudget | undefined, asks = false): BudgetTaken {
    switch (outcome.kind) {
      case 'taken': {
        const warnings = this.warnings(person);
        return warnings ? { kind: 'taken', warnings } : TAKEN;
      }
      case 'wait':
        if (outcome.rate) this.retryLater();
        return { kind: 'wait' };
      case 'unavailable':
        return { kind: 'refused', refusal: storeUnavailable() };
      case 'short': {
        const { lease } = outcome;
        const price = asks ? outcome : undefined;
        if (lease.owner === person?.owner) return person.short(lease, outcome.need, price);
        const over = this.permits.spent(lease) ?? this.own.short(lease, outcome.need, price);
        if (over.kind === 'over') this.ofAccount.add(over.limit);
        return over;
      }
    }
  }

  /** An event of one end user does not lock the other ones of the account, and what all have used together locks no single one. */
  event(policy: SessionPolicy, event: 'overrun' | 'refusal', user: string | undefined, limit?: LimitReached): void {
    if (!policy.role.lock) return;
    const isAccounts = user === undefined || (limit !== undefined && this.ofAccount.has(limit));
    const whose = isAccounts ? this.own : this.people.of(user);
    whose.events.count(event, whose.follow(policy));
  }

  /** Counts an ended statement. */
  told(policy: SessionPolicy, { subjects, user, account }: DisclosedByStatement): void {
    const person = this.personOf(policy, user);
    for (const subject in subjects) {
      const count = subjects[subject]!;
      if (account === undefined) this.own.told(subject, count);
      person?.told(subject, count);
    }
  }

  get answers(): LastAnswers {
    this.lastAnswers ??= new LastAnswers();
    return this.lastAnswers;
  }

  /** @returns as `Budget.canary`. */
  canary(policy: SessionPolicy, sighting: Sighting): BudgetRefusal | undefined {
    const whose = sighting.user === undefined ? this.own : this.people.of(sighting.user);
    return whose.canaries.seen(policy, sighting);
  }

  /** Calls `wake` once, as soon as the session may ask again. */
  wakeLater(wake: () => void, user: string | undefined): void {
    const whose = user === undefined ? this.own.owner : this.ofPeople + user;
    this.waiting.set(wake, this.waiting.has(wake) && this.waiting.get(wake) !== whose ? undefined : whose);
  }

  forgetWaiting(wake: () => void): void {
    this.waiting.delete(wake);
  }

  wake(): void {
    const waiting = [...this.waiting.keys()];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Reports to the store and returns unused leases; all of them with `all`. */
  sweep(all = false): void {
    const { own, name, waiting } = this;
    if (own.followed) {
      const meter = ({ measure }: LimitInForce): Meter | undefined => own.meter(measure);
      this.notes.look({ principal: name, ...own.followed, meter }, all);
    }
    own.sweep(all, waiting.size > 0);
    this.leases.sweep(this.permits.leases(), all, waiting.size > 0);
    const awaited = new Set(waiting.values());
    this.peopleHere?.sweep(all, (owner) => awaited.has(owner) || awaited.has(undefined));
  }

  get lastUse(): number {
    return Math.max(this.own.lastUse, this.peopleHere?.lastUse ?? Number.NEGATIVE_INFINITY);
  }

  private get people(): EndUserBudgets {
    this.peopleHere ??= new EndUserBudgets(this.name, this.shared);
    return this.peopleHere;
  }

  private linesOf(demand: Demand, person: OwnerBudget | undefined): ChargeLine[] | 'unavailable' {
    const lines: ChargeLine[] = [];
    const { own } = this;
    const { rows = 0, account, disclosed } = demand;
    const charges = demand.charges as StatementCharges | undefined;
    const each = disclosed && disclosed.length > 0 ? this.hashes.of(mergedDisclosures(disclosed)) : NOBODY;
    if (account !== undefined) {
      const lease = this.permits.lease(account);
      // What a permit does not cover is not paid by other budgets.
      if (!lease) return 'unavailable';
      // A permit for some number of rows does not cover rows that each show a hundred people.
      const need = Math.max(rows, ...(disclosed ?? []).map(({ keys, values }) => keys.length + values));
      const charge = charges?.of(account, '');
      if (need > 0) lines.push({ lease, need, people: undefined, charge, setsAside: 0 });
    } else if (own.addShown(lines, demand, each, charges)) {
      return 'unavailable';
    }
    own.addChanged(lines, demand);
    // A permit belongs to the account: an end user's own limits still apply.
    if (person?.addShown(lines, demand, each, charges)) return 'unavailable';
    person?.addChanged(lines, demand);
    return lines;
  }

  /** The store has answered for these leases. Sessions that wait for another owner are not woken. */
  private answered(leases: readonly Lease[]): void {
    const [first] = leases;
    const person = first && leases.every(({ owner }) => isOfUser(owner)) ? first.owner : undefined;
    for (const [wake, of] of [...this.waiting]) {
      if (person !== undefined && of !== undefined && of !== person) continue;
      this.waiting.delete(wake);
      wake();
    }
  }

  private retryLater(): void {
    this.retrying ??= setTimeout(() => {
      this.retrying = undefined;
      this.wake();
    }, RATE_RETRY_MS).unref();
  }
}

/** Merged: each subject kind once, and each of its people once. */
function mergedDisclosures(disclosed: readonly Disclosed[]): readonly Disclosed[] {
  const [only] = disclosed;
  if (only && disclosed.length === 1 && only.keys.length < 2) return disclosed;
  const bySubject = new Map<string, { keys: Set<string>; values: number }>();
  for (const { subject, keys, values } of disclosed) {
    const known = bySubject.get(subject) ?? { keys: new Set<string>(), values: 0 };
    for (const key of keys) known.keys.add(key);
    known.values += values;
    bySubject.set(subject, known);
  }
  return [...bySubject].map(([subject, { keys, values }]) => ({ subject, keys: [...keys], values }));
}
