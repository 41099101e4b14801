/** BackendKeyData: the key that a CancelRequest must show. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { MalformedMessage } from './protocol-error.ts';
import { decodeServerText } from './text.ts';

export interface BackendKeyData {
  readonly processId: number;
  /** 4 bytes with protocol 3.0, 4 to 256 with 3.2. */
  readonly secretKey: Uint8Array;
}

/** The secret has 4 to 256 bytes. @throws MalformedMessage */
export function decodeBackendKeyData(bytes: Uint8Array): BackendKeyData {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const processId = cursor.int32();
  const secretKey = Uint8Array.from(cursor.rest());
  if (secretKey.length < 4 || secretKey.length > 256) throw new MalformedMessage('invalid length of cancel key');
  return { processId, secretKey };
}

export function backendKeyData({ processId, secretKey }: BackendKeyData): Buffer {
  return new MessageWriter(Backend.BackendKeyData).int32(processId).bytes(secretKey).finish();
}
