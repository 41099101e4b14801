/** ReadyForQuery: the server is done and reports the transaction's status. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { MalformedMessage } from './protocol-error.ts';
import { decodeServerText } from './text.ts';

/** I idle, T in a transaction, E in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** @throws MalformedMessage */
export function decodeReadyForQuery(bytes: Uint8Array): TransactionStatus {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const status = String.fromCharCode(cursor.byte());
  cursor.end();
  if (status === 'I' || status === 'T' || status === 'E') return status;
  throw new MalformedMessage(`unknown transaction status ${JSON.stringify(status)}`);
}

export function readyForQuery(status: TransactionStatus): Buffer {
  return new MessageWriter(Backend.ReadyForQuery).byte(status.charCodeAt(0)).finish();
}
