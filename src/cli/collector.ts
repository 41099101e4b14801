/** How V8's collector is set for a guard. */
import { setFlagsFromString } from 'node:v8';

/**
 * V8 takes note of which places of the code make objects that last, and makes them among the old from then on. A session that waits keeps what its last
 * statement has made: after some hundred sessions have come and wait, what each statement makes would be old at once, with all that it refers to,
 * and the whole heap would be collected every few seconds. See docs/performance.md, "What grows old".
 */
export function settleCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
