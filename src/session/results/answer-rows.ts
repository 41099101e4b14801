/** What rows disclose of data subjects: the people they name, and how many other values. One row is a batch of one. */
import type { CopyFormat } from '../../guard/decision.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import { RowFields } from '../../protocol/row-fields.ts';
import type { Disclosed, DisclosedByMany } from '../admission/budget-port.ts';
import { COMMA, copyFields, LF, TAB } from '../server/copy-fields.ts';
import type { RowHeaders } from '../server/row-headers.ts';
import type { RowValues } from '../server/row-values.ts';
import type { KeysOfRow } from './added-keys.ts';
import type { AnswerPlan, SubjectPlan } from './answer-plan.ts';
import { KeyList } from './key-list.ts';
import { addKeys, isReadable, isTextAsItStands } from './key-text.ts';
import { type AnswerValues, BYTES_OF_VALUE } from './values.ts';

/** Bind's formats: empty (all text), one (for all) or one for each column; undefined: not known. */
export type Formats = readonly number[] | undefined;

/** Of one subject, as far as the rows were looked at. */
interface Gathered {
  readonly plan: SubjectPlan;
  /** Its people were counted before the statement ran: its rows cost nothing. */
  readonly paid: boolean;
  readonly subject: string;
  readonly keys: KeyList;
  values: number;
  /** Before the row that is looked at. */
  valuesBefore: number;
}

const ALL = 65_535;
const NONE_READ: ReadonlySet<number> = new Set();

export class AnswerRows {
  private readonly gathered: readonly Gathered[];
  private readonly fields = new RowFields();
  /** Every key is in its column in the form in which it is counted. */
  private readonly plain: boolean;
  /** A row may cost more than the people that it names. */
  private readonly hasValues: boolean;

  /** @param copy the format of a COPY. @param cells of this answer. @param isPaid a subject whose people were counted before the statement ran. */
  constructor(
    private readonly plan: AnswerPlan,
    private readonly formats: Formats,
    private readonly copy: CopyFormat | undefined,
    private readonly cells: AnswerValues,
    isPaid: (subject: string) => boolean,
  ) {
    this.gathered = plan.subjects.map((one) => ({
      plan: one,
      subject: one.subject,
      paid: isPaid(one.subject),
      keys: new KeyList(),
      values: 0,
      valuesBefore: 0,
    }));
    this.plain =
      formats !== undefined &&
      plan.subjects.every(({ keys }) =>
        keys.every(({ at, type, copied = type }) => formatOf(formats, at) === 0 && isTextAsItStands(copied)),
      );
    this.hasValues = this.gathered.some(
      ({ paid, plan: { named, values, unnamed } }) =>
        !paid &&
        (named === undefined || values.length > 0 || named.some(({ added }) => added.length > 0) || unnamed === 'row'),
    );
  }

  /**
   * For many rows, cut before the one with more keys of a subject than `most`. The result is reused by the next call. `shown` counts them as shown.
   */
  ofMany(rows: RowHeaders, most: (subject: string) => number): readonly DisclosedByMany[] {
    const room = this.gathered.map(({ subject }) => most(subject));
    this.begin();
    for (let i = 0; i < rows.count; i += 1) {
      const start = rows.starts[i]!;
      const end = rows.starts[i + 1]!;
      this.beginRow();
      if (!this.takePlain(rows.chunk, start, end))
        this.take(rows.chunk.subarray(start, end), end - start, true, false, undefined);
      if (this.gathered.every(({ keys }, at) => keys.count <= room[at]!)) continue;
      rows.count = i;
      for (const one of this.gathered) {
        one.keys.dropRow();
        one.values = one.valuesBefore;
      }
    }
    return this.gathered;
  }

  /**
   * Of one row, or of the first piece of one.
   * @param first the first message of a COPY. @param added keys that came with it for the guard alone.
   */
  ofOne({ bytes, length, last }: Frame, first: boolean, added: KeysOfRow | undefined): readonly Disclosed[] {
    this.begin();
    this.beginRow();
    this.take(bytes, length, last, first, added);
    return this.gathered.map(({ subject, keys, values }) => ({ subject, keys: keys.texts(), values }));
  }

  /** So many of the rows that were looked at last are shown. */
  shown(count: number, bytes: Uint8Array, whole: boolean): void {
    this.cells.show(count);
    this.cells.hashed(bytes, whole);
  }

  private begin(): void {
    this.cells.begin();
    for (const one of this.gathered) {
      one.keys.clear();
      one.values = 0;
    }
  }

  private beginRow(): void {
    this.cells.beginRow();
    for (const one of this.gathered) {
      one.keys.beginRow();
      one.valuesBefore = one.values;
    }
  }

  /**
   * For a whole row whose keys need no conversion and which costs only its keys. @returns false if it must be read in full; nothing of it is counted
   * then.
   */
  private takePlain(chunk: Uint8Array, start: number, end: number): boolean {
    const { plan, fields, copy } = this;
    if (this.hasValues || !this.plain) return false;
    if (copy) {
      if (!locatePlain(fields, chunk, start + HEADER_BYTES, end, copy, plan.columns)) return false;
    } else fields.locate({ bytes: chunk, length: end - start }, plan.columns, start);
    if (fields.found < plan.columns) return false;
    for (const { paid, plan: one } of this.gathered) {
      for (const { at } of one.keys) if (!this.isAscii(chunk, at)) return false;
      if (!paid && !one.named!.every(({ columns }) => this.shows(columns))) return false;
    }
    for (const { plan: one, keys } of this.gathered) {
      for (const { at } of one.keys) {
        const length = fields.lengthOf(at)!;
        if (length >= 0) keys.add(chunk, fields.startOf(at), fields.startOf(at) + length);
      }
    }
    return true;
  }

  private isAscii(chunk: Uint8Array, column: number): boolean {
    const start = this.fields.startOf(column);
    const end = start + this.fields.lengthOf(column)!;
    for (let at = start; at < end; at += 1) if (chunk[at]! > 0x7f || chunk[at] === 0) return false;
    return true;
  }

  private shows(columns: readonly number[]): boolean {
    for (const at of columns) if (this.fields.lengthOf(at)! >= 0) return true;
    return false;
  }

  /** @param row the message, or its first piece. @param length of the whole message. */
  private take(row: Uint8Array, length: number, whole: boolean, first: boolean, added: KeysOfRow | undefined): void {
    const { copy, fields, plan } = this;
    let values: RowValues = fields;
    if (copy) values = copyFields(row.subarray(HEADER_BYTES), copy, plan.columns, whole, first);
    else fields.locate({ bytes: row, length }, ALL);
    for (const one of this.gathered) {
      const read = this.readKeys(one, values);
      for (const key of addedOf(one.plan, added)) one.keys.addText(key);
      if (one.paid) continue;
      const named = this.isNamed(one.plan, read, added);
      one.values += copy ? this.copiedRow(row, length, whole, named) : this.valuesOf(one.plan, named);
    }
  }

  /** @returns which columns hold a key that can be read. */
  private readKeys({ plan, keys }: Gathered, row: RowValues): ReadonlySet<number> {
    if (plan.keys.length === 0) return NONE_READ;
    const read = new Set<number>();
    const { formats } = this;
    for (const { at, type, copied = type } of plan.keys) {
      const value = row.value(at);
      if (value == null || formats === undefined) continue;
      const texts: string[] = [];
      if (addKeys(texts, value, copied, formatOf(formats, at)) > 0 || !texts.every(isReadable)) continue;
      for (const key of texts) keys.addText(key);
      // An array without keys names no one.
      if (texts.length > 0) read.add(at);
    }
    return read;
  }

  /** INVARIANT 66: a key that is NULL, or cannot be read, names no one. */
  private isNamed({ named }: SubjectPlan, read: ReadonlySet<number>, added: KeysOfRow | undefined): boolean {
    return (
      named?.every(
        ({ columns, added: own, type }) =>
          columns.some((at) => read.has(at)) || own.some((at) => added?.of(at, type) !== undefined),
      ) === true
    );
  }

  private valuesOf({ values, unnamed }: SubjectPlan, named: boolean): number {
    if (named) return this.costOf(values);
    if (unnamed === 'row') return Math.max(1, this.costOf(values));
    return this.orOne(this.costOf(undefined));
  }

  /** INVARIANT 67: the row discloses that it exists, whatever it contains. */
  private orOne(cost: number): number {
    return cost > 0 || this.cells.wasThere ? cost : 1;
  }

  /** @param columns undefined: all. */
  private costOf(columns: readonly number[] | undefined): number {
    const { fields, cells } = this;
    let cost = 0;
    let beyond = 0;
    const { length } = columns ?? { length: fields.count };
    for (let i = 0; i < length; i += 1) {
      const at = columns ? columns[i]! : i;
      const value = fields.value(at);
      if (value === undefined) beyond += 1;
      else cost += cells.costOf(at, value);
    }
    // For the part that has not come yet: one for each column begun, and one for each 8 bytes.
    return beyond === 0 ? cost : cost + beyond + Math.ceil(fields.beyond / BYTES_OF_VALUE);
  }

  /** For COPY all bytes of the row are one value: separators between its columns disclose as much as the columns. */
  private copiedRow(row: Uint8Array, length: number, whole: boolean, named: boolean): number {
    if (named) return 0;
    const data = row.subarray(HEADER_BYTES);
    return whole
      ? this.orOne(this.cells.costOf(0, data))
      : Math.max(1, Math.ceil((length - HEADER_BYTES) / BYTES_OF_VALUE));
  }
}

function addedOf({ named }: SubjectPlan, added: KeysOfRow | undefined): readonly string[] {
  return added ? (named ?? []).flatMap(({ added: own, type }) => own.flatMap((at) => added.of(at, type) ?? [])) : [];
}

/** The format of the column `at`, by Bind's rule for empty and single lists: 0 text, 1 binary. */
export function formatOf(formats: readonly number[], at: number): number {
  return formats.length === 1 ? formats[0]! : (formats[at] ?? 0);
}

/** Of one row after the other: nothing is kept. */
const fields = new RowFields();

/** @param frame a DataRow, or its first piece. @returns what holds until the next row is looked at. */
export function valuesOfRow(plan: AnswerPlan, frame: Frame): RowValues {
  fields.locate(frame, plan.columns);
  return fields;
}

/** Rows of COPY TO without escapes and quotes: their values need no conversion, and are found in place. */
const BACKSLASH = 0x5c;

/**
 * Finds the first columns of the row between the two places. @returns false if one of them contains special characters, and must be read by
 * `copyFields`.
 */
function locatePlain(
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
