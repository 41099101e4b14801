/** Canaries: made-up people whom nobody has a reason to read. The guard knows them by HMACs of their keys, which a reader of the policies cannot turn back. */
import { createHmac } from 'node:crypto';

/** As `subjects.yaml` has one. */
export const CANARY = /^hmac:[A-Za-z0-9_-]{43}$/;

/** The key of the HMACs; `elsewhere`: the guard has one, and it is not needed to look at the policies; or why there is none. */
export type CanaryKey = Uint8Array | 'elsewhere' | { readonly problem: string };

/** @param text the person's key as the server gives it as text: `4711`, not `04711`. */
export function canaryHash(key: Uint8Array, subject: string, text: string): string {
  return `hmac:${createHmac('sha256', key).update(`${subject}\0${text}`).digest('base64url')}`;
}

/** Those of a policy in force. */
export class Canaries {
  constructor(
    private readonly key: Uint8Array,
    private readonly bySubject: ReadonlyMap<string, ReadonlySet<string>>,
  ) {}

  areOf(subject: string): boolean {
    return this.bySubject.has(subject);
  }

  /** The canary's hash, where somebody with this key is one. The same work for everybody, so that none is told by the time that it takes. */
  find(subject: string, text: string): string | undefined {
    const hash = canaryHash(this.key, subject, text);
    return this.bySubject.get(subject)?.has(hash) ? hash : undefined;
  }
}
