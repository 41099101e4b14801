/** How V8 is set for a guard. */
import { setFlagsFromString } from 'node:v8';

export function settleEngine(): void {
  settleCollector();
  settleScavenges();
  settleStrings();
}

/**
 * V8 takes note of which places of the code make objects that last, and makes them among the old from then on. A session that waits keeps what its last
 * statement has made: after some hundred sessions have come and wait, what each statement makes would be old at once, with all that it refers to,
 * and the whole heap would be collected every few seconds. See docs/benchmarks.md, "Why targets are missed".
 */
function settleCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}

/**
 * Some hundred statements fill what V8 makes new objects in, and nearly none of these lasts: to collect the rest is a millisecond's work, for which other threads
 * are woken, wait for each other, and take more of the processors than they spare.
 */
function settleScavenges(): void {
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}

/** More than V8 takes to give a function the memory of what it has met. */
const TIMES = 1_000;

/**
 * A class that extends `String` anywhere (ioredis has one) turns the methods of all texts into a table that is looked through at each call, which takes
 * three times as long; it stays one, since V8 mends that only where it meets an object, and texts are none. Here it meets one.
 */
function settleStrings(): void {
  const met = new String('');
  for (let i = 0; i < TIMES; i++) methodOf(met);
}

function methodOf(text: Pick<string, 'charCodeAt'>): unknown {
  return text.charCodeAt;
}
