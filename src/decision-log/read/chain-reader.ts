/** Reads one chain of a log from its first file on, record by record, and continues while a guard writes. */
import { Buffer } from 'node:buffer';
import { statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { firstOf } from '../chain/files.ts';
import type { LogRecord } from '../fields.ts';
import type { OpenerOf } from './encrypted.ts';
import { linesOf, RecordReader } from './file-lines.ts';
import { LONGEST_LINE } from './lines.ts';
import { type Chain, chainOf, isOpen, openNameOf } from './log-files.ts';

const CHUNK = 1024 * 1024;

/** Lines of a file; undefined if there are no more for now. */
interface Lines {
  next(): Promise<string[] | undefined>;
  /** The text after the last line end. */
  rest(): string;
  /** True if the path now names another file: nothing more comes. */
  replaced(): Promise<boolean>;
  close(): Promise<void>;
}

interface Current {
  readonly file: string;
  readonly lines: Lines;
  readonly reader: RecordReader;
}

export class ChainReader {
  private readonly files: string[];
  private readonly open: string;
  private current: Current | undefined;
  private lastSeq = 0;
  private passedOver = 0;
  private readonly sizes: ReadonlyMap<string, number>;
  private doneBytes = 0;
  /** Characters of the current file; for a compressed file there are more of them than bytes. */
  private characters = 0;

  /** @param follows if the last file is a closed one, waits for the next. */
  constructor(
    chain: Chain,
    private readonly openerOf?: OpenerOf,
    private follows = false,
  ) {
    this.files = [...chain];
    this.open = openNameOf(chain[0] ?? '');
    this.sizes = new Map(chain.map((file) => [file, statSync(file, { throwIfNoEntry: false })?.size ?? 0]));
  }

  /** Lines without a record so far. */
  get strange(): number {
    return this.passedOver + (this.current?.reader.strange ?? 0);
  }

  /** Bytes of the files that existed at the beginning, and about how many of them were read. */
  get progress(): { readonly done: number; readonly all: number } {
    const all = [...this.sizes.values()].reduce((sum, size) => sum + size, 0);
    const current = this.sizes.get(this.current?.file ?? '') ?? 0;
    return { done: this.doneBytes + Math.min(this.characters, current), all };
  }

  /** Some records in order; undefined if there are none now, though there may be later. */
  async next(): Promise<LogRecord[] | undefined> {
    for (;;) {
      this.current ??= await this.openNext();
      if (!this.current) return undefined;
      const lines = await this.current.lines.next();
      if (lines) {
        const records = await this.recordsIn(this.current, lines);
        if (records.length > 0) return records;
        continue;
      }
      const { file } = this.current;
      const replaced = isOpen(file) && (await this.current.lines.replaced());
      if (isOpen(file) && this.files.length === 0 && !replaced) return undefined;
      // It may have grown between the two checks.
      const last = (await this.current.lines.next()) ?? [];
      const records = await this.recordsIn(this.current, [...last, ...restOf(this.current.lines)]);
      await this.leave();
      if (replaced) this.files.push(...this.behind());
      if (records.length > 0) return records;
    }
  }

  /** The record at the end of the open file that lacks only its line end. Nothing follows. */
  async end(): Promise<LogRecord[]> {
    this.follows = false;
    if (!this.current) return [];
    const records = await this.recordsIn(this.current, restOf(this.current.lines));
    await this.leave();
    return records;
  }

  private async recordsIn({ reader }: Current, lines: readonly string[]): Promise<LogRecord[]> {
    for (const line of lines) this.characters += line.length + 1;
    const records = await reader.read(lines);
    const seq = records.at(-1)?.seq;
    if (typeof seq === 'number') this.lastSeq = seq;
    return records;
  }

  private async openNext(): Promise<Current | undefined> {
    if (this.files.length === 0 && this.follows) this.files.push(...this.behind());
    const file = this.files.shift();
    if (file === undefined) return undefined;
    const { lines, path } = await openLines(file);
    return { file, lines, reader: new RecordReader(path, this.openerOf) };
  }

  private async leave(): Promise<void> {
    this.passedOver = this.strange;
    this.doneBytes += this.sizes.get(this.current?.file ?? '') ?? 0;
    this.characters = 0;
    await this.current?.lines.close();
    this.current = undefined;
  }

  /** Files after the one that was open: several if it was not checked for long. */
  private behind(): Chain {
    return chainOf(this.open).filter((each) => (firstOf(this.open, each) ?? Number.POSITIVE_INFINITY) > this.lastSeq);
  }
}

function restOf(lines: Lines): string[] {
  const rest = lines.rest();
  return rest === '' ? [] : [rest];
}

/** A closed file may have been compressed since it was listed. */
async function openLines(file: string): Promise<{ lines: Lines; path: string }> {
  if (file.endsWith('.gz')) return { lines: new CompressedLines(file), path: file };
  try {
    return { lines: new PlainLines(await open(file, 'r'), file), path: file };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || isOpen(file)) throw error;
    return { lines: new CompressedLines(`${file}.gz`), path: `${file}.gz` };
  }
}

class PlainLines implements Lines {
  private position = 0;
  private begun = '';
  private decoder = new StringDecoder('utf8');
  private readonly chunk = Buffer.alloc(CHUNK);

  constructor(
    private readonly handle: FileHandle,
    private readonly file: string,
  ) {}

  async next(): Promise<string[] | undefined> {
    // Another program has copied and truncated it.
    if ((await this.handle.stat()).size < this.position) {
      this.position = 0;
      this.begun = '';
      this.decoder = new StringDecoder('utf8');
    }
    const { bytesRead } = await this.handle.read(this.chunk, 0, CHUNK, this.position);
    if (bytesRead === 0) return undefined;
    this.position += bytesRead;
    const lines = (this.begun + this.decoder.write(this.chunk.subarray(0, bytesRead))).split('\n');
    this.begun = (lines.pop() ?? '').slice(0, LONGEST_LINE);
    return lines.filter((line) => line !== '' && line.length < LONGEST_LINE);
  }

  rest(): string {
    const { begun } = this;
    this.begun = '';
    return begun.length < LONGEST_LINE ? begun : '';
  }

  async replaced(): Promise<boolean> {
    const [named, held] = await Promise.all([stat(this.file).catch(() => undefined), this.handle.stat()]);
    // It was moved, and there is no new one yet.
    return named !== undefined && (named.ino !== held.ino || named.dev !== held.dev);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

class CompressedLines implements Lines {
  private readonly lines: AsyncGenerator<string[]>;

  constructor(file: string) {
    this.lines = linesOf(file);
  }

  async next(): Promise<string[] | undefined> {
    const { done, value } = await this.lines.next();
    return done ? undefined : value;
  }

  rest(): string {
    return '';
  }

  async replaced(): Promise<boolean> {
    return false;
  }

  async close(): Promise<void> {
    await this.lines.return(undefined);
  }
}
