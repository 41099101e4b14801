/** Where budgets and locks are kept, from the key `state`. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { joinPieces, type Piece } from './environment.ts';

export type StateConfig =
  /** Lost when the process ends. */
  | { readonly kind: 'memory' }
  /** An absolute path. */
  | { readonly kind: 'file'; readonly folder: string }
  /** Shared by several guards. The URL may hold a password. */
  | { readonly kind: 'redis'; readonly url: string };

const FILE = 'file:';
const EXPECTED = 'expected memory, file:PATH or redis://host:port';

export const stateSchema = z
  .string(EXPECTED)
  .refine(
    (text) => text === 'memory' || (text.startsWith(FILE) && text.length > FILE.length) || isRedisUrl(text),
    EXPECTED,
  )
  .default('file:./rowgate-state');

/** `file`: the configuration's path, which relative paths refer to. */
export function stateOf(file: string, text: string): StateConfig {
  if (text === 'memory') return { kind: 'memory' };
  if (!text.startsWith(FILE)) return { kind: 'redis', url: text };
  return { kind: 'file', folder: resolve(dirname(file), text.slice(FILE.length)) };
}

/** In a URL a variable may hold any character, as in `upstream.url`. */
export function joinState(pieces: readonly Piece[]): string {
  const isUrl = pieces[0]?.fromVariable === false && /^rediss?:/.test(pieces[0].text);
  if (!isUrl) return joinPieces(pieces);
  return pieces.map(({ text, fromVariable }) => (fromVariable ? encodeURIComponent(text) : text)).join('');
}

/** `redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER]`, or `rediss` with TLS. */
function isRedisUrl(text: string): boolean {
  try {
    const { protocol, hostname, pathname, search, hash } = new URL(text);
    return /^rediss?:$/.test(protocol) && hostname !== '' && /^(\/[0-9]*)?$/.test(pathname) && search + hash === '';
  } catch {
    return false;
  }
}
