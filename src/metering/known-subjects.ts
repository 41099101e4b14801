/** The people that a process knows to be counted, and those that it has yet to report to the store. */
import { HashTable, NOWHERE } from './hash-table.ts';
import { type Hashes, hashText, WORDS } from './hashes.ts';
import { runsOf, type Sightings } from './sightings.ts';

/** LRU: an evicted person takes a place when seen again; the place is returned once they are reported. */
const MOST_REMEMBERED = 50_000;
const MOST_STRANGERS = 10_000;
/** A sighting this soon after the last one is not reported. */
const REPORT_EVERY_MS = 1_000;

/** The numbers of an entry: until when every window counts the person, in the process's time; and when they were last reported. */
const UNTIL = 0;
const REPORTED_AT = 1;

/** A hash is given as an array of words and the index of its first word. */
export class KnownSubjects {
  /** Made on demand: each end user may have some. */
  private known: HashTable | undefined;
  /** Changes whenever the set of known people does. */
  changes = 0;
  /** People that the store did not count, and when it was asked. */
  private strangers: Map<string, number> | undefined;
  /** Hashes to report, and the instant of each: see `Sightings`. */
  private reportedWords: number[] = [];
  private reportedInstants: number[] = [];

  /** Seen, and to be looked up together. */
  private noted: Hashes[] = [];

  note(hashes: Hashes): void {
    this.noted.push(hashes);
  }

  get notes(): number {
    return this.noted.length;
  }

  takeNoted(): Hashes | undefined {
    const [first, ...others] = this.noted;
    this.noted = [];
    return first?.with(others);
  }

  /** True only if every window counts the person now. */
  knows(words: ArrayLike<number>, at: number, now: number): boolean {
    const { known } = this;
    if (!known) return false;
    const place = known.find(words, at);
    return place !== NOWHERE && now < known.number(place, UNTIL);
  }

  /**
   * A person was shown: one who is known stays in the windows for their whole length again. `dayAt`: as in `Lease`. `until`: counted from this
   * sighting. @returns as `knows`.
   */
  sawAgain(words: ArrayLike<number>, at: number, dayAt: number, now: number, until: number): boolean {
    const { known } = this;
    const place = known?.find(words, at) ?? NOWHERE;
    if (!known || place === NOWHERE || now >= known.number(place, UNTIL)) return false;
    if (now - known.number(place, REPORTED_AT) < REPORT_EVERY_MS) return true;
    this.report(words, at, -dayAt);
    this.remember(words, at, now, until);
    return true;
  }

  /** A new person was shown, with a place that was granted at `grantedAt`. */
  sawFirst(words: ArrayLike<number>, at: number, grantedAt: number, now: number, until: number): void {
    this.report(words, at, grantedAt);
    this.remember(words, at, now, until);
  }

  /** The store's answer: whether every window counts the person. */
  told(words: ArrayLike<number>, at: number, counted: boolean, now: number, until: number): void {
    if (counted) this.remember(words, at, now, until);
    else {
      // Kept for a second only, so that refused statements cannot fill the memory.
      this.strangers ??= new Map();
      if (this.strangers.size >= MOST_STRANGERS) this.strangers.clear();
      this.strangers.set(textOf(words, at), now);
    }
  }

  /** Whether the store has just said that it does not count the person. */
  isStranger(words: ArrayLike<number>, at: number, now: number): boolean {
    if (!this.strangers?.size) return false;
    const text = textOf(words, at);
    const asked = this.strangers.get(text);
    if (asked === undefined) return false;
    if (now - asked < REPORT_EVERY_MS) return true;
    this.strangers.delete(text);
    return false;
  }

  /** Removes and returns what is to be reported; undefined if there is nothing. */
  takeReports(): Sightings | undefined {
    const { reportedWords, reportedInstants } = this;
    if (reportedInstants.length === 0) return undefined;
    this.reportedWords = [];
    this.reportedInstants = [];
    return { hashes: hashText(reportedWords), at: runsOf(reportedInstants) };
  }

  get unreported(): number {
    return this.reportedInstants.length;
  }

  /** Forgets those who were not seen for the longest time. Between two takes: who was counted as known is still known when seen. */
  trim(): void {
    const { known } = this;
    if (!known || known.size <= MOST_REMEMBERED) return;
    this.changes += 1;
    while (known.size > MOST_REMEMBERED) known.remove(known.oldest);
  }

  /** The windows have changed: forgets everyone. */
  forget(): void {
    this.changes += 1;
    this.known = undefined;
    this.strangers = undefined;
  }

  private report(words: ArrayLike<number>, at: number, instant: number): void {
    for (let i = 0; i < WORDS; i += 1) this.reportedWords.push(words[at + i]!);
    this.reportedInstants.push(instant);
  }

  private remember(words: ArrayLike<number>, at: number, now: number, until: number): void {
    this.known ??= new HashTable(2);
    const { known } = this;
    this.changes += 1;
    if (this.strangers?.size) this.strangers.delete(textOf(words, at));
    let place = known.find(words, at);
    if (place === NOWHERE) place = known.add(words, at);
    else known.touch(place);
    known.set(place, until, UNTIL);
    known.set(place, now, REPORTED_AT);
  }
}

function textOf(words: ArrayLike<number>, at: number): string {
  return hashText(Array.from({ length: WORDS }, (_, i) => words[at + i]!));
}
