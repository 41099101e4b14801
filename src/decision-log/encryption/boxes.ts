/**
 * The boxes of an encrypted file: each holds one record, under a key of its own. The key of a box gives that of the next, and is then forgotten:
 * whoever takes over a guard cannot read what it has written. See docs/decision-log.md, "Encrypted".
 */
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** Bytes of a key. */
export const KEY_BYTES = 32;

const CIPHER = 'aes-256-gcm';
const TAG_BYTES = 16;
/** No key encrypts more than one text, so that one nonce serves all. */
const NONCE = Buffer.alloc(12);

/** What ties a box to its record's place: in another one it cannot be opened. */
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
   * `17.` and base64url: the number of the box in its file, counted from 0, and what it holds. The key of a box is used once, also
   * where the box is never written: whatever is to stand in its place is put into the next one.
   */
  box(record: string, place: BoxPlace): string {
    const cipher = createCipheriv(CIPHER, this.key, NONCE, { authTagLength: TAG_BYTES });
    cipher.setAAD(tied(place));
    const sealed = Buffer.concat([cipher.update(record, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    this.key.set(nextKey(this.key));
    return `${this.number++}.${sealed.toString('base64url')}`;
  }
}

/** So many boxes may have been made and not written between two that were: of an hour in which nothing could be, at a thousand a second, with room. */
const FARTHEST = 20_000_000;
/** Each so many-th key is kept, so that lines that were swapped cost little. */
const KEPT = 1024;

/** Opens the boxes of one file, in whatever order. */
export class BoxReader {
  private readonly kept: Uint8Array[];
  private key: Uint8Array;
  private number = 0;

  /** @param first the key of the first box. */
  constructor(first: Uint8Array) {
    this.key = first;
    this.kept = [first];
  }

  /** The record's JSON; undefined where the box was changed, or belongs to another place or file. */
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
