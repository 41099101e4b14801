/** Reads the fields of SSH's binary format: RFC 4251, section 5. After a field that does not fit, that one and all later ones are undefined. */
import { Buffer } from 'node:buffer';

export class FieldReader {
  private at = 0;
  private failed = false;

  constructor(private readonly bytes: Buffer) {}

  /** `string`: a length of four bytes, then that number of bytes. */
  string(): Buffer | undefined {
    const length = this.uint32();
    return length === undefined ? undefined : this.take(length);
  }

  /** A `string` that holds a name. */
  text(): string | undefined {
    return this.string()?.toString('latin1');
  }

  uint32(): number | undefined {
    return this.take(4)?.readUInt32BE(0);
  }

  byte(): number | undefined {
    return this.take(1)?.[0];
  }

  /** True if everything was read and no field was missing. */
  get complete(): boolean {
    return !this.failed && this.at === this.bytes.length;
  }

  take(length: number): Buffer | undefined {
    if (this.failed || length > this.bytes.length - this.at) {
      this.failed = true;
      return undefined;
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/** `string` of RFC 4251, section 5: a 32-bit length, then the bytes; text in UTF-8. */
export function stringField(bytes: Uint8Array | string): Buffer {
  const body = Buffer.from(bytes as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** An `mpint` without the zero byte that keeps it positive, as JWK and raw signatures need it; `length`: bytes to pad it to. */
export function magnitude(mpint: Buffer, length?: number): Buffer | undefined {
  if ((mpint[0] ?? 0) > 0x7f) return undefined; // negative
  let start = 0;
  while (mpint[start] === 0) start++;
  const digits = mpint.subarray(start);
  if (length === undefined) return digits;
  return digits.length > length ? undefined : Buffer.concat([Buffer.alloc(length - digits.length), digits]);
}
