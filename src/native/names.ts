/** Names that a wall makes, within PostgreSQL's 63 bytes: the server would cut a longer name, and two names could become equal. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

const LONGEST = 63;

export function isTooLong(name: string): boolean {
  return Buffer.byteLength(name) > LONGEST;
}

/** The name itself, or its beginning and a hash of the whole. */
export function fitName(name: string): string {
  if (!isTooLong(name)) return name;
  const mark = `~${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
  let kept = '';
  for (const character of name) {
    if (Buffer.byteLength(kept + character + mark) > LONGEST) break;
    kept += character;
  }
  return kept + mark;
}
