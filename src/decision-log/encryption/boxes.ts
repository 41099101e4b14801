/**
 * The boxes of an encrypted file: each holds one record, encrypted with its own key. The next box's key is derived from it, and then the key is
 * erased: an attacker who takes over a guard cannot read what it wrote before. See docs/decision-log.md, "Encrypted".
 */
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

export const KEY_BYTES = 32;

const CIPHER = 'aes-256-gcm';
const TAG_BYTES = 16;
/** Every key encrypts a single text, so a constant nonce is safe. */
const NONCE = Buffer.alloc(12);

/** Binds a box to its record's place: elsewhere it cannot be opened. */
export interface BoxPlace {
  readonly guard: string;
  readonly seq: number;
}

/** Makes the boxes of one file. */
export class BoxWriter {
  /** @param key of the first box; it is overwritten. */
  constructor(private readonly key: Uint8Array) {}

  private number = 0;

  /**
   * `17.` and base64url: the number of the box in its file, from 0, and the encrypted record. A box's key is used once, even if the box is never
   * written: a replacement goes into the next box.
   */
  box(record: string, place: BoxPlace): string {
    const cipher = createCipheriv(CIPHER, this.key, NONCE, { authTagLength: TAG_BYTES });
    cipher.setAAD(tied(place));
    const sealed = Buffer.concat([cipher.update(record, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    this.key.set(nextKey(this.key));
    return `${this.number++}.${sealed.toString('base64url')}`;
  }
}

/** The most boxes that may be missing between two that were written: an hour of failed writes at a thousand a second, with a margin. */
const FARTHEST = 20_000_000;
/** Every key with a multiple of this number is kept, so that opening swapped lines is cheap. */
const KEPT = 1024;

/** Opens the boxes of one file, in any order. */
export class BoxReader {
  private readonly kept: Uint8Array[];
  private key: Uint8Array;
  private number = 0;

  /** @param first the key of the first box. */
  constructor(first: Uint8Array) {
    this.key = first;
    this.kept = [first];
  }

  /** The record's JSON; undefined if the box was changed, or belongs to another place or file. */
  open(box: string, place: BoxPlace): string | undefined {
    const [, number, text = ''] = /^(0|[1-9][0-9]{0,14})\.([A-Za-z0-9_-]+)$/.exec(box) ?? [];
    const sealed = Buffer.from(text, 'base64url');
    if (number === undefined || sealed.length < TAG_BYTES) return undefined;
    const key = this.keyOf(Number(number));
    if (!key) return undefined;
    try {
      const decipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES });
      decipher.setAAD(tied(place));
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      return decipher.update(sealed.subarray(0, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined;
    }
  }

  private keyOf(number: number): Uint8Array | undefined {
    if (number < this.number) {
      const from = Math.min(Math.floor(number / KEPT), this.kept.length - 1);
      this.key = this.kept[from]!;
      this.number = from * KEPT;
    }
    if (number - this.number > FARTHEST) return undefined;
    while (this.number < number) {
      this.key = nextKey(this.key);
      this.number += 1;
      if (this.number === this.kept.length * KEPT) this.kept.push(this.key);
    }
    return this.key;
  }
}

function nextKey(key: Uint8Array): Buffer {
  return createHmac('sha256', key).update('rowgate box').digest();
}

function tied({ guard, seq }: BoxPlace): Buffer {
  return Buffer.from(JSON.stringify([guard, seq]));
}
