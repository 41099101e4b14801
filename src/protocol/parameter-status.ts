/** ParameterStatus: a setting that the server reports. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeServerText } from './text.ts';

export interface ParameterStatus {
  readonly name: string;
  readonly value: string;
}

/** @throws MalformedMessage */
export function decodeParameterStatus(bytes: Uint8Array): ParameterStatus {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const name = cursor.string();
  const value = cursor.string();
  cursor.end();
  return { name, value };
}

export function parameterStatus({ name, value }: ParameterStatus): Buffer {
  return new MessageWriter(Backend.ParameterStatus).string(name).string(value).finish();
}
