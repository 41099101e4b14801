/** Into which steps a time is cut. Milliseconds. */

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

/** The smallest step that cuts the time into not too many. */
export function stepFor(milliseconds: number): number {
  return STEPS.find((step) => milliseconds / step <= MOST_STEPS) ?? 364 * DAY;
}

export function stepName(step: number): string {
  if (step >= DAY) return step === DAY ? 'day' : `${step / DAY} days`;
  if (step >= HOUR) return step === HOUR ? 'hour' : `${step / HOUR} hours`;
  if (step >= MINUTE) return step === MINUTE ? 'minute' : `${step / MINUTE} minutes`;
  return step === SECOND ? 'second' : `${step / SECOND} seconds`;
}
