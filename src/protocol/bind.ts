/** Bind: makes a portal of a statement and its parameters. Values are kept as bytes. */
import { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Frontend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { bufferOf, decodeClientText } from './text.ts';

/** The part before the values. */
export interface BindHead {
  readonly portal: string;
  readonly statement: string;
  /** 0 text, 1 binary: none (all text), one (for all) or one for each parameter. */
  readonly formats: readonly number[];
  readonly valueCount: number;
}

/** The same, and the offset of the values. */
export interface BindStart extends BindHead {
  readonly valuesAt: number;
}

export interface Bind extends BindHead {
  /** The encoded values, lengths included, concatenated. */
  readonly values: Uint8Array;
  readonly resultFormats: readonly number[];
}

/**
 * Reads the part before the values, of a message that may be incomplete, and the offset of the values.
 * @throws MalformedMessage
 */
export function decodeBindHead(bytes: Uint8Array): BindStart {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const head = takeHead(cursor);
  return { valuesAt: bytes.length - cursor.remaining, ...head };
}

/** @throws MalformedMessage */
export function decodeBind(bytes: Uint8Array): Bind & BindStart {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const head = takeHead(cursor);
  const valuesAt = bytes.length - cursor.remaining;
  for (let i = 0; i < head.valueCount; i += 1) {
    const length = cursor.int32();
    if (length !== -1) cursor.take(length);
  }
  const values = bytes.subarray(valuesAt, bytes.length - cursor.remaining);
  const resultFormats = takeFormats(cursor);
  cursor.end();
  const { portal, statement, formats, valueCount } = head;
  return { portal, statement, formats, valueCount, valuesAt, values, resultFormats };
}

function takeHead(cursor: MessageCursor): BindHead {
  const portal = cursor.string();
  const statement = cursor.string();
  const formats = takeFormats(cursor);
  return { portal, statement, formats, valueCount: cursor.uint16() };
}

function takeFormats(cursor: MessageCursor): number[] {
  const formats: number[] = [];
  for (let left = cursor.uint16(); left > 0; left -= 1) formats.push(cursor.int16());
  return formats;
}

/** The message's bytes up to its values; the length field in them is not final. */
export function bindHead(head: BindHead): Buffer {
  return writeHead(head).finish();
}

/** @param added more values, in text format, after the message's own; the message's formats apply to all. */
export function bind(message: Bind, added: readonly string[] = []): Buffer {
  const { portal, statement, formats, valueCount, values, resultFormats } = message;
  const writer = writeHead({ portal, statement, formats, valueCount: valueCount + added.length }).bytes(values);
  for (const value of added) writer.value(value);
  writer.int16(resultFormats.length);
  for (const format of resultFormats) writer.int16(format);
  return writer.finish();
}

function writeHead({ portal, statement, formats, valueCount }: BindHead): MessageWriter {
  const writer = new MessageWriter(Frontend.Bind).string(portal).string(statement).int16(formats.length);
  for (const format of formats) writer.int16(format);
  return writer.int16(valueCount);
}

/** One value in text format, encoded as in `values`. */
export function textValue(value: string): Buffer {
  const length = Buffer.byteLength(value);
  const bytes = Buffer.allocUnsafe(4 + length);
  bytes.writeInt32BE(length);
  bytes.write(value, 4);
  return bytes;
}

/** The first value as text; undefined if there is none, or if it is NULL. @throws MalformedMessage */
export function firstValue({ valueCount, values }: Bind): string | undefined {
  if (valueCount === 0) return undefined;
  const length = bufferOf(values).readInt32BE();
  return length < 0 ? undefined : decodeClientText(values.subarray(4, 4 + length));
}
