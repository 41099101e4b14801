/** Splits a byte stream into typed frames, however its chunks are cut. Large frames of certain types pass in pieces and are never held whole. */

import { Buffer } from 'node:buffer';
import { int32At } from './integers.ts';
import { HEADER_BYTES } from './message-cursor.ts';
import { Backend, Frontend } from './message-types.ts';
import { ProtocolError } from './protocol-error.ts';

/** When frames of a type pass in pieces. */
export interface Streaming {
  /** Frames with more bytes than this, header included. */
  readonly above: number;
  /** Least bytes of the first piece: what must be read to handle the frame. */
  readonly head: number;
}

export interface FrameLimits {
  /** Most bytes of a frame, header included, of a type that never passes in pieces. */
  readonly maxFrame: number;
  /** Most bytes of a type that may pass in pieces. */
  readonly maxStreamed: number;
  readonly streamed: ReadonlyMap<number, Streaming>;
}

/** A frame, or a piece of one. `bytes` may be a view of the chunk that was pushed. */
export interface Frame {
  readonly type: number;
  /** Of the whole frame, header included. */
  readonly length: number;
  readonly bytes: Uint8Array;
  /** True for the piece with the header; both are true for a whole frame. */
  readonly first: boolean;
  readonly last: boolean;
}

/** PostgreSQL's limit for a client's message (PQ_LARGE_MESSAGE_LIMIT), type byte included: a larger length cannot be a frame. */
export const LARGEST_FROM_CLIENT = 0x3fffffff;

/** PostgreSQL's largest message (MaxAllocSize) after type byte and length. */
const LARGEST_FROM_SERVER = 0x3ffffffe + HEADER_BYTES;

const MIB = 1024 * 1024;
const DATA: Streaming = { above: 64 * 1024, head: HEADER_BYTES };

/** Contains the number of columns and, in nearly every row, the keys. */
const ROW: Streaming = { above: DATA.above, head: 8 * 1024 };

/** Names, and up to 65,535 formats of two bytes. */
const BIND_HEAD = 256 * 1024;

/** Before login: no allowed message is long (SASL messages have some hundred bytes). */
export const LOGIN_LIMITS: FrameLimits = { maxFrame: 64 * 1024, maxStreamed: 0, streamed: new Map() };

/**
 * For clients after login. Texts longer than the guard parses come in pieces, so that they can be refused without being held. All other messages are
 * short, as in PostgreSQL (PQ_SMALL_MESSAGE_LIMIT, and the type byte).
 */
export const CLIENT_LIMITS: FrameLimits = {
  maxFrame: 10_001,
  maxStreamed: LARGEST_FROM_CLIENT,
  streamed: new Map([
    [Frontend.CopyData, DATA],
    [Frontend.FunctionCall, DATA],
    [Frontend.Bind, { above: BIND_HEAD, head: BIND_HEAD }],
    [Frontend.Query, { above: 2 * MIB, head: HEADER_BYTES }],
    [Frontend.Parse, { above: 2 * MIB, head: 64 * 1024 }],
  ]),
};

/** For the server. Frames that are held whole contain no row data; of an error or notice that quotes a long value, only the beginning is read. */
export const SERVER_LIMITS: FrameLimits = {
  maxFrame: 4 * MIB,
  maxStreamed: LARGEST_FROM_SERVER,
  streamed: new Map([
    [Backend.DataRow, ROW],
    [Backend.CopyData, ROW],
    [Backend.FunctionCallResponse, DATA],
    [Backend.ErrorResponse, { above: MIB, head: 64 * 1024 }],
    [Backend.NoticeResponse, { above: MIB, head: 64 * 1024 }],
  ]),
};

const NOTHING = Buffer.alloc(0);

export class FrameReader {
  /** Chunks not yet consumed; the first one from `at` on. */
  private chunks: Uint8Array[] = [];
  private at = 0;
  /** The beginning of an incomplete frame. It grows with the received bytes, not by the header's length. */
  private partial: Buffer = NOTHING;
  private filled = 0;
  private streaming: { type: number; length: number; remaining: number } | undefined;
  /** Frames of at most this many bytes never pass in pieces. */
  private readonly wholeUpTo: number;

  constructor(private readonly limits: FrameLimits) {
    this.wholeUpTo = Math.min(...[...limits.streamed.values()].map(({ above }) => above));
  }

  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.chunks.push(chunk);
  }

  /** Whether pushed bytes have not been examined yet. */
  get holds(): boolean {
    return this.chunks.length > 0;
  }

  /** The next frame or piece; undefined if more bytes are needed. @throws ProtocolError on an impossible length. */
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

  /** The current chunk and the offset of the next frame in it; undefined if unknown, or if there is none. */
  ahead(): { readonly chunk: Uint8Array; readonly at: number } | undefined {
    const [chunk] = this.chunks;
    return chunk && !this.streaming && this.filled === 0 ? { chunk, at: this.at } : undefined;
  }

  /** Skips bytes: whole frames, which the caller has examined with `ahead`. */
  skip(bytes: number): void {
    this.at += bytes;
    if (this.at < this.chunks[0]!.length) return;
    this.chunks.shift();
    this.at = 0;
  }

  /** Removes and returns unread bytes, for another kind of reader. */
  rest(): Uint8Array {
    const parts = [this.partial.subarray(0, this.filled), ...this.chunks];
    if (parts[1]) parts[1] = parts[1].subarray(this.at);
    this.chunks = [];
    this.at = 0;
    this.filled = 0;
    return Buffer.concat(parts);
  }

  /** The usual case: a frame inside the chunk becomes a view of it. */
  private cut(chunk: Uint8Array): Frame | undefined {
    const available = chunk.length - this.at;
    if (available < HEADER_BYTES) return this.keep(chunk, available);
    const type = chunk[this.at]!;
    const length = this.frameLength(type, chunk, this.at);
    const head = this.headOf(type, length);
    if (available < head) return this.keep(chunk, available);
    if (head < length) {
      this.streaming = { type, length, remaining: length };
      return this.piece(chunk);
    }
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
    const head = this.headOf(type, length);
    this.keep(chunk, Math.min(head - this.filled, chunk.length - this.at));
    if (this.filled < head) return undefined;
    const bytes = this.partial.subarray(0, head);
    this.partial = NOTHING;
    this.filled = 0;
    if (head < length) this.streaming = { type, length, remaining: length - head };
    return { type, length, bytes, first: true, last: head === length };
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

  /** How many bytes the first piece has: all, unless the frame passes in pieces. */
  private headOf(type: number, length: number): number {
    if (length <= this.wholeUpTo) return length;
    const streaming = this.limits.streamed.get(type);
    return streaming && length > streaming.above ? streaming.head : length;
  }

  private frameLength(type: number, bytes: Uint8Array, at: number): number {
    const length = (int32At(bytes, at + 1) >>> 0) + 1;
    // A length must be within bounds: it decides how much memory a peer may take.
    const { maxFrame, maxStreamed, streamed } = this.limits;
    const fits = length <= maxFrame || (length <= maxStreamed && streamed.has(type));
    if (length < HEADER_BYTES || !fits) throw new ProtocolError('invalid message length');
    return length;
  }
}
