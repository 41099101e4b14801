/** The startup packets, which have no type byte (manual, sections 54.2.1 and 54.7): reading, with a size limit, and writing. */
import { Buffer } from 'node:buffer';
import { MessageCursor } from './message-cursor.ts';
import { MessageWriter } from './message-writer.ts';
import { ProtocolError } from './protocol-error.ts';
import { decodeClientText } from './text.ts';

/** PostgreSQL's MAX_STARTUP_PACKET_LENGTH, which does not count the four bytes of the length itself. */
const MAX_STARTUP_PACKET = 10_004;

const SSL_REQUEST = 80877103;
const GSSENC_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;

export type StartupPacket =
  | { readonly kind: 'ssl-request' }
  | { readonly kind: 'gssenc-request' }
  | { readonly kind: 'cancel-request'; readonly processId: number; readonly secretKey: Uint8Array }
  | {
      readonly kind: 'startup';
      readonly major: number;
      readonly minor: number;
      /** In the received order; a name may occur twice. */
      readonly parameters: readonly (readonly [name: string, value: string])[];
    };

/** Collects one startup packet at a time; `rest` returns the bytes after it. */
export class StartupReader {
  private bytes: Buffer = Buffer.alloc(0);

  push(chunk: Uint8Array): void {
    this.bytes = Buffer.concat([this.bytes, chunk]);
  }

  /** How many bytes have not been read. */
  get buffered(): number {
    return this.bytes.length;
  }

  /** @throws ProtocolError, MalformedMessage if the bytes are not a startup packet. */
  next(): StartupPacket | undefined {
    if (this.bytes.length < 4) return undefined;
    const length = this.bytes.readUInt32BE(0);
    // Before login no peer can make the guard hold more than this.
    if (length < 8 || length > MAX_STARTUP_PACKET) throw invalidLength();
    if (this.bytes.length < length) return undefined;
    const packet = decodeStartup(this.bytes.subarray(0, length));
    this.bytes = this.bytes.subarray(length);
    return packet;
  }

  rest(): Buffer {
    const rest = this.bytes;
    this.bytes = Buffer.alloc(0);
    return rest;
  }
}

function invalidLength(): ProtocolError {
  return new ProtocolError('invalid length of startup packet', false);
}

function decodeStartup(bytes: Uint8Array): StartupPacket {
  const cursor = new MessageCursor(bytes, decodeClientText, 4);
  const code = cursor.uint32();
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) {
    if (cursor.remaining > 0) throw invalidLength();
    return { kind: code === SSL_REQUEST ? 'ssl-request' : 'gssenc-request' };
  }
  if (code === CANCEL_REQUEST) {
    if (cursor.remaining < 8 || cursor.remaining > 260) throw invalidLength();
    const processId = cursor.int32();
    const secretKey = cursor.rest();
    return { kind: 'cancel-request', processId, secretKey };
  }
  return {
    kind: 'startup',
    major: code >>> 16,
    minor: code & 0xffff,
    parameters: decodeParameters(cursor, code >>> 16),
  };
}

function decodeParameters(cursor: MessageCursor, major: number): [string, string][] {
  // Another major version may have another layout: only its number is read.
  if (major !== 3) return [];
  const parameters: [string, string][] = [];
  for (;;) {
    if (cursor.remaining === 0)
      throw new ProtocolError('invalid startup packet layout: expected terminator as last byte');
    const name = cursor.string();
    if (name === '') break;
    parameters.push([name, cursor.string()]);
  }
  if (cursor.remaining > 0) throw new ProtocolError('invalid startup packet layout: expected terminator as last byte');
  return parameters;
}

/** StartupMessage: without a type byte, so a length comes first. */
export function startupMessage(major: number, minor: number, parameters: Iterable<readonly [string, string]>): Buffer {
  const writer = new MessageWriter(undefined).int32((major << 16) | minor);
  for (const [name, value] of parameters) writer.string(name).string(value);
  return writer.byte(0).finish();
}

/** SSLRequest: the server answers with one byte, `S` or `N`. */
export function sslRequest(): Buffer {
  return new MessageWriter(undefined).int32(SSL_REQUEST).finish();
}

/** `secretKey`: 4 bytes with protocol 3.0, up to 256 with 3.2. */
export function cancelRequest(processId: number, secretKey: Uint8Array): Buffer {
  return new MessageWriter(undefined).int32(CANCEL_REQUEST).int32(processId).bytes(secretKey).finish();
}
