/**
 * Canaries: made-up people, whose data no one has a reason to read. The guard recognizes them by HMACs of their keys, so that the policies do not
 * reveal the keys.
 */
import { createHmac } from 'node:crypto';

/** As in `subjects.yaml`. */
export const CANARY = /^hmac:[A-Za-z0-9_-]{43}$/;

/** The key of the HMACs; `elsewhere`: only the guard has it, and policies can be checked without; or why there is none. */
export type CanaryKey = Uint8Array | 'elsewhere' | { readonly problem: string };

/** @param text the person's key in the server's text form: `4711`, not `04711`. */
export function canaryHash(key: Uint8Array, subject: string, text: string): string {
  return `hmac:${createHmac('sha256', key).update(`${subject}\0${text}`).digest('base64url')}`;
}

/** The canaries of a policy in force. */
export class Canaries {
  constructor(
    private readonly key: Uint8Array,
    private readonly bySubject: ReadonlyMap<string, ReadonlySet<string>>,
  ) {}

  areOf(subject: string): boolean {
    return this.bySubject.has(subject);
  }

  /** The canary's hash if the key is a canary's. It takes the same time for every key, so that timing does not reveal canaries. */
  find(subject: string, text: string): string | undefined {
    const hash = canaryHash(this.key, subject, text);
    return this.bySubject.get(subject)?.has(hash) ? hash : undefined;
  }
}
