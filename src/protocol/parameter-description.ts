/** ParameterDescription: the types of a statement's parameters. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeServerText } from './text.ts';

/** The parameters' type OIDs. @throws MalformedMessage */
export function decodeParameterDescription(bytes: Uint8Array): readonly number[] {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const types = Array.from({ length: cursor.uint16() }, () => cursor.uint32());
  cursor.end();
  return types;
}

export function parameterDescription(types: readonly number[]): Buffer {
  const writer = new MessageWriter(Backend.ParameterDescription).int16(types.length);
  for (const type of types) writer.int32(type);
  return writer.finish();
}
