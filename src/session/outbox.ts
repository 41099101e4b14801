/** Collects what goes out while one chunk is handled, so that it leaves in one write. Views that lie side by side stay one view: nothing is copied. */

export class Outbox {
  private parts: Uint8Array[] = [];

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const last = this.parts.at(-1);
    if (last && last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      this.parts[this.parts.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length);
    } else {
      this.parts.push(bytes);
    }
  }

  /** Everything collected, in one piece; undefined where there is nothing. */
  take(): Uint8Array | undefined {
    const parts = this.parts;
    if (parts.length === 0) return undefined;
    this.parts = [];
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }
}
