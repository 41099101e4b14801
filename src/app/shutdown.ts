/** How a guard ends: told once, sessions come to their end in their own time; told again, they end at once. */
import type { RunningGuard } from './keep-running.ts';

export class Shutdown {
  private begun = false;
  private hurry: () => void = () => {};
  private finish: () => void = () => {};
  private readonly hurried: Promise<void>;
  /** Resolves when the guard has ended. */
  readonly ended: Promise<void>;

  constructor(private readonly guard: Pick<RunningGuard, 'drain' | 'stop'>) {
    this.hurried = new Promise((done) => {
      this.hurry = done;
    });
    this.ended = new Promise((done) => {
      this.finish = done;
    });
  }

  /** The first call begins to drain; one more does not wait any longer. */
  tell(): void {
    if (this.begun) this.hurry();
    else void this.run();
  }

  /** May be called again. */
  drain(): void {
    if (!this.begun) void this.run();
  }

  /** Does not wait, or no longer. */
  stop(): void {
    this.hurry();
    this.drain();
  }

  private async run(): Promise<void> {
    this.begun = true;
    const how = await Promise.race([
      this.hurried.then(() => 'at-once' as const),
      this.guard.drain().then(() => 'drained' as const),
    ]);
    const stopped = this.guard.stop(how);
    await (how === 'drained' ? Promise.race([stopped, this.hurried]) : stopped);
    this.finish();
  }
}
