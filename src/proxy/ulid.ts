/** Ids of sessions and decisions: ULIDs, 26 characters of Crockford base 32, sortable by the millisecond in which they were made. */
import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_CHARACTERS = 16; // 80 bits
const TIME_CHARACTERS = 10; // 48 bits

/** Random characters are drawn for many ids at once: one id is made for each statement. */
const pool = Buffer.alloc(RANDOM_CHARACTERS * 256);
let used = pool.length;
/** Of the last id. */
let last = { now: Number.NaN, time: '' };

export function newUlid(now: number = Date.now()): string {
  if (now !== last.now) last = { now, time: timeCharacters(now) };
  if (used === pool.length) {
    randomFillSync(pool);
    for (const [i, byte] of pool.entries()) pool[i] = ALPHABET.charCodeAt(byte % 32);
    used = 0;
  }
  used += RANDOM_CHARACTERS;
  return last.time + pool.toString('latin1', used - RANDOM_CHARACTERS, used);
}

function timeCharacters(now: number): string {
  let characters = '';
  for (let time = now; characters.length < TIME_CHARACTERS; time = Math.floor(time / 32)) {
    characters = ALPHABET.charAt(time % 32) + characters;
  }
  return characters;
}
