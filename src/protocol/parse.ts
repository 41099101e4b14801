/** Parse: gives a name to a statement's text. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Frontend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeClientText } from './text.ts';

export interface Parse {
  /** '' is the unnamed statement. */
  readonly name: string;
  readonly text: string;
  /** Type OIDs that the client declares for $1, $2 …; with 0 the server decides. */
  readonly types: readonly number[];
}

/** @throws MalformedMessage */
export function decodeParse(bytes: Uint8Array): Parse {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const name = cursor.string();
  const text = cursor.string();
  const types = Array.from({ length: cursor.uint16() }, () => cursor.uint32());
  cursor.end();
  return { name, text, types };
}

/** Only the name, of a message that may be incomplete. @throws MalformedMessage */
export function decodeParseName(bytes: Uint8Array): string {
  return new MessageCursor(bytes, decodeClientText).string();
}

export function parse({ name, text, types }: Parse): Buffer {
  const writer = new MessageWriter(Frontend.Parse).string(name).string(text).int16(types.length);
  for (const type of types) writer.int32(type);
  return writer.finish();
}
