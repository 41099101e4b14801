/** What was signed of records that stand elsewhere than the signature. */
import type { Head } from '../chain/seal.ts';

/** Somebody has signed that a chain had this record with this hash. */
export interface Pin extends Head {
  /** Of the guard that wrote the chain, where the signer says it. */
  readonly guard: string;
  /** Who says so, in words: `seal 7 in decisions.1.jsonl:70`. */
  readonly by: string;
}

/** Months of several workers. Where there are more, every second one goes: what they hold fast overlaps. */
const MOST = 1_000_000;

export class PinSet {
  private readonly kept = new Map<string, Pin>();

  constructor(private readonly most = MOST) {}

  /** Of several that say the same, the first is kept. */
  add(pin: Pin): void {
    const key = `${pin.chain} ${pin.seq} ${pin.hash}`;
    if (this.kept.has(key)) return;
    if (this.kept.size >= this.most) this.thin();
    this.kept.set(key, pin);
  }

  get all(): Pin[] {
    return [...this.kept.values()];
  }

  private thin(): void {
    let keep = false;
    for (const key of this.kept.keys()) {
      if (!keep) this.kept.delete(key);
      keep = !keep;
    }
  }
}
