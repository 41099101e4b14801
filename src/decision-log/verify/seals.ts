/** Verifies the seals of one file, and collects what they say about other places, for a later comparison. */
import type { Head, SegmentFields } from '../chain/seal.ts';
import { keyId } from '../seals/seal-key.ts';
import type { Finding } from './finding.ts';
import type { KeyRing } from './keys.ts';
import type { SealRecord } from './line.ts';
import type { SignedHeads } from './signed-heads.ts';

/** Seals with consecutive numbers. */
export interface SealRange {
  readonly file: string;
  readonly line: number;
  readonly seq: number;
  readonly from: number;
  to: number;
}

/** The position of a seal. */
export interface SealPlace {
  readonly file: string;
  readonly line: number;
  readonly seq: number;
}

/** The hash of a recent record; undefined if it is no longer known. */
export type Recall = (seq: number) => string | undefined;

export class SealReader {
  readonly ranges: SealRange[] = [];
  readonly findings: Finding[] = [];
  /** The last valid one. */
  last: (SealRecord & { readonly seq: number }) | undefined;
  readonly chains = new Set<string>();
  private readonly lastBeside = new Map<string, number>();

  /** What the seals say about other places is added to `pins`. */
  constructor(
    private readonly keys: KeyRing,
    private readonly pins: SignedHeads,
  ) {}

  /** True if it is valid. `recall`: absent if the seal does not follow from the record before it, which is reported elsewhere. */
  read(seal: SealRecord, place: SealPlace, recall: Recall | undefined): boolean {
    const range = this.ranges.at(-1);
    if (range && seal.seal === range.to + 1) range.to = seal.seal;
    else this.ranges.push({ ...place, from: seal.seal, to: seal.seal });
    this.chains.add(seal.chain);
    if (!this.isGenuine(seal, place)) return false;
    // Only a seal by a trusted key is evidence about other places.
    const by = `seal ${seal.seal} in ${place.file}:${place.line}`;
    for (const [guard, head] of Object.entries(seal.beside ?? {})) this.pinBeside(guard, head, by);
    const there = recall?.(seal.of.seq);
    if (seal.of.seq >= place.seq || (there !== undefined && there !== seal.of.hash)) this.rewritten(seal, place);
    else {
      if (there === undefined) this.pins.add({ guard: seal.guard, chain: seal.chain, ...seal.of, by });
      this.last = { ...seal, seq: place.seq };
      return true;
    }
    return false;
  }

  /** The key that a segment names. */
  meet({ chain, sealed_by: key }: SegmentFields, place: SealPlace): void {
    this.chains.add(chain);
    if (this.keys.meet(key)) return;
    const message = `from here on seals are by the key ${keyId(key)}, which is not trusted`;
    this.add({ kind: 'key-changed', ...place, message });
  }

  private isGenuine(seal: SealRecord, place: SealPlace): boolean {
    const signature = this.keys.signature(seal.guard, seal);
    if (signature === 'forged')
      this.forged(place, `seal ${seal.seal} does not bear a signature of the key ${seal.key}`);
    else if (signature === 'unknown-key')
      this.add({
        kind: 'key-changed',
        ...place,
        message: `seal ${seal.seal} is signed by an unknown key, ${seal.key}`,
      });
    return signature === 'genuine' && this.keys.isTrusted(seal.key);
  }

  private pinBeside(guard: string, { chain, seq, hash }: Head, by: string): void {
    const known = JSON.stringify([guard, chain]);
    if (this.lastBeside.get(known) === seq) return;
    this.lastBeside.set(known, seq);
    this.pins.add({ guard, chain, seq, hash, by });
  }

  private forged(place: SealPlace, message: string): void {
    this.add({ kind: 'seal-forged', ...place, message });
  }

  private rewritten(seal: SealRecord, place: SealPlace): void {
    const message = `seal ${seal.seal} is of another record ${seal.of.seq}: what stands before it was written anew, and its chain with it`;
    this.add({ kind: 'rewritten', ...place, message });
  }

  /** Only the first finding of a kind: later ones follow from it. */
  private add(finding: Finding): void {
    const same = this.findings.at(-1);
    if (same?.kind === finding.kind) {
      this.findings[this.findings.length - 1] = { ...same, until: finding.seq ?? 0 };
    } else this.findings.push(finding);
  }
}
