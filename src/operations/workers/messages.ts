/** The messages between the primary and its workers. All are plain JSON; none contains a statement or a row. */

import type { Head } from '../../decision-log/chain/seal.ts';
import type {
  LeaseClaim as BudgetClaim,
  ExceptionsChange,
  LeaseGrant,
  LeaseReturn,
  Logout,
} from '../../metering/budget-store.ts';
import type { ExceptionsState } from '../../metering/exceptions.ts';
import type { Measure, Owner, WindowOfMeasure } from '../../metering/measure.ts';
import type { Sightings } from '../../metering/sightings.ts';
import type { ReloadReport } from '../../server/reload.ts';
import type { SlotClaim } from '../../server/slots/slot-counts.ts';

/** By name: the message and its answer. */
export type Messages = Readonly<Record<string, { readonly says: unknown; readonly answer: unknown }>>;

/** What a worker needs to start. */
export interface Assignment {
  /** From 0. */
  readonly slot: number;
  /** The configuration as the primary read it, so that a replacement worker runs with the same one. */
  readonly configuration: { readonly path: string; readonly text: string };
  /** The hash of the policy that the other workers have in force, for a replacement. */
  readonly policyInForce?: string;
  /** For the SCRAM challenges of unknown users, in base64: the same in all workers. */
  readonly mockSecret: string;
  /** Exceptions to the policy, locks included. */
  readonly exceptions: ExceptionsState;
  /** See `ToWorker.clock`. */
  readonly clockAheadMs: number;
}

/** A key as in `SharedState.cancel`, with its secret in base64. */
export interface CancelKey {
  readonly processId: number;
  readonly secretKey: string;
}

/** The end of the log chain of a worker, with the worker's name: `g1/2`. */
export interface NamedHead {
  readonly name: string;
  readonly head: Head;
}

interface Counted {
  readonly owner: Owner;
  readonly measure: Measure;
  readonly windows: readonly WindowOfMeasure[];
}

/** Calls of the budget store, method by method. */
export type StoreMessages = {
  readonly budgetTake: { readonly says: readonly BudgetClaim[]; readonly answer: readonly LeaseGrant[] };
  readonly budgetBack: { readonly says: readonly LeaseReturn[]; readonly answer: null };
  readonly budgetSaw: { readonly says: Counted & { readonly sightings: Sightings }; readonly answer: null };
  /** Answered when all that was seen before is kept. */
  readonly budgetKept: { readonly says: null; readonly answer: null };
  readonly budgetKnown: {
    readonly says: Counted & { readonly keys: readonly string[] };
    readonly answer: readonly boolean[];
  };
  readonly budgetUsed: { readonly says: Counted; readonly answer: readonly number[] };
  readonly exceptionsChange: { readonly says: ExceptionsChange; readonly answer: null };
  /** Answers whether there was room for it. */
  readonly logOut: { readonly says: Logout; readonly answer: boolean };
  /** In base64. */
  readonly hashKey: { readonly says: null; readonly answer: string };
  /** Answered when all earlier messages have been handled. */
  readonly settled: { readonly says: null; readonly answer: null };
};

/** From a worker to the primary. */
export type ToPrimary = StoreMessages & {
  readonly assignment: { readonly says: null; readonly answer: Assignment };
  /** It serves; the message has the addresses where it listens, as text. */
  readonly ready: { readonly says: readonly string[]; readonly answer: null };
  /** It cannot start; the reasons, one line each. */
  readonly failed: { readonly says: readonly string[]; readonly answer: null };
  readonly take: { readonly says: readonly SlotClaim[]; readonly answer: number | null };
  readonly give: { readonly says: readonly string[]; readonly answer: null };
  readonly attempted: {
    readonly says: { readonly principal: string; readonly address: string; readonly accepted: boolean };
    readonly answer: number;
  };
  readonly waited: {
    readonly says: { readonly principal: string; readonly address: string; readonly stayed: boolean };
    readonly answer: null;
  };
  readonly cancel: { readonly says: CancelKey; readonly answer: null };
  /** It has sealed its log. */
  readonly sealed: { readonly says: NamedHead; readonly answer: null };
};

/** From the primary to a worker. */
export type ToWorker = {
  /** Answers whether the session is in this worker, after its server has been told. */
  readonly cancel: { readonly says: CancelKey; readonly answer: boolean };
  /** The hash of the policy in force; null if there is none yet. */
  readonly policy: { readonly says: null; readonly answer: string | null };
  /** The worker's report for the metrics; `admin/` defines its shape. */
  readonly report: { readonly says: null; readonly answer: unknown };
  /** The exceptions to the policy have changed. */
  readonly exceptions: { readonly says: ExceptionsState; readonly answer: null };
  /** The store may have lost what it granted or counted last. */
  readonly lost: { readonly says: null; readonly answer: null };
  /** Tokens that were given back: first, in pieces, all from before the answer to `assignment`; then each new one. */
  readonly logouts: { readonly says: readonly Logout[]; readonly answer: null };
  /** By how many milliseconds the store's clock is ahead of this host's. */
  readonly clock: { readonly says: number; readonly answer: null };
  /** Another worker has sealed its log. */
  readonly beside: { readonly says: NamedHead; readonly answer: null };
  /** Reload; `by`: who asked at the control socket, null for SIGHUP. */
  readonly reload: { readonly says: { readonly by: string | null }; readonly answer: ReloadReport | null };
  /** A command of the control socket; `control/` defines its shape. */
  readonly command: { readonly says: { readonly request: unknown; readonly by: string }; readonly answer: unknown };
  /** End each session when it is idle, then the process. */
  readonly drain: { readonly says: null; readonly answer: null };
  /** End at once. */
  readonly stop: { readonly says: null; readonly answer: null };
};
