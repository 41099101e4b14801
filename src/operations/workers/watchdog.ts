/** Notices workers that hang: they live, and answer nothing. Only the primary can tell, and only by asking. */
import type { WorkerProcess } from './worker-process.ts';

type Watched = Pick<WorkerProcess, 'id' | 'channel' | 'kill'>;

/** The longest statement keeps a worker busy for some ten seconds; this many looks without an answer is something else. */
const LOOK_MS = 5_000;
const MOST_LOOKS = 12;

export class Watchdog {
  /** By worker: looks since its last answer. */
  private readonly unanswered = new Map<number, number>();
  private readonly timer: NodeJS.Timeout;

  /** `onHung` is told before the worker is killed. */
  constructor(
    private readonly serving: () => readonly Watched[],
    private readonly onHung: (worker: Watched) => void,
    lookMs = LOOK_MS,
  ) {
    // Looks are counted, not time: where the whole machine stood still, nobody has missed any.
    this.timer = setInterval(() => this.look(), lookMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const workers = this.serving();
    for (const id of this.unanswered.keys())
      if (!workers.some((worker) => worker.id === id)) this.unanswered.delete(id);
    for (const worker of workers) this.lookAt(worker);
  }

  private lookAt(worker: Watched): void {
    const before = this.unanswered.get(worker.id) ?? 0;
    this.unanswered.set(worker.id, before + 1);
    if (before >= MOST_LOOKS) {
      this.onHung(worker);
      worker.kill();
    } else if (before === 0) {
      // Once: a worker that hangs must not find a heap of questions.
      const answered = () => void this.unanswered.delete(worker.id);
      worker.channel.ask('policy', null).then(answered, () => {});
    }
  }
}
