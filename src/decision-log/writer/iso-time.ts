/** The time of a record as text. Many are of one millisecond, so the last text is remembered. */
let last = { now: Number.NaN, text: '' };

/** @param now milliseconds since the epoch. */
export function isoTime(now: number): string {
  if (now !== last.now) last = { now, text: new Date(now).toISOString() };
  return last.text;
}
