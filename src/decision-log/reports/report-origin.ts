/** What each report says about how it was made. */

import type { Speech } from '../language/speech.ts';
import type { Coverage } from './coverage.ts';
import type { Period } from './period.ts';

export interface ReportOrigin {
  readonly files: readonly string[];
  /** Lines without a record. */
  readonly strange: number;
  /** The time; milliseconds since the epoch. */
  readonly at: number;
  /** The language of the report. */
  readonly speech: Speech;
}

export function originNotes({ at, strange, speech }: ReportOrigin, timeZone: string): string[] {
  return [
    speech.say('made from the log', { at: speech.instant(at, timeZone), zone: timeZone }),
    ...(strange > 0 ? [speech.say('lines passed over', { n: strange })] : []),
  ];
}

export function periodWords({ since, until, timeZone }: Period, speech: Speech): string {
  const from = since <= 0 ? speech.say('beginning of the log') : speech.instant(since, timeZone);
  return speech.say('from to in zone', { from, to: speech.instant(until, timeZone), zone: timeZone });
}

/** Which files were read, and the time that their records cover. */
export function readWords({ files, speech }: ReportOrigin, { first, last }: Coverage, timeZone: string): string {
  const read = speech.say('files', { n: files.length });
  if (first === undefined || last === undefined) return read;
  const span = { first: speech.instant(first, timeZone), last: speech.instant(last, timeZone) };
  return speech.say('read with records', { files: read, ...span });
}
