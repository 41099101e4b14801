/** The files of a log, one after the other: where a guard goes on that starts, what each begins with, and when the next one comes. */
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { basename } from 'node:path';
import { ORIGIN } from '../chain/chain.ts';
import { closedName } from '../chain/files.ts';
import type { SegmentFields } from '../chain/seal.ts';
import type { BoxWriter } from '../encryption/boxes.ts';
import type { FileKey, FileKeys } from '../encryption/file-keys.ts';
import { beginningOf, lastClosed } from '../rotation/beginning.ts';
import { firstRecord } from '../rotation/first-record.ts';
import { syncFolder } from '../rotation/folder.ts';
import { periodEnd, type Rotation } from '../rotation/schedule.ts';
import { ChainedFile, type ChainPosition, NOTHING } from './chained-file.ts';
import { type Durability, LogFile, type Opened } from './file.ts';

export interface SegmentsOptions {
  readonly file: string;
  readonly guard: string;
  readonly durability: Durability;
  readonly rotate: Rotation;
  readonly timeZone: string;
  /** Of the key that seals the log, 32 bytes in base64url. */
  readonly sealedBy: string;
  /** Of files whose records are encrypted; absent: they are not. */
  readonly keys?: FileKeys | undefined;
  readonly notice: (message: string) => void;
}

/** What the files need of the log around them. */
export interface SegmentsNeed {
  /** Writes the record that each file begins with. True where it stands. */
  readonly begin: (fields: SegmentFields, now: number) => boolean;
  /** A file is about to be closed: its last record can still be written. */
  readonly closing: () => void;
  readonly closed: () => void;
  /** Seals of the chain so far. */
  readonly seals: () => number;
}

/** What a log was when it was opened. */
interface Past {
  readonly last: ChainPosition;
  readonly chain: string;
  readonly seals: number;
  readonly sealed: boolean;
  /** Number and time of the first record of the open file. */
  readonly first?: number;
  readonly time?: number;
  readonly sealedBy?: string;
  /** The file that was closed last. */
  readonly file?: string;
}

/** What could not be done is tried again after so long. */
const PATIENCE_MS = 60_000;

export class Segments {
  readonly file: LogFile;
  readonly chained: ChainedFile;
  readonly chain: string;
  /** Seals of the chain when the log was opened, and whether the last record was one. */
  readonly past: Pick<Past, 'seals' | 'sealed'>;
  /** Number of the first record in the open file. */
  private first = 0;
  /** When it is to be closed, by the clock or by its size; not tried before `notBefore`. */
  private due = Number.POSITIVE_INFINITY;
  private notBefore = 0;
  private rotating = false;
  /** In which the last record before the open file stands. */
  private previous: string;
  /** Of the open file, and of the next one. */
  private key: FileKey | undefined;
  private nextKey: FileKey | undefined;
  /** Another guard, or an earlier life of this one, has begun the open file: its key is not known, or it has none. */
  private isForeign = false;
  private looked = -1;

  /** Throws where the log cannot be opened, or the file is something else. */
  constructor(
    private readonly options: SegmentsOptions,
    private readonly need: SegmentsNeed,
  ) {
    const { file: path, durability, notice } = options;
    this.file = new LogFile(path, durability, notice);
    let opened = this.file.ready();
    if (!opened) throw new Error('not opened');
    const past = pastOf(opened, path, options.guard);
    this.previous = past.file ?? basename(path);
    this.past = past;
    this.chain = past.chain;
    this.chained = new ChainedFile(this.file, past.last, notice);
    if (opened.last && past.sealedBy !== options.sealedBy) {
      // From before there was a chain, without its beginning, or sealed with another key: it is closed as it is, and the next file says all.
      const to = closedName(path, past.first ?? opened.last.seq);
      if (existsSync(to)) throw new Error(`"${to}" is there already`);
      opened = this.file.replace(isEmpty, to);
      this.previous = basename(to);
    } else if (past.first !== undefined && past.time !== undefined) this.began(past.first, past.time);
    this.chained.meet(opened);
  }

  /** The next record can be written: the file is open, begun and not due to be closed. Throws where it cannot. */
  ready(now: number): void {
    this.readyToSeal(now);
    if (!this.isDue(now)) return;
    this.rotate(now);
    this.readyToSeal(now);
  }

  /** The same for a seal, which belongs to the file that is open, due or not. */
  readyToSeal(now: number): void {
    this.chained.ready();
    this.lookAtKey();
    if (this.chained.isNew) this.begin(now);
  }

  /** For the records of the open file; undefined where its key is not known. */
  get boxes(): BoxWriter | undefined {
    return this.key?.boxes;
  }

  /** The records of a file are all under the key in its `segment`, or all in the clear: in another one nothing is written. */
  private lookAtKey(): void {
    const { generation, isNew } = this.chained;
    if (this.looked === generation) return;
    this.looked = generation;
    const isEncrypted = this.options.keys !== undefined;
    this.isForeign =
      !isNew && (firstRecord(this.file.path)?.age !== this.key?.age || isEncrypted !== (this.key !== undefined));
    if (isNew || this.isForeign) this.key = undefined;
  }

  /** After the file was moved away: goes on in a new one. False where that fails; the open one is then kept. */
  reopen(): boolean {
    const { file, chained } = this;
    try {
      chained.flush();
      chained.ready();
      if (file.isInPlace()) return true;
      chained.meet(file.replace((opened) => chained.fits(opened)));
      this.previous = basename(file.path);
      return true;
    } catch (error) {
      this.options.notice(`decision log "${file.path}" cannot be opened again: ${messageOf(error)}`);
      return false;
    }
  }

  private isDue(now: number): boolean {
    const { bytes = Number.POSITIVE_INFINITY } = this.options.rotate;
    const full = this.isForeign || now >= this.due || this.file.size >= bytes;
    if (!full || now < this.notBefore || this.rotating || !this.file.isRegular || this.chained.isNew) return false;
    return this.hasNextKey();
  }

  /** Where the key of the next file is still being made, the open one goes on for so long. */
  private hasNextKey(): boolean {
    const { keys } = this.options;
    this.nextKey ??= keys?.take();
    return !keys || this.nextKey !== undefined;
  }

  private rotate(now: number): void {
    this.rotating = true;
    try {
      this.chained.flush();
      this.need.closing();
      // A file that holds nothing but its beginning would have the name of the next.
      if (this.isForeign || this.chained.position.seq > this.first) this.closeFile();
      else this.began(this.first, now);
    } catch (error) {
      this.notBefore = now + PATIENCE_MS;
      this.options.notice(`decision log "${this.file.path}" cannot be rotated: ${messageOf(error)}`);
    } finally {
      this.rotating = false;
    }
  }

  private closeFile(): void {
    const { file, chained } = this;
    const to = closedName(file.path, this.first);
    if (lstatSync(file.path, { throwIfNoEntry: false })?.isSymbolicLink()) throw new Error('it is a link');
    const isMoved = !file.isInPlace();
    if (!isMoved && (existsSync(to) || existsSync(`${to}.gz`))) throw new Error(`"${to}" is there already`);
    chained.meet(file.replace(isEmpty, isMoved ? undefined : to));
    this.previous = basename(isMoved ? file.path : to);
    syncFolder(file.path);
    this.need.closed();
  }

  private begin(now: number): void {
    const { seq, hash } = this.chained.position;
    if (!this.hasNextKey()) throw new Error('the key of the next file is still being made');
    const fields: SegmentFields = {
      chain: this.chain,
      format: 1,
      ...(hash !== ORIGIN && { previous: { file: this.previous, seq, hash } }),
      sealed_by: this.options.sealedBy,
      seals: this.need.seals(),
      ...(this.nextKey && { age: this.nextKey.age }),
    };
    const begun = this.need.begin(fields, now);
    if (!this.chained.isNew) {
      this.began(seq + 1, now);
      this.key = this.nextKey;
      this.nextKey = undefined;
    }
    if (!begun) throw new Error('the file cannot be begun');
  }

  private began(first: number, time: number): void {
    const { rotate, timeZone } = this.options;
    this.first = first;
    this.due = rotate.every ? periodEnd(rotate.every, time, timeZone) : Number.POSITIVE_INFINITY;
  }
}

function pastOf(opened: Opened, path: string, guard: string): Past {
  const found = opened.regular ? beginningOf(opened.fd, path) : undefined;
  if (found?.segment) {
    const { last, seals, sealed, segment } = found;
    const { chain, sealedBy, seq: first, time } = segment;
    return { last, chain, seals, sealed, first, time, sealedBy };
  }
  const fresh = { chain: randomBytes(12).toString('base64url'), seals: 0, sealed: true };
  if (found) {
    const { last, chain = fresh.chain, seals, sealed, first } = found;
    // Where there is no chain that could go on, numbers do.
    return last.hash === ''
      ? { ...fresh, last: { seq: last.seq, hash: ORIGIN }, first }
      : { last, chain, seals, sealed, first };
  }
  const closed = opened.regular ? lastClosed(path, guard) : undefined;
  if (!closed?.segment) return { ...fresh, last: NOTHING };
  const { last, seals, sealed, segment, file } = closed;
  return { last, chain: segment.chain, seals, sealed, file };
}

function isEmpty({ size }: Opened): boolean {
  return size === 0;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
