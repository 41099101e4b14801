/** Has the chain sealed: after a number of records, and after a time in which there was one. */

import { reasonOf } from '../../core/error-text.ts';
import { type Anchor, type Head, type SealFields, sealText } from '../chain/seal.ts';
import type { ChainPosition } from '../writer/chained-file.ts';
import { keyId, type SealKey } from './seal-key.ts';

export interface SealerOptions {
  readonly key: SealKey;
  readonly guard: string;
  readonly chain: string;
  readonly everyMs: number;
  /** After this many records a seal is made at once. */
  readonly records: number;
  readonly clock: () => number;
  readonly position: () => ChainPosition;
  /** Opens the file that the seal will be in; false if it cannot be written. */
  readonly ready: () => boolean;
  /** Writes the record; false if it is certainly not in the log. */
  readonly write: (fields: SealFields) => boolean;
  readonly notice: (message: string) => void;
}

type Unsigned = Omit<SealFields, 'signature'>;

export class Sealer {
  /** Records since the last seal. */
  private unsealed = 0;
  /** Prevents giving a number twice, as writing a seal can close a file, which asks for a seal. */
  private sealing = false;
  private underway: Promise<void> | undefined;
  private failing = false;
  /** The record number of the last seal. */
  private lastSealAt = 0;
  /** The last record that a seal covers. */
  private sealedUntil = 0;
  private readonly besides = new Map<string, Head>();
  private readonly listeners: ((anchor: Anchor) => void)[] = [];
  private readonly timer: NodeJS.Timeout;
  private readonly keyId: string;

  /** @param seals in the chain so far. */
  constructor(
    private readonly options: SealerOptions,
    private seals: number,
  ) {
    this.keyId = keyId(options.key.publicKey);
    this.timer = setInterval(() => void this.seal(), options.everyMs).unref();
  }

  /** Seals in the chain so far. */
  get count(): number {
    return this.seals;
  }

  onSeal(listener: (anchor: Anchor) => void): void {
    this.listeners.push(listener);
  }

  /** How far another chain of this guard reaches. */
  heard(name: string, head: Head): void {
    this.besides.set(name, head);
  }

  /** Whether a command was asked and has not answered yet. */
  get isWaiting(): boolean {
    return this.underway !== undefined;
  }

  /** A record other than a seal was written. */
  recorded(): void {
    this.unsealed++;
    // After a failure only the timer tries again.
    if (this.unsealed >= this.options.records && !this.failing) void this.seal();
  }

  /**
   * Seals what is not sealed: at once with a local key; a command signs the last record at the time of asking. Resolves when the seal is written, or
   * has failed. One at a time.
   */
  seal(): Promise<void> {
    if (this.underway) return this.underway;
    if (this.sealing || this.unsealed === 0 || !this.options.ready()) return Promise.resolve();
    this.sealing = true;
    const fields = this.fields();
    const records = this.unsealed;
    try {
      const signature = this.options.key.sign(sealText(this.options.guard, fields));
      if (typeof signature === 'string') this.finish({ ...fields, signature }, records);
      else this.underway = this.finishLater(signature, fields, records);
    } catch (error) {
      this.fail(error);
    }
    this.sealing = this.underway !== undefined;
    return this.underway ?? Promise.resolve();
  }

  /** Has the record sealed. Resolves with false if that failed. */
  async covers(seq: number): Promise<boolean> {
    // A command may have been asked earlier, for a seal of fewer records.
    for (let tries = 0; tries < 2 && this.sealedUntil < seq; tries++) await this.seal();
    return this.sealedUntil >= seq;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async finishLater(signature: Promise<string>, fields: Unsigned, records: number): Promise<void> {
    try {
      this.finish({ ...fields, signature: await signature }, records);
    } catch (error) {
      this.fail(error);
    }
    this.underway = undefined;
    this.sealing = false;
  }

  private fail(error: unknown): void {
    if (!this.failing) this.options.notice(`the decision log cannot be sealed: ${reasonOf(error)}`);
    this.failing = true;
  }

  private fields(): Unsigned {
    const { chain, clock, position } = this.options;
    // The last seal was not known to be on disk, and did not get there.
    if (position().seq < this.lastSealAt) this.seals--;
    this.lastSealAt = 0;
    const others = [...this.besides].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      chain,
      seal: this.seals + 1,
      of: position(),
      at: new Date(clock()).toISOString(),
      ...(others.length > 0 && { beside: Object.fromEntries(others) }),
      key: this.keyId,
    };
  }

  private finish(fields: SealFields, records: number): void {
    if (!this.options.write(fields)) return;
    this.seals = fields.seal;
    this.sealedUntil = fields.of.seq;
    this.lastSealAt = this.options.position().seq;
    this.unsealed -= records;
    if (this.failing) this.options.notice('the decision log is sealed again');
    this.failing = false;
    const anchor = { guard: this.options.guard, ...fields };
    for (const listener of this.listeners) listener(anchor);
  }
}
