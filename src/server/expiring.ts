/** Says in time what runs out: certificates and revocation lists. Once when it draws near, once when it is there. */
import { shownTime } from '../policy/source/calendar.ts';

export interface Dated {
  /** As the subject of a sentence: `revocation list "clients.crl"`. */
  readonly what: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
  /** What follows when it has run out, as a sentence without its full stop. */
  readonly consequence: string;
}

export interface Expiring extends Dated {
  readonly over: boolean;
}

/** The last quarter of its time, and no more than this. */
const NOTICE_MS = 14 * 24 * 60 * 60_000;

export class ExpiryNotices {
  /** What was said of those that there are now. */
  private told: ReadonlySet<string> = new Set();

  /** Those of which nothing was said yet, in this state. */
  due(all: readonly Dated[], now: number): Expiring[] {
    const near = all
      .map((dated) => ({ ...dated, over: now > dated.until }))
      .filter(({ from, until, over }) => over || until - now <= Math.min(NOTICE_MS, (until - from) / 4));
    const due = near.filter((expiring) => !this.told.has(keyOf(expiring)));
    this.told = new Set(near.map(keyOf));
    return due;
  }
}

function keyOf({ what, until, over }: Expiring): string {
  return `${what} ${until} ${over}`;
}

/** `revocation list "clients.crl" runs out at 2026-12-01 01:00:00 Europe/Paris; then clients …` */
export function expiryText({ what, until, consequence, over }: Expiring, timeZone: string): string {
  const when = shownTime(until, timeZone);
  return over ? `${what} has run out at ${when}: ${consequence}` : `${what} runs out at ${when}; then ${consequence}`;
}
