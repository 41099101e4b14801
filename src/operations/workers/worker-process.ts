/** One worker as the primary sees it: its process and channel, the connection slots that it holds, and how it started and ended. */

import { Buffer } from 'node:buffer';
import cluster, { type Worker } from 'node:cluster';
import { setImmediate as otherWork } from 'node:timers/promises';
import type { BudgetStore } from '../../metering/budget-store.ts';
import { exceptionsState } from '../../metering/exceptions.ts';
import type { FailedLogins } from '../../server/login/failed-logins.ts';
import { type SlotCounts, SlotHolding } from '../../server/slots/slot-counts.ts';
import { Channel, type ChannelHandlers } from './channel.ts';
import type { Assignment, CancelKey, NamedHead, StoreMessages, ToPrimary, ToWorker } from './messages.ts';

/** What the primary keeps for all workers. */
export interface KeptShares {
  readonly slotCounts: SlotCounts;
  readonly failedLogins: FailedLogins;
  readonly store: BudgetStore;
  /** Passes a CancelRequest on to the other workers. Resolves when the worker with the session has told its server, or when none has it. */
  cancel(worker: WorkerProcess, key: CancelKey): Promise<void>;
  /** Tells the other workers how far this worker's log chain reaches. */
  sealed(worker: WorkerProcess, head: NamedHead): void;
}

/** The parts of an assignment that are the same for every worker, and are sent again when they change. */
export type SharedAssignment = 'exceptions' | 'clockAheadMs';

/** The result of a start: the addresses, as text; or the reasons for the failure, one line each. */
export type StartedWorker = { readonly listening: readonly string[] } | { readonly problems: readonly string[] };

export class WorkerProcess {
  readonly channel: Channel<ToWorker, ToPrimary>;
  readonly started: Promise<StartedWorker>;
  /** Resolves with the cause: `exit code 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  private readonly worker: Worker;
  private readonly holding: SlotHolding;
  private serving = false;

  constructor(assignment: () => Promise<Omit<Assignment, SharedAssignment>>, kept: KeptShares) {
    this.worker = cluster.fork();
    const closeUntaken = watchHandleTransfer(this.worker);
    this.holding = new SlotHolding(kept.slotCounts);
    let start: (how: StartedWorker) => void = () => {};
    this.started = new Promise((done) => {
      start = done;
    });
    this.channel = new Channel<ToWorker, ToPrimary>(
      // If the worker has ended, `exit` follows; a send error needs no handling of its own.
      (packet) => void this.worker.process.send?.(packet, undefined, {}, () => {}),
      {
        ...storeHandlers(kept.store),
        assignment: async () => {
          const { store } = kept;
          // The worker has all of them before it serves. Tokens given back meanwhile are sent as usual.
          for (const some of store.logouts.inPieces(store.now())) {
            this.channel.tell('logouts', some);
            await otherWork();
          }
          return {
            ...(await assignment()),
            exceptions: exceptionsState(store.exceptions()),
            clockAheadMs: store.now() - Date.now(),
          };
        },
        ready: (listening) => {
          this.serving = true;
          // Sent again: it may have changed on the way.
          this.channel.tell('exceptions', exceptionsState(kept.store.exceptions()));
          start({ listening });
        },
        failed: (problems) => start({ problems }),
        take: (claims) => this.holding.take(claims) ?? null,
        give: (keys) => this.holding.give(keys),
        sealed: (head) => kept.sealed(this, head),
        attempted: ({ principal, address, accepted }) => kept.failedLogins.attempted(principal, address, accepted),
        waited: ({ principal, address, stayed }) => kept.failedLogins.waited(principal, address, stayed),
        cancel: (key) => kept.cancel(this, key),
      },
    );
    this.worker.on('message', (message) => this.channel.receive(message));
    this.ended = new Promise<string>((done) => {
      this.worker.once('exit', (code, signal) => done(signal ? `signal ${signal}` : `exit code ${code}`));
      this.worker.once('error', (error) => done(error.message));
    }).then((how) => {
      this.serving = false;
      this.channel.close();
      // A dead worker's slots are free again, and none of its late messages can take one.
      this.holding.giveAll();
      closeUntaken();
      start({ problems: [`a worker ended while it started: ${how}`] });
      return how;
    });
  }

  /** Whether it serves and has not ended. */
  get isServing(): boolean {
    return this.serving;
  }

  /** Unique among all processes of this guard, now and later. */
  get id(): number {
    return this.worker.id;
  }

  kill(): void {
    this.worker.process.kill('SIGKILL');
  }
}

/**
 * Connections on their way from the primary to a worker. Node's cluster closes the primary's copy when the worker confirms it. If the worker dies
 * before, the copy would stay open, and the client would wait for ever.
 */
interface NewConnection {
  readonly cmd?: unknown;
  readonly act?: unknown;
  /** Identifies the listening address. */
  readonly key?: unknown;
}

interface Closable {
  close(): void;
}

/** Tracks the connections handed to a worker. Returns the function that closes those that it has not taken, to be called after it has ended. */
function watchHandleTransfer(worker: Worker): () => void {
  // For each address one connection at a time is on its way: the next follows when the worker has taken it.
  const underway = new Map<unknown, Closable>();
  const { process } = worker;
  const send = process.send as (...args: unknown[]) => boolean;
  process.send = ((...args: unknown[]) => {
    const [message, handle] = args as [NewConnection | undefined, Closable | undefined];
    if (message?.cmd === 'NODE_CLUSTER' && message.act === 'newconn' && handle) underway.set(message.key, handle);
    return send.apply(process, args);
  }) as typeof process.send;
  return () => {
    // A connection that was taken is closed already; closing it again does nothing.
    for (const handle of underway.values()) handle.close();
    underway.clear();
  };
}

/** What a worker was granted stays counted when it dies: only the worker can give it back. */
export function storeHandlers(store: BudgetStore): ChannelHandlers<StoreMessages> {
  const unkept = new Set<Promise<void>>();
  return {
    budgetTake: (claims) => store.take(claims),
    budgetBack: (returns) => store.giveBack(returns),
    budgetSaw: ({ owner, measure, windows, sightings }) => {
      const kept = store.saw(owner, measure, windows, sightings);
      if (!(kept instanceof Promise)) return;
      unkept.add(kept);
      const gone = () => void unkept.delete(kept);
      void kept.then(gone, gone);
    },
    budgetKept: () => Promise.all(unkept).then(() => null),
    budgetKnown: ({ owner, measure, windows, keys }) => store.known(owner, measure, windows, keys),
    budgetUsed: ({ owner, measure, windows }) => store.used(owner, measure, windows),
    exceptionsChange: (change) => store.change(change),
    logOut: (logout) => store.logOut(logout),
    hashKey: async () => Buffer.from(await store.hashKey()).toString('base64'),
    settled: () => null,
  };
}
