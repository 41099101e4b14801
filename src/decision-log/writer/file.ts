/** An append-only file of lines that tells of each whether it was written. It does not interpret the lines. */

import { Buffer } from 'node:buffer';
import { fdatasyncSync, renameSync, type Stats, statSync } from 'node:fs';
import { reasonOf } from '../../core/error-text.ts';
import { type AppendOutcome, append, completeLines, LINE_END, type WriteState } from '../disk/append.ts';
import { closeFile, foreignChange, type OpenFile, openFile } from '../disk/open-file.ts';
import { isSameFile, writeAgain } from '../disk/rewrite.ts';
import { Sync } from '../disk/sync.ts';
import { readTail, type Tail } from './tail.ts';

export type Durability = 'batched' | 'strict';

/** The content of a file that was just opened. */
export interface OpenedFile extends Tail {
  readonly fd: number;
  readonly size: number;
  /** Not a pipe or a terminal, which cannot be read back. */
  readonly regular: boolean;
}

/** Of a UTF-16 code unit in UTF-8. */
const MOST_BYTES_OF_ONE = 3;

export class LineFile {
  private file: OpenFile | undefined;
  /** The file that was open last. */
  private known: Stats | undefined;
  private insideLine = false;
  /** Bytes in the open file; how many of them the running sync covers; how many are on disk. */
  private bytes = 0;
  private inSync = 0;
  private safe = 0;
  /** Bytes of a line that a pipe has only partly accepted. */
  private partial = 0;
  /** A sync has failed: until one succeeds, every line waits for its own. */
  private proving = false;
  /** After a failure, the bytes after `safe` may have been dropped. */
  private suspect: Stats | undefined;
  private failing = false;
  private closed = false;
  private readonly sync: Sync;
  /** Lines are encoded here: a new buffer for each would burden the garbage collector. */
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

  /** Lines handed to the kernel since the log was opened, over all its files: a position to wait for. */
  get position(): number {
    return this.sync.position;
  }

  /** How many of them are on disk. */
  get onDisk(): number {
    return this.sync.onDisk;
  }

  isOnDisk(position: number): boolean {
    return this.sync.has(position);
  }

  /** Resolves when the lines up to this position are on disk; with false if that failed. Calls share a sync. */
  reachesDisk(position: number): Promise<boolean> {
    return this.sync.reaches(position);
  }

  /** Bytes in the open file. */
  get size(): number {
    return this.bytes;
  }

  /** Whether nothing has failed since the last line. */
  get isOpen(): boolean {
    return this.file !== undefined && !this.failing && !this.proving;
  }

  get isRegular(): boolean {
    return this.file?.regular ?? false;
  }

  /** Opens the file if needed, and then returns its content. Throws if it cannot be opened, or holds something other than a log. */
  ready(): OpenedFile | undefined {
    if (this.file) return undefined;
    if (this.closed) throw new Error('it is closed');
    if (this.suspect) writeAgain(this.path, this.suspect, this.safe);
    this.suspect = undefined;
    const { file, opened } = this.open();
    this.take(file, opened);
    return opened;
  }

  /**
   * Appends lines (with their line ends) to the open file. Never throws; after a failure the file is closed. `grouped`: a caller that needs them on
   * disk waits with `reachesDisk`.
   */
  write(text: string, lines = 1, grouped = false): AppendOutcome {
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
   * Continues in a new file of the log's name, if `accept` approves its content. The open one is moved to `moveTo`, or was already moved by another
   * program. Throws if that fails: the open one is then kept, under its old name if possible.
   */
  replace(accept: (opened: OpenedFile) => boolean, moveTo?: string): OpenedFile {
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

  /** Whether the log's path names the open file. */
  isInPlace(): boolean {
    const there = statSync(this.path, { throwIfNoEntry: false });
    return there !== undefined && this.file !== undefined && isSameFile(there, this.file.stat);
  }

  /** Syncs everything written. Throws if that fails. */
  syncAll(): void {
    if (this.file) this.settle(this.file);
  }

  /** Syncs and closes; later writes are refused. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    try {
      this.syncAll();
    } catch (error) {
      this.notice(`decision log "${this.path}" cannot be synced: ${reasonOf(error)}`);
    }
    this.forget();
  }

  /** Reports the problem once, until a line is written again; the next write reopens the file. */
  fail(error: unknown): void {
    if (!this.failing && !this.closed) this.notice(`decision log "${this.path}" cannot be written: ${reasonOf(error)}`);
    this.failing = true;
    this.forget();
  }

  private encode(text: string): Buffer {
    const { scratch } = this;
    if (text.length * MOST_BYTES_OF_ONE > scratch.length) return Buffer.from(text);
    return scratch.subarray(0, scratch.write(text));
  }

  /** @returns how many of the lines are complete. If not all are, the file is closed. */
  private put(file: OpenFile, bytes: Buffer, lines: number): number {
    const { done, error } = append(file.fd, bytes);
    const stand = done < bytes.length ? completeLines(bytes, done, this.insideLine) : lines;
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

  /** Everything was handed to the kernel: decides whether a sync is needed before that counts. */
  private proved(file: OpenFile, grouped: boolean): WriteState {
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

  private open(): { file: OpenFile; opened: OpenedFile } {
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

  private take(file: OpenFile, { size, insideLine }: OpenedFile): void {
    this.sync.giveUp();
    const goesOn = this.known !== undefined && isSameFile(this.known, file.stat);
    this.file = file;
    this.known = file.stat;
    this.bytes = size;
    this.safe = goesOn ? Math.min(this.safe, size) : size;
    this.insideLine = insideLine;
  }

  /** A pipe or a terminal cannot be synced. Throws if the sync fails; the file is then closed. */
  private syncNow(file: OpenFile): void {
    try {
      if (file.regular) fdatasyncSync(file.fd);
    } catch (error) {
      this.unsure(error);
      throw error;
    }
    this.safe = this.bytes;
  }

  /** Syncs everything, and marks it as on disk. Throws if that fails, or if the file was deleted. */
  private settle(file: OpenFile): void {
    this.syncNow(file);
    this.lookAt(file);
    this.sync.all();
  }

  /** The same for a file that is being replaced, whatever happened to it. */
  private leave(file: OpenFile): void {
    this.syncNow(file);
    if (foreignChange(file, this.bytes) === undefined) this.sync.all();
  }

  /** A background sync has succeeded. */
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

  /** Throws if the file was changed by others. */
  private lookAt(file: OpenFile): void {
    const wrong = foreignChange(file, this.bytes);
    if (wrong !== undefined) throw new Error(wrong);
  }

  /** A sync has failed. */
  private unsure(error: unknown): void {
    this.proving = true;
    this.suspect = this.file?.stat;
    this.fail(error);
  }

  /** After a failure the path may name another file, and the kernel may consider this descriptor's data clean: the file is reopened. */
  private forget(): void {
    const { file } = this;
    this.file = undefined;
    this.sync.giveUp();
    try {
      if (file) closeFile(file);
    } catch {
      // an error was already reported
    }
  }
}
