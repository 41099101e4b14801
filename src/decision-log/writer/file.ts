/** An append-only file of lines that says of each whether it is there. Knows nothing of what the lines mean. */
import { Buffer } from 'node:buffer';
import { fdatasyncSync, renameSync, type Stats, statSync } from 'node:fs';
import { append, LINE_END, linesStanding, type Outcome, type Written } from '../disk/append.ts';
import { closeFile, type OpenFile, openFile, whatIsWrong } from '../disk/open-file.ts';
import { isSame, writeAgain } from '../disk/rewrite.ts';
import { Sync } from '../disk/sync.ts';
import { readTail, type Tail } from './tail.ts';

export type Durability = 'batched' | 'strict';

/** What a file holds that was opened just now. */
export interface Opened extends Tail {
  readonly fd: number;
  readonly size: number;
  /** Not a pipe or a terminal, of which nothing can be read. */
  readonly regular: boolean;
}

/** Of a UTF-16 code unit in UTF-8. */
const MOST_BYTES_OF_ONE = 3;

export class LogFile {
  private file: OpenFile | undefined;
  /** The one that was open last. */
  private known: Stats | undefined;
  private insideLine = false;
  /** Bytes in the open file; how many of them the sync under way brings to the disk; how many are there. */
  private bytes = 0;
  private inSync = 0;
  private safe = 0;
  /** Of a line that a pipe has taken a part of. */
  private partial = 0;
  /** A sync has failed: until one succeeds, every line waits for its own. */
  private proving = false;
  /** Where it has failed, the bytes behind `safe` may have been given up. */
  private suspect: Stats | undefined;
  private failing = false;
  private closed = false;
  private readonly sync: Sync;
  /** Lines are made into bytes here: a buffer for each of them would be the collector's. */
  private readonly scratch = Buffer.allocUnsafeSlow(512 * 1024);

  constructor(
    readonly path: string,
    private readonly durability: Durability,
    private readonly notice: (message: string) => void,
  ) {
    this.sync = new Sync({
      descriptor: () => (this.file?.regular ? this.file.background : undefined),
      began: () => {
        this.inSync = this.bytes;
      },
      done: () => this.done(),
      failed: (error) => this.unsure(error),
    });
  }

  /** Lines handed to the system since the log was opened, over all its files: a position to wait for. */
  get position(): number {
    return this.sync.position;
  }

  /** How far they are on the disk. */
  get onDisk(): number {
    return this.sync.onDisk;
  }

  isOnDisk(position: number): boolean {
    return this.sync.has(position);
  }

  /** Resolves when the lines up to this position are on the disk; with false where that failed. Calls share one sync. */
  reachesDisk(position: number): Promise<boolean> {
    return this.sync.reaches(position);
  }

  /** Bytes in the open file. */
  get size(): number {
    return this.bytes;
  }

  /** Nothing has gone wrong since the last line. */
  get isOpen(): boolean {
    return this.file !== undefined && !this.failing && !this.proving;
  }

  get isRegular(): boolean {
    return this.file?.regular ?? false;
  }

  /** Opens the file where it is not open, and says then what it holds. Throws where it cannot be opened, or holds something other than a log. */
  ready(): Opened | undefined {
    if (this.file) return undefined;
    if (this.closed) throw new Error('it is closed');
    if (this.suspect) writeAgain(this.path, this.suspect, this.safe);
    this.suspect = undefined;
    const { file, opened } = this.open();
    this.take(file, opened);
    return opened;
  }

  /**
   * Appends so many lines (with their line ends) to the open file. Never throws; after a failure the file is not open. `grouped`: somebody
   * else waits for them to reach the disk, by `reachesDisk`, where anybody does.
   */
  write(text: string, lines = 1, grouped = false): Outcome {
    const { file } = this;
    if (!file) return { lines: 0, written: 'absent' };
    const bytes = this.encode(this.insideLine ? `\n${text}` : text);
    const stand = this.put(file, bytes, lines);
    if (stand < lines) return { lines: stand, written: 'absent' };
    const written = this.proved(file, grouped);
    if (written === 'written' && this.failing) {
      this.failing = false;
      this.notice(`decision log "${this.path}" is written again`);
    }
    return { lines, written };
  }

  /**
   * Goes on in a new file of the log's name, if `accept` takes what is found there; the open one is moved to `moveTo`, or was moved
   * away by somebody else. Throws where that fails: the open one is then kept, under its old name if that can be.
   */
  replace(accept: (opened: Opened) => boolean, moveTo?: string): Opened {
    const old = this.file;
    if (old) this.leave(old);
    if (moveTo !== undefined) renameSync(this.path, moveTo);
    try {
      const { file, opened } = this.open();
      if (!accept(opened)) {
        closeFile(file);
        throw new Error('it does not go on where the log has come to');
      }
      if (old) closeFile(old);
      this.take(file, opened);
      return opened;
    } catch (error) {
      if (moveTo !== undefined) renameSync(moveTo, this.path);
      throw error;
    }
  }

  /** The file that stands under the log's name is the open one. */
  isInPlace(): boolean {
    const there = statSync(this.path, { throwIfNoEntry: false });
    return there !== undefined && this.file !== undefined && isSame(there, this.file.stat);
  }

  /** Brings all that was written to the disk. Throws where that fails. */
  syncAll(): void {
    if (this.file) this.settle(this.file);
  }

  /** Syncs and closes; what is written later is refused. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    try {
      this.syncAll();
    } catch (error) {
      this.notice(`decision log "${this.path}" cannot be synced: ${messageOf(error)}`);
    }
    this.forget();
  }

  /** What has gone wrong is said once, until a line is written again; the file is opened anew for the next one. */
  fail(error: unknown): void {
    if (!this.failing && !this.closed)
      this.notice(`decision log "${this.path}" cannot be written: ${messageOf(error)}`);
    this.failing = true;
    this.forget();
  }

  private encode(text: string): Buffer {
    const { scratch } = this;
    if (text.length * MOST_BYTES_OF_ONE > scratch.length) return Buffer.from(text);
    return scratch.subarray(0, scratch.write(text));
  }

  /** @returns how many of the lines stand whole. Where not all of them do, the file is not open any more. */
  private put(file: OpenFile, bytes: Buffer, lines: number): number {
    const { done, error } = append(file.fd, bytes);
    const stand = done < bytes.length ? linesStanding(bytes, done, this.insideLine) : lines;
    this.sync.count(stand);
    if (stand < lines) {
      const lead = this.insideLine && this.partial === 0 ? 1 : 0;
      this.partial =
        stand > 0 ? done - bytes.lastIndexOf(LINE_END, done - 1) - 1 : this.partial + Math.max(0, done - lead);
      this.fail(error);
      return stand;
    }
    this.insideLine = done < bytes.length;
    this.partial = 0;
    this.bytes += done;
    return lines;
  }

  /** All is handed to the system: whether more is to be known before that counts. */
  private proved(file: OpenFile, grouped: boolean): Written {
    if ((grouped || this.durability === 'batched') && !this.proving) {
      this.sync.soon();
      return 'written';
    }
    try {
      this.settle(file);
      this.proving = false;
      return 'written';
    } catch (error) {
      this.fail(error);
      return 'doubtful';
    }
  }

  private open(): { file: OpenFile; opened: Opened } {
    const file = openFile(this.path);
    const { fd, stat, regular } = file;
    try {
      const ofPipe: Tail = { last: undefined, torn: this.partial, insideLine: this.partial > 0 };
      const tail = regular ? readTail(fd, stat.size) : ofPipe;
      return { file, opened: { ...tail, fd, size: stat.size, regular } };
    } catch (error) {
      closeFile(file);
      throw error;
    }
  }

  private take(file: OpenFile, { size, insideLine }: Opened): void {
    this.sync.giveUp();
    const goesOn = this.known !== undefined && isSame(this.known, file.stat);
    this.file = file;
    this.known = file.stat;
    this.bytes = size;
    this.safe = goesOn ? Math.min(this.safe, size) : size;
    this.insideLine = insideLine;
  }

  /** A pipe or a terminal takes no sync. Throws where it fails; the file is not open then. */
  private syncNow(file: OpenFile): void {
    try {
      if (file.regular) fdatasyncSync(file.fd);
    } catch (error) {
      this.unsure(error);
      throw error;
    }
    this.safe = this.bytes;
  }

  /** Brings all of it to the disk, and says so. Not of what is in no file any more. Throws where it fails. */
  private settle(file: OpenFile): void {
    this.syncNow(file);
    this.lookAt(file);
    this.sync.all();
  }

  /** The same for a file that another one replaces, whatever has become of it. */
  private leave(file: OpenFile): void {
    this.syncNow(file);
    if (whatIsWrong(file, this.bytes) === undefined) this.sync.all();
  }

  /** A sync in the background has succeeded. */
  private done(): boolean {
    const { file } = this;
    if (!file) return false;
    try {
      this.lookAt(file);
    } catch (error) {
      this.fail(error);
      return false;
    }
    this.safe = Math.max(this.safe, this.inSync);
    return true;
  }

  /** Throws where the file is not as it was left. */
  private lookAt(file: OpenFile): void {
    const wrong = whatIsWrong(file, this.bytes);
    if (wrong !== undefined) throw new Error(wrong);
  }

  /** A sync has failed. */
  private unsure(error: unknown): void {
    this.proving = true;
    this.suspect = this.file?.stat;
    this.fail(error);
  }

  /** After a failure the path may mean another file, and the kernel may call this descriptor clean: it is opened anew. */
  private forget(): void {
    const { file } = this;
    this.file = undefined;
    this.sync.giveUp();
    try {
      if (file) closeFile(file);
    } catch {
      // what it would say has been said
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
