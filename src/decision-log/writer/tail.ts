/** Reads the end of an existing log, so that a starting guard continues there. */
import { Buffer } from 'node:buffer';
import { readSync } from 'node:fs';
import { readChained } from '../chain/chain.ts';
import type { SealFields } from '../chain/seal.ts';

const CHUNK = 64 * 1024;
/** If this much of the end holds no record, the file is something else, and appending would bury it. */
const FARTHEST = 64 * 1024 * 1024;
const LINE_END = 0x0a;
/** The beginning of a record, also of an incomplete first one. */
const BEGINNING = '{"time":';

export interface Tail {
  /** The last complete record, even without its line end. Undefined if there is none before the incomplete text. */
  readonly last: LastRecord | undefined;
  /** Bytes of incomplete text after it, with the line ends between incomplete lines. */
  readonly torn: number;
  /** The file does not end in a line end: the next write must not join the last line. */
  readonly insideLine: boolean;
}

export interface LastRecord {
  readonly seq: number;
  readonly hash: string;
  readonly kind: string | undefined;
}

/** Throws if the file holds something other than a log. */
export function readTail(fd: number, size: number): Tail {
  const insideLine = endsInsideLine(fd, size);
  /** The end of the examined text: without the last line end. */
  const end = insideLine ? size : size - 1;
  let isWhole = false;
  for (const { text, at } of linesFromEnd(fd, end)) {
    const line = text.toString('utf8');
    const record = parsed(line);
    const last = record && lastOf(record, line);
    if (last) return { last, torn: Math.max(0, end - at - text.length - 1), insideLine };
    isWhole ||= record !== undefined;
    if (end - at > FARTHEST) break;
  }
  // A whole line without a hash was not torn off by a crash.
  if (isWhole || !isBeginning(fd, size)) throw new Error('file holds no decision record');
  return { last: undefined, torn: Math.max(0, end), insideLine };
}

/** The last seal in the file: its number and chain; undefined if there is none. */
export function lastSeal(fd: number, size: number): Pick<SealFields, 'seal' | 'chain'> | undefined {
  for (const { text } of linesFromEnd(fd, size)) {
    if (!text.includes('"kind":"seal"')) continue;
    const record = parsed(text.toString('utf8'));
    const { kind, seal, chain } = record ?? {};
    if (kind === 'seal' && Number.isSafeInteger(seal) && typeof chain === 'string')
      return { seal: Number(seal), chain };
  }
  return undefined;
}

interface Line {
  readonly text: Buffer;
  /** Of its first byte. */
  readonly at: number;
}

/** The lines before `end`, from the last to the first, without their ends. */
function* linesFromEnd(fd: number, end: number): Generator<Line> {
  let behind: Buffer[] = [];
  let position = end;
  while (position > 0) {
    const length = Math.min(CHUNK, position);
    position -= length;
    const chunk = Buffer.alloc(length);
    readSync(fd, chunk, 0, length, position);
    let rest = length;
    for (let at = chunk.lastIndexOf(LINE_END); at >= 0; at = at > 0 ? chunk.lastIndexOf(LINE_END, at - 1) : -1) {
      yield { text: Buffer.concat([chunk.subarray(at + 1, rest), ...behind]), at: position + at + 1 };
      behind = [];
      rest = at;
    }
    behind.unshift(chunk.subarray(0, rest));
  }
  if (end > 0) yield { text: Buffer.concat(behind), at: 0 };
}

function endsInsideLine(fd: number, size: number): boolean {
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] !== LINE_END;
}

/** A guard may have ended inside its first record. */
function isBeginning(fd: number, size: number): boolean {
  if (size > FARTHEST) return false;
  const start = Buffer.alloc(Math.min(size, BEGINNING.length));
  readSync(fd, start, 0, start.length, 0);
  return BEGINNING.startsWith(start.toString('latin1'));
}

function lastOf(record: Record<string, unknown>, line: string): LastRecord | undefined {
  const { seq, kind } = record as { seq: number; kind?: string };
  const hash = readChained(line)?.hash;
  return hash !== undefined && Number.isSafeInteger(seq) ? { seq, hash, kind } : undefined;
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // incomplete, or not a record
  }
}
