/**
 * The primary: starts the workers, each in its slot, replaces those that die, and passes on commands. It accepts connections and hands each to a
 * worker without reading from it; it keeps only counts.
 */
import cluster from 'node:cluster';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { BudgetStore } from '../../metering/budget-store.ts';
import { exceptionsState } from '../../metering/exceptions.ts';
import { FailedLogins } from '../../server/login/failed-logins.ts';
import { SlotCounts } from '../../server/slots/slot-counts.ts';
import type { Assignment } from './messages.ts';
import { type KeptShares, type SharedAssignment, WorkerProcess } from './worker-process.ts';

export interface SupervisorOptions {
  readonly workers: number;
  readonly assignment: (slot: number) => Omit<Assignment, SharedAssignment | 'policyInForce'>;
  /** The caller closes it when the workers have ended. */
  readonly store: BudgetStore;
  /** The most time that a worker takes to end when it drains. */
  readonly drainMs: number;
  /** The same if it must stop at once. */
  readonly stopMs: number;
  readonly log: Logger;
}

/** Why the workers cannot start: one line each. */
export class WorkersFailed extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join('\n'));
  }
}

/** How often the primary sends the store's clock to workers. */
const CLOCK_MS = 1_000;

/** A worker that lived shorter counts as failed: the wait before each further replacement doubles. */
const SHORT_LIFE_MS = 10_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
/** After this many failed starts in a row, if no worker serves, the guard ends. */
const MOST_FAILED_STARTS = 5;

interface Slot {
  process: WorkerProcess | undefined;
  shortLives: number;
  waiting?: NodeJS.Timeout;
}

export class Supervisor {
  private readonly slots: Slot[];
  private readonly kept: KeptShares;
  private readonly watchdog: Watchdog;
  private readonly telling: NodeJS.Timeout;
  private clockAheadMs = 0;
  private failedStarts = 0;
  private stopping = false;
  private exitCode = 0;
  /** Resolves with the exit code when no worker is left and none will be started. */
  readonly ended: Promise<number>;
  private end: () => void = () => {};

  constructor(private readonly options: SupervisorOptions) {
    this.slots = Array.from({ length: options.workers }, () => ({ process: undefined, shortLives: 0 }));
    this.kept = {
      slotCounts: new SlotCounts(),
      failedLogins: new FailedLogins(),
      store: options.store,
      cancel: async (worker, key) => {
        // The process ID is the server's and does not identify the worker: each compares the secret with its sessions.
        const others = this.serving().filter((other) => other !== worker);
        const asked = others.map(async ({ channel }) => {
          if (!(await channel.ask('cancel', key))) throw new Error('another worker has the session, or none');
        });
        // The first worker that has the session is enough, so one that hangs delays nothing. A worker that ended meanwhile took the session with it.
        await Promise.any(asked).catch(() => {});
      },
      sealed: (worker, head) => {
        for (const other of this.serving()) if (other !== worker) other.channel.tell('beside', head);
      },
    };
    options.store.onExceptions(() => {
      const exceptions = exceptionsState(options.store.exceptions());
      for (const { process } of this.slots) process?.channel.tell('exceptions', exceptions);
    });
    options.store.onLost?.(() => {
      for (const { process } of this.slots) process?.channel.tell('lost', null);
    });
    options.store.onLogout((logouts) => {
      for (const { process } of this.slots) process?.channel.tell('logouts', logouts);
    });
    this.telling = setInterval(() => this.tellClock(), CLOCK_MS).unref();
    this.watchdog = new Watchdog(
      () => this.serving(),
      ({ id }) => options.log.error({ worker: this.numberOf(id) }, 'a worker does not answer any more; it is killed'),
    );
    this.ended = new Promise((done) => {
      this.end = () => done(this.exitCode);
    });
    // Round robin: with long connections, the kernel would give most of them to few processes.
    cluster.schedulingPolicy = cluster.SCHED_RR;
  }

  /** Resolves with the addresses when all workers listen; throws WorkersFailed. */
  async start(): Promise<readonly string[]> {
    // The first starts alone, so that a problem is reported once.
    const [first, ...others] = this.slots.keys();
    const listening = await this.startFirst(first ?? 0);
    await Promise.all(others.map((slot) => this.startFirst(slot)));
    return listening;
  }

  reload(): void {
    for (const process of this.serving()) process.channel.tell('reload', { by: null });
  }

  /** Each worker ends when its sessions are idle. */
  drain(): void {
    this.endAll('drain', this.options.drainMs);
  }

  /** Each worker ends at once. */
  stop(): void {
    this.endAll('stop', this.options.stopMs);
  }

  /** The processes that serve. */
  serving(): readonly WorkerProcess[] {
    return this.slots.flatMap(({ process }) => (process?.isServing ? [process] : []));
  }

  private tellClock(): void {
    const ahead = this.options.store.now() - Date.now();
    // The two clocks are read one after the other: a small difference means nothing.
    if (Math.abs(ahead - this.clockAheadMs) <= 50) return;
    this.clockAheadMs = ahead;
    for (const { process } of this.slots) process?.channel.tell('clock', ahead);
  }

  private numberOf(id: number): number {
    return this.slots.findIndex(({ process }) => process?.id === id) + 1;
  }

  private endAll(how: 'drain' | 'stop', withinMs: number): void {
    this.stopping = true;
    for (const { process, waiting } of this.slots) {
      clearTimeout(waiting);
      if (process?.isServing) process.channel.tell(how, null);
      else process?.kill();
    }
    setTimeout(() => this.killAll(), withinMs).unref();
    this.endIfNoneIsLeft();
  }

  private killAll(): void {
    for (const { process } of this.slots) process?.kill();
  }

  private endIfNoneIsLeft(): void {
    if (this.stopping && this.slots.every(({ process }) => process === undefined)) {
      this.watchdog.stop();
      clearInterval(this.telling);
      this.end();
    }
  }

  private async startFirst(slot: number): Promise<readonly string[]> {
    const started = await this.launch(slot).started;
    if ('listening' in started) return started.listening;
    this.stopping = true;
    this.killAll();
    throw new WorkersFailed(started.problems);
  }

  private launch(slot: number): WorkerProcess {
    const process = new WorkerProcess(() => this.assignmentOf(slot), this.kept);
    const launched = performance.now();
    const place = this.slots[slot];
    if (place) place.process = process;
    void process.ended.then((how) => this.onEnd(slot, how, performance.now() - launched));
    return process;
  }

  /** Includes the policy in force, so that all workers apply the same one. */
  private async assignmentOf(slot: number): Promise<Omit<Assignment, SharedAssignment>> {
    const assignment = this.options.assignment(slot);
    const answers = this.serving().map(({ channel }) => channel.ask('policy', null).catch(() => null));
    const policyInForce = (await Promise.all(answers)).find((hash) => hash !== null);
    return policyInForce === undefined ? assignment : { ...assignment, policyInForce };
  }

  private onEnd(slot: number, how: string, livedMs: number): void {
    const place = this.slots[slot];
    if (!place) return;
    place.process = undefined;
    if (this.stopping) {
      this.endIfNoneIsLeft();
      return;
    }
    place.shortLives = livedMs < SHORT_LIFE_MS ? place.shortLives + 1 : 0;
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, place.shortLives - 1));
    this.options.log.error({ worker: slot + 1, how, waitMs }, 'a worker has ended, and its sessions with it');
    place.waiting = setTimeout(() => void this.replace(slot), waitMs);
  }

  private async replace(slot: number): Promise<void> {
    if (this.stopping) return;
    const { log } = this.options;
    const started = await this.launch(slot).started;
    if (this.stopping) return;
    if ('listening' in started) {
      this.failedStarts = 0;
      log.info({ worker: slot + 1 }, 'a worker was replaced');
      return;
    }
    this.failedStarts += 1;
    for (const line of started.problems) log.error({ worker: slot + 1 }, line);
    if (this.failedStarts < MOST_FAILED_STARTS || this.serving().length > 0) return;
    log.fatal('no worker serves, and none can be started');
    this.exitCode = 1;
    this.stop();
  }
}

/** Finds workers that hang: they live but do not answer. Only the primary can tell, by asking. */
type Watched = Pick<WorkerProcess, 'id' | 'channel' | 'kill'>;

/** The longest statement keeps a worker busy for some ten seconds; this many unanswered checks mean that it hangs. */
const LOOK_MS = 5_000;
const MOST_LOOKS = 12;

export class Watchdog {
  /** By worker: checks since its last answer. */
  private readonly unanswered = new Map<number, number>();
  private readonly timer: NodeJS.Timeout;

  /** `onHung` is called before the worker is killed. */
  constructor(
    private readonly serving: () => readonly Watched[],
    private readonly onHung: (worker: Watched) => void,
    lookMs = LOOK_MS,
  ) {
    // Counts checks, not time: if the whole machine was suspended, no worker has missed any.
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
      // Asked once: a worker that recovers must not find a pile of questions.
      const answered = () => void this.unanswered.delete(worker.id);
      worker.channel.ask('policy', null).then(answered, () => {});
    }
  }
}
