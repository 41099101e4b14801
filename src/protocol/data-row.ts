/** DataRow: one row of a result. Only rows of Rowgate's own queries are decoded; clients' rows pass unchanged, or without their last column. */
import { Buffer } from 'node:buffer';
import type { Frame } from './frame-reader.ts';
import { HEADER_BYTES, MessageCursor } from './message-cursor.ts';
import { ProtocolError } from './protocol-error.ts';
import { bufferOf, decodeServerText } from './text.ts';

/** The columns' values in text format; null is NULL. @throws MalformedMessage */
export function decodeDataRow(bytes: Uint8Array): (string | null)[] {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const values = Array.from({ length: cursor.uint16() }, () => {
    const length = cursor.int32();
    return length === -1 ? null : decodeServerText(cursor.take(length));
  });
  cursor.end();
  return values;
}

/** The size of a value's length; NULL has length -1 and no bytes. */
const LENGTH_BYTES = 4;

/**
 * Removes the last column from one row while it streams through: a NULL, or a value of a known length. Only the column count and the end are
 * examined.
 */
export class WithoutLastColumn {
  /** The removed value without its length; complete after the last piece. */
  readonly value: Buffer;
  private readonly tail: Buffer;
  private readonly lengthOfIt: Buffer;
  private seen = 0;
  private taken = 0;

  /** @param size of the value in bytes; undefined: it is NULL. */
  constructor(size?: number) {
    this.tail = Buffer.alloc(LENGTH_BYTES + (size ?? 0));
    this.value = this.tail.subarray(LENGTH_BYTES);
    this.lengthOfIt = Buffer.alloc(LENGTH_BYTES);
    this.lengthOfIt.writeInt32BE(size ?? -1);
  }

  /** @param frame the row, or its next piece; the first piece contains the number of columns. @throws ProtocolError */
  take(frame: Frame): Frame {
    const length = frame.length - this.tail.length;
    const bytes = frame.bytes.subarray(0, Math.max(0, length - this.seen));
    this.seen += frame.bytes.length;
    const out = frame.bytes.subarray(bytes.length);
    this.tail.set(out, this.taken);
    this.taken += out.length;
    // What is removed must be the guard's own column: no value of the client's may be lost or cut.
    const known = Math.min(this.taken, LENGTH_BYTES);
    if (!this.tail.subarray(0, known).equals(this.lengthOfIt.subarray(0, known)))
      throw new ProtocolError('server sent an unexpected column');
    return { ...frame, length, bytes: frame.first ? withHeader(bytes, length) : bytes };
  }
}

/** The same for a complete row with a last value of any length. @throws ProtocolError if that is NULL, or if the row is malformed. */
export function withoutLastValue(frame: Frame): { readonly row: Frame; readonly value: Buffer } {
  const bytes = bufferOf(frame.bytes);
  const columns = bytes.length < HEADER_BYTES + 2 ? 0 : bytes.readUInt16BE(HEADER_BYTES);
  let at = HEADER_BYTES + 2;
  for (let column = 1; column < columns && at + LENGTH_BYTES <= bytes.length; column += 1)
    at += LENGTH_BYTES + Math.max(0, bytes.readInt32BE(at));
  const length = columns > 0 && at + LENGTH_BYTES <= bytes.length ? bytes.readInt32BE(at) : -1;
  // As above: what is removed must be the whole last value.
  if (length < 0 || at + LENGTH_BYTES + length !== bytes.length)
    throw new ProtocolError('server sent an unexpected column');
  const value = Buffer.from(bytes.subarray(at + LENGTH_BYTES));
  return { row: { ...frame, length: at, bytes: withHeader(bytes.subarray(0, at), at) }, value };
}

function withHeader(bytes: Uint8Array, length: number): Uint8Array {
  const changed = Buffer.from(bytes);
  const columns = changed.length < HEADER_BYTES + 2 ? 0 : changed.readUInt16BE(HEADER_BYTES);
  if (columns === 0) throw new ProtocolError('server sent a row without columns');
  changed.writeUInt32BE(length - 1, 1);
  changed.writeUInt16BE(columns - 1, HEADER_BYTES);
  return changed;
}
