/** CommandComplete: the tag of a successful command. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeServerText } from './text.ts';

/** The command tag, such as `SELECT 5`. @throws MalformedMessage */
export function decodeCommandComplete(bytes: Uint8Array): string {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const tag = cursor.string();
  cursor.end();
  return tag;
}

export function commandComplete(tag: string): Buffer {
  return new MessageWriter(Backend.CommandComplete).string(tag).finish();
}
