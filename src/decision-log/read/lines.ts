/** Lines of a file, plain or compressed (`.gz`), as bytes. Memory is bounded, however long a line is or whatever a file decompresses to. */
import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

export interface LineHandlers {
  /**
   * A line without its end: `bytes` from `start` to `end`, valid only during the call. `offset`: of its first byte in the (uncompressed) file. Return
   * true to stop.
   */
  line(bytes: Buffer, start: number, end: number, offset: number): boolean | undefined;
  /** A line of more than `LONGEST_LINE` bytes, whose content is dropped. */
  overlong(length: number, offset: number): boolean | undefined;
}

export interface LinesRead {
  /** The text after the last line end, unless it is overlong. */
  readonly rest: Buffer;
  readonly restLength: number;
  /** Why a compressed file could not be decompressed completely. */
  readonly damaged?: string;
}

/** No record is longer: `text: full` keeps a million characters, each at most six bytes in JSON. */
export const LONGEST_LINE = 16 * 1024 * 1024;
/** If nothing but one line comes for this long, nothing else will: the file was made to be that long. */
const NO_END = 1024 * 1024 * 1024;
const CHUNK = 1024 * 1024;
const LINE_END = 0x0a;

/** A pipe, a device, or a symbolic link if those are not followed: it is not read. */
export class NoRegularFile extends Error {}

/** @param follow whether the path may be a symbolic link. Throws NoRegularFile, or the error of opening or reading. */
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

/** Splits chunks into lines. */
class Splitter {
  /** The pieces of an incomplete line; empty if it is already too long. */
  private begun: Buffer[] = [];
  private begunLength = 0;
  /** Of the line's first byte. */
  private offset = 0;

  constructor(private readonly handlers: LineHandlers) {}

  /** True to stop. */
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
