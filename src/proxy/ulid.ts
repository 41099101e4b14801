/** Ids of sessions and decisions: ULIDs, 26 characters of Crockford base 32, sortable by the millisecond in which they were made. */
import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_CHARACTERS = 16; // 80 bits
const TIME_CHARACTERS = 10; // 48 bits

/** Random bytes are drawn for many ids at once: one id is made for each statement. */
const pool = Buffer.alloc(RANDOM_CHARACTERS * 256);
let used = pool.length;

export function newUlid(now: number = Date.now()): string {
  let id = '';
  let time = now;
  for (let i = 0; i < TIME_CHARACTERS; i++) {
    id = ALPHABET.charAt(time % 32) + id;
    time = Math.floor(time / 32);
  }
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  for (let i = 0; i < RANDOM_CHARACTERS; i++) id += ALPHABET.charAt((pool[used++] ?? 0) % 32);
  return id;
}
