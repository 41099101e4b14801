/** Authentication requests of the server, and the client's answers (manual, section 54.2.1 and 54.3). */
import { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { Backend, Frontend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeClientText, decodeServerText } from './text.ts';

export type Authentication =
  | { readonly kind: 'ok' }
  | { readonly kind: 'cleartext-password' }
  | { readonly kind: 'md5-password'; readonly salt: Uint8Array }
  | { readonly kind: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly kind: 'sasl-continue'; readonly data: string }
  | { readonly kind: 'sasl-final'; readonly data: string }
  /** GSSAPI, SSPI, and unknown methods. */
  | { readonly kind: 'other'; readonly code: number };

/** @throws MalformedMessage */
export function decodeAuthentication(bytes: Uint8Array): Authentication {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const code = cursor.uint32();
  switch (code) {
    case 0:
      return { kind: 'ok' };
    case 3:
      return { kind: 'cleartext-password' };
    case 5:
      return { kind: 'md5-password', salt: Uint8Array.from(cursor.take(4)) };
    case 10: {
      const mechanisms: string[] = [];
      for (let name = cursor.string(); name !== ''; name = cursor.string()) mechanisms.push(name);
      return { kind: 'sasl', mechanisms };
    }
    case 11:
      return { kind: 'sasl-continue', data: decodeServerText(cursor.rest()) };
    case 12:
      return { kind: 'sasl-final', data: decodeServerText(cursor.rest()) };
    default:
      return { kind: 'other', code };
  }
}

export function authenticationOk(): Buffer {
  return new MessageWriter(Backend.Authentication).int32(0).finish();
}

/** Only sent inside TLS. */
export function authenticationCleartextPassword(): Buffer {
  return new MessageWriter(Backend.Authentication).int32(3).finish();
}

export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  const writer = new MessageWriter(Backend.Authentication).int32(10);
  for (const name of mechanisms) writer.string(name);
  return writer.byte(0).finish();
}

export function authenticationSaslContinue(data: string): Buffer {
  return new MessageWriter(Backend.Authentication).int32(11).bytes(Buffer.from(data, 'utf8')).finish();
}

export function authenticationSaslFinal(data: string): Buffer {
  return new MessageWriter(Backend.Authentication).int32(12).bytes(Buffer.from(data, 'utf8')).finish();
}

export interface SaslInitialResponse {
  readonly mechanism: string;
  /** Absent if the client sent none. */
  readonly data?: string;
}

/** @throws MalformedMessage */
export function decodeSaslInitialResponse(bytes: Uint8Array): SaslInitialResponse {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const mechanism = cursor.string();
  const length = cursor.int32();
  const data = length === -1 ? undefined : decodeClientText(cursor.take(length));
  cursor.end();
  return data === undefined ? { mechanism } : { mechanism, data };
}

/** @throws MalformedMessage */
export function decodeSaslResponse(bytes: Uint8Array): string {
  return decodeClientText(new MessageCursor(bytes, decodeClientText).rest());
}

/** @throws MalformedMessage */
export function decodePasswordMessage(bytes: Uint8Array): string {
  const cursor = new MessageCursor(bytes, decodeClientText);
  const password = cursor.string();
  cursor.end();
  return password;
}

export function saslInitialResponse(mechanism: string, data: string): Buffer {
  const bytes = Buffer.from(data, 'utf8');
  return new MessageWriter(Frontend.Password).string(mechanism).int32(bytes.length).bytes(bytes).finish();
}

export function saslResponse(data: string): Buffer {
  return new MessageWriter(Frontend.Password).bytes(Buffer.from(data, 'utf8')).finish();
}

/** A plain password: only sent inside TLS. */
export function passwordMessage(password: string): Buffer {
  return new MessageWriter(Frontend.Password).string(password).finish();
}
