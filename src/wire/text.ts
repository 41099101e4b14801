/** Text on the wire: UTF-8, read strictly from clients (what is judged must be what the server reads) and leniently from the server. */
import { MalformedMessage } from './protocol-error.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

/** Decodes a client's text. @throws MalformedMessage 22021 where it is not UTF-8. */
export function decodeClientText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    // INVARIANT: no replacement characters: the parser would read another text than the server does.
    throw new MalformedMessage('invalid byte sequence for encoding "UTF8"', '22021');
  }
}

/** Decodes a server's text; what is not UTF-8 becomes U+FFFD. */
export function decodeServerText(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}
