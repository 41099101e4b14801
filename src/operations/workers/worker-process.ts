/** One worker as the primary sees it: a process with a channel, what it holds of the shared places, and how it began and ended. */
import cluster, { type Worker } from 'node:cluster';
import { setImmediate as otherWork } from 'node:timers/promises';
import type { BudgetStore } from '../../metering/budget-store.ts';
import { exceptionsState } from '../../metering/exceptions.ts';
import type { FailedLogins } from '../../server/login/failed-logins.ts';
import { type SlotCounts, SlotHolding } from '../../server/slots/slot-counts.ts';
import { Channel } from './channel.ts';
import { watchHandleTransfer } from './handle-transfer.ts';
import type { Assignment, CancelKey, NamedHead, ToPrimary, ToWorker } from './messages.ts';
import { storeHandlers } from './store-handlers.ts';

/** What the primary keeps for all of them. */
export interface KeptShares {
  readonly places: SlotCounts;
  readonly failedLogins: FailedLogins;
  readonly store: BudgetStore;
  /** Passes a CancelRequest on to the workers other than this one. Resolves when the one that has the session has told its server, or none has it. */
  cancel(worker: WorkerProcess, key: CancelKey): Promise<void>;
  /** Passes on to the other workers how far the log of this one has come. */
  sealed(worker: WorkerProcess, head: NamedHead): void;
}

/** What of an assignment is the same for every worker, and told as it changes. */
export type KnownToAll = 'standing' | 'clockAheadMs';

/** How a start went: where the worker listens, as it is shown; or why it does not, one line each. */
export type StartedWorker = { readonly listening: readonly string[] } | { readonly problems: readonly string[] };

export class WorkerProcess {
  readonly channel: Channel<ToWorker, ToPrimary>;
  readonly started: Promise<StartedWorker>;
  /** Resolves with how: `exit code 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  private readonly worker: Worker;
  private readonly holding: SlotHolding;
  private serving = false;

  constructor(assignment: () => Promise<Omit<Assignment, KnownToAll>>, kept: KeptShares) {
    this.worker = cluster.fork();
    const closeUntaken = watchHandleTransfer(this.worker);
    this.holding = new SlotHolding(kept.places);
    let start: (how: StartedWorker) => void = () => {};
    this.started = new Promise((done) => {
      start = done;
    });
    this.channel = new Channel<ToWorker, ToPrimary>(
      // A worker that has ended shows as `exit`; what could not be sent to it needs no other word.
      (packet) => void this.worker.process.send?.(packet, undefined, {}, () => {}),
      {
        ...storeHandlers(kept.store),
        assignment: async () => {
          const { store } = kept;
          // The worker knows all of them before it serves. Those that come meanwhile are told like any other.
          for (const some of store.logouts.inPieces(store.now())) {
            this.channel.tell('logouts', some);
            await otherWork();
          }
          return {
            ...(await assignment()),
            standing: exceptionsState(store.standing()),
            clockAheadMs: store.now() - Date.now(),
          };
        },
        ready: (listening) => {
          this.serving = true;
          // Once more: it may have changed on the way.
          this.channel.tell('standing', exceptionsState(kept.store.standing()));
          start({ listening });
          return null;
        },
        failed: (problems) => {
          start({ problems });
          return null;
        },
        take: (claims) => this.holding.take(claims) ?? null,
        give: (keys) => {
          this.holding.give(keys);
          return null;
        },
        sealed: (head) => {
          kept.sealed(this, head);
          return null;
        },
        attempted: ({ principal, address, accepted }) => kept.failedLogins.attempted(principal, address, accepted),
        cancel: async (key) => {
          await kept.cancel(this, key);
          return null;
        },
      },
    );
    this.worker.on('message', (message) => this.channel.receive(message));
    this.ended = new Promise<string>((done) => {
      this.worker.once('exit', (code, signal) => done(signal ? `signal ${signal}` : `exit code ${code}`));
      this.worker.once('error', (error) => done(error.message));
    }).then((how) => {
      this.serving = false;
      this.channel.close();
      // What a dead worker held is free again, and it holds nothing more, whatever of its messages still comes.
      this.holding.giveAll();
      closeUntaken();
      start({ problems: [`a worker ended while it started: ${how}`] });
      return how;
    });
  }

  /** It has begun to serve, and has not ended. */
  get isServing(): boolean {
    return this.serving;
  }

  /** Of no other process of this guard, now or later. */
  get id(): number {
    return this.worker.id;
  }

  kill(): void {
    this.worker.process.kill('SIGKILL');
  }
}
