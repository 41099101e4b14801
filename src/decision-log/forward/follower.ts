/** Follows a log from file to file, and gives its lines as they come. Knows nothing of what they mean. */
import { Buffer } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { LONGEST_LINE } from '../read/lines.ts';
import { type FileBytes, fileBytes } from './file-bytes.ts';
import { type LogFileFound, nextFile } from './next-file.ts';
import type { Position } from './position.ts';

/** Whole lines of one file. */
export interface Lines {
  readonly file: { readonly first: number; readonly chain: string | undefined };
  readonly lines: readonly {
    readonly bytes: Buffer /** Where in the file the next one begins. */;
    readonly end: number;
  }[];
}

const LINE_END = 0x0a;

interface Current {
  readonly file: LogFileFound;
  readonly bytes: FileBytes;
  /** Behind the last whole line. */
  offset: number;
  /** A line whose end has not come yet, in pieces; of one that is too long for a record, which nobody gets, only the length. */
  begun: Buffer[];
  begunLength: number;
  /** Another file has its name: what is in it now is all. */
  replaced: boolean;
}

export class Follower {
  private current: Current | undefined;
  private behind: Pick<Position, 'file' | 'chain'> | undefined;

  /** From the beginning of the file in which `from` lies, for decisions of outcomes behind it may stand there; else of the oldest. */
  constructor(
    private readonly log: string,
    private from: Pick<Position, 'file' | 'chain'> | undefined,
    private readonly notice: (message: string) => void,
  ) {}

  /** Undefined where there are no more now. */
  async read(): Promise<Lines | undefined> {
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

  /** Whether there is nothing more to come in this file, and it was left. */
  private async leave(current: Current): Promise<boolean> {
    const { file, replaced } = current;
    if (!file.closed && !replaced) {
      const [own, named] = await Promise.all([file.handle.stat(), stat(file.path).catch(() => undefined)]);
      // Whoever moves a file has not told the guard yet where there is none of its name: it goes on in the moved one.
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

  /** The file was cut: what it holds now is taken from its beginning, as nobody knows what it was. */
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

/** A copy: the piece is overwritten by the next one. */
function keep(current: Current, piece: Buffer): void {
  current.begunLength += piece.length;
  if (current.begunLength > LONGEST_LINE) current.begun = [];
  else if (piece.length > 0) current.begun.push(Buffer.from(piece));
}
