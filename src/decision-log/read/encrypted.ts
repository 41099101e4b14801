/** Encrypted files: what tells one, and what gives their records back. */
import type { Opener } from '../encryption/opening.ts';
import type { LogRecord } from '../fields.ts';

/** Makes an opener of a file's `segment`. Throws where no identity given can open that file. */
export type OpenerOf = (segment: LogRecord) => Promise<Opener>;

/** True of the `segment` of a file whose records are encrypted. */
export function isEncrypted(segment: LogRecord): boolean {
  return typeof segment.age === 'string';
}

/** Files are encrypted, and nobody has given a key that opens them. */
export class NoIdentity extends Error {}
