/** Ids of sessions and decisions: ULIDs, 26 characters of Crockford base 32, sortable by the millisecond in which they were made. */
import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_CHARACTERS = 16; // 80 bits
const TIME_CHARACTERS = 10; // 48 bits

/** Random characters are drawn for many ids at once: one id is made for each statement. */
const POOL_BYTES = RANDOM_CHARACTERS * 256;
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;
const CHARACTERS = TIME_CHARACTERS + RANDOM_CHARACTERS;
/** The next id: it begins with the time of the last one. */
const id = Buffer.alloc(CHARACTERS);
let idOf = Number.NaN;

/** @param now milliseconds since the epoch. Ids of the same millisecond are in no order. */
export function newUlid(now: number = Date.now()): string {
  if (now !== idOf) id.write(timeCharacters(now), 'latin1');
  idOf = now;
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    for (let i = 0; i < POOL_BYTES; i += 1) pool[i] = ALPHABET.charCodeAt(pool[i]! % 32);
    used = 0;
  }
  for (let at = TIME_CHARACTERS; at < CHARACTERS; at += 1) id[at] = pool[used++]!;
  return id.toString('latin1');
}

function timeCharacters(now: number): string {
  let characters = '';
  for (let time = now; characters.length < TIME_CHARACTERS; time = Math.floor(time / 32)) {
    characters = ALPHABET.charAt(time % 32) + characters;
  }
  return characters;
}
