/**
 * The primary: starts the workers, each in its slot, replaces one that dies, and passes on what the guard is told. It takes the
 * connections and hands each to a worker, but reads nothing of them; what it keeps are counts.
 */
import cluster from 'node:cluster';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { BudgetStore } from '../../metering/budget-store.ts';
import { exceptionsState } from '../../metering/exceptions.ts';
import { FailedLogins } from '../../server/login/failed-logins.ts';
import { SlotCounts } from '../../server/slots/slot-counts.ts';
import type { Assignment } from './messages.ts';
import { Watchdog } from './watchdog.ts';
import { type KeptShares, type KnownToAll, WorkerProcess } from './worker-process.ts';

export interface SupervisorOptions {
  readonly workers: number;
  readonly assignment: (slot: number) => Omit<Assignment, KnownToAll | 'policyInForce'>;
  /** Its opener closes it when they have ended. */
  readonly store: BudgetStore;
  /** How long a worker takes at most to end when it is told to drain. */
  readonly drainMs: number;
  /** The same where it is told to stop. */
  readonly stopMs: number;
  readonly log: Logger;
}

/** Why the workers do not start: one line each. */
export class WorkersFailed extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join('\n'));
  }
}

/** So often the workers are told of the store's clock. */
const CLOCK_MS = 1_000;

/** A worker that lived for less is one that dies at once: each further time its replacement waits twice as long. */
const SHORT_LIFE_MS = 10_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
/** So many starts in a row that came to nothing, while no worker serves, are the end. */
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
  /** Resolves with the exit code when no worker is left, and none will be started. */
  readonly ended: Promise<number>;
  private end: () => void = () => {};

  constructor(private readonly options: SupervisorOptions) {
    this.slots = Array.from({ length: options.workers }, () => ({ process: undefined, shortLives: 0 }));
    this.kept = {
      places: new SlotCounts(),
      failedLogins: new FailedLogins(),
      store: options.store,
      cancel: async (worker, key) => {
        // The process ID is the server's and says nothing of the worker: the secret decides, where the session is.
        const others = this.serving().filter((other) => other !== worker);
        const asked = others.map(async ({ channel }) => {
          if (!(await channel.ask('cancel', key))) throw new Error('another worker has the session, or none');
        });
        // The first that had it is enough: one that hangs keeps nobody. One that ends in between took the session with it.
        await Promise.any(asked).catch(() => {});
      },
      sealed: (worker, head) => {
        for (const other of this.serving()) if (other !== worker) other.channel.tell('beside', head);
      },
    };
    options.store.onStanding(() => {
      const standing = exceptionsState(options.store.standing());
      for (const { process } of this.slots) process?.channel.tell('standing', standing);
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
    // Round robin: of long connections the kernel would give most to few processes. And no worker that is busy is given another.
    cluster.schedulingPolicy = cluster.SCHED_RR;
  }

  /** Resolves with where they listen, when all of them do; throws WorkersFailed. */
  async start(): Promise<readonly string[]> {
    // One before the others: what is wrong is said once.
    const [first, ...others] = this.slots.keys();
    const listening = await this.startFirst(first ?? 0);
    await Promise.all(others.map((slot) => this.startFirst(slot)));
    return listening;
  }

  reload(): void {
    for (const process of this.serving()) process.channel.tell('reload', { by: null });
  }

  /** Each worker ends when its sessions have come to an idle moment. */
  drain(): void {
    this.endAll('drain', this.options.drainMs);
  }

  /** Each worker ends at once. */
  stop(): void {
    this.endAll('stop', this.options.stopMs);
  }

  /** The processes that serve now. */
  serving(): readonly WorkerProcess[] {
    return this.slots.flatMap(({ process }) => (process?.isServing ? [process] : []));
  }

  private tellClock(): void {
    const ahead = this.options.store.now() - Date.now();
    // Two clocks are read one after the other: a little is nothing.
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

  /** With what the others have in force, so that one policy holds at all of them. */
  private async assignmentOf(slot: number): Promise<Omit<Assignment, KnownToAll>> {
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
