/** Names of statements and portals as the server tells them apart: by their first 63 bytes (NAMEDATALEN, less the zero byte). */
import { Buffer } from 'node:buffer';

const MOST_BYTES = 63;

/**
 * The same for two names exactly where the server takes them for one. Books that knew two names where the server knows
 * one would run under the judgement of one what stands behind the other.
 */
export function serverName(name: string): string {
  // No character is more than three bytes of UTF-8 for each UTF-16 unit.
  if (name.length * 3 <= MOST_BYTES || Buffer.byteLength(name) <= MOST_BYTES) return name;
  // The server cuts bytes, also within a character: as Latin-1 each stays what it is. What is so long is no short name's text.
  const cut = Buffer.from(name).subarray(0, MOST_BYTES);
  return cut.toString(cut.every((byte) => byte < 0x80) ? 'utf8' : 'latin1');
}
