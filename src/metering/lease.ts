/** What a process has taken ahead from one owner's account of one measure, and what it knows of that account. Asking for it is `leases.ts`. */
import type { LeaseClaim, LeaseGrant, LeaseReturn } from './budget-store.ts';
import type { CalendarDays } from './days.ts';
import { endOfSlots } from './lease-life.ts';
import type { Ceiling, Measure, Owner, WindowOfMeasure } from './measure.ts';
import { isCalendarDay } from './window-slots.ts';

/** What bounds a lease: given anew where the policy, a raise or the time of the day changes it. */
export interface LeaseTerms {
  readonly ceilings: readonly Ceiling[];
}

/** An amount that was granted at one time. */
interface Chunk {
  left: number;
  /** Of the grant, in the store's time. */
  readonly at: number;
}

/** One that was spent, and may become free again. */
export interface LeasePlace {
  /** Of its grant, in the store's time. */
  readonly at: number;
  readonly windows: readonly WindowOfMeasure[];
  /** Until then it may be spent again here, in the process's time. */
  readonly until: number;
  readonly version: number;
}

/** Of what is left this part is taken ahead, so that others find something near the end. */
const SHARE_AHEAD = 16;
const NOTHING: readonly LeaseReturn[] = [];
const SECOND: WindowOfMeasure = { count: 1, unit: 'second' };
/** A grant that comes late is used all the same by whom it was asked for: else a slow store would never grant. */
const AT_LEAST_MS = 5;

export class Lease {
  /** Granted and not spent. */
  left = 0;
  /** Of what was spent, places that may become free again. */
  private aside = 0;
  /** A question is on its way to the store. */
  asking = false;
  /** Of the last time that something was granted, or spent, in the process's time. */
  lastUse = Number.NEGATIVE_INFINITY;
  /** The store has given less than was needed: not asked for as much again before this time. */
  shortUntil = Number.NEGATIVE_INFINITY;
  /** What was needed then. */
  shortNeed = 0;
  /** It was not enough for the rate alone. */
  shortByRate = false;
  /** The store could not be reached: not asked again before this time. */
  unavailableUntil = Number.NEGATIVE_INFINITY;
  /** When the calendar day ends, in the process's time; undefined where that is not known. */
  dayEndsAt: number | undefined;
  /** Changes with the terms: what was asked for before goes back when it comes. */
  version = 0;
  /** What is granted is booked into these. */
  windows: readonly WindowOfMeasure[];
  private chunks: Chunk[] = [];
  private expiresAt = Number.POSITIVE_INFINITY;
  /** By ceiling, what is left here included; undefined: not known yet. */
  private used: readonly number[] | undefined;
  /** The smallest limit, and the least that a ceiling leaves beside what is left here; infinite where nothing limits it. */
  private smallest = Number.POSITIVE_INFINITY;
  private beside = Number.POSITIVE_INFINITY;
  private rate: number | undefined;

  constructor(
    readonly owner: Owner,
    readonly measure: Measure,
    private terms: LeaseTerms,
    /** Never more is taken ahead. */
    private readonly mostAhead: number,
    private readonly days: CalendarDays,
  ) {
    this.windows = windowsOf(terms);
    this.know(undefined);
  }

  get known(): boolean {
    return this.used !== undefined;
  }

  get ceilings(): readonly Ceiling[] {
    return this.terms.ceilings;
  }

  /** What was spent in the window of a ceiling, by all, as far as is known; without what was set aside here. */
  spent(ceiling: number): number {
    return Math.max(0, this.taken(ceiling) - this.aside);
  }

  /** The same with what was set aside: nobody else may have it. */
  taken(ceiling: number): number {
    return Math.max(0, (this.used?.[ceiling] ?? 0) - this.left);
  }

  /** How much every ceiling still leaves, what is left here included; infinite where nothing limits it. */
  room(): number {
    return Math.min(this.smallest, this.beside + this.left);
  }

  /** Which ceilings so much more would pass. */
  passedBy(amount: number): number[] {
    return this.terms.ceilings.flatMap(({ limit }, i) =>
      limit !== undefined && this.taken(i) + amount > limit ? [i] : [],
    );
  }

  /** Whether some window cannot hold so many people, even if it counts as many of them already as it can. */
  cannotHold(people: number): boolean {
    const { ceilings } = this.terms;
    return ceilings.some(({ limit }, i) => limit !== undefined && people > Math.max(limit, this.spent(i)));
  }

  /** Other terms, or another rate a second, hold from now on. @returns what goes back: it was granted under those of before. */
  change(terms: LeaseTerms, rate: number | undefined): readonly LeaseReturn[] {
    if (terms === this.terms && rate === this.rate) return NOTHING;
    const back = this.giveUp();
    const used = terms === this.terms ? this.used : undefined;
    this.terms = terms;
    this.rate = rate;
    this.windows = rate === undefined ? windowsOf(terms) : [...windowsOf(terms), SECOND];
    this.know(used);
    this.version += 1;
    this.shortUntil = Number.NEGATIVE_INFINITY;
    return back;
  }

  /** @returns what goes back because its time is over. */
  expire(now: number): readonly LeaseReturn[] {
    return now < this.expiresAt ? NOTHING : this.giveUp();
  }

  /** Less is left than this part of what may be taken ahead. Under a rate nothing is hurried. */
  isBelow(part: number): boolean {
    return this.rate === undefined && this.left < part * this.ahead(0);
  }

  /** What must be asked for so that `need` can be spent, and more of it without asking. */
  claim(need: number): LeaseClaim {
    return this.claimOf(need - this.left + this.ahead(need), need);
  }

  /** What tells where the windows stand, and takes nothing. */
  look(): LeaseClaim {
    return this.claimOf(0, 0);
  }

  private claimOf(want: number, need: number): LeaseClaim {
    const ceilings =
      this.rate === undefined
        ? this.terms.ceilings
        : // What is larger than a second's worth flows when a second was silent.
          [...this.terms.ceilings, { window: SECOND, limit: Math.max(this.rate, need) }];
    return { owner: this.owner, measure: this.measure, ceilings, want: Math.max(0, want) };
  }

  /** Only what the store has granted is added. `askedAt`: the process's time, before the store was asked. */
  add({ granted, used, at }: LeaseGrant, need: number, askedAt: number, now: number): void {
    this.know(used.slice(0, this.terms.ceilings.length));
    if (this.windows.some(isCalendarDay)) {
      this.dayEndsAt = askedAt + this.days.startOf(this.days.dayOf(at) + 1) - at;
    }
    if (granted > 0) {
      this.chunks.push({ left: granted, at });
      this.left += granted;
      this.lastUse = now;
      const expiresAt = askedAt + endOfSlots(this.windows, at, this.days) - at;
      this.expiresAt = Math.min(this.expiresAt, Math.max(expiresAt, now + AT_LEAST_MS));
    }
    this.shortByRate = this.left < need && this.passedBy(need).length === 0;
  }

  /** Spends of what is there. */
  spend(amount: number, now: number): void {
    if (amount > this.left) throw new Error('more was to be spent than was granted');
    this.left -= amount;
    this.lastUse = now;
    let rest = amount;
    while (rest > 0) {
      const chunk = this.chunks[0]!;
      const part = Math.min(rest, chunk.left);
      chunk.left -= part;
      rest -= part;
      if (chunk.left === 0) this.chunks.shift();
    }
  }

  /** Spends one. @returns when it was granted. */
  spendOne(now: number): number {
    const at = this.chunks[0]?.at ?? Number.NaN;
    this.spend(1, now);
    return at;
  }

  /** Spends one that may become free again. */
  setAside(now: number): LeasePlace {
    const { windows, expiresAt: until, version } = this;
    this.aside += 1;
    return { at: this.spendOne(now), windows, until, version };
  }

  /** One that was set aside was needed. */
  keep(): void {
    this.aside -= 1;
  }

  /** One that was set aside is not needed. @returns what goes back to the store, where it can be spent here no more. */
  free({ at, windows, until, version }: LeasePlace, now: number): readonly LeaseReturn[] {
    this.aside -= 1;
    if (version !== this.version || now >= until)
      return [{ owner: this.owner, measure: this.measure, windows, amount: 1, at }];
    const first = this.chunks[0];
    if (first?.at === at) first.left += 1;
    else this.chunks.unshift({ left: 1, at });
    this.left += 1;
    this.expiresAt = Math.min(this.expiresAt, until);
    return NOTHING;
  }

  /** @returns all that is left, to be given back. */
  giveUp(): readonly LeaseReturn[] {
    this.expiresAt = Number.POSITIVE_INFINITY;
    if (this.left === 0) return NOTHING;
    const { owner, measure, windows, left } = this;
    const returns = this.chunks.map((chunk) => ({ owner, measure, windows, amount: chunk.left, at: chunk.at }));
    this.left = 0;
    this.chunks = [];
    this.know(this.used?.map((amount) => amount - left));
    return returns;
  }

  /** Nobody takes of it any more. @returns as `giveUp`; what is still on its way goes back when it comes. */
  close(): readonly LeaseReturn[] {
    this.version += 1;
    return this.giveUp();
  }

  private ahead(need: number): number {
    if (!this.used) return 0;
    const room = this.room() - need;
    return Math.max(0, Math.min(this.mostAhead, Math.floor(room / SHARE_AHEAD)));
  }

  /** `used`: of these terms. Looked through here, so that a statement need not. */
  private know(used: readonly number[] | undefined): void {
    this.used = used;
    this.smallest = Number.POSITIVE_INFINITY;
    this.beside = Number.POSITIVE_INFINITY;
    for (const [i, { limit }] of this.terms.ceilings.entries()) {
      if (limit === undefined) continue;
      this.smallest = Math.min(this.smallest, limit);
      if (used) this.beside = Math.min(this.beside, limit - (used[i] ?? 0));
    }
  }
}

function windowsOf({ ceilings }: LeaseTerms): WindowOfMeasure[] {
  return ceilings.map(({ window }) => window);
}
