/**
 * Sends the last seal elsewhere, again and again. Nobody waits for it. Each seal vouches for all that was before it: where a receiver was
 * away, the next one that it gets makes up for those that it missed.
 */
import { performance } from 'node:perf_hooks';
import type { Anchor } from '../chain/seal.ts';

export interface AnchoringOptions {
  /** Resolves where it has arrived. */
  readonly send: (anchor: Anchor, signal: AbortSignal) => Promise<void>;
  readonly everyMs: number;
  /** Told once when anchors do not arrive, and once when they do again. */
  readonly lost: (error: unknown) => void;
  readonly found: () => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** By then a seal is on the disk: what a crash can take must not be known elsewhere. */
const SETTLED_MS = 1_000;
const FIRST_MS = 3_000;
const AGAIN_MS = 15_000;
/** When the guard ends. */
const LAST_MS = 5_000;

interface Offered {
  readonly anchor: Anchor;
  readonly at: number;
}

export class Anchoring {
  /** In their order: the last settled one, and those that are younger. */
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

  /** A seal stands in the log. */
  offer(anchor: Anchor): void {
    this.offered.push({ anchor, at: this.now() });
    this.forgetOlder();
  }

  /** The log is closed, and on the disk. Resolves when its last seal has arrived, or some seconds are over. */
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
