/** Keeps the keys of one issuer: reads them again as they age, and uses the last reading if that fails. */
import type { Logger } from 'pino';
import { type JwkSet, readKeySet } from './key-set.ts';

/** Milliseconds. */
export interface KeyTimes {
  /** Keys older than this are read again in the background, if they are in use. */
  readonly refresh: number;
  /** Keys older than this are used only after another attempt to read them. */
  readonly wait: number;
  /** The shortest time between two attempts. */
  readonly retry: number;
  /** Keys are dropped if they could not be read again for this long. */
  readonly keep: number;
}

export interface KeySourceOptions {
  /** The name in the policy, for the operators' log. */
  readonly name: string;
  readonly times: KeyTimes;
  /** Returns the text of a JWK set. Rejects with the reason if it cannot. */
  read(): Promise<string>;
  /** Monotonic milliseconds. */
  elapsed(): number;
  readonly log: Logger;
}

export class KeySource {
  private keys: JwkSet | undefined;
  /** When the reading began that returned the current keys. */
  private readAt = Number.NEGATIVE_INFINITY;
  private triedAt = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;
  /** The last logged consequence of a failed reading; undefined after a success. */
  private failing: string | undefined;
  /** Whether a change was announced; `reading`: a reading that began after the announcement is running. */
  private told: 'no' | 'yes' | 'reading' = 'no';

  constructor(private readonly options: KeySourceOptions) {}

  /** `lost`: there are no usable keys. Begins a reading if one is due. */
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

  /** For a key that the set does not have: waits for a reading that runs or begins now. False if it is too early for one. */
  async askAgain(): Promise<boolean> {
    this.readAgain();
    if (!this.reading) return false;
    await this.reading;
    return true;
  }

  /** Announces that the keys may have changed: they are read again before they are used. */
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
