/** The client's messages in COPY FROM STDIN, and rows in binary form. */
import { MessageWriter } from '../../src/protocol/message-writer.ts';

export const DATA = (data: string | Uint8Array) => new MessageWriter(0x64).bytes(Buffer.from(data)).finish();
export const DONE = new MessageWriter(0x63).finish();

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/** Text values as binary COPY has them (manual, page COPY), with header and trailer. */
export function tuples(rows: readonly (readonly (string | null)[])[]): Buffer {
  const parts: Buffer[] = [SIGNATURE, Buffer.alloc(8)];
  for (const row of rows) {
    parts.push(int16(row.length));
    for (const value of row) {
      if (value === null) parts.push(int32(-1));
      else parts.push(int32(Buffer.byteLength(value)), Buffer.from(value));
    }
  }
  return Buffer.concat([...parts, int16(-1)]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
