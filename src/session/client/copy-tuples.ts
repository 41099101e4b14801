/** Counts the rows in binary COPY data (manual, page COPY), wherever the bytes were cut. */
import { Buffer } from 'node:buffer';

/** Signature, flags, length of the extension. */
const HEADER = 19;

/** Binary: a header, then tuples of a 16-bit count and as many fields, each of a 32-bit length (-1 for null) and its bytes; a count of -1 ends it. */
export class Tuples {
  rows = 0;
  private at: 'header' | 'count' | 'length' | 'over' = 'header';
  private fields = 0;
  /** Bytes to be passed over. */
  private skip = 0;
  private readonly part = Buffer.alloc(HEADER);
  private filled = 0;

  get unfinished(): boolean {
    return this.at === 'length' || (this.at === 'count' && this.filled > 0);
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.at !== 'over'; ) {
      if (this.skip > 0) {
        const skipped = Math.min(this.skip, bytes.length - at);
        this.skip -= skipped;
        at += skipped;
      } else {
        this.part[this.filled] = bytes[at]!;
        this.filled += 1;
        at += 1;
        if (this.filled === WIDTHS[this.at]) this.read(this.at);
      }
    }
  }

  private read(what: keyof typeof WIDTHS): void {
    this.filled = 0;
    switch (what) {
      case 'header':
        this.skip = this.part.readUInt32BE(HEADER - 4);
        this.at = 'count';
        return;
      case 'count':
        this.fields = this.part.readInt16BE(0);
        this.at = this.fields < 0 ? 'over' : 'length';
        break;
      case 'length':
        this.skip = Math.max(0, this.part.readInt32BE(0));
        this.fields -= 1;
    }
    if (this.at !== 'length' || this.fields > 0) return;
    this.rows += 1;
    this.at = 'count';
  }
}

const WIDTHS = { header: HEADER, count: 2, length: 4 } as const;
