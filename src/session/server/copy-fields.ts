/** The values in one row of COPY TO, as far as its keys need them (manual, page COPY). */
import { Buffer } from 'node:buffer';
import type { CopyFormat } from '../../guard/decision.ts';
import { int32At, uint16At } from '../../protocol/integers.ts';
import { bufferOf } from '../../protocol/text.ts';
import type { RowValues } from './row-values.ts';

export const TAB = 0x09;
export const LF = 0x0a;
export const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Signature, flags and the length of an extension, in front of the first row of binary data. */
const BINARY_HEADER = 19;

/**
 * The first columns of a row; those that have not come yet are left out. @param data of a CopyData, or of its first piece. @param whole it is all of
 * it. @param first it is the first of the COPY.
 */
export function copyFields(
  data: Uint8Array,
  format: CopyFormat,
  columns: number,
  whole: boolean,
  first: boolean,
): RowValues {
  const bytes = bufferOf(data);
  const values = valuesOf(bytes, format, columns, whole, first);
  return { value: (column) => values[column] };
}

type Value = Uint8Array | null;

function valuesOf(bytes: Buffer, format: CopyFormat, columns: number, whole: boolean, first: boolean): Value[] {
  switch (format.kind) {
    case 'text':
      return textValues(bytes, format.delimiter ?? TAB, format.null ?? '\\N', columns, whole);
    case 'csv':
      return csvValues(bytes, format, columns, whole);
    case 'binary':
      return binaryValues(bytes, columns, first ? BINARY_HEADER : 0);
  }
}

/** A delimiter after a backslash is data. */
function textValues(bytes: Buffer, delimiter: number, none: string, columns: number, whole: boolean): Value[] {
  const values: Value[] = [];
  for (let at = 0; values.length < columns; ) {
    const start = at;
    while (at < bytes.length && bytes[at] !== delimiter && bytes[at] !== LF) at += bytes[at] === BACKSLASH ? 2 : 1;
    if (at >= bytes.length && !whole) break;
    const text = bytes.toString('utf8', start, at);
    values.push(text === none ? null : Buffer.from(unescaped(text)));
    if (bytes[at] !== delimiter) break;
    at += 1;
  }
  return values;
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter) : text;
}

/** Only an unquoted value can be NULL. */
function csvValues(
  bytes: Buffer,
  { quote, escape: escapes, delimiter = COMMA, null: none = '' }: Extract<CopyFormat, { kind: 'csv' }>,
  columns: number,
  whole: boolean,
): Value[] {
  const values: Value[] = [];
  for (let at = 0; values.length < columns; ) {
    const data: number[] = [];
    const quoted = bytes[at] === quote;
    let inside = false;
    for (; at < bytes.length && (inside || (bytes[at] !== delimiter && bytes[at] !== LF)); at += 1) {
      const byte = bytes[at]!;
      const next = bytes[at + 1];
      if (inside && byte === escapes && (next === quote || next === escapes)) {
        data.push(next);
        at += 1;
      } else if (byte === quote) inside = !inside;
      else data.push(byte);
    }
    if (at >= bytes.length && !whole) break;
    const value = Buffer.from(data);
    values.push(!quoted && value.toString('utf8') === none ? null : value);
    if (bytes[at] !== delimiter) break;
    at += 1;
  }
  return values;
}

function binaryValues(bytes: Buffer, columns: number, start: number): Value[] {
  const values: Value[] = [];
  if (bytes.length < start + 2) return values;
  const count = Math.min(columns, uint16At(bytes, start));
  for (let at = start + 2; values.length < count && at + 4 <= bytes.length; ) {
    const length = int32At(bytes, at);
    const end = at + 4 + Math.max(0, length);
    if (end > bytes.length) break;
    values.push(length < 0 ? null : bytes.subarray(at + 4, end));
    at = end;
  }
  return values;
}
