/** A limit as it is said on the command line: `5000 rows per hour`, `40 MB per hour`, `500 students per day`. Pure. */
import type { Measure, WindowOfMeasure } from '../../metering/measure.ts';
import { readWindowLimit } from '../../policy/source/quantity.ts';

export interface SaidLimit {
  readonly measure: Measure;
  readonly amount: number;
  readonly window: WindowOfMeasure;
}

const COUNTED: Readonly<Record<string, Measure>> = {
  row: 'rows',
  statement: 'statements',
  changed: 'changed',
  'changed row': 'changed',
};

/** `subjects`: those of the policy. Undefined where it is no limit. */
export function readSaidLimit(text: string, subjects: readonly string[]): SaidLimit | undefined {
  const [, amount = '', unit = '', window = ''] = /^\s*([0-9]+) ?([^\d].*?)? (per .+?)\s*$/.exec(text) ?? [];
  if (/^([kmgt]?b|bytes?)$/i.test(unit)) {
    const bytes = readWindowLimit(`${amount} ${unit.replace(/^bytes?$/i, 'B')} ${window}`, true);
    return said('bytes', bytes);
  }
  const measure = measureOf(unit, subjects);
  return measure && said(measure, readWindowLimit(`${amount} ${window}`, false));
}

function measureOf(unit: string, subjects: readonly string[]): Measure | undefined {
  const words = unit.toLowerCase();
  // As a limit is named, and as it is said: `answers.student`, `student answers`.
  const answers = (/^answers\.(.+)$/.exec(words) ?? /^(.+) answers$/.exec(words))?.[1];
  const word = answers ?? words.replace(/^subjects\./, '');
  const singular = word.replace(/s$/, '');
  const subject = subjects.find((name) => [word, singular].includes(name.toLowerCase()));
  if (subject !== undefined) return `${answers === undefined ? 'subjects' : 'answers'}.${subject}`;
  return answers === undefined && Object.hasOwn(COUNTED, singular) ? COUNTED[singular] : undefined;
}

function said(measure: Measure, reading: ReturnType<typeof readWindowLimit>): SaidLimit | undefined {
  // An effect behind it is the policy's to say.
  if (!('value' in reading) || reading.value.effect !== undefined) return undefined;
  return { measure, amount: reading.value.amount, window: reading.value.window };
}
