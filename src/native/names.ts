/** Names that a wall makes, within the 63 bytes that PostgreSQL keeps of one: a longer one would be cut, and two could become the same. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

const LONGEST = 63;

export function isTooLong(name: string): boolean {
  return Buffer.byteLength(name) > LONGEST;
}

/** The name itself, or as much of it as fits with a hash of the whole behind it. */
export function fitting(name: string): string {
  if (!isTooLong(name)) return name;
  const mark = `~${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
  let kept = '';
  for (const character of name) {
    if (Buffer.byteLength(kept + character + mark) > LONGEST) break;
    kept += character;
  }
  return kept + mark;
}
