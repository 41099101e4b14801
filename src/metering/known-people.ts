/** Which people a process knows to be counted already, and whom it has still to report. */
import { HashTable, NOWHERE } from './hash-table.ts';
import { hashText, WORDS } from './hashes.ts';
import { runsOf, type Sightings } from './sightings.ts';

/** Of more the longest unseen are forgotten: seen again they take a place, which comes back once they are reported. */
const MOST_REMEMBERED = 50_000;
const MOST_STRANGERS = 10_000;
/** A sight so soon after the last one is not reported. */
const REPORT_EVERY_MS = 1_000;

/** What is remembered of each: counted in every window until then, in the process's time; and when they were reported. */
const UNTIL = 0;
const REPORTED_AT = 1;

/** A hash is given by the words from `at` on. */
export class KnownSubjects {
  /** Absent until somebody is remembered: each person behind an account may count some. */
  private known: HashTable | undefined;
  /** Another number with each change of whom it knows. */
  changes = 0;
  /** Whom the store did not know, and when it was asked. */
  private strangers: Map<string, number> | undefined;
  /** Hashes, and for each when the place was granted that was taken for them; 0: none was. */
  private reportedWords: number[] = [];
  private reportedGrants: number[] = [];

  /** True only of whom every window counts now. */
  knows(words: ArrayLike<number>, at: number, now: number): boolean {
    const { known } = this;
    if (!known) return false;
    const place = known.find(words, at);
    return place !== NOWHERE && now < known.number(place, UNTIL);
  }

  /** Somebody known was shown: stays in the windows anew. `until`: as of a sight now. */
  sawAgain(words: ArrayLike<number>, at: number, now: number, until: number): void {
    const { known } = this;
    const place = known?.find(words, at) ?? NOWHERE;
    if (!known || place === NOWHERE || now - known.number(place, REPORTED_AT) < REPORT_EVERY_MS) return;
    this.report(words, at, 0);
    this.remember(words, at, now, until);
  }

  /** Somebody new was shown, for whom a place was taken that was granted at `grantedAt`. */
  sawFirst(words: ArrayLike<number>, at: number, grantedAt: number, now: number, until: number): void {
    this.report(words, at, grantedAt);
    this.remember(words, at, now, until);
  }

  /** The store has said of somebody whether every window counts them. */
  told(words: ArrayLike<number>, at: number, counted: boolean, now: number, until: number): void {
    if (counted) this.remember(words, at, now, until);
    else {
      // They are known for a second only: nobody who is refused for one after the other fills the memory.
      this.strangers ??= new Map();
      if (this.strangers.size >= MOST_STRANGERS) this.strangers.clear();
      this.strangers.set(textOf(words, at), now);
    }
  }

  /** Whether the store has just said that it does not know them. */
  isStranger(words: ArrayLike<number>, at: number, now: number): boolean {
    if (!this.strangers?.size) return false;
    const text = textOf(words, at);
    const asked = this.strangers.get(text);
    if (asked === undefined) return false;
    if (now - asked < REPORT_EVERY_MS) return true;
    this.strangers.delete(text);
    return false;
  }

  /** Takes what is to be reported; undefined where there is nothing. */
  takeReports(): Sightings | undefined {
    const { reportedWords, reportedGrants } = this;
    if (reportedGrants.length === 0) return undefined;
    this.reportedWords = [];
    this.reportedGrants = [];
    return { hashes: hashText(reportedWords), at: runsOf(reportedGrants) };
  }

  get unreported(): number {
    return this.reportedGrants.length;
  }

  /** The windows are others now. */
  forget(): void {
    this.changes += 1;
    this.known = undefined;
    this.strangers = undefined;
  }

  private report(words: ArrayLike<number>, at: number, grantedAt: number): void {
    for (let i = 0; i < WORDS; i += 1) this.reportedWords.push(words[at + i]!);
    this.reportedGrants.push(grantedAt);
  }

  private remember(words: ArrayLike<number>, at: number, now: number, until: number): void {
    this.known ??= new HashTable(2);
    const { known } = this;
    this.changes += 1;
    if (this.strangers?.size) this.strangers.delete(textOf(words, at));
    let place = known.find(words, at);
    if (place === NOWHERE) {
      if (known.size >= MOST_REMEMBERED) known.remove(known.oldest);
      place = known.add(words, at);
    } else known.touch(place);
    known.set(place, until, UNTIL);
    known.set(place, now, REPORTED_AT);
  }
}

function textOf(words: ArrayLike<number>, at: number): string {
  return hashText(Array.from({ length: WORDS }, (_, i) => words[at + i]!));
}
