/**
 * The chain of a decision log: each line ends in a hash of itself and of the hash before it. The hash covers the line's own text: nothing is parsed
 * and serialized again. See docs/decision-log.md, "The chain".
 */
import { hash } from 'node:crypto';

/** The hash before the first record of a chain. */
export const ORIGIN = 'A'.repeat(43);

const FIELD = ',"hash":"';
/** SHA-256 in base64url. */
const LENGTH = 43;
/** `,"hash":"…"}` */
const TAIL = FIELD.length + LENGTH + 2;

/** @param head the hash of the record before; `body`: a JSON object on one line, without a hash and without its last brace. */
export function chained(head: string, body: string): { readonly line: string; readonly own: string } {
  // Hashing flattens the concatenated string, and the line is made from that.
  const hashed = head + body;
  const own = hash('sha256', hashed, 'base64url');
  return { line: `${hashed.slice(head.length)}${FIELD}${own}"}`, own };
}

export interface ChainedLine {
  /** The hashed text: everything before the hash. */
  readonly body: string;
  readonly hash: string;
}

/** @param line without its line end. Undefined if it does not end like a chained line. */
export function readChained(line: string): ChainedLine | undefined {
  const at = line.length - TAIL;
  if (at < 1 || !line.endsWith('"}') || !line.startsWith(FIELD, at)) return undefined;
  return { body: line.slice(0, at), hash: line.slice(at + FIELD.length, -2) };
}
