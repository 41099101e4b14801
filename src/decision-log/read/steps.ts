/** Steps that a time span is divided into, in milliseconds. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  SECOND,
  5 * SECOND,
  15 * SECOND,
  MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  DAY,
  7 * DAY,
  28 * DAY,
];
const MOST_STEPS = 48;

/** The smallest step that divides the time into at most MOST_STEPS. */
export function stepFor(milliseconds: number): number {
  return STEPS.find((step) => milliseconds / step <= MOST_STEPS) ?? 364 * DAY;
}
