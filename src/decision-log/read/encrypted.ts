/** Encrypted files: how to recognize one, and how to decrypt its records. */
import type { RecordOpener } from '../encryption/opening.ts';
import type { LogRecord } from '../fields.ts';

/** Makes an opener for a file's `segment`. Throws if none of the given identities can open that file. */
export type OpenerOf = (segment: LogRecord) => Promise<RecordOpener>;

/** True for the `segment` of a file with encrypted records. */
export function isEncrypted(segment: LogRecord): boolean {
  return typeof segment.age === 'string';
}

/** The files are encrypted, and no given key opens them. */
export class NoIdentity extends Error {}
