/** Bind: makes a portal of a statement and its parameters. Values are kept as the bytes that they are. */
import { MessageCursor } from './message-cursor.ts';
import { Frontend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeClientText } from './text.ts';

export interface Bind {
  readonly portal: string;
  readonly statement: string;
  /** 0 text, 1 binary: none (all text), one (for all) or one for each parameter. */
  readonly formats: readonly number[];
  /** The encoded values, lengths included, one behind the other. */
  readonly values: Uint8Array;
  readonly valueCount: number;
  readonly resultFormats: readonly number[];
}

/** @throws MalformedMessage */
export function decodeBind(bytes: Uint8Array): Bind {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const portal = cursor.string();
  const statement = cursor.string();
  const formats = Array.from({ length: cursor.uint16() }, () => cursor.int16());
  const valueCount = cursor.uint16();
  const valuesAt = bytes.length - cursor.remaining;
  for (let i = 0; i < valueCount; i += 1) {
    const length = cursor.int32();
    if (length !== -1) cursor.take(length);
  }
  const values = bytes.subarray(valuesAt, bytes.length - cursor.remaining);
  const resultFormats = Array.from({ length: cursor.uint16() }, () => cursor.int16());
  cursor.end();
  return { portal, statement, formats, values, valueCount, resultFormats };
}

export function bind(message: Bind): Buffer {
  const writer = new MessageWriter(Frontend.Bind).string(message.portal).string(message.statement);
  writer.int16(message.formats.length);
  for (const format of message.formats) writer.int16(format);
  writer.int16(message.valueCount).bytes(message.values).int16(message.resultFormats.length);
  for (const format of message.resultFormats) writer.int16(format);
  return writer.finish();
}

/** One value in text format, as it stands among `values`. */
export function textValue(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
