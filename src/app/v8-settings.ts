/** How V8 is set for a guard. */
import { setFlagsFromString } from 'node:v8';

export function settleEngine(): void {
  settleCollector();
  settleScavenges();
}

/**
 * V8 learns which allocation sites make long-lived objects, and then allocates them in the old generation. An idle session keeps the objects of its
 * last statement: after some hundred idle sessions, each statement's objects would be allocated old, with all that they refer to, and the whole heap
 * would be collected every few seconds. See docs/benchmarks.md, "Why targets are missed".
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
 * If any class extends `String` (ioredis has one), V8 turns the methods of all strings into a dictionary that is searched at each call, which takes
 * three times as long. V8 repairs it only at an access through an object, and strings are not objects. This is such an access, for after it was loaded.
 */
export function settleStrings(): void {
  const met = new String('');
  for (let i = 0; i < TIMES; i++) methodOf(met);
}

function methodOf(text: Pick<string, 'charCodeAt'>): unknown {
  return text.charCodeAt;
}
