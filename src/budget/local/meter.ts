/** One measure of one owner in this process: its lease, its limits, and which of them are exceeded. */

import type { Charge } from '../../metering/charge.ts';
import type { ChargeLine } from '../../metering/charge-line.ts';
import type { CalendarDays } from '../../metering/days.ts';
import type { Hashes } from '../../metering/hashes.ts';
import { KnownSubjects } from '../../metering/known-subjects.ts';
import { Lease, type LeaseTerms } from '../../metering/lease.ts';
import type { Ceiling, Measure, Owner } from '../../metering/measure.ts';
import type { LimitInForce } from '../../policy/model/limits-in-force.ts';
import { refuses, sameWindow } from '../../policy/model/limits-in-force.ts';
import type { LimitUsage } from './messages.ts';

/** A limit that is reported when it is exceeded. */
interface Mark {
  readonly limit: LimitInForce;
  readonly ceiling: number;
  readonly at: number;
  passed: boolean;
}

/** The most that is leased at once, whatever is left. */
const MOST_AHEAD: Readonly<Record<string, number>> = { rows: 1_000, bytes: 1 << 20, statements: 1_000, changed: 100 };
/** For measures of data subjects and answers. */
const MOST_PEOPLE_AHEAD = 1_000;
const NOTHING: readonly LimitInForce[] = [];
/** A limit that locks warns at this part of its amount. */
const NEAR = 0.8;
/** After the usage has fallen to this part, the limit is reported again. */
const AGAIN = 0.8;

export interface MeterOptions {
  readonly owner: Owner;
  readonly measure: Measure;
  readonly days: CalendarDays;
}

export class Meter {
  readonly lease: Lease;
  /** Only for measures of data subjects. */
  readonly known: KnownSubjects | undefined;
  private terms: LeaseTerms = { ceilings: [] };
  private limits: readonly LimitInForce[] = [];
  private marks: Mark[] = [];
  /** Reused for every call: callers must not keep it. */
  private readonly line: ChargeLine & { need: number };

  constructor({ owner, measure, days }: MeterOptions) {
    this.lease = new Lease(owner, measure, this.terms, MOST_AHEAD[measure] ?? MOST_PEOPLE_AHEAD, days);
    if (measure.startsWith('subjects.')) this.known = new KnownSubjects();
    this.line = { lease: this.lease, need: 0, people: undefined, charge: undefined, setsAside: 0 };
  }

  /** Sets the limits now in force. @returns whether they changed. */
  setLimits(limits: readonly LimitInForce[]): boolean {
    const same =
      limits.length === this.limits.length &&
      limits.every(({ name, effect }, i) => name === this.limits[i]?.name && effect === this.limits[i]?.effect);
    this.limits = limits;
    if (same) {
      this.marks = this.marks.map((mark, i) => ({ ...mark, limit: marked(limits)[i] ?? mark.limit }));
      return false;
    }
    this.lease.settle();
    const before = this.terms.ceilings.map(({ window }) => JSON.stringify(window)).join();
    this.terms = { ceilings: ceilingsOf(limits) };
    // A new window does not count people that were remembered for other windows.
    if (this.terms.ceilings.map(({ window }) => JSON.stringify(window)).join() !== before) this.known?.forget();
    this.marks = marked(limits).map((limit) => {
      const at = limit.effect === 'lock' ? Math.ceil(limit.amount * NEAR) - 1 : limit.amount;
      return { limit, ceiling: this.ceilingOf(limit), at, passed: false };
    });
    return true;
  }

  /** Whether some limit must be reported when it is exceeded. */
  get isWatched(): boolean {
    return this.marks.length > 0;
  }

  get currentTerms(): LeaseTerms {
    return this.terms;
  }

  /** Whether `more` would exceed a limit that throttles. */
  slows(more: number): boolean {
    for (const { limit, ceiling } of this.marks) {
      if (limit.effect === 'throttle' && this.lease.spent(ceiling) + more > limit.amount) return true;
    }
    return false;
  }

  /** Whether taking `more` would cause a report. */
  wouldPass(more: number): boolean {
    return this.marks.some(({ ceiling, at, passed }) => {
      const spent = this.lease.spent(ceiling);
      return passed ? spent < at * AGAIN : spent + more > at;
    });
  }

  /** Limits to report that were exceeded since the last call. */
  passed(): readonly LimitInForce[] {
    let told = NOTHING;
    for (const mark of this.marks) {
      if (!mark.passed && this.lease.spentAtMost(mark.ceiling) <= mark.at) continue;
      const spent = this.lease.spent(mark.ceiling);
      if (spent > mark.at) {
        if (!mark.passed) told = [...told, mark.limit];
        mark.passed = true;
      } else if (mark.passed && spent < mark.at * AGAIN) {
        mark.passed = false;
      }
    }
    return told;
  }

  /** The known usage of a limit's window, by all sessions and guards. */
  spentOf(limit: LimitInForce): number {
    return this.lease.spent(this.ceilingOf(limit));
  }

  /** The same, and what is set aside here for running statements. */
  usageOf(limit: LimitInForce): LimitUsage {
    const spent = this.spentOf(limit);
    return { spent, setAside: this.lease.taken(this.ceilingOf(limit)) - spent };
  }

  /**
   * The limit that `need` would exceed: one that locks first, then the one that leaves least. Among limits that only refuse, the choice does not
   * depend on rows.
   */
  passedBy(need: number): LimitInForce | undefined {
    const left = (limit: LimitInForce): number => limit.amount - this.lease.taken(this.ceilingOf(limit));
    const binding = this.limits.filter(refuses).toSorted((one, other) => left(one) - left(other));
    const locks = binding.find((limit) => limit.effect === 'lock' && left(limit) < need);
    return locks ?? binding.find(({ effect }) => effect === 'deny') ?? binding[0];
  }

  amount(need: number): ChargeLine {
    this.line.need = need;
    return this.line;
  }

  /** @param values charged in addition. @param charge of the statement that shows them. */
  people(hashes: Hashes, values: number, charge: Charge | undefined, setsAside = 0): ChargeLine {
    const { lease, known } = this;
    if (!known) throw new Error('this measure counts no people');
    return { lease, need: values, people: { known, hashes, counted: undefined }, charge, setsAside };
  }

  values(values: number, charge: Charge | undefined, setsAside = 0): ChargeLine {
    return { lease: this.lease, need: values, people: undefined, charge, setsAside };
  }

  private ceilingOf({ window }: LimitInForce): number {
    return this.terms.ceilings.findIndex((ceiling) => sameWindow(ceiling.window, window));
  }
}

/** Limits that are reported when exceeded, or near that. */
function marked(limits: readonly LimitInForce[]): LimitInForce[] {
  return limits.filter(({ effect }) => effect !== 'deny');
}

/** If several limits share a window, the smallest one that refuses or locks counts. */
function ceilingsOf(limits: readonly LimitInForce[]): Ceiling[] {
  const ceilings: Ceiling[] = [];
  for (const limit of limits) {
    const at = ceilings.findIndex(({ window }) => sameWindow(window, limit.window));
    const before = at < 0 ? undefined : ceilings[at]?.limit;
    const most = refuses(limit) ? Math.min(limit.amount, before ?? Number.POSITIVE_INFINITY) : before;
    const ceiling = { window: limit.window, ...(most !== undefined && { limit: most }) };
    if (at < 0) ceilings.push(ceiling);
    else ceilings[at] = ceiling;
  }
  return ceilings;
}
