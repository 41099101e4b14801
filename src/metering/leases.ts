/**
 * Leases from a store, so that a process asks rarely and spends at once. A take is all or nothing over several measures.
 * INVARIANT 58: everything that is spent was granted by the store before. A crash loses what was granted and not spent: too much is then counted,
 * never too little.
 */
import {
  type BudgetStore,
  type LeaseClaim,
  type LeaseGrant,
  type LeaseReturn,
  type StoreAnswer,
  StoreUnavailable,
} from './budget-store.ts';
import type { Charge } from './charge.ts';
import { type ChargeLine, countedUntil, needOf, newPeopleOf, type SubjectsLine } from './charge-line.ts';
import { eachHash, hashText, WORDS } from './hashes.ts';
import type { KnownSubjects } from './known-subjects.ts';
import type { Lease } from './lease.ts';

export type TakeOutcome =
  | { readonly kind: 'taken' }
  /** Ask again when woken: an answer is pending or, with `rate`, the rate allows it in a moment. */
  | { readonly kind: 'wait'; readonly rate?: true }
  /** `people`: how many the line names; `fresh`: the part of `need` for those that are not counted yet, as far as known. */
  | {
      readonly kind: 'short';
      readonly lease: Lease;
      readonly need: number;
      readonly people: number;
      readonly fresh: number;
    }
  | { readonly kind: 'unavailable' };

export interface LeasesOptions {
  readonly store: BudgetStore;
  /** Monotonic milliseconds. */
  now(): number;
  /** The store has answered, or failed: what waits for one of these leases may ask again. */
  wake(leases: readonly Lease[]): void;
  /** The store could not be asked. */
  failed(error: unknown): void;
  /** Leases of the same owner: if one is requested ahead, so are they, in the same call. */
  beside?(): readonly Lease[];
}

/** What is requested, and how much of it is needed at once. */
interface Need {
  readonly lease: Lease;
  readonly need: number;
  readonly claim: LeaseClaim;
}

/** How long an answer of too little, or a failure to reach the store, is reused. */
const SHORT_MS = 100;
const UNAVAILABLE_MS = 250;
/** Unused leases go back after this time. */
const IDLE_MS = 1_000;
const MOST_UNREPORTED = 256;
/** Later than this a report is not kept by a store that is only slow. */
const KEPT_MS = 3_000;
/** So many statements' people are looked up together. */
const MOST_NOTED = 64;
/** Below the first part of what may be leased ahead, a lease is topped up; below the second, other leases are topped up with it. */
const LOW = 1 / 4;
const LOW_BESIDE = 1 / 2;

const TAKEN: TakeOutcome = { kind: 'taken' };
const WAIT: TakeOutcome = { kind: 'wait' };
const UNAVAILABLE: TakeOutcome = { kind: 'unavailable' };
const NONE: readonly Lease[] = [];
const NO_LINES: readonly ChargeLine[] = [];

export class Leases {
  /** The store is remote: its answers must be waited for. */
  private isRemote = false;
  /** When reports were made that the store has not kept yet; the oldest comes first. */
  private readonly unkept = new Set<{ readonly at: number }>();

  constructor(private readonly options: LeasesOptions) {}

  /** The process's time. */
  get now(): number {
    return this.options.now();
  }

  /** Takes all lines, or nothing. `also`: like `beside`, for this call alone. */
  take(lines: readonly ChargeLine[], also: readonly Lease[] = NONE): TakeOutcome {
    const now = this.options.now();
    const outcome = this.attempt(lines, now) ?? this.ask(lines, now);
    // Several lines may charge one account, and everything was available before the first.
    if (outcome.kind !== 'taken') return outcome;
    for (const line of lines) this.spend(line, now);
    if (this.isRemote) this.topUp(lines, also, now);
    return outcome;
  }

  /**
   * Takes the first lines, if all are covered even where each of their people is new. None is looked up yet: one hash costs as much as a hundred.
   * @returns false: nothing was taken, and `take` may still do it.
   */
  takeAhead(lines: readonly ChargeLine[], count: number, also: readonly Lease[] = NONE): boolean {
    const now = this.options.now();
    for (const { lease, need, people, setsAside = 0 } of lines) {
      if (people && this.isBehind(now)) return false;
      if (!lease.covers(need + setsAside + (people?.hashes.count ?? 0), now)) return false;
    }
    for (let at = 0; at < count; at += 1) {
      const line = lines[at]!;
      const { lease, need, people, charge } = line;
      if (people && need === 0 && !charge) this.note(lease, people, now);
      else this.spend(line, now);
    }
    if (this.isRemote) this.topUp(lines, also, now);
    return true;
  }

  private note(lease: Lease, { known, hashes }: SubjectsLine, now: number): void {
    known.note(hashes);
    lease.hold(hashes.count, () => this.lookUp(lease, known), now);
    if (known.notes >= MOST_NOTED) lease.settle();
  }

  private lookUp(lease: Lease, known: KnownSubjects): void {
    const hashes = known.takeNoted();
    if (hashes) this.see(lease, { known, hashes }, undefined, this.options.now());
  }

  /** Whether the lines could be taken; takes nothing. */
  have(lines: readonly ChargeLine[]): TakeOutcome {
    const now = this.options.now();
    return this.attempt(lines, now) ?? this.ask(lines, now);
  }

  /** Asks for the usage of windows that are not known yet, and in the same call for what `lines` will need. */
  look(leases: readonly Lease[], lines: readonly ChargeLine[] = NO_LINES): TakeOutcome {
    if (leases.every(({ known }) => known)) return TAKEN;
    const now = this.options.now();
    const unknown = leases.filter(({ known }) => !known);
    if (unknown.some(({ asking }) => asking)) return WAIT;
    if (unknown.some(({ unavailableUntil }) => now < unavailableUntil)) return UNAVAILABLE;
    return this.claim(
      unknown.map((lease) => {
        const need = lines.find((line) => line.lease === lease)?.need ?? 0;
        return { lease, need, claim: need > 0 ? lease.claim(need) : lease.look() };
      }),
      now,
    );
  }

  /** Places that were set aside are not needed. */
  free(charge: Charge): void {
    this.giveBack(charge.free(this.options.now()));
  }

  /** The same of the second one. */
  freeSecond(charge: Charge): void {
    this.giveBack(charge.freeSecond(this.options.now()));
  }

  giveBack(returns: readonly LeaseReturn[]): void {
    if (returns.length > 0) this.options.store.giveBack(returns);
  }

  /** Reports who was seen. */
  report(lease: Lease, known: KnownSubjects): void {
    lease.settle();
    const sightings = known.takeReports();
    const kept = sightings && this.options.store.saw(lease.owner, lease.measure, lease.windows, sightings);
    if (!(kept instanceof Promise)) return;
    const report = { at: this.options.now() };
    this.unkept.add(report);
    void kept.catch(() => known.forget()).then(() => this.unkept.delete(report));
  }

  /**
   * INVARIANT 235: people who are known are shown only while the store keeps that they were shown again: else they would leave its windows too early, if
   * this process ended.
   */
  private isBehind(now: number): boolean {
    for (const { at } of this.unkept) return now - at >= KEPT_MS;
    return false;
  }

  /**
   * Gives back what has expired or has not been used for a while. `awaited`: a session waits for an answer; then the owner's other leases are kept,
   * else a slow store would never have granted all that a statement needs.
   */
  sweep(leases: Iterable<Lease>, all = false, awaited = false): void {
    const now = this.options.now();
    for (const lease of leases) {
      if (all) this.giveBack(lease.close());
      else this.giveBack(!awaited && now - lease.lastUse >= IDLE_MS ? lease.giveUp() : lease.expire(now));
    }
  }

  /** Asks for more while a little is left, so that statements rarely have to wait. */
  private topUp(lines: readonly ChargeLine[], also: readonly Lease[], now: number): void {
    const isDue = (lease: Lease, part: number) => lease.isBelow(part) && !lease.asking && mayAsk(lease, now);
    if (!lines.some(({ lease }) => isDue(lease, LOW))) return;
    const used = [...(this.options.beside?.() ?? NONE), ...also].filter(({ lastUse }) => now - lastUse < IDLE_MS);
    const low = new Set([...lines.map(({ lease }) => lease), ...used]);
    this.claim(
      [...low].filter((lease) => isDue(lease, LOW_BESIDE)).map((lease) => ({ lease, need: 0, claim: lease.claim(0) })),
      now,
    );
  }

  /** Takes from what is here; undefined if more is needed. */
  private attempt(lines: readonly ChargeLine[], now: number): TakeOutcome | undefined {
    let enough = true;
    for (const line of lines) {
      const { lease, people } = line;
      if (people && people.hashes.count > 0 && this.isBehind(now)) {
        this.options.failed(new StoreUnavailable('the state does not keep who was seen'));
        return UNAVAILABLE;
      }
      this.giveBack(lease.expire(now));
      if (lease.left < needOf(line, now)) enough = false;
    }
    return enough ? TAKEN : undefined;
  }

  private ask(lines: readonly ChargeLine[], now: number): TakeOutcome {
    const short = lines.filter((line) => line.lease.left < needOf(line, now));
    if (short.some(({ lease }) => lease.asking)) return WAIT;
    if (short.some(({ lease }) => now < lease.unavailableUntil)) return UNAVAILABLE;
    // A smaller request may still succeed.
    const empty = short.find((line) => now < line.lease.shortUntil && needOf(line, now) >= line.lease.shortNeed);
    if (empty) return this.shortOf(empty, lines, now);
    // People who were seen before must not take a second place.
    for (const { lease, people } of short) if (people) this.report(lease, people.known);
    const asked = this.claim(
      short.map((line) => {
        const need = needOf(line, now);
        return { lease: line.lease, need, claim: line.lease.claim(need) };
      }),
      now,
    );
    if (asked.kind !== 'taken') return asked;
    const still = short.find((line) => line.lease.left < needOf(line, now));
    return still ? this.shortOf(still, lines, now) : TAKEN;
  }

  /** The lease is too small. Before refusing, it is checked which of the people the windows already count. */
  private shortOf(line: ChargeLine, lines: readonly ChargeLine[], now: number): TakeOutcome {
    const { lease, people } = line;
    // Then the store need not be asked.
    if (people && lease.cannotHold(people.hashes.count)) return short(line, now);
    const unknown = people ? unknownOf(people, now) : [];
    if (people && unknown.length > 0) {
      const told = this.askWhoIsKnown(lease, people.known, unknown, now);
      return told.kind === 'taken' ? (this.attempt(lines, now) ?? this.ask(lines, now)) : told;
    }
    if (lease.shortByRate) return { kind: 'wait', rate: true };
    return short(line, now);
  }

  /** `taken`: everything is answered. */
  private claim(needs: readonly Need[], now: number): TakeOutcome {
    const before = needs.map(({ lease: { version, windows } }) => ({ version, windows }));
    const apply = (grants: readonly LeaseGrant[]): void => {
      const then = this.options.now();
      needs.forEach(({ lease, need }, i) => {
        const grant = grants[i]!;
        const { version, windows } = before[i]!;
        if (version !== lease.version) {
          const { owner, measure } = lease;
          if (grant.granted > 0) this.giveBack([{ owner, measure, windows, amount: grant.granted, at: grant.at }]);
          return;
        }
        const late = lease.add(grant, need, now, then);
        this.giveBack(late);
        // What waits for it asks again.
        if (lease.left >= need || late.length > 0) return;
        lease.shortUntil = then + SHORT_MS;
        lease.shortNeed = need;
      });
    };
    return this.asked(
      needs.map(({ lease }) => lease),
      () => this.options.store.take(needs.map(({ claim }) => claim)),
      apply,
    );
  }

  /** @param unknown the words of each, concatenated. */
  private askWhoIsKnown(lease: Lease, known: KnownSubjects, unknown: readonly number[], now: number): TakeOutcome {
    const { owner, measure, windows } = lease;
    const keys = eachHash(hashText(unknown));
    return this.asked(
      [lease],
      () => this.options.store.known(owner, measure, windows, keys),
      (answers) => {
        const until = countedUntil(lease, now);
        // Valid for at least a moment: the person is about to be shown.
        for (const i of keys.keys()) known.told(unknown, i * WORDS, answers[i] === true, now, Math.max(until, now + 1));
        known.trim();
      },
    );
  }

  private asked<T>(leases: readonly Lease[], ask: () => StoreAnswer<T>, apply: (answer: T) => void): TakeOutcome {
    const failed = (error: unknown): void => {
      const then = this.options.now();
      for (const lease of leases) lease.unavailableUntil = then + UNAVAILABLE_MS;
      this.options.failed(error);
    };
    let answer: StoreAnswer<T>;
    try {
      answer = ask();
    } catch (error) {
      failed(error);
      return UNAVAILABLE;
    }
    if (!(answer instanceof Promise)) {
      apply(answer);
      return TAKEN;
    }
    this.isRemote = true;
    for (const lease of leases) lease.asking = true;
    void answer
      .then(apply)
      .catch(failed)
      .then(() => {
        for (const lease of leases) lease.asking = false;
        this.options.wake(leases);
      });
    return WAIT;
  }

  private spend({ lease, need, people, charge, setsAside }: ChargeLine, now: number): void {
    if (setsAside) charge?.setAside(setsAside, now);
    const seen = people ? this.see(lease, people, charge, now) : 0;
    let rest = need;
    if (rest > 0 && charge?.canUse(lease, now)) {
      charge.use();
      rest -= 1;
    }
    lease.spend(rest, now);
    charge?.tell(seen + need, lease);
  }

  /** @returns how many of them were not counted before. */
  private see(lease: Lease, { known, hashes }: SubjectsLine, charge: Charge | undefined, now: number): number {
    const { words, count } = hashes;
    const until = count > 0 ? countedUntil(lease, now) : now;
    let seen = 0;
    for (let at = 0; at < count * WORDS; at += WORDS) {
      if (known.sawAgain(words, at, lease.dayAt, now, until)) continue;
      known.sawFirst(words, at, charge?.canUse(lease, now) ? charge.use() : lease.spendOne(now), now, until);
      seen += 1;
    }
    known.trim();
    if (known.unreported >= MOST_UNREPORTED) this.report(lease, known);
    return seen;
  }
}

function short(line: ChargeLine, now: number): TakeOutcome {
  const { lease, people } = line;
  return {
    kind: 'short',
    lease,
    need: needOf(line, now),
    people: people?.hashes.count ?? 0,
    fresh: newPeopleOf(line, now),
  };
}

/** The words of those not known to be counted, except those that the store has just said it does not count. */
function unknownOf({ known, hashes: { words, count } }: SubjectsLine, now: number): readonly number[] {
  const unknown: number[] = [];
  for (let at = 0; at < count * WORDS; at += WORDS) {
    if (known.knows(words, at, now) || known.isStranger(words, at, now)) continue;
    for (let word = at; word < at + WORDS; word += 1) unknown.push(words[word]!);
  }
  return unknown;
}

function mayAsk({ unavailableUntil, shortUntil }: Lease, now: number): boolean {
  return now >= unavailableUntil && now >= shortUntil;
}
