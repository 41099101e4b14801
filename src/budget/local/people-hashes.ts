/** The keyed hashes under which people are counted: made once for the principal and for the person behind it, and only where they are needed. */
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { type Hashes, WORDS } from '../../metering/hashes.ts';
import type { Measure } from '../../metering/measure.ts';
import { KeyList } from '../../session/results/key-list.ts';
import { KeyedHash } from './keyed-hash.ts';

/** As `Disclosed`, of one row or of many. */
interface Named {
  readonly subject: string;
  readonly keys: readonly string[] | KeyList;
  readonly values: number;
}

/** The same as it is counted. */
export interface Counted {
  readonly subject: string;
  readonly hashes: Hashes;
  readonly values: number;
}

export class PeopleHashes {
  private readonly byMeasure = new Map<Measure, KeyedHash>();

  /** `secret`: of the store; undefined until it has said it. */
  constructor(private readonly secret: () => Uint8Array | undefined) {}

  of(disclosed: readonly Named[]): readonly Counted[] {
    return disclosed.map(({ subject, keys, values }) => {
      const measure = `subjects.${subject}` as const;
      return { subject, hashes: new HashesWhenAsked(keys, () => this.keyedHash(measure)), values };
    });
  }

  /** Throws where the secret is not known: nobody is counted under a name that others would not give them. */
  private keyedHash(measure: Measure): KeyedHash {
    let hash = this.byMeasure.get(measure);
    if (hash) return hash;
    const secret = this.secret();
    if (!secret) throw new Error('people were to be counted before the key of their hashes was known');
    hash = new KeyedHash(createHmac('sha256', secret).update(measure).digest());
    this.byMeasure.set(measure, hash);
    return hash;
  }
}

/** Whoever is too many for any window is refused without. */
class HashesWhenAsked implements Hashes {
  readonly count: number;
  private made: Int32Array | undefined;

  constructor(
    private readonly keys: readonly string[] | KeyList,
    private readonly keyedHash: () => KeyedHash,
  ) {
    this.count = keys instanceof KeyList ? keys.count : keys.length;
  }

  get words(): Int32Array {
    this.made ??= this.make();
    return this.made;
  }

  private make(): Int32Array {
    const { keys, count } = this;
    if (count === 0) return NOBODY;
    const { bytes, ends } = keys instanceof KeyList ? keys : listed(keys);
    const hashed = this.keyedHash().of(bytes, ends, count);
    const words = new Int32Array(count * WORDS);
    for (let i = 0; i < words.length; i += 1) words[i] = hashed.readInt32LE(4 * i) & BITS_OF_WORD;
    return words;
  }
}

const NOBODY = new Int32Array(0);
const BITS_OF_WORD = 0x3fffffff;

function listed(keys: readonly string[]): { bytes: Uint8Array; ends: number[] } {
  let end = 0;
  const ends = keys.map((key) => {
    end += Buffer.byteLength(key);
    return end;
  });
  return { bytes: Buffer.from(keys.join('')), ends };
}
