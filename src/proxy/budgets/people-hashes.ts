/** The keyed hashes under which people are counted. A row is counted for the principal and for the person behind it: the same hash twice. */
import { createHmac } from 'node:crypto';
import type { Measure } from '../../meter/measure.ts';

export class PeopleHashes {
  /** Of what was asked for last. */
  private last = { measure: '', key: '', hash: '' };

  /** `secret`: of the store; undefined until it has said it. */
  constructor(private readonly secret: () => Uint8Array | undefined) {}

  /** 22 characters. INVARIANT: throws where the secret is not known: nobody is counted under a name that others would not give them. */
  of(measure: Measure, key: string): string {
    if (this.last.key === key && this.last.measure === measure) return this.last.hash;
    const secret = this.secret();
    if (!secret) throw new Error('people were to be counted before the key of their hashes was known');
    const hash = createHmac('sha256', secret).update(`${measure}\0${key}`).digest('base64url').slice(0, 22);
    this.last = { measure, key, hash };
    return hash;
  }
}
