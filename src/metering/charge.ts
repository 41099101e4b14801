/**
 * What one statement costs one payer, in people of one subject and in values: one place set aside before it runs, and what its answer shows. The
 * price is the larger of the two: if the answer shows at least one, the place is returned or used. A second place is for an error alone.
 */
import type { LeaseReturn } from './budget-store.ts';
import type { Lease, LeasePlace } from './lease.ts';

/** An amount that a lease has paid: until its slot ends, in the process's time, and as long as the windows are those of this version. */
interface Paid {
  readonly lease: Lease;
  readonly version: number;
  readonly until: number;
}

export class Charge {
  /** New people and values in its answer, over all leases of the payer. */
  total = 0;
  private place: LeasePlace | undefined;
  private second: LeasePlace | undefined;
  /** What pays for what is told now, by its rows and by how it ends. */
  private readonly paid: { row: Paid | undefined; end: Paid | undefined } = { row: undefined, end: undefined };

  /**
   * @param lease to set the place aside from.
   * @param kept the answer may not use the place: it stays for an error that may follow the last row.
   */
  constructor(
    readonly lease: Lease,
    private readonly kept: boolean,
  ) {}

  get isSetAside(): boolean {
    return this.place !== undefined;
  }

  /** @param places 1 or 2. */
  setAside(places: number, now: number): void {
    this.place = this.lease.setAside(now);
    this.pay('row', this.lease);
    this.pay('end', this.lease);
    if (places > 1) this.second = this.lease.setAside(now);
  }

  /** Not if its window has ended since, or another one has begun: the place would not be counted. */
  canUse(lease: Lease, now: number): boolean {
    return lease === this.lease && this.place !== undefined && !this.kept && !this.isOver(this.place, now);
  }

  /** So much of its answer was charged to the lease. */
  tell(amount: number, lease: Lease): void {
    if (amount === 0) return;
    this.total += amount;
    this.pay('row', lease);
    if (!this.kept) this.pay('end', lease);
  }

  /**
   * INVARIANT 265: whether nothing that the windows count as told now has paid for a row of known people, or for how the statement ends: neither its place nor
   * what its rows have cost before. INVARIANT 255: a window that a new policy names holds nothing that was granted before it began.
   */
  isPast(tells: 'row' | 'end', now: number): boolean {
    const paid = this.paid[tells];
    return paid !== undefined && (now >= paid.until || paid.version !== paid.lease.version);
  }

  /** It was paid again. */
  pay(tells: 'row' | 'end', lease: Lease): void {
    this.paid[tells] = { lease, version: lease.version, until: lease.paysUntil };
  }

  private isOver({ until, version }: LeasePlace, now: number): boolean {
    return now >= until || version !== this.lease.version;
  }

  /** @returns when the place was granted. */
  use(): number {
    const { place } = this;
    if (!place) throw new Error('a place was to be used that was not set aside');
    this.keep();
    return place.at;
  }

  /** Returns the places that are still there. @returns what goes back to the store at once. */
  free(now: number): readonly LeaseReturn[] {
    const { place } = this;
    const returned = this.freeSecond(now);
    this.place = undefined;
    return place ? [...this.lease.free(place, now), ...returned] : returned;
  }

  /** @returns as `free`. */
  freeSecond(now: number): readonly LeaseReturn[] {
    const { second } = this;
    this.second = undefined;
    return second ? this.lease.free(second, now) : NOTHING;
  }

  /** Keeps the places charged that are still there. */
  keep(): void {
    if (this.place) this.lease.keep();
    if (this.second) this.lease.keep();
    this.place = undefined;
    this.second = undefined;
  }
}

const NOTHING: readonly LeaseReturn[] = [];
