/** How long a step of a judgement may take: while it goes on, no other session of this process is served. */
import { performance } from 'node:perf_hooks';

/** Milliseconds. */
const MOST = 30;

/**
 * Begins a step's time, and gives what tells whether it is over: on the clock, and in work done, so that no statement is refused
 * because the machine was busy with something else.
 */
export function judgementDeadline(): () => boolean {
  const end = performance.now() + MOST;
  const before = process.cpuUsage();
  return () => {
    if (performance.now() < end) return false;
    const { user, system } = process.cpuUsage(before);
    return user + system > MOST * 1000;
  };
}
