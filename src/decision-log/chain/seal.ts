/** Seals: signed statements of how far a chain reaches. They are records of the chain, and are sent elsewhere as anchors. */

/** The fields of a `seal` record besides time, kind, guard, seq and hash, in this order. */
export interface SealFields {
  /** The id of the chain: random, chosen when a log begins. */
  readonly chain: string;
  /** Counts the seals of a chain from 1, across files and restarts. */
  readonly seal: number;
  /** What is sealed: the last record before it, and its hash. */
  readonly of: { readonly seq: number; readonly hash: string };
  /** ISO 8601 time at which that was the last record. */
  readonly at: string;
  /** The last known ends of the same guard's other chains, by name: `g1/2`. */
  readonly beside?: Readonly<Record<string, Head>>;
  /** The key that signed: the first 16 characters of the SHA-256 of its 32 bytes, in base64url. */
  readonly key: string;
  /** Ed25519 over `sealText`, in base64url. */
  readonly signature: string;
}

export interface Head {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
}

/** The text that a seal's signature covers, as UTF-8. */
export function sealText(guard: string, fields: Omit<SealFields, 'signature'>): string {
  const { chain, seal, of, at, beside = {}, key } = fields;
  const others = Object.entries(beside)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, head]) => [name, head.chain, head.seq, head.hash]);
  return `rowgate seal 1\n${JSON.stringify([guard, chain, seal, of.seq, of.hash, at, others, key])}`;
}

/** The fields of the `segment` record, the first one in each file. */
export interface SegmentFields {
  readonly chain: string;
  /** The version of this layout. */
  readonly format: 1;
  /** The last record of the file before; absent in the first file of a chain. */
  readonly previous?: { readonly file: string; readonly seq: number; readonly hash: string };
  /** The key that verifies its seals: an Ed25519 public key, 32 bytes in base64url. */
  readonly sealed_by: string;
  /** The number of earlier seals in the chain: a guard that starts continues counting. */
  readonly seals: number;
  /** If records are encrypted: the file's key, encrypted to its recipients (age, base64). */
  readonly age?: string;
}

/** One line of an anchor file: a seal and its guard. */
export interface Anchor extends SealFields {
  readonly guard: string;
}

/** The fields of a `retention` record: a file that was deleted at the end of its retention period. */
export interface RetentionFields {
  readonly file: string;
  readonly first: number;
  readonly last: number;
  /** The hash of its last record. */
  readonly head: string;
}
