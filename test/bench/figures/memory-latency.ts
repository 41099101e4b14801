/**
 * How long memory takes to answer. Machines that share their caches and memory with strangers differ in it more than in their clocks, and
 * a guard, whose code and data are more than a core's own cache holds, differs with it.
 */
import { performance } from 'node:perf_hooks';

const BYTES = 32 * 1024 * 1024;
/** Numbers in a line of the cache. */
const LINE = 64 / Int32Array.BYTES_PER_ELEMENT;
const STEPS = 1_000_000;

/** Nanoseconds of an access in 32 MB that follows from the one before. */
export function memoryLatency(): number {
  const places = oneRound(BYTES / 64);
  follow(places, STEPS / 10);
  const began = performance.now();
  follow(places, STEPS);
  return ((performance.now() - began) / STEPS) * 1e6;
}

function follow(places: Int32Array, steps: number): number {
  let at = 0;
  for (let i = 0; i < steps; i++) at = places[at]!;
  return at;
}

/** The first number of each line says which line comes next: all of them once, in no order that could be guessed (Sattolo's shuffle). */
export function oneRound(lines: number): Int32Array {
  const order = Int32Array.from({ length: lines }, (_, line) => line);
  for (let i = lines - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const places = new Int32Array(lines * LINE);
  order.forEach((next, line) => {
    places[line * LINE] = next * LINE;
  });
  return places;
}
