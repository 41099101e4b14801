/** The file with its chain: each line ends in the hash that ties it to the one before, whatever has happened to the file in between. */
import { chained, ORIGIN } from '../chain/chain.ts';
import type { Written } from '../disk/append.ts';
import type { LogFile, Opened } from './file.ts';

/** How far a chain has come: its last record. */
export interface ChainPosition {
  /** 0 where there is none. */
  readonly seq: number;
  readonly hash: string;
}

export const NOTHING: ChainPosition = { seq: 0, hash: ORIGIN };

export class ChainedFile {
  /** Where a sync has failed: the chain without the records of which nobody knows whether they reached the disk. */
  private sure: ChainPosition | undefined;
  private tornBytes = 0;
  private opened = 0;

  /** `last`: as far as is known. Throws where the file cannot be opened, or is no log. */
  constructor(
    private readonly file: LogFile,
    private last: ChainPosition,
    private readonly notice: (message: string) => void,
  ) {}

  /** With what is held. */
  get position(): ChainPosition {
    return { seq: this.seq, hash: this.hash };
  }

  /** Number of the last record, with what is held. */
  get seq(): number {
    return this.last.seq + this.hashes.length;
  }

  private get hash(): string {
    return this.hashes.at(-1) ?? this.last.hash;
  }

  /** Bytes of torn text before the next record. */
  get torn(): number {
    return this.hashes.length > 0 ? 0 : this.tornBytes;
  }

  /** Another one whenever the file is opened: it may be another file then. */
  get generation(): number {
    return this.opened;
  }

  /** Whether the next record is the first of its file. */
  isNew = true;

  /** Behind `last`: lines that go with the next write, and the hash of each. */
  private held = '';
  private hashes: string[] = [];
  /** Some of what was held does not stand, or nobody can say so. */
  private lost = false;

  /** Opens the file where it is not open. Throws where it cannot be opened, or is no log. */
  ready(): void {
    const opened = this.file.ready();
    if (opened) this.meet(opened);
  }

  /** Whether the chain can go on behind what was found. */
  fits({ regular, last }: Opened): boolean {
    return !regular || !last || last.hash === this.last.hash;
  }

  /**
   * The file was opened. The guard's own memory says how far the chain has come: where records are missing at the end of the
   * file, or others stand there, the next one shows it.
   */
  meet({ regular, last, torn }: Opened): void {
    this.opened++;
    // They were to stand behind a record of the file that was open.
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

  /** @param body JSON of one line, without its last brace, whose number is `seq` and one more. */
  write(body: string, grouped: boolean): Written {
    this.hold(body);
    return this.writeHeld(grouped);
  }

  /** The same with the next write, or with `flush`: of what nothing waits for. */
  hold(body: string): Written {
    const { line, own } = chained(this.hash, body);
    this.held += `${line}\n`;
    this.hashes.push(own);
    return 'written';
  }

  /** Writes what is held. */
  flush(): void {
    if (this.hashes.length > 0) this.writeHeld(true);
  }

  /** From here on it is watched whether all that is held comes to stand. */
  beginHolding(): void {
    this.lost = false;
  }

  /** Whether all that was held since `beginHolding` stands. */
  get allStand(): boolean {
    return !this.lost;
  }

  /** @returns what has become of the last of them. */
  private writeHeld(grouped: boolean): Written {
    const { text, hashes } = this.takeHeld();
    const { lines, written } = this.file.write(text, hashes.length, grouped);
    if (lines < hashes.length || written !== 'written') this.lost = true;
    const hash = hashes[lines - 1];
    if (hash === undefined) return 'absent';
    // What stands in the file is a part of the chain, also where nobody knows whether it has reached the disk.
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
