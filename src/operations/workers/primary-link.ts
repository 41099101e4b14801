/** A worker's side: what it is to do, the state that it shares, and what it hears from the primary. Without a primary it ends. */
import { Buffer } from 'node:buffer';
import type { Head } from '../../decision-log/chain/seal.ts';
import type { BudgetStore, Logout } from '../../metering/budget-store.ts';
import type { ReloadReport } from '../../server/reload.ts';
import type { SharedState } from '../../server/slots/shared-state.ts';
import type { UpstreamKey } from '../../upstream/upstream-error.ts';
import { Channel } from './channel.ts';
import type { Assignment, ToPrimary, ToWorker } from './messages.ts';
import { remoteState } from './remote-state.ts';
import { type RemoteStore, remoteStore } from './remote-store.ts';

/** What a worker does when the primary says so; nothing of it is called before the worker has said that it is ready. */
export interface WorkerDuties {
  /** A CancelRequest came in elsewhere. Resolves with whether the session is here, when its server knows. */
  cancel(key: UpstreamKey): Promise<boolean>;
  /** The hash of the policy in force, if there is one. */
  policy(): string | undefined;
  /** What it says of itself to those who watch. */
  report(): Promise<unknown>;
  reload(by: string | undefined): Promise<ReloadReport>;
  /** How far the log of another worker has come. */
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
  /** From now on it serves. `listening`: where, as it is shown. */
  ready(listening: readonly string[], duties: WorkerDuties): void;
  /** It has sealed its log: the others are told. */
  sealed(name: string, head: Head): void;
  /** It cannot start. Resolves when the primary knows. */
  failed(lines: readonly string[]): Promise<void>;
}

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
    beside: ({ name, head }) => {
      duties?.heard(name, head);
      return null;
    },
    standing: (standing) => {
      store?.heard(standing);
      return null;
    },
    logouts: (logouts) => {
      if (store) store.heardLogouts(logouts);
      else loggedOutBefore.push(...logouts);
      return null;
    },
    clock: (aheadMs) => {
      store?.heardClock(aheadMs);
      return null;
    },
    drain: () => {
      duties?.drain();
      return null;
    },
    stop: () => {
      duties?.stop();
      return null;
    },
  });
  process.on('message', (message) => primary.receive(message));
  // No worker serves on its own: nobody would count its sessions, and nobody could stop it.
  process.on('disconnect', () => process.exit(1));
  const assignment = await primary.ask('assignment', null);
  store = remoteStore(primary, assignment.standing, assignment.clockAheadMs);
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

/** A primary that is gone shows as `disconnect`; what could not be sent to it needs no other word. */
function sendToPrimary(packet: object): void {
  process.send?.(packet, undefined, {}, () => {});
}
