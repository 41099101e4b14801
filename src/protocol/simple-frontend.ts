/** The client's messages without a body, and CopyFail. */
import type { Buffer } from 'node:buffer';
import { serialize } from 'pg-protocol';

export function sync(): Buffer {
  return serialize.sync();
}

export function flush(): Buffer {
  return serialize.flush();
}

export function terminate(): Buffer {
  return serialize.end();
}

export function copyFail(message: string): Buffer {
  return serialize.copyFail(message);
}
