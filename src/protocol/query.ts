/** Query: SQL text of the simple protocol. */
import type { Buffer } from 'node:buffer';
import { serialize } from 'pg-protocol';
import { MessageCursor } from './message-cursor.ts';
import { decodeClientText } from './text.ts';

/** The text of a Query. @throws MalformedMessage, also for text after a zero byte, which the server would refuse. */
export function decodeQuery(bytes: Uint8Array): string {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const text = cursor.string();
  cursor.end();
  return text;
}

export function query(text: string): Buffer {
  return serialize.query(text);
}
