/** Lines of JSON with a checksum: each begins with the CRC-32 of its JSON. */
import { Buffer } from 'node:buffer';
import * as zlib from 'node:zlib';

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

const NEWLINE = 0x0a;
const DIGITS = 8;

/** The value as JSON with its checksum (CRC-32), and a line end. */
export function checkedLine(value: unknown): string {
  return checkedJson(JSON.stringify(value));
}

/** The same for text that is JSON already and has no line break. */
export function checkedJson(json: string): string {
  return `${checksum(json)} ${json}\n`;
}

/** Returns undefined if the line (without its end) is not what `checkedLine` made. */
export function readChecked(line: string): { readonly value: unknown } | undefined {
  const json = line.slice(DIGITS + 1);
  if (line[DIGITS] !== ' ' || line.slice(0, DIGITS) !== checksum(json)) return undefined;
  return { value: JSON.parse(json) };
}

export interface JournalLine {
  readonly text: string;
  /** Byte offsets in the file. */
  readonly start: number;
  readonly end: number;
}

/** The complete lines of a file; text after the last line end is left out. */
export function* linesOf(file: Uint8Array): IterableIterator<JournalLine> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    yield { text: bytes.toString('utf8', start, end), start, end: end + 1 };
    start = end + 1;
  }
}

// Node has crc32 since 20.15.
const crc32: (text: string) => number = zlib.crc32 ?? crc32ByTable;

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(DIGITS, '0');
}

export function crc32ByTable(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
