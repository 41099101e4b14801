/** The people in many rows: the same as in each of them (`row-people.ts`), added up, without a string and an object for every key. */
import type { CopyFormat } from '../guard/decision.ts';
import { HEADER_BYTES } from '../wire/message-cursor.ts';
import { RowFields } from '../wire/row-fields.ts';
import type { PeopleOfMany } from './budget.ts';
import { copyFields } from './copy-fields.ts';
import { KeyList } from './key-list.ts';
import { isTextAsItStands } from './key-text.ts';
import type { ManyRows } from './many-rows.ts';
import { locatePlain } from './plain-copy.ts';
import { BYTES_OF_ONE, type Formats, formatOf, peopleInRow, peopleOf } from './row-people.ts';
import type { RowPlan, SubjectInRow } from './row-plan.ts';

/** Of one subject, as far as the rows were looked at. */
interface Gathered {
  readonly plan: SubjectInRow;
  readonly subject: string;
  readonly keys: KeyList;
  unnamed: number;
  /** Before the row that is looked at. */
  unnamedBefore: number;
}

export class PeopleInMany {
  private readonly gathered: readonly Gathered[];
  private readonly fields = new RowFields();
  /** Every key stands in its column as it is counted. */
  private readonly plain: boolean;

  /** @param copy the format of a COPY. */
  constructor(
    private readonly plan: RowPlan,
    private readonly formats: Formats,
    private readonly copy: CopyFormat | undefined,
  ) {
    this.gathered = plan.subjects.map((one) => ({
      plan: one,
      subject: one.subject,
      keys: new KeyList(),
      unnamed: 0,
      unnamedBefore: 0,
    }));
    this.plain =
      formats !== undefined &&
      plan.subjects.every(({ keys }) =>
        keys.every(({ at, type, copied = type }) => formatOf(formats, at) === 0 && isTextAsItStands(copied)),
      );
  }

  /** @param most keys of a subject: `rows` is cut in front of the one that has more. */
  in(rows: ManyRows, most: (subject: string) => number): readonly PeopleOfMany[] {
    const room = this.gathered.map(({ subject }) => most(subject));
    for (const one of this.gathered) {
      one.keys.clear();
      one.unnamed = 0;
    }
    for (let i = 0; i < rows.count; i += 1) {
      const start = rows.starts[i]!;
      const end = rows.starts[i + 1]!;
      for (const one of this.gathered) {
        one.keys.beginRow();
        one.unnamedBefore = one.unnamed;
      }
      if (!this.plain || !this.take(rows.chunk, start, end)) this.takeAsOne(rows.chunk.subarray(start, end));
      if (this.gathered.every(({ keys }, at) => keys.count <= room[at]!)) continue;
      rows.count = i;
      for (const one of this.gathered) {
        one.keys.dropRow();
        one.unnamed = one.unnamedBefore;
      }
    }
    return this.gathered;
  }

  /** @returns false where a value must be looked at in another way; nothing of the row is counted then. */
  private take(chunk: Uint8Array, start: number, end: number): boolean {
    const { plan, fields, copy } = this;
    if (copy) {
      if (!locatePlain(fields, chunk, start + HEADER_BYTES, end, copy, plan.columns)) return false;
    } else fields.locate({ bytes: chunk, length: end - start }, plan.columns, start);
    if (fields.found < plan.columns) return false;
    for (const { keys } of plan.subjects) for (const { at } of keys) if (!this.isAscii(chunk, at)) return false;
    const more = Math.floor((plan.unplaced === 'all' ? end - start : this.bytesOf(plan.unplaced)) / BYTES_OF_ONE);
    for (const one of this.gathered) {
      one.unnamed += one.plan.unnamed + more;
      for (const { at } of one.plan.keys) {
        const length = fields.lengthOf(at)!;
        if (length >= 0) one.keys.add(chunk, fields.startOf(at), fields.startOf(at) + length);
      }
      for (const way of one.plan.ways) if (!this.shows(way)) one.unnamed += 1;
    }
    return true;
  }

  private isAscii(chunk: Uint8Array, column: number): boolean {
    const start = this.fields.startOf(column);
    const end = start + this.fields.lengthOf(column)!;
    for (let at = start; at < end; at += 1) if (chunk[at]! > 0x7f || chunk[at] === 0) return false;
    return true;
  }

  private shows(way: readonly number[]): boolean {
    for (const at of way) if (this.fields.lengthOf(at)! >= 0) return true;
    return false;
  }

  private bytesOf(columns: readonly number[]): number {
    let bytes = 0;
    for (const at of columns) bytes += Math.max(0, this.fields.lengthOf(at)!);
    return bytes;
  }

  /** As if it had come alone. */
  private takeAsOne(row: Uint8Array): void {
    const { plan, formats, copy } = this;
    const frame = { type: row[0]!, length: row.length, bytes: row, first: true, last: true };
    const people = copy
      ? peopleOf(plan, copyFields(row.subarray(HEADER_BYTES), copy, plan.columns, true, false), formats, row.length)
      : peopleInRow(plan, frame, formats);
    for (const [i, { keys, unnamed }] of people.entries()) {
      const one = this.gathered[i]!;
      one.unnamed += unnamed;
      for (const key of keys) one.keys.addText(key);
    }
  }
}
