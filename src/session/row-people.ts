/** The people in one row, as its budget counts them. */

import type { Frame } from '../wire/frame-reader.ts';
import { RowFields } from '../wire/row-fields.ts';
import type { People } from './budget.ts';
import { addKeys } from './key-text.ts';
import type { RowPlan, SubjectInRow } from './row-plan.ts';

/** One person more for so many bytes of what was computed: whatever else they hold, nobody's record fits into fewer. */
export const BYTES_OF_ONE = 256;

/** The values of a row: NULL is null, and what has not come yet undefined. */
export interface RowValues {
  value(column: number): Uint8Array | null | undefined;
}

/** Bind's formats: none (all text), one (for all) or one for each column; undefined: not known. */
export type Formats = readonly number[] | undefined;

/** Of one row after the other: nothing is kept. */
const fields = new RowFields();

/** @param frame a DataRow, or its first piece. @returns what holds until the next row is looked at. */
export function valuesOfRow(plan: RowPlan, frame: Frame): RowValues {
  fields.locate(frame, plan.columns);
  return fields;
}

/** @param frame a DataRow, or its first piece. */
export function peopleInRow(plan: RowPlan, frame: Frame, formats: Formats): readonly People[] {
  fields.locate(frame, plan.columns);
  return peopleOf(plan, fields, formats, plan.unplaced === 'all' ? frame.length : computedBytes(plan.unplaced));
}

/** @param bytes of the row in which something computed may stand. */
export function peopleOf(plan: RowPlan, row: RowValues, formats: Formats, bytes: number): readonly People[] {
  const more = Math.floor(bytes / BYTES_OF_ONE);
  return plan.subjects.map((one) => peopleOfSubject(one, row, formats, more));
}

function peopleOfSubject(plan: SubjectInRow, row: RowValues, formats: Formats, more: number): People {
  const keys: string[] = [];
  let unnamed = plan.unnamed + more;
  for (const { at, type, copied = type } of plan.keys) {
    const value = row.value(at);
    if (value === null) continue;
    // INVARIANT: a key that cannot be read is somebody all the same.
    if (value === undefined || formats === undefined) unnamed += plan.ways.some((way) => way.includes(at)) ? 0 : 1;
    else unnamed += addKeys(keys, value, copied, formatOf(formats, at));
  }
  for (const way of plan.ways) if (!way.some((at) => isShown(row, at, formats))) unnamed += 1;
  return { subject: plan.subject, keys, unnamed };
}

function isShown(row: RowValues, at: number, formats: Formats): boolean {
  return formats !== undefined && row.value(at) != null;
}

export function formatOf(formats: readonly number[], at: number): number {
  return formats.length === 1 ? formats[0]! : (formats[at] ?? 0);
}

/** What lies beyond the first piece is taken for computed, if anything computed may be in it. */
function computedBytes(unplaced: readonly number[]): number {
  let bytes = 0;
  let beyond = false;
  for (const at of unplaced) {
    const length = fields.lengthOf(at);
    if (length === undefined) beyond = true;
    else if (length > 0) bytes += length;
  }
  return beyond ? bytes + fields.beyond : bytes;
}
