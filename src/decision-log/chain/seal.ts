/** Seals: signed statements of how far a chain had come. They stand in it as records of their own, and go elsewhere as anchors. */

/** The fields of a `seal` record beside time, kind, guard, seq and hash, in this order. */
export interface SealFields {
  /** Which chain: made up when a log begins. */
  readonly chain: string;
  /** Counts the seals of a chain from 1, over files and restarts. */
  readonly seal: number;
  /** What is sealed: the last record before, and its hash. */
  readonly of: { readonly seq: number; readonly hash: string };
  /** ISO time at which that was the last one. */
  readonly at: string;
  /** Other chains of the same guard, as last heard of, by their names: `g1/2`. */
  readonly beside?: Readonly<Record<string, Head>>;
  /** Of the key that has signed: the first 16 characters of the SHA-256 of its 32 bytes, in base64url. */
  readonly key: string;
  /** Ed25519 over `sealText`, in base64url. */
  readonly signature: string;
}

export interface Head {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
}

/** What a seal's signature is over: UTF-8. */
export function sealText(guard: string, fields: Omit<SealFields, 'signature'>): string {
  const { chain, seal, of, at, beside = {}, key } = fields;
  const others = Object.entries(beside)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, head]) => [name, head.chain, head.seq, head.hash]);
  return `rowgate seal 1\n${JSON.stringify([guard, chain, seal, of.seq, of.hash, at, others, key])}`;
}

/** The fields of the `segment` record that stands first in each file. */
export interface SegmentFields {
  readonly chain: string;
  /** Of this layout. */
  readonly format: 1;
  /** The last record of the file before; absent in the first file of a chain. */
  readonly previous?: { readonly file: string; readonly seq: number; readonly hash: string };
  /** Who can verify its seals: an Ed25519 public key, 32 bytes in base64url. */
  readonly sealed_by: string;
  /** Seals of the chain before it: so that a guard which starts counts on. */
  readonly seals: number;
  /** Where records are encrypted: the file's key, for its recipients (age, base64). */
  readonly age?: string;
}

/** One line of an anchor file: a seal, and whose it is. */
export interface Anchor extends SealFields {
  readonly guard: string;
}

/** The fields of a `retention` record: a file that was deleted because its time was over. */
export interface RetentionFields {
  readonly file: string;
  readonly first: number;
  readonly last: number;
  /** Of its last record. */
  readonly head: string;
}
