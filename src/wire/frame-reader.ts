/** Cuts a byte stream into typed frames, wherever its chunks were cut. Large frames of named types pass in pieces and are never held whole. */

import { int32At } from './integers.ts';
import { HEADER_BYTES } from './message-cursor.ts';
import { Backend, Frontend } from './message-types.ts';
import { ProtocolError } from './protocol-error.ts';

export interface FrameLimits {
  /** Most bytes of one frame, header included, that is not streamed. */
  readonly maxFrame: number;
  /** Types that are streamed once their frame is longer than `streamAbove`. */
  readonly streamed: ReadonlySet<number>;
  readonly streamAbove: number;
}

/** A frame, or a piece of one. `bytes` may be a view of the chunk that was pushed. */
export interface Frame {
  readonly type: number;
  /** Of the whole frame, header included. */
  readonly length: number;
  readonly bytes: Uint8Array;
  /** True for the piece that holds the header; both are true for a frame that came whole. */
  readonly first: boolean;
  readonly last: boolean;
}

/** PostgreSQL's own bound for a message (PQ_LARGE_MESSAGE_LIMIT): a greater length is noise, not a frame. */
const LARGEST_STREAMED = 0x3fffffff;

const STREAM_ABOVE = 64 * 1024;

/**
 * Before login: nothing that a client may send then is long (SASL messages are some hundred bytes).
 */
export const LOGIN_LIMITS: FrameLimits = { maxFrame: 64 * 1024, streamed: new Set(), streamAbove: STREAM_ABOVE };

/**
 * From clients after login. With a chunk of a socket (64 kB) and what is held while a session waits (one chunk more), a
 * connection holds at most about 17 MiB for its client.
 */
export const CLIENT_LIMITS: FrameLimits = {
  maxFrame: 16 * 1024 * 1024,
  streamed: new Set([Frontend.CopyData]),
  streamAbove: STREAM_ABOVE,
};

/**
 * From the server. Rows and COPY data pass in pieces; what is held whole is the rest, the longest of which is an error that
 * quotes a client's value (as long as the client's message) in its message and again in its context.
 */
export const SERVER_LIMITS: FrameLimits = {
  maxFrame: 40 * 1024 * 1024,
  streamed: new Set([Backend.DataRow, Backend.CopyData, Backend.FunctionCallResponse]),
  streamAbove: STREAM_ABOVE,
};

export class FrameReader {
  /** Chunks not yet consumed; the first one from `at`. */
  private chunks: Uint8Array[] = [];
  private at = 0;
  /** The start of a frame whose end has not come yet. Grows with what comes, not with what the header promises. */
  private partial: Buffer = Buffer.alloc(0);
  private filled = 0;
  private streaming: { type: number; length: number; remaining: number } | undefined;

  constructor(private readonly limits: FrameLimits) {}

  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.chunks.push(chunk);
  }

  /** The next frame or piece; undefined when more bytes are needed. @throws ProtocolError on an impossible length. */
  next(): Frame | undefined {
    for (;;) {
      const chunk = this.chunks[0];
      if (chunk === undefined) return undefined;
      const frame = this.streaming ? this.piece(chunk) : this.filled > 0 ? this.fill(chunk) : this.cut(chunk);
      if (this.at === chunk.length) {
        this.chunks.shift();
        this.at = 0;
      }
      if (frame) return frame;
    }
  }

  /** Takes out what was pushed and not read: for whoever reads on in another way. */
  rest(): Uint8Array {
    const parts = [this.partial.subarray(0, this.filled), ...this.chunks];
    if (parts[1]) parts[1] = parts[1].subarray(this.at);
    this.chunks = [];
    this.at = 0;
    this.filled = 0;
    return Buffer.concat(parts);
  }

  /** The usual case: a frame that lies whole in the chunk is a view of it. */
  private cut(chunk: Uint8Array): Frame | undefined {
    const available = chunk.length - this.at;
    if (available < HEADER_BYTES) return this.keep(chunk, available);
    const type = chunk[this.at]!;
    const length = this.frameLength(type, chunk, this.at);
    if (this.isStreamed(type, length)) {
      this.streaming = { type, length, remaining: length };
      return this.piece(chunk);
    }
    if (available < length) return this.keep(chunk, available);
    const bytes = chunk.subarray(this.at, this.at + length);
    this.at += length;
    return { type, length, bytes, first: true, last: true };
  }

  private piece(chunk: Uint8Array): Frame {
    const { type, length, remaining } = this.streaming!;
    const bytes = chunk.subarray(this.at, this.at + remaining);
    this.at += bytes.length;
    const left = remaining - bytes.length;
    this.streaming = left > 0 ? { type, length, remaining: left } : undefined;
    return { type, length, bytes, first: remaining === length, last: left === 0 };
  }

  private fill(chunk: Uint8Array): Frame | undefined {
    if (this.filled < HEADER_BYTES) {
      this.keep(chunk, Math.min(HEADER_BYTES - this.filled, chunk.length - this.at));
      if (this.filled < HEADER_BYTES) return undefined;
    }
    const type = this.partial[0]!;
    const length = this.frameLength(type, this.partial, 0);
    if (this.isStreamed(type, length)) return this.startStream(type, length);
    this.keep(chunk, Math.min(length - this.filled, chunk.length - this.at));
    if (this.filled < length) return undefined;
    const bytes = this.partial.subarray(0, length);
    this.partial = Buffer.alloc(0);
    this.filled = 0;
    return { type, length, bytes, first: true, last: true };
  }

  /** A streamed frame whose header was cut: the header is its first piece. */
  private startStream(type: number, length: number): Frame {
    const bytes = this.partial.subarray(0, this.filled);
    this.streaming = { type, length, remaining: length - this.filled };
    this.partial = Buffer.alloc(0);
    this.filled = 0;
    return { type, length, bytes, first: true, last: false };
  }

  private keep(chunk: Uint8Array, count: number): undefined {
    if (this.filled + count > this.partial.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.filled + count, this.partial.length * 2, 64));
      this.partial.copy(grown, 0, 0, this.filled);
      this.partial = grown;
    }
    this.partial.set(chunk.subarray(this.at, this.at + count), this.filled);
    this.filled += count;
    this.at += count;
    return undefined;
  }

  private isStreamed(type: number, length: number): boolean {
    return length > this.limits.streamAbove && this.limits.streamed.has(type);
  }

  private frameLength(type: number, bytes: Uint8Array, at: number): number {
    const length = (int32At(bytes, at + 1) >>> 0) + 1;
    // INVARIANT: a length is believed only within bounds: it decides how much memory a peer may take.
    const most = this.limits.streamed.has(type) ? LARGEST_STREAMED : this.limits.maxFrame;
    if (length < HEADER_BYTES || length > most) throw new ProtocolError('invalid message length');
    return length;
  }
}
