/** Execute: runs a portal, for all or some of its rows. */
import type { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Frontend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeClientText } from './text.ts';

export interface Execute {
  readonly portal: string;
  /** 0 or less: all. */
  readonly maxRows: number;
}

/** @throws MalformedMessage */
export function decodeExecute(bytes: Uint8Array): Execute {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const portal = cursor.string();
  const maxRows = cursor.int32();
  cursor.end();
  return { portal, maxRows };
}

export function execute({ portal, maxRows }: Execute): Buffer {
  return new MessageWriter(Frontend.Execute).string(portal).int32(maxRows).finish();
}
