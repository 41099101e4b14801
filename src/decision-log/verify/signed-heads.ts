/** Signed statements about records that are elsewhere than the signature. */
import type { Head } from '../chain/seal.ts';

/** A signed statement that a chain had this record with this hash. */
export interface SignedHead extends Head {
  /** The guard that wrote the chain, if the signer says it. */
  readonly guard: string;
  /** The signer in words: `seal 7 in decisions.1.jsonl:70`. */
  readonly by: string;
}

/** Enough for months of several workers. Beyond this every second one is dropped: they overlap. */
const MOST = 1_000_000;

export class SignedHeads {
  private readonly kept = new Map<string, SignedHead>();

  constructor(private readonly most = MOST) {}

  /** Of several equal ones, the first is kept. */
  add(pin: SignedHead): void {
    const key = `${pin.chain} ${pin.seq} ${pin.hash}`;
    if (this.kept.has(key)) return;
    if (this.kept.size >= this.most) this.thin();
    this.kept.set(key, pin);
  }

  get all(): SignedHead[] {
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
