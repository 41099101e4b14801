/** Tokens that were given back before they expired, as at a logout: kept with the locks, so that all who share the store know them, and after a restart. */
import type { BudgetStore, Standing } from '../meter/budget-store.ts';
import { ownerOfToken, tokenOf } from '../meter/owner.ts';

/** Each change is told to all: more at a time than this are no logouts. */
const MOST = 20_000;

export class GivenBack {
  private seen: Standing | undefined;
  private digests: ReadonlySet<string> = new Set();

  /** @param now milliseconds since the epoch. */
  constructor(
    private readonly store: Pick<BudgetStore, 'standing' | 'change'>,
    private readonly now: () => number,
  ) {}

  /** Asked at each statement of somebody: what stands is the same object until it changes. */
  has(digest: string): boolean {
    const standing = this.store.standing();
    if (standing !== this.seen) {
      this.seen = standing;
      this.digests = new Set([...standing.locks.keys()].flatMap((owner) => tokenOf(owner) ?? []));
    }
    return this.digests.has(digest);
  }

  /** Resolves with false where they are too many. Rejects where it could not be kept. @param until milliseconds since the epoch. */
  async add(digest: string, until: number): Promise<boolean> {
    if (this.has(digest)) return true;
    if (this.digests.size >= MOST) return false;
    const lock = { owner: ownerOfToken(digest), since: this.now(), until, reason: 'given back', by: 'rowgate' };
    await this.store.change({ kind: 'lock', lock });
    return true;
  }
}
