/** Reads the end of an existing log, so that a guard which starts again goes on where the last one ended. */
import { Buffer } from 'node:buffer';
import { readSync } from 'node:fs';
import { readChained } from '../chain/chain.ts';
import type { SealFields } from '../chain/seal.ts';

const CHUNK = 64 * 1024;
/** Where this much from the end holds no record, the file is something else, and appending to it would bury it. */
const FARTHEST = 64 * 1024 * 1024;
const LINE_END = 0x0a;
/** How a record begins: what was torn off a first one begins so too. */
const BEGINNING = '{"time":';

export interface Tail {
  /** The last whole record; one that lacks nothing but its line end counts. Undefined where there is none before what was torn. */
  readonly last: LastRecord | undefined;
  /** Bytes of torn text behind it, with the line ends between torn lines. */
  readonly torn: number;
  /** The file does not end in a line end: what is written next must not join what stands there. */
  readonly insideLine: boolean;
}

export interface LastRecord {
  readonly seq: number;
  /** Undefined in a file whose records are not chained. */
  readonly hash: string | undefined;
  readonly kind: string | undefined;
}

/** Throws where the file holds something other than a log. */
export function readTail(fd: number, size: number): Tail {
  const insideLine = endsInsideLine(fd, size);
  /** Behind the text that is looked at: without the line end of the last line. */
  const end = insideLine ? size : size - 1;
  let unchained: LastRecord | undefined;
  for (const { text, at } of linesFromEnd(fd, end)) {
    const record = recordOf(text.toString('utf8'));
    if (record?.hash !== undefined) return { last: record, torn: Math.max(0, end - at - text.length - 1), insideLine };
    // What is not chained is a record in a file where nothing is.
    unchained ??= record;
    if (end - at > FARTHEST) break;
  }
  if (unchained) return { last: unchained, torn: 0, insideLine };
  if (!isBeginning(fd, size)) throw new Error('file holds no decision record');
  return { last: undefined, torn: Math.max(0, end), insideLine };
}

/** The last seal in the file: its number, and of which chain it is; undefined where the file holds none. */
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

/** A guard may have ended in the middle of its first record. */
function isBeginning(fd: number, size: number): boolean {
  if (size > FARTHEST) return false;
  const start = Buffer.alloc(Math.min(size, BEGINNING.length));
  readSync(fd, start, 0, start.length, 0);
  return BEGINNING.startsWith(start.toString('latin1'));
}

function recordOf(line: string): LastRecord | undefined {
  const record = parsed(line);
  if (!Number.isSafeInteger(record?.seq)) return undefined;
  const { seq, kind } = record as { seq: number; kind?: string };
  return { seq, hash: readChained(line)?.hash, kind };
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // torn, or not ours
  }
}
