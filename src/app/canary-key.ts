/** Reads the key of canaries. It is read again with the policies, so that both can be replaced together. */
import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { type CanaryKeySource, SHORTEST_KEY } from '../config/canary-key.ts';
import type { CanaryKey } from '../policy/model/canaries.ts';

/** A key file is shorter. */
const LONGEST_BYTES = 4096;

/** Undefined if no key is configured. */
export async function readCanaryKey(place: CanaryKeySource | undefined): Promise<CanaryKey | undefined> {
  if (!place) return undefined;
  if ('secret' in place) return Buffer.from(place.secret, 'utf8');
  let file: FileHandle | undefined;
  try {
    file = await open(place.file, 'r');
    const { mode, size } = await file.stat();
    // With the key, the hashes can be reversed by trying all possible subject keys.
    if ((mode & 0o077) !== 0) return { problem: `"${place.file}" can be read by others; its mode must be 0600` };
    if (size > LONGEST_BYTES) return { problem: `"${place.file}" is too long for a key` };
    const text = (await file.readFile('utf8')).trim();
    if (text.length < SHORTEST_KEY)
      return {
        problem: `"${place.file}" holds fewer than ${SHORTEST_KEY} characters; "openssl rand -base64 32" makes a key`,
      };
    return Buffer.from(text, 'utf8');
  } catch (error) {
    return { problem: `"${place.file}" cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})` };
  } finally {
    await file?.close();
  }
}
