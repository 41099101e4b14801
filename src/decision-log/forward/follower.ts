/** Follows a log from file to file, and returns its lines as they are written. It does not interpret them. */
import { Buffer } from 'node:buffer';
import { type FileHandle, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { LONGEST_LINE } from '../read/lines.ts';
import { type LogFileFound, nextFile } from './next-file.ts';
import type { Position } from './position.ts';

/** Whole lines of one file. */
export interface LinesOfFile {
  readonly file: { readonly first: number; readonly chain: string | undefined };
  readonly lines: readonly {
    readonly bytes: Buffer /** The offset of the next one in the file. */;
    readonly end: number;
  }[];
}

const LINE_END = 0x0a;

interface Current {
  readonly file: LogFileFound;
  readonly bytes: FileBytes;
  /** The offset after the last whole line. */
  offset: number;
  /** The pieces of an incomplete line; for one that is too long for a record, only the length, as it is dropped. */
  begun: Buffer[];
  begunLength: number;
  /** Another file has its name: this one will not grow. */
  replaced: boolean;
}

export class Follower {
  private current: Current | undefined;
  private behind: Pick<Position, 'file' | 'chain'> | undefined;

  /** Begins at the start of the file that contains `from`, as decisions of later outcomes may be there; else at the oldest file. */
  constructor(
    private readonly log: string,
    private from: Pick<Position, 'file' | 'chain'> | undefined,
    private readonly notice: (message: string) => void,
  ) {}

  /** Undefined if there are no more now. */
  async read(): Promise<LinesOfFile | undefined> {
    for (;;) {
      this.current ??= await this.open();
      if (!this.current) return undefined;
      const piece = await this.piece(this.current);
      const lines = piece && split(this.current, piece);
      if (lines && lines.length > 0) return { file: this.current.file, lines };
      if (!piece && !(await this.leave(this.current))) return undefined;
    }
  }

  async close(): Promise<void> {
    await this.current?.bytes.close();
    this.current = undefined;
  }

  private async open(): Promise<Current | undefined> {
    const file = await nextFile(this.log, this.behind ?? this.from, this.behind !== undefined);
    if (!file) return undefined;
    this.from = undefined;
    const bytes = fileBytes(file.path, file.handle);
    return { file, bytes, offset: 0, begun: [], begunLength: 0, replaced: false };
  }

  private async piece({ file, bytes }: Current): Promise<Buffer | undefined> {
    try {
      return await bytes.next();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!code?.startsWith('Z_')) throw error;
      this.notice(`"${file.path}" cannot be unpacked to its end (${code})`);
      return undefined;
    }
  }

  /** Closes the file if nothing more will come in it. Returns whether it did. */
  private async leave(current: Current): Promise<boolean> {
    const { file, replaced } = current;
    if (!file.closed && !replaced) {
      const [own, named] = await Promise.all([file.handle.stat(), stat(file.path).catch(() => undefined)]);
      // If the file was moved and there is no new one, the guard still writes to the moved one.
      if (!named || own.ino === named.ino) {
        return own.size < current.offset && this.startOver(current);
      }
      current.replaced = true;
      return true;
    }
    this.behind = { file: file.first, chain: file.chain };
    await this.close();
    return true;
  }

  /** The file became shorter, so its content is unknown: it is read from the beginning. */
  private async startOver({ file }: Current): Promise<boolean> {
    this.notice(`"${file.path}" is shorter than it was; it is read again from its beginning`);
    this.from = { file: file.first, chain: file.chain };
    this.behind = undefined;
    await this.close();
    return true;
  }
}

function split(current: Current, piece: Buffer): { bytes: Buffer; end: number }[] {
  const found: { bytes: Buffer; end: number }[] = [];
  let start = 0;
  for (let at = piece.indexOf(LINE_END); at >= 0; at = piece.indexOf(LINE_END, start)) {
    keep(current, piece.subarray(start, at));
    current.offset += current.begunLength + 1;
    if (current.begunLength <= LONGEST_LINE) found.push({ bytes: Buffer.concat(current.begun), end: current.offset });
    current.begun = [];
    current.begunLength = 0;
    start = at + 1;
  }
  keep(current, piece.subarray(start));
  return found;
}

/** Copies the piece: its buffer is reused. */
function keep(current: Current, piece: Buffer): void {
  current.begunLength += piece.length;
  if (current.begunLength > LONGEST_LINE) current.begun = [];
  else if (piece.length > 0) current.begun.push(Buffer.from(piece));
}

/** The bytes of one log file, in pieces: decompressed if needed, and more of them while it grows. */
const PIECE = 64 * 1024;

interface FileBytes {
  /** Undefined if there is no more now. The piece is valid until the next call. */
  next(): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

function fileBytes(path: string, handle: FileHandle): FileBytes {
  return path.endsWith('.gz') ? unpacked(handle) : plain(handle);
}

function plain(handle: FileHandle): FileBytes {
  const buffer = Buffer.alloc(PIECE);
  let position = 0;
  return {
    async next() {
      const { bytesRead } = await handle.read(buffer, 0, PIECE, position);
      position += bytesRead;
      return bytesRead > 0 ? buffer.subarray(0, bytesRead) : undefined;
    },
    close: () => handle.close(),
  };
}

function unpacked(handle: FileHandle): FileBytes {
  const packed = handle.createReadStream({ autoClose: false, highWaterMark: PIECE });
  const stream = createGunzip({ chunkSize: PIECE });
  packed.on('error', (error) => stream.destroy(error));
  packed.pipe(stream);
  const pieces = stream[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await pieces.next();
      return done ? undefined : (value as Buffer);
    },
    async close() {
      packed.destroy();
      stream.destroy();
      await handle.close();
    },
  };
}
