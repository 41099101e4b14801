/**
 * What one statement costs one payer, in people of one subject and in what else it tells of them: a place that is set aside before it runs, and
 * what its answer takes. The price is the larger of the two, so the place comes back, or is used, where the answer takes one at least.
 */
import type { LeaseReturn } from './budget-store.ts';
import type { Lease, LeasePlace } from './lease.ts';

export class Charge {
  /** New people and values of its answer, in all leases of the payer. */
  total = 0;
  private place: LeasePlace | undefined;

  /**
   * @param lease from which the place is set aside.
   * @param kept the answer may not use the place: it stays for an error that may come behind the last row.
   */
  constructor(
    readonly lease: Lease,
    private readonly kept: boolean,
  ) {}

  get isSetAside(): boolean {
    return this.place !== undefined;
  }

  setAside(now: number): void {
    this.place = this.lease.setAside(now);
  }

  /** Not in a window that has ended since, which would count nothing of it. */
  canUse(lease: Lease, now: number): boolean {
    return lease === this.lease && this.place !== undefined && !this.kept && now < this.place.until;
  }

  /** @returns when the place was granted. */
  use(): number {
    const { place } = this;
    if (!place) throw new Error('a place was to be used that was not set aside');
    this.keep();
    return place.at;
  }

  /** The place is free again, if it is still there. @returns what goes back to the store at once. */
  free(now: number): readonly LeaseReturn[] {
    const { place } = this;
    this.place = undefined;
    return place ? this.lease.free(place, now) : NOTHING;
  }

  /** The place stays taken, if it is still there. */
  keep(): void {
    if (this.place) this.lease.keep();
    this.place = undefined;
  }
}

const NOTHING: readonly LeaseReturn[] = [];
