/** DataRow: one row of a result. Decoded only where Rowgate itself has asked; rows for a client pass as they are. */
import { MessageCursor } from './message-cursor.ts';
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
