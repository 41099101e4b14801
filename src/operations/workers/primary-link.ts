/** A worker's side of the channel: its assignment, the shared state, and messages from the primary. Without a primary the worker ends. */
import { Buffer } from 'node:buffer';
import type { Head } from '../../decision-log/chain/seal.ts';
import type { BudgetStore, Logout } from '../../metering/budget-store.ts';
import type { ReloadReport } from '../../server/reload.ts';
import type { SharedState } from '../../server/slots/shared-state.ts';
import type { UpstreamKey } from '../../upstream/upstream-error.ts';
import { Channel } from './channel.ts';
import type { Assignment, ToPrimary, ToWorker } from './messages.ts';
import { type RemoteStore, remoteStore } from './remote-store.ts';

/** What a worker does at the primary's request. Not called before the worker has said that it is ready. */
export interface WorkerDuties {
  /** A CancelRequest arrived at another worker. Resolves with whether the session is here, after its server has been told. */
  cancel(key: UpstreamKey): Promise<boolean>;
  /** The hash of the policy in force, if there is one. */
  policy(): string | undefined;
  /** The worker's report for the metrics. */
  report(): Promise<unknown>;
  reload(by: string | undefined): Promise<ReloadReport>;
  /** Another worker has sealed its log up to `head`. */
  heard(name: string, head: Head): void;
  /** A command of the control socket. */
  command(request: unknown, by: string): Promise<unknown>;
  drain(): void;
  stop(): void;
}

export interface PrimaryLink {
  readonly assignment: Assignment;
  readonly shared: SharedState;
  readonly store: BudgetStore;
  /** The worker serves. `listening`: its addresses, as text. */
  ready(listening: readonly string[], duties: WorkerDuties): void;
  /** The worker has sealed its log; the primary tells the others. */
  sealed(name: string, head: Head): void;
  /** The worker cannot start. Resolves when the primary knows. */
  failed(lines: readonly string[]): Promise<void>;
}

/** Resolves when the primary has sent this worker its assignment. */
export async function linkToPrimary(): Promise<PrimaryLink> {
  let duties: WorkerDuties | undefined;
  let store: RemoteStore | undefined;
  const loggedOutBefore: Logout[] = [];
  const primary = new Channel<ToPrimary, ToWorker>(sendToPrimary, {
    cancel: async ({ processId, secretKey }) =>
      (await duties?.cancel({ processId, secretKey: Buffer.from(secretKey, 'base64') })) ?? false,
    policy: () => duties?.policy() ?? null,
    report: () => duties?.report() ?? null,
    reload: ({ by }) => duties?.reload(by ?? undefined) ?? null,
    command: ({ request, by }) => duties?.command(request, by) ?? null,
    beside: ({ name, head }) => duties?.heard(name, head),
    exceptions: (exceptions) => store?.heard(exceptions),
    lost: () => store?.heardLost(),
    logouts: (logouts) => {
      if (store) store.heardLogouts(logouts);
      else loggedOutBefore.push(...logouts);
    },
    clock: (aheadMs) => store?.heardClock(aheadMs),
    drain: () => duties?.drain(),
    stop: () => duties?.stop(),
  });
  process.on('message', (message) => primary.receive(message));
  // A worker never serves without a primary: its sessions would not be counted, and could not be stopped.
  process.on('disconnect', () => process.exit(1));
  const assignment = await primary.ask('assignment', null);
  store = remoteStore(primary, assignment.exceptions, assignment.clockAheadMs);
  store.heardLogouts(loggedOutBefore);
  return {
    assignment,
    shared: remoteState(primary),
    store,
    ready: (listening, to) => {
      duties = to;
      primary.tell('ready', listening);
    },
    sealed: (name, head) => primary.tell('sealed', { name, head }),
    failed: async (lines) => {
      await primary.ask('failed', lines);
    },
  };
}

/** If the primary is gone, `disconnect` follows; a send error needs no handling of its own. */
function sendToPrimary(packet: object): void {
  process.send?.(packet, undefined, {}, () => {});
}

/** The shared state in a worker: every question goes to the primary. */
function remoteState(primary: Channel<ToPrimary, ToWorker>): SharedState {
  return {
    take: async (claims) => (await primary.ask('take', claims)) ?? undefined,
    give: (keys) => primary.tell('give', keys),
    attempted: (principal, address, accepted) => primary.ask('attempted', { principal, address, accepted }),
    waited: async (principal, address, stayed) => {
      await primary.ask('waited', { principal, address, stayed });
    },
    cancel: async ({ processId, secretKey }) => {
      await primary.ask('cancel', { processId, secretKey: Buffer.from(secretKey).toString('base64') });
    },
  };
}
