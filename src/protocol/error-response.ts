/** ErrorResponse and NoticeResponse: fields by letter (manual, section 54.8). */
import type { Buffer } from 'node:buffer';
import { redactTokens } from '../core/redact-tokens.ts';
import { HEADER_BYTES, MessageCursor } from './message-cursor.ts';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';
import { decodeServerText } from './text.ts';

/**
 * S severity (localized), V severity, C SQLSTATE, M message, D detail, H hint, P position, p internal position, q internal
 * query, W where (context), s schema, t table, c column, d data type, n constraint, F file, L line, R routine.
 */
export type ErrorFields = ReadonlyMap<string, string>;

/** Reads either message. */
export function decodeErrorFields(bytes: Uint8Array): ErrorFields {
  const cursor = new MessageCursor(bytes, decodeServerText);
  const fields = new Map<string, string>();
  for (let code = cursor.byte(); code !== 0; code = cursor.byte()) {
    fields.set(String.fromCharCode(code), cursor.string());
  }
  cursor.end();
  return fields;
}

/** Most characters to show of a field that was cut. */
const SHOWN_OF_LONG = 60_000;

/** Reads the beginning of a message that is too long to hold: fields in the server's order, the last one cut. */
export function decodeErrorBeginning(bytes: Uint8Array): ErrorFields {
  const fields = new Map<string, string>();
  for (let at = HEADER_BYTES; at < bytes.length && bytes[at] !== 0; ) {
    const end = bytes.indexOf(0, at + 1);
    const text = decodeServerText(bytes.subarray(at + 1, end < 0 ? bytes.length : end));
    fields.set(String.fromCharCode(bytes[at]!), end < 0 ? `${text.slice(0, SHOWN_OF_LONG)}…` : text);
    at = end < 0 ? bytes.length : end + 1;
  }
  return fields;
}

export function errorResponse(fields: ErrorFields): Buffer {
  return write(Backend.ErrorResponse, fields);
}

export function noticeResponse(fields: ErrorFields): Buffer {
  return write(Backend.NoticeResponse, fields);
}

/** Whether the message ends the session. */
export function isFatal(fields: ErrorFields): boolean {
  const severity = fields.get('V') ?? fields.get('S');
  return severity === 'FATAL' || severity === 'PANIC';
}

function write(type: number, fields: ErrorFields): Buffer {
  const writer = new MessageWriter(type);
  // Clients log errors: a message that quotes the client's text must not contain a token.
  for (const [code, value] of fields) writer.byte(code.charCodeAt(0)).string(redactTokens(value));
  return writer.byte(0).finish();
}
