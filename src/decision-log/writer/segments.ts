/** The files of a log one after another: where a starting guard continues, what each file begins with, and when the next one begins. */

import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { reasonOf } from '../../core/error-text.ts';
import { ORIGIN } from '../chain/chain.ts';
import { closedName } from '../chain/files.ts';
import type { SegmentFields } from '../chain/seal.ts';
import { syncFolder } from '../disk/durably.ts';
import type { BoxWriter } from '../encryption/boxes.ts';
import type { FileKey, FileKeys } from '../encryption/file-keys.ts';
import { beginningOf, lastClosed } from '../rotation/beginning.ts';
import { firstRecord } from '../rotation/first-record.ts';
import { periodEnd, type Rotation } from '../rotation/schedule.ts';
import { ChainedFile, type ChainPosition, NOTHING } from './chained-file.ts';
import { type Durability, LineFile, type OpenedFile } from './file.ts';

export interface SegmentsOptions {
  readonly file: string;
  readonly guard: string;
  readonly durability: Durability;
  readonly rotate: Rotation;
  readonly timeZone: string;
  /** The key that seals the log, 32 bytes in base64url. */
  readonly sealedBy: string;
  /** For files with encrypted records; absent: not encrypted. */
  readonly keys?: FileKeys | undefined;
  readonly notice: (message: string) => void;
}

/** What the files need from the log around them. */
export interface SegmentsNeed {
  /** Writes the first record of each file. True if it was written. */
  readonly begin: (fields: SegmentFields, now: number) => boolean;
  /** A file is about to be closed: its last record can still be written. */
  readonly closing: () => void;
  readonly closed: () => void;
  /** Seals in the chain so far. */
  readonly seals: () => number;
}

/** The state of the log when it was opened. */
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

/** How soon a failed step is tried again. */
const PATIENCE_MS = 60_000;

export class Segments {
  readonly file: LineFile;
  readonly chained: ChainedFile;
  readonly chain: string;
  /** Seals of the chain when the log was opened, and whether its last record was one. */
  readonly past: Pick<Past, 'seals' | 'sealed'>;
  /** Number of the first record in the open file. */
  private first = 0;
  /** When it must be closed, by time or size; not tried before `notBefore`. */
  private due = Number.POSITIVE_INFINITY;
  private notBefore = 0;
  private rotating = false;
  /** The file with the last record before the open file. */
  private previous: string;
  /** Of the open file, and of the next one. */
  private key: FileKey | undefined;
  private nextKey: FileKey | undefined;
  /** Another guard, or an earlier run of this one, began the open file: its key is not known, or it has none. */
  private isForeign = false;
  private looked = -1;

  /** Throws if the log cannot be opened, or if the file is not a log. */
  constructor(
    private readonly options: SegmentsOptions,
    private readonly need: SegmentsNeed,
  ) {
    const { file: path, durability, notice } = options;
    this.file = new LineFile(path, durability, notice);
    let opened = this.file.ready();
    if (!opened) throw new Error('not opened');
    const past = pastOf(opened, path, options.guard);
    this.previous = past.file ?? basename(path);
    this.past = past;
    this.chain = past.chain;
    this.chained = new ChainedFile(this.file, past.last, notice);
    if (opened.last && past.sealedBy !== options.sealedBy) {
      // The file lacks its beginning, or was sealed with another key: it is closed as it is.
      const to = closedName(path, past.first ?? opened.last.seq);
      if (existsSync(to)) throw new Error(`"${to}" is there already`);
      opened = this.file.replace(isEmpty, to);
      this.previous = basename(to);
    } else if (past.first !== undefined && past.time !== undefined) this.began(past.first, past.time);
    this.chained.meet(opened);
  }

  /** Prepares for the next record: the file is open, begun, and not due to be closed. Throws if that fails. */
  ready(now: number): void {
    this.readyToSeal(now);
    if (!this.isDue(now)) return;
    this.rotate(now);
    this.readyToSeal(now);
  }

  /** The same for a seal, which belongs into the open file, whether due or not. */
  readyToSeal(now: number): void {
    this.chained.ready();
    this.lookAtKey();
    if (this.chained.isNew) this.begin(now);
  }

  /** For the records of the open file; undefined if its key is not known. */
  get boxes(): BoxWriter | undefined {
    return this.key?.boxes;
  }

  /** All records of a file are encrypted with the key in its `segment`, or none is: nothing is written to a file of another kind. */
  private lookAtKey(): void {
    const { generation, isNew } = this.chained;
    if (this.looked === generation) return;
    this.looked = generation;
    const isEncrypted = this.options.keys !== undefined;
    this.isForeign =
      !isNew && (firstRecord(this.file.path)?.age !== this.key?.age || isEncrypted !== (this.key !== undefined));
    if (isNew || this.isForeign) this.key = undefined;
  }

  /** Continues in a new file after the old one was moved away. False if that fails; the open one is then kept. */
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
      this.options.notice(`decision log "${file.path}" cannot be opened again: ${reasonOf(error)}`);
      return false;
    }
  }

  private isDue(now: number): boolean {
    const { bytes = Number.POSITIVE_INFINITY } = this.options.rotate;
    const full = this.isForeign || now >= this.due || this.file.size >= bytes;
    if (!full || now < this.notBefore || this.rotating || !this.file.isRegular || this.chained.isNew) return false;
    return this.hasNextKey();
  }

  /** While the key of the next file is being made, the open one is continued. */
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
      // A file with only its segment would get the same name as the next.
      if (this.isForeign || this.chained.position.seq > this.first) this.closeFile();
      else this.began(this.first, now);
    } catch (error) {
      this.notBefore = now + PATIENCE_MS;
      this.options.notice(`decision log "${this.file.path}" cannot be rotated: ${reasonOf(error)}`);
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
    syncFolder(dirname(file.path));
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

function pastOf(opened: OpenedFile, path: string, guard: string): Past {
  const found = opened.regular ? beginningOf(opened.fd, path) : undefined;
  if (found?.segment) {
    const { last, seals, sealed, segment } = found;
    const { chain, sealed_by: sealedBy, seq: first } = segment;
    return { last, chain, seals, sealed, first, time: Date.parse(segment.time), sealedBy };
  }
  const newChain = randomBytes(12).toString('base64url');
  if (found) {
    const { last, chain = newChain, seals, sealed, first } = found;
    return { last, chain, seals, sealed, first };
  }
  const closed = opened.regular ? lastClosed(path, guard) : undefined;
  if (!closed?.segment) return { last: NOTHING, chain: newChain, seals: 0, sealed: true };
  const { last, seals, sealed, segment, file } = closed;
  return { last, chain: segment.chain, seals, sealed, file };
}

function isEmpty({ size }: OpenedFile): boolean {
  return size === 0;
}
