/** The keyed hashes that stand for data subjects: computed once for the principal and the end user, and only on demand. */
import { Buffer } from 'node:buffer';
import { type Cipher, createCipheriv, createHmac } from 'node:crypto';
import { type Hashes, WORDS } from '../../metering/hashes.ts';
import type { Measure } from '../../metering/measure.ts';
import { KeyList } from '../../session/results/key-list.ts';

/** Like `Disclosed`, for one row or several. */
interface Named {
  readonly subject: string;
  readonly keys: readonly string[] | KeyList;
  readonly values: number;
}

/** The same with hashes. */
export interface Counted {
  readonly subject: string;
  readonly hashes: Hashes;
  readonly values: number;
}

export class SubjectHashes {
  private readonly bySubject = new Map<string, KeyedHash>();

  /** `secret`: the store's key; undefined until the store has sent it. */
  constructor(private readonly secret: () => Uint8Array | undefined) {}

  of(disclosed: readonly Named[]): readonly Counted[] {
    return disclosed.map(({ subject, keys, values }) => ({ subject, hashes: this.ofOne(subject, keys), values }));
  }

  ofOne(subject: string, keys: Named['keys']): Hashes {
    return new HashesWhenAsked(keys, subject, this);
  }

  /** Throws if the key is not known: guards with different keys would count the same person twice. */
  keyedHash(subject: string): KeyedHash {
    let hash = this.bySubject.get(subject);
    if (hash) return hash;
    const secret = this.secret();
    if (!secret) throw new Error('people were to be counted before the key of their hashes was known');
    const measure: Measure = `subjects.${subject}`;
    hash = new KeyedHash(createHmac('sha256', secret).update(measure).digest());
    this.bySubject.set(subject, hash);
    return hash;
  }
}

/** Computed on demand: if there are too many for any window, the statement is refused without. */
class HashesWhenAsked implements Hashes {
  readonly count: number;
  private made: ArrayLike<number> | undefined;

  constructor(
    private readonly keys: readonly string[] | KeyList,
    private readonly subject: string,
    private readonly hashes: SubjectHashes,
  ) {
    this.count = keys instanceof KeyList ? keys.count : keys.length;
  }

  get words(): ArrayLike<number> {
    this.made ??= this.make();
    return this.made;
  }

  with(others: readonly Hashes[]): Hashes {
    const all = [this, ...(others as readonly HashesWhenAsked[])];
    const keys = all.flatMap((one) => (one.keys instanceof KeyList ? one.keys.texts() : one.keys));
    return new HashesWhenAsked(keys, this.subject, this.hashes);
  }

  private make(): ArrayLike<number> {
    const { keys, count } = this;
    if (count === 0) return NOBODY;
    const { bytes, ends } = keys instanceof KeyList ? keys : listed(keys);
    const hashed = this.hashes.keyedHash(this.subject).of(bytes, ends, count);
    const words = new Array<number>(count * WORDS);
    for (let i = 0, at = 0; i < words.length; i += 1, at += 4)
      words[i] =
        (hashed[at]! | (hashed[at + 1]! << 8) | (hashed[at + 2]! << 16) | (hashed[at + 3]! << 24)) & BITS_OF_WORD;
    return words;
  }
}

const NOBODY: readonly number[] = [];
const BITS_OF_WORD = 0x3fffffff;

function listed(keys: readonly string[]): { bytes: Uint8Array; ends: number[] } {
  const [only] = keys;
  if (only !== undefined && keys.length === 1) {
    const bytes = Buffer.from(only);
    return { bytes, ends: [bytes.length] };
  }
  let end = 0;
  const ends = keys.map((key) => {
    end += Buffer.byteLength(key);
    return end;
  });
  return { bytes: Buffer.from(keys.join('')), ends };
}

/**
 * AES-CMAC (RFC 4493, with a key of 256 bits) of many short texts at once. One call of the cipher costs as much as a hundred blocks in it. A million
 * HMAC-SHA-256, one by one, took longer than the database needs for the rows.
 */
const BLOCK = 16;
/** The constant for doubling a subkey (RFC 4493). */
const REDUCTION = 0x87;
const END_OF_TEXT = 0x80;

export class KeyedHash {
  private readonly cipher: Cipher;
  private readonly whole: Buffer;
  private readonly padded: Buffer;

  /** @param key 32 bytes. */
  constructor(key: Uint8Array) {
    // ECB encrypts independent blocks: the CBC chaining of CMAC is done here, for many texts in parallel.
    this.cipher = createCipheriv('aes-256-ecb', key, null);
    this.cipher.setAutoPadding(false);
    this.whole = doubled(this.cipher.update(Buffer.alloc(BLOCK)));
    this.padded = doubled(this.whole);
  }

  /** @param ends the end of each text in `bytes`; each begins where the one before ends. @returns 16 bytes for each text. */
  of(bytes: Uint8Array, ends: ArrayLike<number>, count: number): Buffer {
    // A part of Node's pool, where there are few: memory of its own is dearer than all that is done in it.
    let blocks: Buffer = Buffer.allocUnsafe(count * BLOCK).fill(this.padded);
    let done: Buffer | undefined;
    for (let from = 0; ; from += BLOCK) {
      let going = 0;
      for (let i = 0, start = 0; i < count; start = ends[i]!, i += 1) {
        const left = ends[i]! - start - from;
        if (left > BLOCK) going += 1;
        if (from === 0 && left < BLOCK) this.mixShort(blocks, i * BLOCK, bytes, start, left);
        else if (left > 0) {
          if (from === 0) blocks.fill(0, i * BLOCK, (i + 1) * BLOCK);
          this.mix(blocks, i * BLOCK, bytes, start + from, left);
        }
      }
      const next = this.cipher.update(blocks);
      if (going === 0 && !done) return next;
      done ??= Buffer.alloc(count * BLOCK);
      for (let i = 0, start = 0; i < count; start = ends[i]!, i += 1) {
        const left = ends[i]! - start - from;
        if (left <= BLOCK && (left > 0 || from === 0)) next.copy(done, i * BLOCK, i * BLOCK, (i + 1) * BLOCK);
      }
      if (going === 0) return done;
      blocks = next;
    }
  }

  /** The same as `mix` of a text with less than a block, as most are, where its state is the subkey already. */
  private mixShort(blocks: Buffer, at: number, bytes: Uint8Array, from: number, length: number): void {
    for (let i = 0; i < length; i += 1) blocks[at + i]! ^= bytes[from + i]!;
    blocks[at + length]! ^= END_OF_TEXT;
  }

  /** XORs the text's next block into its state; for the last block also the subkey. */
  private mix(blocks: Buffer, at: number, bytes: Uint8Array, from: number, left: number): void {
    const length = Math.min(left, BLOCK);
    for (let i = 0; i < length; i += 1) blocks[at + i]! ^= bytes[from + i]!;
    if (left > BLOCK) return;
    const subkey = left === BLOCK ? this.whole : this.padded;
    if (left < BLOCK) blocks[at + length]! ^= END_OF_TEXT;
    for (let i = 0; i < BLOCK; i += 1) blocks[at + i]! ^= subkey[i]!;
  }
}

function doubled(block: Uint8Array): Buffer {
  const twice = Buffer.alloc(BLOCK);
  for (let i = 0; i < BLOCK; i += 1) twice[i] = (block[i]! << 1) | ((block[i + 1] ?? 0) >>> 7);
  if (block[0]! & 0x80) twice[BLOCK - 1]! ^= REDUCTION;
  return twice;
}
