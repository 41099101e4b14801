/**
 * What one statement costs one payer, in people of one subject and in values: one place set aside before it runs, and what its answer shows. The
 * price is the larger of the two: if the answer shows at least one, the place is returned or used.
 */
import type { LeaseReturn } from './budget-store.ts';
import type { Lease, LeasePlace } from './lease.ts';

export class Charge {
  /** New people and values in its answer, over all leases of the payer. */
  total = 0;
  private place: LeasePlace | undefined;

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

  setAside(now: number): void {
    this.place = this.lease.setAside(now);
  }

  /** Not if its window has ended since: the place would not be counted. */
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

  /** Returns the place, if it is still there. @returns what goes back to the store at once. */
  free(now: number): readonly LeaseReturn[] {
    const { place } = this;
    this.place = undefined;
    return place ? this.lease.free(place, now) : NOTHING;
  }

  /** Keeps the place charged, if it is still there. */
  keep(): void {
    if (this.place) this.lease.keep();
    this.place = undefined;
  }
}

const NOTHING: readonly LeaseReturn[] = [];
