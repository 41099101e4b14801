/** Which texts came lately: to remember one is worth its place when it comes the second time. */
import type { NormalizedText } from './normalized-text.ts';

/** Of so many texts it tells; of those that share a place of the last one alone. */
const PLACES = 8_192;
/** FNV-1a. */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

export class RecentTexts {
  /** Hashes alone: texts that were kept here for a while would have to be collected among what is old. */
  private hashes: Int32Array | undefined;

  /** Whether a text with the same literals came lately, as far as a hash of them tells: among other texts, that is most often this one. */
  comesAgain(text: string, { starts, ends }: Pick<NormalizedText, 'starts' | 'ends'>): boolean {
    this.hashes ??= new Int32Array(PLACES);
    let hash = Math.imul(BASIS ^ text.length, PRIME);
    for (let i = 0; i < starts.length; i += 1) {
      for (let at = starts[i]!; at < ends[i]!; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
      hash = Math.imul(hash ^ starts[i]!, PRIME);
    }
    const at = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const known = this.hashes[at] === hash;
    this.hashes[at] = hash;
    return known;
  }
}
