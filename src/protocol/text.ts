/** Text on the wire: UTF-8, decoded strictly from clients (the guard must judge exactly what the server reads) and leniently from the server. */
import { Buffer, isUtf8 } from 'node:buffer';
import { MalformedMessage } from './protocol-error.ts';

/** Decodes a client's text. @throws MalformedMessage 22021 if it is not UTF-8. */
export function decodeClientText(bytes: Uint8Array): string {
  // No replacement characters: the parser would read another text than the server.
  if (!isUtf8(bytes)) throw new MalformedMessage('invalid byte sequence for encoding "UTF8"', '22021');
  return decodeServerText(bytes);
}

/** Decodes a server's text; invalid UTF-8 becomes U+FFFD. */
export function decodeServerText(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('utf8');
}

/** A Buffer over the same bytes, without copying. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
