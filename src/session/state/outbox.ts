/** Collects what goes out while one chunk is handled, so that it leaves in one write. Views that lie side by side stay one view: nothing is copied. */
import { Buffer } from 'node:buffer';

export class Outbox {
  private parts: Uint8Array[] = [];
  /** The last of them, and how many bytes side by side begin with it. */
  private last: Uint8Array | undefined;
  private length = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const { last } = this;
    if (last && last.byteOffset + this.length === bytes.byteOffset && last.buffer === bytes.buffer) {
      this.length += bytes.length;
      return;
    }
    this.close();
    this.last = bytes;
    this.length = bytes.length;
  }

  /** Everything collected, in one piece; undefined if there is nothing. */
  take(): Uint8Array | undefined {
    this.close();
    const { parts } = this;
    if (parts.length === 0) return undefined;
    this.parts = [];
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  private close(): void {
    const { last, length } = this;
    if (!last) return;
    this.parts.push(last.length === length ? last : Buffer.from(last.buffer, last.byteOffset, length));
    this.last = undefined;
  }
}
