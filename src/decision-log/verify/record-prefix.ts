/**
 * The beginning of a record, in a fixed order: time, kind, guard (absent in older decisions and outcomes), number. Parsed byte by byte, as this is
 * done for every record.
 */
import { Buffer } from 'node:buffer';

const TIME = Buffer.from('{"time":"');
const KIND = Buffer.from('"kind":"');
const GUARD = Buffer.from('"guard":"');
const SEQ = Buffer.from('"seq":');
const TORN = Buffer.from(',"torn":');
const TIME_LENGTH = 24;
const LONGEST_KIND = 32;
const LONGEST_GUARD = 1024;
const MOST_DIGITS = 15;
const [QUOTE, BACKSLASH, COMMA, CLOSE] = [0x22, 0x5c, 0x2c, 0x7d];

/** Holds its result until the next record is read. */
export class RecordPrefixReader {
  seq = 0;
  /** Bytes of incomplete text before the record; 0 if there is none. */
  torn = 0;
  private bytes: Buffer = TIME;
  private at = 0;
  private end = 0;
  private timeAt = 0;
  private kindAt = 0;
  private kindEnd = 0;
  private guardAt = 0;
  private guardEnd = 0;

  /** False if the line does not begin like a record. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    if (!this.skip(TIME)) return false;
    this.timeAt = this.at;
    this.at += TIME_LENGTH;
    if (!this.skipByte(QUOTE) || !this.skipByte(COMMA)) return false;
    this.kindAt = this.kindEnd = 0;
    if (this.skip(KIND)) {
      this.kindAt = this.at;
      this.kindEnd = this.string(LONGEST_KIND);
      if (this.kindEnd < 0 || !this.skipByte(COMMA)) return false;
    }
    this.guardAt = this.guardEnd = 0;
    if (this.skip(GUARD)) {
      this.guardAt = this.at;
      this.guardEnd = this.string(LONGEST_GUARD);
      if (this.guardEnd < 0 || !this.skipByte(COMMA)) return false;
    }
    if (!this.skip(SEQ)) return false;
    this.seq = this.number();
    this.torn = this.skip(TORN) ? this.number() : 0;
    const next = bytes[this.at];
    return this.seq > 0 && this.torn >= 0 && this.at < end && (next === COMMA || next === CLOSE);
  }

  get time(): string {
    return this.bytes.toString('latin1', this.timeAt, this.timeAt + TIME_LENGTH);
  }

  /** Empty if the record is encrypted. */
  get kind(): string {
    return this.bytes.toString('latin1', this.kindAt, this.kindEnd);
  }

  /** As JSON; undefined if the record does not contain it. */
  get guard(): string | undefined {
    return this.guardEnd > this.guardAt ? this.bytes.toString('utf8', this.guardAt, this.guardEnd) : undefined;
  }

  /** Whether the kind begins with this letter: distinguishes most records without making a string. */
  kindBegins(letter: number): boolean {
    return this.kindEnd > this.kindAt && this.bytes[this.kindAt] === letter;
  }

  private skip(text: Buffer): boolean {
    if (this.at + text.length > this.end) return false;
    for (let i = 0; i < text.length; i++) if (this.bytes[this.at + i] !== text[i]) return false;
    this.at += text.length;
    return true;
  }

  private skipByte(byte: number): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  /** Returns where the string ends and moves past its closing quote; -1 if it is not terminated. */
  private string(longest: number): number {
    const most = Math.min(this.end, this.at + longest);
    for (let i = this.at; i < most; i++) {
      const byte = this.bytes[i];
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) {
        this.at = i + 1;
        return i;
      }
    }
    return -1;
  }

  /** -1 if there is no number. */
  private number(): number {
    let value = 0;
    const first = this.at;
    for (; this.at < this.end; this.at++) {
      const digit = (this.bytes[this.at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = this.at - first;
    return digits === 0 || digits > MOST_DIGITS || this.bytes[first] === 0x30 ? -1 : value;
  }
}
