/** The file with its chain: each line ends in a hash over the line before, whatever happened to the file in between. */
import { chained, ORIGIN } from '../chain/chain.ts';
import type { WriteState } from '../disk/append.ts';
import type { LineFile, OpenedFile } from './file.ts';

/** The end of a chain: its last record. */
export interface ChainPosition {
  /** 0 if there is none. */
  readonly seq: number;
  readonly hash: string;
}

export const NOTHING: ChainPosition = { seq: 0, hash: ORIGIN };

export class ChainedFile {
  /** After a failed sync: the end of the chain without records that may not have reached the disk. */
  private sure: ChainPosition | undefined;
  private tornBytes = 0;
  private opened = 0;

  /** `last`: as far as known. Throws if the file cannot be opened, or is not a log. */
  constructor(
    private readonly file: LineFile,
    private last: ChainPosition,
    private readonly notice: (message: string) => void,
  ) {}

  /** Includes held records. */
  get position(): ChainPosition {
    return { seq: this.seq, hash: this.hash };
  }

  /** Number of the last record, including held ones. */
  get seq(): number {
    return this.last.seq + this.hashes.length;
  }

  private get hash(): string {
    return this.hashes.at(-1) ?? this.last.hash;
  }

  /** Bytes of incomplete text before the next record. */
  get torn(): number {
    return this.hashes.length > 0 ? 0 : this.tornBytes;
  }

  /** Changes whenever the file is opened: it may be another file then. */
  get generation(): number {
    return this.opened;
  }

  /** Whether the next record is the first of its file. */
  isNew = true;

  /** Lines after `last` that go with the next write, and the hash of each. */
  private held = '';
  private hashes: string[] = [];
  /** Some held records are not in the file, or may not be. */
  private lost = false;

  /** Opens the file if needed. Throws if it cannot be opened, or is not a log. */
  ready(): void {
    const opened = this.file.ready();
    if (opened) this.meet(opened);
  }

  /** Whether the chain can continue after what was found. */
  fits({ regular, last }: OpenedFile): boolean {
    return !regular || !last || last.hash === this.last.hash;
  }

  /**
   * The file was opened. The end of the chain is known from memory: if records at the end of the file are missing or different, the next record will
   * show it.
   */
  meet({ regular, last, torn }: OpenedFile): void {
    this.opened++;
    // They were to follow a record of the previous file.
    if (this.hashes.length > 0) this.lost = true;
    this.takeHeld();
    this.tornBytes = torn;
    this.isNew = !regular || !last;
    if (!this.isNew && last?.hash !== this.last.hash) {
      if (this.sure && last?.hash === this.sure.hash) this.last = this.sure;
      else
        this.notice('the decision log does not end in the record that was written last: others were added or removed');
    }
  }

  /** @param body JSON on one line, without its last brace, with the number `seq` + 1. */
  write(body: string, grouped: boolean): WriteState {
    this.hold(body);
    return this.writeHeld(grouped);
  }

  /** Like `write`, but together with the next write or `flush`: for records that nothing waits for. */
  hold(body: string): WriteState {
    const { line, own } = chained(this.hash, body);
    this.held += `${line}\n`;
    this.hashes.push(own);
    return 'written';
  }

  /** Writes held records. */
  flush(): void {
    if (this.hashes.length > 0) this.writeHeld(true);
  }

  /** Begins watching whether all held records are written. */
  beginHolding(): void {
    this.lost = false;
  }

  /** Whether everything held since `beginHolding` was written. */
  get allStand(): boolean {
    return !this.lost;
  }

  /** @returns the state of the last of them. */
  private writeHeld(grouped: boolean): WriteState {
    const { text, hashes } = this.takeHeld();
    const { lines, written } = this.file.write(text, hashes.length, grouped);
    if (lines < hashes.length || written !== 'written') this.lost = true;
    const hash = hashes[lines - 1];
    if (hash === undefined) return 'absent';
    // A record in the file belongs to the chain, even if it may not have reached the disk.
    this.sure = written === 'doubtful' ? (this.sure ?? this.last) : undefined;
    this.last = { seq: this.last.seq + lines, hash };
    this.isNew = false;
    if (written === 'written') this.tornBytes = 0;
    return written;
  }

  private takeHeld(): { readonly text: string; readonly hashes: readonly string[] } {
    const { held: text, hashes } = this;
    this.held = '';
    this.hashes = [];
    return { text, hashes };
  }
}
