/** NegotiateProtocolVersion: the newest supported minor version, and the unknown protocol options. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeServerText } from './text.ts';

export interface NegotiateProtocolVersion {
  readonly major: number;
  readonly minor: number;
  readonly unknownOptions: readonly string[];
}

export function decodeNegotiateProtocolVersion(bytes: Uint8Array): NegotiateProtocolVersion {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const version = cursor.uint32();
  const count = cursor.uint32();
  const unknownOptions: string[] = [];
  for (let i = 0; i < count; i += 1) unknownOptions.push(cursor.string());
  cursor.end();
  return { major: version >>> 16, minor: version & 0xffff, unknownOptions };
}

export function negotiateProtocolVersion({ major, minor, unknownOptions }: NegotiateProtocolVersion): Buffer {
  const writer = new MessageWriter(Backend.NegotiateProtocolVersion).int32((major << 16) | minor);
  writer.int32(unknownOptions.length);
  for (const option of unknownOptions) writer.string(option);
  return writer.finish();
}
