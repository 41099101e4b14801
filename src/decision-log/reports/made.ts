/** What each report says of how it was made. */

import { shownInstant } from '../read/times.ts';
import type { Period } from './period.ts';
import { countText } from './report.ts';

export interface Made {
  readonly files: readonly string[];
  /** Lines that hold no record. */
  readonly strange: number;
  /** When; milliseconds since the epoch. */
  readonly at: number;
}

export function madeLine({ at, strange }: Made, timeZone: string): string[] {
  return [
    `Made ${shownInstant(at, timeZone)} (${timeZone}) from the decision log of Rowgate. Whether that log is whole says “rowgate log verify”, not this report.`,
    ...(strange > 0 ? [`Passed over: ${countText(strange, 'line')} without a record.`] : []),
  ];
}

export function periodText({ since, until, timeZone }: Period): string {
  const from = since <= 0 ? 'the beginning of the log' : shownInstant(since, timeZone);
  return `${from} to ${shownInstant(until, timeZone)} (${timeZone})`;
}
