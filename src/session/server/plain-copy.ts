/** Rows of COPY TO in which nothing is escaped or quoted: their values stand as they are, and are found in place. */
import type { CopyFormat } from '../../guard/decision.ts';
import type { RowFields } from '../../protocol/row-fields.ts';
import { COMMA, LF, TAB } from './copy-fields.ts';

const BACKSLASH = 0x5c;

/**
 * The first columns of the row that lies between the two places.
 * @returns false where one of them holds what has a meaning of its own, and must be read with care (`copyFields`).
 */
export function locatePlain(
  fields: RowFields,
  bytes: Uint8Array,
  start: number,
  end: number,
  format: CopyFormat,
  columns: number,
): boolean {
  if (format.kind === 'binary' || format.null !== undefined) return false;
  const isText = format.kind === 'text';
  const { delimiter = isText ? TAB : COMMA } = format;
  const special = isText ? BACKSLASH : format.quote;
  fields.found = 0;
  for (let at = start; fields.found < columns; at += 1) {
    const from = at;
    while (at < end && bytes[at] !== delimiter && bytes[at] !== LF) {
      if (bytes[at] === special) return false;
      at += 1;
    }
    // Without quotes it is CSV's NULL.
    if (!isText && at === from) return false;
    fields.put(from, at - from);
    if (at >= end || bytes[at] === LF) break;
  }
  return true;
}
