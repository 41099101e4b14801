/** Describe and Close: both name a statement or a portal. */
import type { Buffer } from 'node:buffer';
import { serialize } from 'pg-protocol';
import { MessageCursor } from './message-cursor.ts';
import { MalformedMessage } from './protocol-error.ts';
import { decodeClientText } from './text.ts';

export interface Target {
  readonly of: 'statement' | 'portal';
  readonly name: string;
}

/** Reads a Describe or a Close. @throws MalformedMessage */
export function decodeTarget(bytes: Uint8Array): Target {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const kind = cursor.byte();
  const name = cursor.string();
  cursor.end();
  if (kind === 0x53) return { of: 'statement', name };
  if (kind === 0x50) return { of: 'portal', name };
  throw new MalformedMessage(`invalid message subtype ${kind}`);
}

export function describe({ of, name }: Target): Buffer {
  return serialize.describe({ type: of === 'statement' ? 'S' : 'P', name });
}

export function close({ of, name }: Target): Buffer {
  return serialize.close({ type: of === 'statement' ? 'S' : 'P', name });
}
