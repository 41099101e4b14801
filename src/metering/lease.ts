/** What a process has leased of one owner's account of one measure, and what it knows of that account. `leases.ts` asks the store. */
import type { LeaseClaim, LeaseGrant, LeaseReturn } from './budget-store.ts';
import type { CalendarDays } from './days.ts';
import type { Ceiling, Measure, Owner, WindowOfMeasure } from './measure.ts';
import { isCalendarDay, lengthOf, SLOTS } from './window-slots.ts';

/** The limits on a lease: a new object when the policy, a raise or the time of day changes them. */
export interface LeaseTerms {
  readonly ceilings: readonly Ceiling[];
}

/** An amount from one grant. */
interface Chunk {
  left: number;
  /** When it was granted, in the store's time. */
  readonly at: number;
}

/** A spent unit that may become free again. */
export interface LeasePlace {
  /** When it was granted, in the store's time. */
  readonly at: number;
  readonly windows: readonly WindowOfMeasure[];
  /** It may be spent again here until then, in the process's time. */
  readonly until: number;
  readonly version: number;
}

/** At most this part of what is left is leased ahead, so that other processes find some near the end. */
const SHARE_AHEAD = 16;
const NOTHING: readonly LeaseReturn[] = [];
const SECOND: WindowOfMeasure = { count: 1, unit: 'second' };
/** A late grant of a short slot is still used by the caller that asked for it: otherwise a slow store would never grant. */
const AT_LEAST_MS = 5;
/** Slots as long as this end so rarely that a late grant is asked for again. */
const LONG_SLOT_MS = 10_000;

export class Lease {
  /** Granted and not spent; of that, so many places are held for people who are looked up later. */
  private granted = 0;
  private held = 0;
  private lookUp: (() => void) | undefined;
  /** Spent units that may become free again. */
  private aside = 0;
  /** A request to the store is pending. */
  asking = false;
  /** When something was last granted or spent, in the process's time. */
  lastUse = Number.NEGATIVE_INFINITY;
  /** The store granted too little: it is not asked for as much again before this time. */
  shortUntil = Number.NEGATIVE_INFINITY;
  shortNeed = 0;
  /** Only the rate was insufficient. */
  shortByRate = false;
  /** The store was unreachable: it is not asked again before this time. */
  unavailableUntil = Number.NEGATIVE_INFINITY;
  /** When the calendar day ends, in the process's time; undefined if that is not known. */
  dayEndsAt: number | undefined;
  /** An instant of that day, by the store's clock; 0: not known. */
  dayAt = 0;
  /** Changes with the terms: a grant for an earlier version is given back. */
  version = 0;
  /** Grants are booked into these. */
  windows: readonly WindowOfMeasure[];
  private chunks: Chunk[] = [];
  private expiresAt = Number.POSITIVE_INFINITY;
  /** What was spent last pays for what is told until then, in the process's time: its slot ends then. It stays where the rest is given up. */
  paysUntil = Number.NEGATIVE_INFINITY;
  /** By ceiling: the usage, including what is left here; undefined if not known yet. */
  private used: readonly number[] | undefined;
  /** The smallest limit, and the least that a ceiling leaves besides what is left here; infinite without a limit. */
  private smallest = Number.POSITIVE_INFINITY;
  private beside = Number.POSITIVE_INFINITY;
  private rate: number | undefined;

  constructor(
    readonly owner: Owner,
    readonly measure: Measure,
    private terms: LeaseTerms,
    /** The most to lease ahead. */
    private readonly mostAhead: number,
    private readonly days: CalendarDays,
  ) {
    this.windows = windowsOf(terms);
    this.know(undefined);
  }

  get known(): boolean {
    return this.used !== undefined;
  }

  /** Granted and not spent, once all are looked up for whom places are held. */
  get left(): number {
    this.settle();
    return this.granted;
  }

  /** Whether so much is left, even where all for whom places are held are new. */
  covers(amount: number, now: number): boolean {
    return now < this.expiresAt && this.granted - this.held >= amount;
  }

  /** Holds places that `covers` has said are left. @param lookUp spends those that are needed: called before anything else becomes of the lease. */
  hold(places: number, lookUp: () => void, now: number): void {
    this.held += places;
    this.lookUp = lookUp;
    this.lastUse = now;
  }

  settle(): void {
    const { lookUp } = this;
    if (!lookUp) return;
    this.lookUp = undefined;
    this.held = 0;
    lookUp();
  }

  get ceilings(): readonly Ceiling[] {
    return this.terms.ceilings;
  }

  /** The known usage of a ceiling's window, by all processes; without what is set aside here. */
  spent(ceiling: number): number {
    return Math.max(0, this.taken(ceiling) - this.aside);
  }

  /** The same, without looking anyone up: no less. */
  spentAtMost(ceiling: number): number {
    return Math.max(0, (this.used?.[ceiling] ?? 0) - this.granted + this.held - this.aside);
  }

  /** As `spent`, including what is set aside: other statements cannot have that. */
  taken(ceiling: number): number {
    return Math.max(0, (this.used?.[ceiling] ?? 0) - this.left);
  }

  /** How much every ceiling leaves, including what is left here; infinite without a limit. */
  room(): number {
    return Math.min(this.smallest, this.beside + this.left);
  }

  /** The ceilings that `amount` more would exceed. */
  passedBy(amount: number): number[] {
    return this.terms.ceilings.flatMap(({ limit }, i) =>
      limit !== undefined && this.taken(i) + amount > limit ? [i] : [],
    );
  }

  /** Whether some window cannot hold that many people, however many of them it counts already. */
  cannotHold(people: number): boolean {
    const { ceilings } = this.terms;
    return ceilings.some(({ limit }, i) => limit !== undefined && people > Math.max(limit, this.spent(i)));
  }

  /** Sets new terms or another rate a second. @returns what goes back: it was granted under the old ones. */
  change(terms: LeaseTerms, rate: number | undefined): readonly LeaseReturn[] {
    if (terms === this.terms && rate === this.rate) return NOTHING;
    const back = this.giveUp();
    const used = terms === this.terms ? this.used : undefined;
    this.terms = terms;
    this.rate = rate;
    this.windows = rate === undefined ? windowsOf(terms) : [...windowsOf(terms), SECOND];
    this.know(used);
    if (!this.windows.some(isCalendarDay)) this.dayAt = 0;
    this.version += 1;
    this.shortUntil = Number.NEGATIVE_INFINITY;
    return back;
  }

  /** @returns what goes back because it has expired. */
  expire(now: number): readonly LeaseReturn[] {
    return now < this.expiresAt ? NOTHING : this.giveUp();
  }

  /** Whether less is left than this part of what may be leased ahead. Never under a rate, which is not to be hurried. */
  isBelow(part: number): boolean {
    if (this.rate !== undefined) return false;
    // Without looking up those for whom places are held: that is done for many at once.
    const least = this.granted - this.held;
    return least < part * this.ahead(Math.min(this.smallest, this.beside + least));
  }

  /** The claim that lets `need` be spent, and leases more ahead. */
  claim(need: number): LeaseClaim {
    return this.claimOf(need - this.left + this.ahead(this.room() - need), need);
  }

  /** A claim that reads the windows' usage and takes nothing. */
  look(): LeaseClaim {
    return this.claimOf(0, 0);
  }

  private claimOf(want: number, need: number): LeaseClaim {
    const ceilings =
      this.rate === undefined
        ? this.terms.ceilings
        : // An amount above a second's rate is allowed after a second of silence.
          [...this.terms.ceilings, { window: SECOND, limit: Math.max(this.rate, need) }];
    return { owner: this.owner, measure: this.measure, ceilings, want: Math.max(0, want) };
  }

  /**
   * Adds only what the store has granted. `askedAt`: the process's time before the request.
   * INVARIANT 223: not what was booked into a slot that has ended since: it would leave the window before it should. @returns what goes back so.
   */
  add({ granted, used, at }: LeaseGrant, need: number, askedAt: number, now: number): readonly LeaseReturn[] {
    // Those for whom places are held were shown before it.
    this.settle();
    const ends = askedAt + endOfSlots(this.windows, at, this.days) - at;
    const isByDay = this.windows.some(isCalendarDay);
    const dayEnds = isByDay ? askedAt + this.days.startOf(this.days.dayOf(at) + 1) - at : Number.POSITIVE_INFINITY;
    const isLate = now >= dayEnds || (now >= ends && this.windows.every(isLongSlot));
    const known = used.slice(0, this.terms.ceilings.length);
    this.know(isLate ? known.map((amount) => amount - granted) : known);
    if (isByDay) {
      this.dayAt = at;
      this.dayEndsAt = dayEnds;
    }
    if (isLate) return [{ owner: this.owner, measure: this.measure, windows: this.windows, amount: granted, at }];
    if (granted > 0) {
      this.chunks.push({ left: granted, at });
      this.granted += granted;
      this.lastUse = now;
      this.expiresAt = Math.min(this.expiresAt, Math.max(ends, now + AT_LEAST_MS), dayEnds);
      this.paysUntil = this.expiresAt;
    }
    this.shortByRate = this.left < need && this.passedBy(need).length === 0;
    return NOTHING;
  }

  spend(amount: number, now: number): void {
    if (amount > this.left) throw new Error('more was to be spent than was granted');
    this.granted -= amount;
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

  /** A unit that was set aside was needed. */
  keep(): void {
    this.aside -= 1;
  }

  /** A unit that was set aside was not needed. @returns what goes back to the store, if it can no longer be spent here. */
  free({ at, windows, until, version }: LeasePlace, now: number): readonly LeaseReturn[] {
    this.aside -= 1;
    if (version !== this.version || now >= until)
      return [{ owner: this.owner, measure: this.measure, windows, amount: 1, at }];
    const first = this.chunks[0];
    if (first?.at === at) first.left += 1;
    else this.chunks.unshift({ left: 1, at });
    this.granted += 1;
    this.expiresAt = Math.min(this.expiresAt, until);
    this.paysUntil = this.expiresAt;
    return NOTHING;
  }

  /** @returns everything that is left, to be given back. */
  giveUp(): readonly LeaseReturn[] {
    this.expiresAt = Number.POSITIVE_INFINITY;
    if (this.left === 0) return NOTHING;
    const { owner, measure, windows, left } = this;
    const returns = this.chunks.map((chunk) => ({ owner, measure, windows, amount: chunk.left, at: chunk.at }));
    this.granted = 0;
    this.chunks = [];
    this.know(this.used?.map((amount) => amount - left));
    return returns;
  }

  /** Ends the lease. @returns as `giveUp`; a pending grant is given back when it arrives. */
  close(): readonly LeaseReturn[] {
    this.version += 1;
    return this.giveUp();
  }

  private ahead(room: number): number {
    if (!this.used) return 0;
    return Math.max(0, Math.min(this.mostAhead, Math.floor(room / SHARE_AHEAD)));
  }

  /** `used`: under the current terms. Computes here what statements would else have to. */
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

/**
 * The end of the booked slot in the shortest window, in milliseconds since the epoch by the store's clock. What is spent by then leaves each window
 * no earlier than if it had been booked when it was spent.
 */
function endOfSlots(windows: readonly WindowOfMeasure[], at: number, days: CalendarDays): number {
  return Math.min(...windows.map((window) => endOfSlot(window, at, days)));
}

function isLongSlot(window: WindowOfMeasure): boolean {
  return isCalendarDay(window) || lengthOf(window) / SLOTS >= LONG_SLOT_MS;
}

function endOfSlot(window: WindowOfMeasure, at: number, days: CalendarDays): number {
  if (isCalendarDay(window)) return days.startOf(days.dayOf(at) + 1);
  const slot = Math.floor((at * SLOTS) / lengthOf(window));
  return ((slot + 1) * lengthOf(window)) / SLOTS;
}
