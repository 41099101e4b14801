/** Canaries among the people whose keys a row shows. */
import type { Canaries } from '../../policy/model/canaries.ts';
import type { RowValues } from '../server/row-values.ts';
import type { AnswerPlan } from './answer-plan.ts';
import { type Formats, formatOf } from './answer-rows.ts';
import { addKeys, possibleKeys } from './key-text.ts';

export interface CanaryInRow {
  readonly subject: string;
  /** `hmac:…` */
  readonly canary: string;
}

export interface CanariesInRow {
  readonly found: readonly CanaryInRow[];
  /** The subject of a key that could not be read. */
  readonly unread: string | undefined;
}

/** @param seen a key of a subject was looked at before, and need not be again. */
export function canariesIn(
  plan: AnswerPlan,
  row: RowValues,
  formats: Formats,
  canaries: Canaries,
  seen: (subject: string, key: string) => boolean,
): CanariesInRow {
  const found: CanaryInRow[] = [];
  let unread: string | undefined;
  for (const { subject, keys, perhaps } of plan.subjects) {
    if (!canaries.areOf(subject)) continue;
    for (const { at, type } of [...keys, ...perhaps]) {
      const value = row.value(at);
      if (value === null) continue;
      const texts: string[] = [];
      const more = value === undefined || !formats ? 1 : addTexts(texts, value, type, formatOf(formats, at));
      if (more > 0) unread = subject;
      for (const text of texts) {
        const canary = seen(subject, text) ? undefined : canaries.find(subject, text);
        if (canary !== undefined) found.push({ subject, canary });
      }
    }
  }
  return { found, unread };
}

/** The types of COPY's columns are not known. */
function addTexts(texts: string[], value: Uint8Array, type: number, format: number): number {
  if (type !== 0) return addKeys(texts, value, type, format);
  for (const key of possibleKeys(value, format)) texts.push(key);
  return 0;
}
