/** Keeps the keys of one issuer at hand: read again as time goes, and by the last reading where they cannot be had. */
import type { Logger } from 'pino';
import { type JwkSet, readKeySet } from './key-set.ts';

/** Milliseconds. */
export interface KeyTimes {
  /** Keys that are this old are read again, while they are used. */
  readonly refresh: number;
  /** Keys that are this old are not used before they were read again, or could not be. */
  readonly wait: number;
  /** The shortest time between two readings. */
  readonly retry: number;
  /** Keys that could not be read again for this long are used no more. */
  readonly keep: number;
}

export interface KeySourceOptions {
  /** As the policy names it, for the operators' log. */
  readonly name: string;
  readonly times: KeyTimes;
  /** The text of a JWK set. Rejects with why there is none. */
  read(): Promise<string>;
  /** Monotonic milliseconds. */
  elapsed(): number;
  readonly log: Logger;
}

export class KeySource {
  private keys: JwkSet | undefined;
  /** When the reading began that gave them. */
  private readAt = Number.NEGATIVE_INFINITY;
  private triedAt = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;
  /** What follows from the last reading, as it was told; absent: they could be read. */
  private failing: string | undefined;
  /** Somebody says that they may have changed; `reading`: the reading that began since then is under way. */
  private told: 'no' | 'yes' | 'reading' = 'no';

  constructor(private readonly options: KeySourceOptions) {}

  /** `lost`: there are none to be had. Where they are to be read again, that begins. */
  current(): JwkSet | 'wait' | 'lost' {
    const { refresh, wait, keep } = this.options.times;
    const age = this.options.elapsed() - this.readAt;
    if (this.told === 'yes' || age >= refresh) this.readAgain();
    const old = this.told !== 'no' || age >= wait;
    const keys = age < keep ? this.keys : undefined;
    if (this.reading && (!keys || (old && !this.failing))) return 'wait';
    return keys ?? 'lost';
  }

  async settled(): Promise<JwkSet | 'lost'> {
    for (let keys = this.current(); ; keys = this.current()) {
      if (keys !== 'wait') return keys;
      await this.reading;
    }
  }

  /** For a key that is not among them: waits for a reading that begins now, or that is under way. False where it is too early for one. */
  async askAgain(): Promise<boolean> {
    this.readAgain();
    if (!this.reading) return false;
    await this.reading;
    return true;
  }

  /** They are read before they are used again. */
  changed(): void {
    this.told = 'yes';
    this.triedAt = Number.NEGATIVE_INFINITY;
  }

  private readAgain(): void {
    const now = this.options.elapsed();
    if (this.reading || now - this.triedAt < this.options.times.retry) return;
    this.triedAt = now;
    if (this.told === 'yes') this.told = 'reading';
    this.reading = this.read(now).finally(() => {
      if (this.told === 'reading') this.told = 'no';
      this.reading = undefined;
    });
  }

  private async read(now: number): Promise<void> {
    const { name, log } = this.options;
    try {
      const text = await this.options.read();
      const next = this.keys?.text === text ? this.keys : readKeySet(text);
      if ('wrong' in next) throw new Error(next.wrong);
      if (this.failing || next !== this.keys) log.info({ keys: name, size: next.size }, 'keys of tokens read');
      this.keys = next;
      this.readAt = now;
      this.failing = undefined;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const isKept = this.keys !== undefined && now - this.readAt < this.options.times.keep;
      const then = isKept ? 'those that are known stay' : 'no token can be checked';
      if (this.failing !== then) log.error({ keys: name, detail }, `could not read the keys of tokens; ${then}`);
      this.failing = then;
    }
  }
}
