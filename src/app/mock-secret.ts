/** From what the challenges of unknown users are made: to a client they look like those of users that exist. */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';

/**
 * Derived from the private key if there is one, so that it stays the same over restarts: otherwise asking before and after one would tell which users
 * exist.
 */
export function mockSecret({ tls }: Config): Uint8Array {
  if (!tls) return randomBytes(32);
  return createHmac('sha256', readFileSync(tls.key)).update('rowgate challenges of unknown users').digest();
}
