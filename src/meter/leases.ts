/**
 * What a process takes ahead from a store, so that it asks rarely and spends at once. A take is all or nothing over several measures.
 * INVARIANT: what is spent was granted by the store before. A crash loses what was granted and not spent: too much is then counted,
 * never too little.
 */
import type { Answer, BudgetStore, Grant, Return, Sighting } from './budget-store.ts';
import type { KnownPeople } from './known-people.ts';
import type { Lease } from './lease.ts';
import { isCalendarDay, lengthOf } from './slots.ts';

/** So much of one lease. */
export interface Line {
  readonly lease: Lease;
  readonly need: number;
  readonly people?: PeopleLine;
}

/** Of a measure of people `need` is not given: it follows from who they are. */
export interface PeopleLine {
  readonly known: KnownPeople;
  /** Those whom the lease's measure counts, each once. */
  readonly keys: readonly string[];
  readonly unnamed: number;
}

export type Outcome =
  | { readonly kind: 'taken' }
  /** Ask again when woken: an answer is on its way, or, where a rate holds it back, in a moment. */
  | { readonly kind: 'wait'; readonly rate?: true }
  | { readonly kind: 'short'; readonly lease: Lease; readonly need: number }
  | { readonly kind: 'unavailable' };

export interface LeasesOptions {
  readonly store: BudgetStore;
  /** Monotonic milliseconds. */
  now(): number;
  /** The store has answered: whoever waits may ask again. */
  wake(): void;
  /** The store could not be asked. */
  failed(error: unknown): void;
}

/** An answer that there is not enough holds for a moment, as does one that the store cannot be reached. */
const SHORT_MS = 100;
const UNAVAILABLE_MS = 250;
/** What nobody uses goes back. */
const IDLE_MS = 1_000;
const MOST_UNREPORTED = 256;

const TAKEN: Outcome = { kind: 'taken' };
const WAIT: Outcome = { kind: 'wait' };

export class Leases {
  constructor(private readonly options: LeasesOptions) {}

  /** Takes all of it, or nothing. */
  take(lines: readonly Line[]): Outcome {
    const now = this.options.now();
    const outcome = this.attempt(lines, now) ?? this.ask(lines, now);
    // INVARIANT: one after the other of the same account, and all was there before the first.
    if (outcome.kind === 'taken') for (const line of lines) this.spend(line, now);
    return outcome;
  }

  /** Whether so much could be taken; nothing is. */
  have(lines: readonly Line[]): Outcome {
    const now = this.options.now();
    return this.attempt(lines, now) ?? this.ask(lines, now);
  }

  /** Asks where the windows stand, where that is not known yet. */
  look(leases: readonly Lease[]): Outcome {
    const now = this.options.now();
    const unknown = leases.filter(({ known }) => !known);
    if (unknown.length === 0) return TAKEN;
    if (unknown.some(({ asking }) => asking)) return WAIT;
    if (unknown.some(({ unavailableUntil }) => now < unavailableUntil)) return { kind: 'unavailable' };
    return this.claim(
      unknown.map((lease) => ({ lease, need: 0 })),
      now,
    );
  }

  giveBack(returns: readonly Return[]): void {
    if (returns.length > 0) this.options.store.giveBack(returns);
  }

  /** Reports who was seen. */
  report(lease: Lease, known: KnownPeople): void {
    const reports = known.takeReports();
    if (reports.length > 0) this.saw(lease, reports);
  }

  /** Gives back what its time is over for, or what nobody has used for a while. */
  sweep(leases: Iterable<Lease>, all = false): void {
    const now = this.options.now();
    for (const lease of leases) {
      this.giveBack(all || now - lease.lastUse >= IDLE_MS ? lease.giveUp() : lease.expire(now));
    }
  }

  private saw(lease: Lease, sightings: readonly Sighting[]): void {
    this.options.store.saw(lease.owner, lease.measure, lease.windows, sightings);
  }

  /** From what is here; undefined where more is needed. */
  private attempt(lines: readonly Line[], now: number): Outcome | undefined {
    let enough = true;
    for (const { lease, need, people } of lines) {
      this.giveBack(lease.expire(now));
      if (lease.left < (people ? places(people, now) : need)) enough = false;
    }
    return enough ? TAKEN : undefined;
  }

  private ask(lines: readonly Line[], now: number): Outcome {
    const short = lines.filter((line) => line.lease.left < needOf(line, now));
    if (short.some(({ lease }) => lease.asking)) return WAIT;
    if (short.some(({ lease }) => now < lease.unavailableUntil)) return { kind: 'unavailable' };
    // Who asks for less may find it.
    const empty = short.find((line) => now < line.lease.shortUntil && needOf(line, now) >= line.lease.shortNeed);
    if (empty) return this.shortOf(empty, lines, now);
    // Who was seen before holds no place twice.
    for (const { lease, people } of short) if (people) this.report(lease, people.known);
    const asked = this.claim(
      short.map((line) => ({ lease: line.lease, need: needOf(line, now) })),
      now,
    );
    if (asked.kind !== 'taken') return asked;
    const still = short.find((line) => line.lease.left < needOf(line, now));
    return still ? this.shortOf(still, lines, now) : TAKEN;
  }

  /** There is not enough of this one. INVARIANT: nobody is refused for somebody whom the windows count already. */
  private shortOf(line: Line, lines: readonly Line[], now: number): Outcome {
    const { lease, people } = line;
    // Nobody need be asked for then, nor hashed: a row may hold the keys of a million.
    if (people && lease.cannotHold(people.keys.length)) return { kind: 'short', lease, need: needOf(line, now) };
    const unknown = people?.keys.filter((key) => !people.known.knows(key, now) && !people.known.isStranger(key, now));
    if (people && unknown && unknown.length > 0) {
      const told = this.askWhoIsKnown(lease, people.known, unknown, now);
      return told.kind === 'taken' ? (this.attempt(lines, now) ?? this.ask(lines, now)) : told;
    }
    if (lease.shortByRate) return { kind: 'wait', rate: true };
    return { kind: 'short', lease, need: needOf(line, now) };
  }

  /** `taken`: all is answered. */
  private claim(needs: readonly { readonly lease: Lease; readonly need: number }[], now: number): Outcome {
    const before = needs.map(({ lease: { version, windows } }) => ({ version, windows }));
    const apply = (grants: readonly Grant[]): void => {
      const then = this.options.now();
      needs.forEach(({ lease, need }, i) => {
        const grant = grants[i]!;
        const { version, windows } = before[i]!;
        if (version !== lease.version) {
          const { owner, measure } = lease;
          if (grant.granted > 0) this.giveBack([{ owner, measure, windows, amount: grant.granted, at: grant.at }]);
          return;
        }
        lease.add(grant, need, now, then);
        if (lease.left >= need) return;
        lease.shortUntil = then + SHORT_MS;
        lease.shortNeed = need;
      });
    };
    return this.asked(
      needs.map(({ lease }) => lease),
      () => this.options.store.take(needs.map(({ lease, need }) => lease.claim(need))),
      apply,
    );
  }

  private askWhoIsKnown(lease: Lease, known: KnownPeople, keys: readonly string[], now: number): Outcome {
    const { owner, measure, windows } = lease;
    const hashes = keys.map((key) => known.hash(key));
    return this.asked(
      [lease],
      () => this.options.store.known(owner, measure, windows, hashes),
      (answers) => {
        const until = countedUntil(lease, now);
        // A name for a moment at least: it was asked for somebody who is about to be shown.
        keys.forEach((key, i) => {
          known.told(key, answers[i] === true, now, Math.max(until, now + 1));
        });
      },
    );
  }

  private asked<T>(leases: readonly Lease[], ask: () => Answer<T>, apply: (answer: T) => void): Outcome {
    const failed = (error: unknown): void => {
      const then = this.options.now();
      for (const lease of leases) lease.unavailableUntil = then + UNAVAILABLE_MS;
      this.options.failed(error);
    };
    let answer: Answer<T>;
    try {
      answer = ask();
    } catch (error) {
      failed(error);
      return { kind: 'unavailable' };
    }
    if (!(answer instanceof Promise)) {
      apply(answer);
      return TAKEN;
    }
    for (const lease of leases) lease.asking = true;
    void answer
      .then(apply)
      .catch(failed)
      .then(() => {
        for (const lease of leases) lease.asking = false;
        this.options.wake();
      });
    return WAIT;
  }

  private spend({ lease, need, people }: Line, now: number): void {
    if (!people) {
      lease.spend(need, now);
      return;
    }
    const { known, keys, unnamed } = people;
    const until = countedUntil(lease, now);
    for (const key of keys) {
      if (known.knows(key, now)) known.sawAgain(key, now, until);
      else known.sawFirst(key, lease.spendOne(now), now, until);
    }
    lease.spend(unnamed, now);
    if (known.unreported >= MOST_UNREPORTED) this.report(lease, known);
  }
}

/** Places that they take. */
function places({ known, keys, unnamed }: PeopleLine, now: number): number {
  let count = unnamed;
  for (const key of keys) if (!known.knows(key, now)) count += 1;
  return count;
}

function needOf({ need, people }: Line, now: number): number {
  return people ? places(people, now) : need;
}

/** Who is seen now is counted in each window until then at least, in the process's time. */
function countedUntil({ windows, dayEndsAt }: Lease, now: number): number {
  return Math.min(
    ...windows.map((window) => (isCalendarDay(window) ? (dayEndsAt ?? now) : now + lengthOf(window))),
    Number.POSITIVE_INFINITY,
  );
}
