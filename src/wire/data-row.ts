/** DataRow: one row of a result. Decoded only where Rowgate itself has asked; rows for a client pass as they are, or without their last column. */
import type { Frame } from './frame-reader.ts';
import { HEADER_BYTES, MessageCursor } from './message-cursor.ts';
import { ProtocolError } from './protocol-error.ts';
import { decodeServerText } from './text.ts';

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

/** A NULL is a length of -1, and no bytes. */
const NULL_BYTES = 4;

/** Takes the last column, a NULL, out of one row while that passes: only what stands before the first column and at the end is looked at. */
export class WithoutLastColumn {
  private seen = 0;

  /** @param frame the row, or the next piece of it; the first one holds the number of columns. @throws ProtocolError */
  take(frame: Frame): Frame {
    const length = frame.length - NULL_BYTES;
    const bytes = frame.bytes.subarray(0, Math.max(0, length - this.seen));
    this.seen += frame.bytes.length;
    // INVARIANT: what is taken out is a NULL, so no value of the client's is lost, and none of another's is cut in two.
    if (frame.bytes.subarray(bytes.length).some((byte) => byte !== 0xff))
      throw new ProtocolError('server sent an unexpected column');
    return { ...frame, length, bytes: frame.first ? withHeader(bytes, length) : bytes };
  }
}

function withHeader(bytes: Uint8Array, length: number): Uint8Array {
  const changed = Buffer.from(bytes);
  const columns = changed.length < HEADER_BYTES + 2 ? 0 : changed.readUInt16BE(HEADER_BYTES);
  if (columns === 0) throw new ProtocolError('server sent a row without columns');
  changed.writeUInt32BE(length - 1, 1);
  changed.writeUInt16BE(columns - 1, HEADER_BYTES);
  return changed;
}
