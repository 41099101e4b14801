/** How far a command is that takes more than a second: one line on a terminal's standard error, taken away at the end. */
import { performance } from 'node:perf_hooks';

/** Where it is drawn. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** What is done sooner needs no bar. */
const BEFORE_MS = 1_000;
const BETWEEN_MS = 100;
const LONGEST_BAR = 40;
const BLOCK = '█';

export class Progress {
  private readonly begun: number;
  private drawn = Number.NEGATIVE_INFINITY;
  private isShown = false;

  /** @param what `reading the log` */
  constructor(
    private readonly what: string,
    private readonly terminal: Terminal = process.stderr,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.begun = now();
  }

  /** `share`: asked only where it is to be drawn; from 0 to 1. Cheap enough for each record. */
  step(share: () => number): void {
    if (!this.terminal.isTTY) return;
    const now = this.now();
    if (now - this.begun < BEFORE_MS || now - this.drawn < BETWEEN_MS) return;
    this.drawn = now;
    this.isShown = true;
    const part = Math.min(1, Math.max(0, share()));
    const { columns = 80 } = this.terminal;
    const length = Math.max(0, Math.min(LONGEST_BAR, columns - this.what.length - 8));
    const bar = BLOCK.repeat(Math.round(part * length)).padEnd(length, '·');
    const line = `${this.what} ${bar} ${String(Math.floor(part * 100)).padStart(3)} %`;
    this.terminal.write(`\r${line.slice(0, Math.max(1, columns - 1))}\u001b[K`);
  }

  /** Before anything else is printed. */
  end(): void {
    if (this.isShown) this.terminal.write('\r\u001b[K');
    this.isShown = false;
  }
}
