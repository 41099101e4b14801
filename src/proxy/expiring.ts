/** Says in time what runs out: certificates and revocation lists. Once when it draws near, once when it is there. */

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
  private readonly told = new Set<string>();

  /** Those of which nothing was said yet, in this state. */
  due(all: readonly Dated[], now: number): Expiring[] {
    return all.flatMap((dated) => {
      const { what, from, until } = dated;
      const over = now > until;
      if (!over && until - now > Math.min(NOTICE_MS, (until - from) / 4)) return [];
      const key = `${what} ${until} ${over}`;
      if (this.told.has(key)) return [];
      this.told.add(key);
      return [{ ...dated, over }];
    });
  }
}

/** `revocation list "clients.crl" runs out at 2026-12-01T00:00:00.000Z; then clients …` */
export function expiryText({ what, until, consequence, over }: Expiring): string {
  const when = new Date(until).toISOString();
  return over ? `${what} has run out at ${when}: ${consequence}` : `${what} runs out at ${when}; then ${consequence}`;
}
