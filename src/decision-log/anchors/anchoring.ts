/**
 * Sends the last seal elsewhere at intervals, in the background. Each seal covers everything before it, so one that arrives makes up for earlier ones
 * that were lost.
 */
import { performance } from 'node:perf_hooks';
import type { Anchor } from '../chain/seal.ts';

export interface AnchoringOptions {
  /** Resolves when it has arrived. */
  readonly send: (anchor: Anchor, signal: AbortSignal) => Promise<void>;
  readonly everyMs: number;
  /** Called once when anchors stop arriving, and once when they arrive again. */
  readonly lost: (error: unknown) => void;
  readonly found: () => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** Within this time a seal reaches the disk: a seal that a crash could lose must not be known elsewhere. */
const SETTLED_MS = 1_000;
const FIRST_MS = 3_000;
const AGAIN_MS = 15_000;
/** The time limit when the guard ends. */
const LAST_MS = 5_000;

interface Offered {
  readonly anchor: Anchor;
  readonly at: number;
}

export class Anchoring {
  /** In order: the last one that is due, and younger ones. */
  private offered: Offered[] = [];
  private sent: Anchor | undefined;
  private timer: NodeJS.Timeout | undefined;
  private underway: Promise<void> | undefined;
  private readonly ending = new AbortController();
  private failing = false;
  private stopped = false;

  constructor(private readonly options: AnchoringOptions) {
    this.next(Math.min(FIRST_MS, options.everyMs));
  }

  /** A seal is in the log. */
  offer(anchor: Anchor): void {
    this.offered.push({ anchor, at: this.now() });
    this.forgetOlder();
  }

  /** The log is closed and on disk. Resolves when its last seal has arrived, or after some seconds. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const timer = setTimeout(() => this.ending.abort(), LAST_MS);
    await this.underway;
    await this.deliver(this.offered.at(-1)?.anchor);
    clearTimeout(timer);
  }

  private now(): number {
    return this.options.now?.() ?? performance.now();
  }

  private next(waitMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.forgetOlder();
      const [settled] = this.offered.filter(({ at }) => at <= this.now() - SETTLED_MS);
      this.underway = this.deliver(settled?.anchor).finally(() => {
        const { everyMs } = this.options;
        this.next(this.failing || !this.sent ? Math.min(AGAIN_MS, everyMs) : everyMs);
      });
    }, waitMs).unref();
  }

  /** Never rejects. */
  private async deliver(anchor: Anchor | undefined): Promise<void> {
    if (!anchor || anchor === this.sent) return;
    const { send, lost, found } = this.options;
    try {
      await send(anchor, this.ending.signal);
      this.sent = anchor;
      if (this.failing) found();
      this.failing = false;
    } catch (error) {
      if (!this.failing) lost(error);
      this.failing = true;
    }
  }

  private forgetOlder(): void {
    const settled = this.offered.findLastIndex(({ at }) => at <= this.now() - SETTLED_MS);
    if (settled > 0) this.offered = this.offered.slice(settled);
  }
}
