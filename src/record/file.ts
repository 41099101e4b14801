/** An append-only file of lines that says of each whether it is there. Knows nothing of what the lines mean. */
import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync, writeSync } from 'node:fs';
import { endsInsideLine, lastSequence } from './tail.ts';

export type Durability = 'batched' | 'strict';

/** `doubtful`: it stands in the file, but nobody can say that it reached the disk. `absent`: no whole line of it is there. */
export type Written = 'written' | 'doubtful' | 'absent';

/** Milliseconds between a write and its fdatasync where durability is `batched`. */
const SYNC_DELAY = 100;

export class LogFile {
  private fd: number | undefined;
  private insideLine = false;
  private regular = true;
  private timer: NodeJS.Timeout | undefined;
  /** A sync has failed: until one succeeds, every line waits for its own. */
  private proving = false;
  private failing = false;
  private closed = false;
  /** Of the last record found when the file was opened for the first time. */
  readonly lastSequence: number;

  /** Throws where the file cannot be opened, or holds something other than a log. */
  constructor(
    private readonly path: string,
    private readonly durability: Durability,
    private readonly notice: (message: string) => void,
  ) {
    this.fd = this.open();
    const { size } = fstatSync(this.fd);
    this.lastSequence = this.regular ? lastSequence(this.fd, size) : 0;
  }

  /** Appends a line (with its line end). Never throws; after a failure it tries afresh each time. */
  write(line: string): Written {
    if (this.closed) return 'absent';
    try {
      const outcome = this.put(line);
      if (outcome === 'written' && this.failing) {
        this.failing = false;
        this.notice(`decision log "${this.path}" is written again`);
      }
      return outcome;
    } catch (error) {
      this.fail(error);
      if (this.fd !== undefined) this.forget(this.fd);
      return 'absent';
    }
  }

  /** After the file was moved away: goes on in a new one of the old name. Where that fails, the open one is kept. */
  reopen(): boolean {
    if (this.closed) return false;
    const old = this.fd;
    try {
      if (old !== undefined) this.syncNow(old);
      this.fd = this.open();
    } catch (error) {
      this.notice(`decision log "${this.path}" cannot be opened again: ${messageOf(error)}`);
      return false;
    }
    if (old !== undefined) closeSync(old);
    return true;
  }

  /** Syncs and closes; what is written later is refused. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    if (this.fd === undefined) return;
    try {
      this.syncNow(this.fd);
    } catch (error) {
      this.notice(`decision log "${this.path}" cannot be synced: ${messageOf(error)}`);
    }
    closeSync(this.fd);
    this.fd = undefined;
  }

  private put(line: string): Written {
    this.fd ??= this.open();
    const fd = this.fd;
    const bytes = Buffer.from(this.insideLine ? `\n${line}` : line);
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(fd, bytes, done);
    } catch (error) {
      // All but the line end: the record stands, and the next one begins with the line end that this one lacks.
      if (done < bytes.length - 1) throw error;
    }
    this.insideLine = done < bytes.length;
    if (this.durability === 'batched' && !this.proving) {
      this.syncSoon();
      return 'written';
    }
    try {
      this.syncNow(fd);
      this.proving = false;
      return 'written';
    } catch (error) {
      this.fail(error);
      this.forget(fd);
      return 'doubtful';
    }
  }

  private open(): number {
    const fd = openSync(this.path, 'a+', 0o600);
    const stat = fstatSync(fd);
    this.regular = stat.isFile();
    this.insideLine = this.regular && endsInsideLine(fd, stat.size);
    return fd;
  }

  /** A pipe or a terminal takes no sync. */
  private syncNow(fd: number): void {
    if (this.regular) fdatasyncSync(fd);
  }

  private syncSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const fd = this.fd;
      if (fd === undefined || !this.regular) return;
      fdatasync(fd, (error) => {
        if (!error || this.closed || this.fd !== fd) return;
        this.fail(error);
        this.proving = true;
        this.forget(fd);
      });
    }, SYNC_DELAY).unref();
  }

  /** After a failure the path may mean another file, and the kernel may call this descriptor clean: the next write opens it anew. */
  private forget(fd: number): void {
    this.fd = undefined;
    try {
      closeSync(fd);
    } catch {
      // what it would say has been said
    }
  }

  private fail(error: unknown): void {
    if (!this.failing) this.notice(`decision log "${this.path}" cannot be written: ${messageOf(error)}`);
    this.failing = true;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
