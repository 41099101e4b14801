/** RowDescription: the columns of a result, and the table column that each comes from. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeServerText } from './text.ts';

export interface Field {
  readonly name: string;
  /** OID of the column's table; 0 for an expression. */
  readonly table: number;
  /** Its number in that table; 0 with table 0, negative for a system column. */
  readonly attnum: number;
  readonly type: number;
  readonly size: number;
  readonly typmod: number;
  /** 0 text, 1 binary. */
  readonly format: number;
}

/** The columns in order. @throws MalformedMessage */
export function decodeRowDescription(bytes: Uint8Array): readonly Field[] {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const fields = Array.from({ length: cursor.uint16() }, () => ({
    name: cursor.string(),
    table: cursor.uint32(),
    attnum: cursor.int16(),
    type: cursor.uint32(),
    size: cursor.int16(),
    typmod: cursor.int32(),
    format: cursor.int16(),
  }));
  cursor.end();
  return fields;
}

export function rowDescription(fields: readonly Field[]): Buffer {
  const writer = new MessageWriter(Backend.RowDescription).int16(fields.length);
  for (const field of fields) {
    writer.string(field.name).int32(field.table).int16(field.attnum).int32(field.type);
    writer.int16(field.size).int32(field.typmod).int16(field.format);
  }
  return writer.finish();
}
