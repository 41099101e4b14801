/** Lines of a file, plain or compressed (`.gz`), as bytes. Takes nothing on trust: a line of any length, or what unpacks to any length, fits into bounded memory. */
import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

export interface LineHandlers {
  /**
   * A line without its end: `bytes` from `start` to `end`, which are the callee's during the call only. `offset`: of its first byte in the
   * (unpacked) file. Returns true where no more is wanted.
   */
  line(bytes: Buffer, start: number, end: number, offset: number): boolean | undefined;
  /** A line of more than `LONGEST_LINE` bytes, which nobody is shown. */
  overlong(length: number, offset: number): boolean | undefined;
}

export interface LinesRead {
  /** What stands behind the last line end, where it is not overlong. */
  readonly rest: Buffer;
  readonly restLength: number;
  /** Why a compressed file could not be unpacked to its end. */
  readonly damaged?: string;
}

/** No record is longer: `text: full` keeps a million characters, each of them six bytes at most in JSON. */
export const LONGEST_LINE = 16 * 1024 * 1024;
/** Where nothing else comes for so long, nothing will: what unpacks to it was made for that. */
const NO_END = 1024 * 1024 * 1024;
const CHUNK = 1024 * 1024;
const LINE_END = 0x0a;

/** What is no regular file (a pipe, a device, a link where none is followed) is not read. */
export class NoRegularFile extends Error {}

/** @param follow whether the path may be a symbolic link. Throws NoRegularFile, or why it cannot be opened or read. */
export async function readLines(path: string, handlers: LineHandlers, follow = false): Promise<LinesRead> {
  const file = await openRegular(path, follow);
  const splitter = new Splitter(handlers);
  const bytes = file.createReadStream({ highWaterMark: CHUNK, autoClose: false });
  try {
    if (!path.endsWith('.gz')) {
      for await (const chunk of bytes) if (splitter.take(chunk as Buffer)) break;
      return splitter.end();
    }
    const unpacked = createGunzip({ chunkSize: CHUNK });
    bytes.on('error', (error) => unpacked.destroy(error));
    bytes.pipe(unpacked);
    try {
      for await (const chunk of unpacked) if (splitter.take(chunk as Buffer)) break;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!code?.startsWith('Z_')) throw error;
      return { ...splitter.end(), damaged: message };
    }
    return splitter.end();
  } finally {
    bytes.destroy();
    await file.close();
  }
}

async function openRegular(path: string, follow: boolean): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW)).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === 'ELOOP' ? new NoRegularFile(path) : error;
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new NoRegularFile(path);
}

/** Finds the lines in chunks. */
class Splitter {
  /** The beginning of a line whose end has not come yet; empty where it is too long already. */
  private begun: Buffer[] = [];
  private begunLength = 0;
  /** Of the first byte of that line. */
  private offset = 0;

  constructor(private readonly handlers: LineHandlers) {}

  /** True where no more is wanted. */
  take(chunk: Buffer): boolean {
    let start = 0;
    if (this.begunLength > 0) {
      const end = chunk.indexOf(LINE_END);
      if (end < 0) return this.keep(chunk);
      if (this.finish(chunk.subarray(0, end))) return true;
      start = end + 1;
    }
    for (let end = chunk.indexOf(LINE_END, start); end >= 0; end = chunk.indexOf(LINE_END, start)) {
      if (this.handlers.line(chunk, start, end, this.offset)) return true;
      this.offset += end + 1 - start;
      start = end + 1;
    }
    return this.keep(Buffer.from(chunk.subarray(start)));
  }

  end(): LinesRead {
    return { rest: Buffer.concat(this.begun), restLength: this.begunLength };
  }

  private keep(piece: Buffer): boolean {
    this.begunLength += piece.length;
    if (this.begunLength > LONGEST_LINE) this.begun = [];
    else if (piece.length > 0) this.begun.push(piece);
    return this.begunLength > NO_END;
  }

  private finish(piece: Buffer): boolean {
    this.keep(piece);
    const { begunLength: length, offset } = this;
    const line = Buffer.concat(this.begun);
    this.begun = [];
    this.begunLength = 0;
    this.offset = offset + length + 1;
    const enough =
      length > LONGEST_LINE ? this.handlers.overlong(length, offset) : this.handlers.line(line, 0, line.length, offset);
    return enough === true;
  }
}
