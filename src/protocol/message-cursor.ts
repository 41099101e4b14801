/** Reads the body of one message, field by field. Reading past the end, or leaving bytes unread, is a MalformedMessage. */
import { int32At, uint16At } from './integers.ts';
import { MalformedMessage } from './protocol-error.ts';

/** Type byte and length: the bytes of a frame before its body. */
export const HEADER_BYTES = 5;

export class MessageCursor {
  private at: number;

  /** @param bytes a message; @param start of its body: after the header of a typed frame, or 0 for a bare body. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly decode: (bytes: Uint8Array) => string,
    start: number = HEADER_BYTES,
  ) {
    this.at = start;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.bytes.length - this.at;
  }

  byte(): number {
    return this.bytes[this.advance(1)]!;
  }

  int16(): number {
    return (this.uint16() << 16) >> 16;
  }

  uint16(): number {
    return uint16At(this.bytes, this.advance(2));
  }

  int32(): number {
    return int32At(this.bytes, this.advance(4));
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Everything up to the end. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** A string that ends with a zero byte. */
  string(): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw new MalformedMessage('invalid string in message');
    const text = end === this.at ? '' : this.decode(this.bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  /** Throws if bytes are left: the message must be fully understood. */
  end(): void {
    if (this.remaining !== 0) throw new MalformedMessage('invalid message format');
  }

  private advance(length: number): number {
    const start = this.at;
    if (length < 0 || start + length > this.bytes.length)
      throw new MalformedMessage('insufficient data left in message');
    this.at = start + length;
    return start;
  }
}
