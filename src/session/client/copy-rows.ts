/** Counts the rows in COPY data as the server cuts them (PostgreSQL's CopyReadLineText and CopyFrom), wherever the bytes were cut. */

import { Buffer } from 'node:buffer';
import type { CopyFormat } from '../../guard/decision.ts';
import { bufferOf } from '../../protocol/text.ts';

export interface RowCounter {
  /** Rows that are complete. */
  readonly rows: number;
  /** A row has begun whose end has not come: at the end of the data it counts as a row. */
  readonly unfinished: boolean;
  push(bytes: Uint8Array): void;
}

export function rowCounter(format: CopyFormat): RowCounter {
  switch (format.kind) {
    case 'text':
      return new TextRows(format.header);
    case 'csv':
      return new CsvRows(format.header, format.quote, format.escape);
    case 'binary':
      return new Tuples();
  }
}

const LF = 0x0a;
const CR = 0x0d;
const BACKSLASH = 0x5c;
const DOT = 0x2e;

/** Lines end at LF, CR or CR LF, but not where `inside` holds. */
abstract class Lines implements RowCounter {
  rows = 0;
  /** Bytes of the line so far. */
  protected length = 0;
  /** The data has ended by a mark of its own: the server ignores what follows. */
  private over = false;
  /** The last line ended at a CR: an LF after it is part of that end. */
  private afterCr = false;

  /** @param special bytes that a line needs a closer look for. */
  constructor(
    private header: boolean,
    private readonly special: readonly number[],
  ) {}

  get unfinished(): boolean {
    return this.length > 0 && !this.over && !this.header && !this.isEndMark();
  }

  push(bytes: Uint8Array): void {
    const data = bufferOf(bytes);
    const next = this.special.map(() => -1);
    for (let at = 0; at < data.length && !this.over; ) {
      const end = this.length === 0 && !this.afterCr ? data.indexOf(LF, at) : -1;
      if (end >= 0 && this.isPlain(data, at, end, next)) {
        this.end(LF);
        at = end + 1;
      } else {
        this.step(data[at]!);
        at += 1;
      }
    }
  }

  /** No byte from `at` to `end` is special. `next`: where the next of each was last seen. */
  private isPlain(data: Buffer, at: number, end: number, next: number[]): boolean {
    return this.special.every((byte, i) => {
      if (next[i]! < at) {
        const found = data.indexOf(byte, at);
        next[i] = found < 0 ? data.length : found;
      }
      return next[i]! > end;
    });
  }

  private step(byte: number): void {
    const completes = this.afterCr && byte === LF;
    this.afterCr = false;
    if (completes) return;
    if ((byte === LF || byte === CR) && !this.inside()) this.end(byte);
    else {
      this.length += 1;
      this.take(byte);
    }
  }

  private end(byte: number): void {
    if (this.isEndMark()) this.over = true;
    else if (this.header) this.header = false;
    else this.rows += 1;
    this.length = 0;
    this.afterCr = byte === CR;
  }

  /** A line's end would be data here. */
  protected abstract inside(): boolean;
  protected abstract take(byte: number): void;
  /** The line so far is one that ends the data. */
  protected abstract isEndMark(): boolean;
}

/** In text format a backslash escapes the byte after it. */
class TextRows extends Lines {
  private escaped = false;
  private startsAsMark = false;

  constructor(header: boolean) {
    super(header, [CR, BACKSLASH]);
  }

  protected inside(): boolean {
    return this.escaped;
  }

  protected take(byte: number): void {
    if (this.length === 1) this.startsAsMark = byte === BACKSLASH;
    else if (this.length === 2) this.startsAsMark &&= byte === DOT;
    this.escaped = byte === BACKSLASH && !this.escaped;
  }

  /** `\.` alone: psql may send it. */
  protected isEndMark(): boolean {
    return this.startsAsMark && this.length === 2;
  }
}

/** In CSV lines may end within quotes. */
class CsvRows extends Lines {
  private quoted = false;
  private escaped = false;
  private readonly escape: number;

  constructor(
    header: boolean,
    private readonly quote: number,
    escapes: number,
  ) {
    super(header, [CR, quote]);
    // A quote that escapes itself toggles twice.
    this.escape = escapes === quote ? -1 : escapes;
  }

  protected inside(): boolean {
    return this.quoted;
  }

  protected take(byte: number): void {
    if (this.quoted && byte === this.escape) this.escaped = !this.escaped;
    if (byte === this.quote && !this.escaped) this.quoted = !this.quoted;
    if (byte !== this.escape) this.escaped = false;
  }

  /** Since version 18 CSV has no end mark: on older servers a row is counted that is not one. */
  protected isEndMark(): boolean {
    return false;
  }
}

/** Signature, flags, length of the extension. */
const HEADER = 19;

/** The rows of binary data: a header, then tuples of a 16-bit count and as many fields, each of a 32-bit length (-1 for null) and its bytes; a count of -1 ends it. */
class Tuples {
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
