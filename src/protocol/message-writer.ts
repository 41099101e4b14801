/** Builds one message: fields in order; the length is filled in at the end. */
import { Buffer } from 'node:buffer';
import { putInt32 } from './integers.ts';

/** Enough for most messages; the buffer grows if needed. */
const FIRST_BYTES = 64;

export class MessageWriter {
  private buffer = Buffer.allocUnsafe(FIRST_BYTES);
  private length = 0;
  private readonly lengthAt: number;

  /** @param type the type byte; undefined for startup messages, which have none. */
  constructor(type: number | undefined) {
    if (type !== undefined) this.byte(type);
    this.lengthAt = this.length;
    this.int32(0);
  }

  byte(value: number): this {
    this.reserve(1);
    this.length = this.buffer.writeUInt8(value, this.length);
    return this;
  }

  int16(value: number): this {
    this.reserve(2);
    this.buffer[this.length] = value >>> 8;
    this.buffer[this.length + 1] = value;
    this.length += 2;
    return this;
  }

  /** Signed or unsigned: only the 32 bits count. */
  int32(value: number): this {
    this.reserve(4);
    putInt32(this.buffer, this.length, value);
    this.length += 4;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.reserve(value.length);
    this.buffer.set(value, this.length);
    this.length += value.length;
    return this;
  }

  /** UTF-8 and a zero byte. The text must not contain U+0000. */
  string(value: string): this {
    return this.utf8(value, Buffer.byteLength(value)).byte(0);
  }

  /** A 32-bit length, then UTF-8. */
  value(value: string): this {
    const bytes = Buffer.byteLength(value);
    return this.int32(bytes).utf8(value, bytes);
  }

  finish(): Buffer {
    putInt32(this.buffer, this.lengthAt, this.length - this.lengthAt);
    return this.buffer.subarray(0, this.length);
  }

  private utf8(value: string, bytes: number): this {
    this.reserve(bytes);
    if (bytes > 0) this.buffer.write(value, this.length);
    this.length += bytes;
    return this;
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}
