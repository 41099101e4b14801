/** Which texts came lately: to remember one is worth its place when it comes the second time. */

/** Of so many texts it tells; of those that share a place of the last one alone. */
const PLACES = 8_192;
/** Characters. INVARIANT: a text is short (`skeleton.ts`), but a client may declare 65,535 types before it. */
const LONGEST = 5_000;
/** FNV-1a. */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

export class RecentTexts {
  /** Hashes alone: texts that were kept here for a while would have to be collected among what is old. */
  private hashes: Int32Array | undefined;

  /** Whether `text` came lately, as far as its hash tells; false of a long one. */
  comesAgain(text: string): boolean {
    if (text.length > LONGEST) return false;
    this.hashes ??= new Int32Array(PLACES);
    const hash = hashOf(text);
    const at = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const known = this.hashes[at] === hash;
    this.hashes[at] = hash;
    return known;
  }
}

function hashOf(text: string): number {
  let hash = BASIS;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash;
}
