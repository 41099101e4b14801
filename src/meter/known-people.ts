/** Which people a process knows to be counted already, and whom it has still to report. */
import type { Sighting } from './budget-store.ts';
import { Oldest } from './oldest.ts';

interface Known {
  /** Keyed hash of the key. */
  readonly hash: string;
  /** Counted in every window until then, in the process's time. */
  until: number;
  reportedAt: number;
}

/** Of more the longest unseen are forgotten: seen again they take a place, which comes back once they are reported. */
const MOST_REMEMBERED = 50_000;
const MOST_STRANGERS = 10_000;
/** A sight so soon after the last one is not reported. */
const REPORT_EVERY_MS = 1_000;

export class KnownPeople {
  private readonly byKey = new Map<string, Known>();
  private readonly oldest = new Oldest(this.byKey);
  /** Whom the store did not know, and when it was asked. */
  private strangers: Map<string, number> | undefined;
  private reports: Sighting[] = [];

  /** `hashOf`: the keyed hash of a key. */
  constructor(private readonly hashOf: (key: string) => string) {}

  hash(key: string): string {
    return this.byKey.get(key)?.hash ?? this.hashOf(key);
  }

  /** INVARIANT: true only of whom every window counts now. */
  knows(key: string, now: number): boolean {
    const known = this.byKey.get(key);
    return known !== undefined && now < known.until;
  }

  /** Somebody known was shown: stays in the windows anew. `until`: as of a sight now. */
  sawAgain(key: string, now: number, until: number): void {
    const known = this.byKey.get(key);
    if (!known || now - known.reportedAt < REPORT_EVERY_MS) return;
    this.reports.push({ key: known.hash });
    this.remember(key, { hash: known.hash, until, reportedAt: now });
  }

  /** Somebody new was shown, for whom a place was taken that was granted at `grantedAt`. */
  sawFirst(key: string, grantedAt: number, now: number, until: number): void {
    const hash = this.hash(key);
    this.reports.push({ key: hash, grantedAt });
    this.remember(key, { hash, until, reportedAt: now });
  }

  /** The store has said of somebody whether every window counts them. */
  told(key: string, counted: boolean, now: number, until: number): void {
    if (counted) this.remember(key, { hash: this.hash(key), until, reportedAt: now });
    else {
      // They are known for a second only: nobody who is refused for one after the other fills the memory.
      this.strangers ??= new Map();
      if (this.strangers.size >= MOST_STRANGERS) this.strangers.clear();
      this.strangers.set(key, now);
    }
  }

  /** Whether the store has just said that it does not know them. */
  isStranger(key: string, now: number): boolean {
    const asked = this.strangers?.get(key);
    if (asked === undefined) return false;
    if (now - asked < REPORT_EVERY_MS) return true;
    this.strangers?.delete(key);
    return false;
  }

  /** Takes what is to be reported. */
  takeReports(): readonly Sighting[] {
    const { reports } = this;
    if (reports.length > 0) this.reports = [];
    return reports;
  }

  get unreported(): number {
    return this.reports.length;
  }

  /** The windows are others now. */
  forget(): void {
    this.byKey.clear();
    this.strangers = undefined;
  }

  private remember(key: string, known: Known): void {
    this.strangers?.delete(key);
    this.byKey.delete(key);
    this.byKey.set(key, known);
    if (this.byKey.size <= MOST_REMEMBERED) return;
    const [oldest] = this.oldest.entry() ?? [key];
    this.byKey.delete(oldest);
  }
}
