/** How many people of one subject a run has shown, what else it has told of them, and which are in no record yet. */
import { Buffer } from 'node:buffer';
import type { KeyList } from './key-list.ts';
import { KeySet } from './key-set.ts';
import { isReadable } from './key-text.ts';

/** So many of a run are told apart for its record; of those behind them each counts whenever it shows: perhaps too many, never too few. */
const MOST_KNOWN = 10_000;
/** So few are compared one by one. */
const FEW = 8;
/** So many keys of a subject wait for a record at most. */
const MOST_UNRECORDED = 1_000;

export class DisclosureTally {
  /** Keys that can be shown before a record is due. */
  static readonly most = MOST_UNRECORDED - 1;
  people = 0;
  values = 0;
  /** Of those counted in `people`, the keys that are in no record yet. */
  fresh: string[] = [];
  /** Undefined for as long as they are few: those in `fresh`. Bytes as soon as many rows come at once. */
  private known: Set<string> | KeySet | undefined;

  constructor(readonly subject: string) {}

  get room(): number {
    return DisclosureTally.most - this.fresh.length;
  }

  /** There are as many keys as one record takes. */
  get isFull(): boolean {
    return this.fresh.length >= MOST_UNRECORDED;
  }

  /** As many as a record takes. */
  takeFull(): string[] {
    return this.fresh.splice(0, MOST_UNRECORDED);
  }

  knows(key: string): boolean {
    const { known } = this;
    if (!known) return this.fresh.includes(key);
    if (known instanceof Set) return known.has(key);
    const bytes = Buffer.from(key);
    return known.has(bytes, 0, bytes.length);
  }

  count(keys: readonly string[], values: number): void {
    this.values += values;
    for (const key of keys) {
      if (this.knows(key)) continue;
      if (this.isNew(key)) this.remember(key);
    }
  }

  countMany(keys: KeyList, values: number): void {
    this.values += values;
    const known = this.bytewise();
    const { bytes } = keys;
    keys.forEach((start, end, text) => {
      if (known.has(bytes, start, end)) return;
      if (this.isNew(text()) && known.size < MOST_KNOWN) known.add(bytes, start, end);
    });
  }

  private isNew(key: string): boolean {
    if (!isReadable(key)) {
      // Nobody who asks for a person by the key would find this one.
      this.values += 1;
      return false;
    }
    this.people += 1;
    this.fresh.push(key);
    return true;
  }

  /** Of one in `fresh`. */
  private remember(key: string): void {
    if (!this.known && this.fresh.length > FEW) this.known = new Set(this.fresh);
    const { known } = this;
    if (!known || known.size >= MOST_KNOWN) return;
    if (known instanceof Set) {
      known.add(key);
      return;
    }
    const bytes = Buffer.from(key);
    known.add(bytes, 0, bytes.length);
  }

  private bytewise(): KeySet {
    const { known } = this;
    if (known instanceof KeySet) return known;
    const bytewise = new KeySet();
    this.known = bytewise;
    for (const key of known ?? this.fresh) this.remember(key);
    return bytewise;
  }
}
