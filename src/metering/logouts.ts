/** Tokens that were given back, each kept until a day after its expiry. Stores announce and persist them. */
import type { KnownLogouts, Logout } from './budget-store.ts';
import { KEPT_ENDED_MS } from './exceptions.ts';

/** Some 30 MB in each process. Beyond this a logout is refused: none is forgotten to make room. */
export const MOST_LOGOUTS = 200_000;
/** The most in one message, line or answer. */
export const LOGOUTS_AT_ONCE = 500;

/** How many old ones are checked with each addition: expired ones leave faster than new ones come. */
const LOOKED_AT = 2;
/** If there is no room, all are checked, at most once in this time. */
const LOOK_AT_ALL_MS = 1_000;

export class Logouts implements KnownLogouts {
  /** By token: its expiry. */
  private readonly ends = new Map<string, number>();
  private sweeping = this.ends.entries();
  private lookedAtAll = Number.NEGATIVE_INFINITY;

  constructor(private readonly most = MOST_LOGOUTS) {}

  has(token: string): boolean {
    return this.ends.has(token);
  }

  /** Whether there is no room for another one. */
  isFull(now: number): boolean {
    // Does not wait if the clock was set back.
    if (this.ends.size >= this.most && Math.abs(now - this.lookedAtAll) >= LOOK_AT_ALL_MS) {
      this.lookedAtAll = now;
      for (const [token, end] of this.ends) if (isOver(end, now)) this.ends.delete(token);
    }
    return this.ends.size >= this.most;
  }

  /** Adds even if full: the caller has checked `isFull`. Kept until it expires. */
  add({ token, end }: Logout, now: number): void {
    this.sweep(now);
    if (!isOver(end, now)) this.ends.set(token, Math.max(end, this.ends.get(token) ?? 0));
  }

  /** All that have not expired, including those added during the iteration. */
  *inPieces(now: number): IterableIterator<readonly Logout[]> {
    let piece: Logout[] = [];
    for (const [token, end] of this.ends) {
      if (isOver(end, now)) continue;
      piece.push({ token, end });
      if (piece.length < LOGOUTS_AT_ONCE) continue;
      yield piece;
      piece = [];
    }
    if (piece.length > 0) yield piece;
  }

  private sweep(now: number): void {
    for (let looked = 0; looked < LOOKED_AT; looked += 1) {
      const next = this.sweeping.next();
      if (next.done) {
        this.sweeping = this.ends.entries();
        return;
      }
      const [token, end] = next.value;
      if (isOver(end, now)) this.ends.delete(token);
    }
  }
}

function isOver(end: number, now: number): boolean {
  return end + KEPT_ENDED_MS <= now;
}
