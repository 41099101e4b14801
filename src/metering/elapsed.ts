/** The time that has passed, as leases and people who are known count it. */

/** Readings of two clocks one after the other differ by less, unless one of them has moved. */
const MOVED_MS = 50;

/**
 * INVARIANT 159: monotonic, and never slower than the clock of the windows. A process's own time stands still while the machine is suspended, and does
 * not follow a clock that is set forward; what was granted or seen in a window that has ended meanwhile must not be used in the next one.
 * @param own monotonic milliseconds. @param clock of the windows, milliseconds since the epoch.
 */
export function elapsedTime(own: () => number, clock: () => number): () => number {
  let ahead = clock() - own();
  let skipped = 0;
  return () => {
    const now = own();
    const moved = clock() - now - ahead;
    if (Math.abs(moved) > MOVED_MS) {
      ahead += moved;
      // Of a clock that is set back the windows themselves lose nothing.
      skipped += Math.max(0, moved);
    }
    return now + skipped;
  };
}
