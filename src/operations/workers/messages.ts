/** What the primary and its workers say to each other. All of it is plain JSON, and none of it is a statement or a row. */

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

/** Messages by name: what is said, and what is answered. */
export type Messages = Readonly<Record<string, { readonly says: unknown; readonly answer: unknown }>>;

/** What a worker begins with. */
export interface Assignment {
  /** From 0. */
  readonly slot: number;
  /** The configuration as the primary has read it, so that a worker which replaces another runs with the same one. */
  readonly configuration: { readonly path: string; readonly text: string };
  /** The hash of the policy that other workers have in force, where this one replaces another. */
  readonly policyInForce?: string;
  /** For challenges of unknown users, in base64: the same at all workers. */
  readonly mockSecret: string;
  /** What holds for principals beyond their policy. */
  readonly standing: ExceptionsState;
  /** As `ToWorker.clock`. */
  readonly clockAheadMs: number;
}

/** A key of `SharedState.cancel`, its secret in base64. */
export interface CancelKey {
  readonly processId: number;
  readonly secretKey: string;
}

/** How far the chain of a worker's log has come, by its name: `g1/2`. */
export interface NamedHead {
  readonly name: string;
  readonly head: Head;
}

interface Counted {
  readonly owner: Owner;
  readonly measure: Measure;
  readonly windows: readonly WindowOfMeasure[];
}

/** What a worker asks of the budgets' store, method by method. */
export type StoreMessages = {
  readonly budgetTake: { readonly says: readonly BudgetClaim[]; readonly answer: readonly LeaseGrant[] };
  readonly budgetBack: { readonly says: readonly LeaseReturn[]; readonly answer: null };
  readonly budgetSaw: { readonly says: Counted & { readonly sightings: Sightings }; readonly answer: null };
  readonly budgetKnown: {
    readonly says: Counted & { readonly keys: readonly string[] };
    readonly answer: readonly boolean[];
  };
  readonly budgetUsed: { readonly says: Counted; readonly answer: readonly number[] };
  readonly standingChange: { readonly says: ExceptionsChange; readonly answer: null };
  /** Answered with whether there was room for it. */
  readonly logOut: { readonly says: Logout; readonly answer: boolean };
  /** In base64. */
  readonly hashKey: { readonly says: null; readonly answer: string };
  /** Answered when all that was said before has been done. */
  readonly settled: { readonly says: null; readonly answer: null };
};

/** From a worker to the primary. */
export type ToPrimary = StoreMessages & {
  readonly assignment: { readonly says: null; readonly answer: Assignment };
  /** It serves; with the places where it listens, as they are shown. */
  readonly ready: { readonly says: readonly string[]; readonly answer: null };
  /** It cannot start; why, one line each. */
  readonly failed: { readonly says: readonly string[]; readonly answer: null };
  readonly take: { readonly says: readonly SlotClaim[]; readonly answer: number | null };
  readonly give: { readonly says: readonly string[]; readonly answer: null };
  readonly attempted: {
    readonly says: { readonly principal: string; readonly address: string; readonly accepted: boolean };
    readonly answer: number;
  };
  readonly cancel: { readonly says: CancelKey; readonly answer: null };
  /** It has sealed its log. */
  readonly sealed: { readonly says: NamedHead; readonly answer: null };
};

/** From the primary to a worker. */
export type ToWorker = {
  /** Answered with whether the session is there, when its server knows. */
  readonly cancel: { readonly says: CancelKey; readonly answer: boolean };
  /** The hash of the policy that it has in force; null where there is none yet. */
  readonly policy: { readonly says: null; readonly answer: string | null };
  /** What it says of itself to those who watch; its shape is `admin/`'s. */
  readonly report: { readonly says: null; readonly answer: unknown };
  /** What holds for principals beyond their policy, from now on. */
  readonly standing: { readonly says: ExceptionsState; readonly answer: null };
  /** Tokens that were given back: in pieces all that were before the answer to `assignment`, then those that are new. */
  readonly logouts: { readonly says: readonly Logout[]; readonly answer: null };
  /** By how much the store's clock is ahead of this host's, milliseconds. */
  readonly clock: { readonly says: number; readonly answer: null };
  /** Another worker has sealed its log. */
  readonly beside: { readonly says: NamedHead; readonly answer: null };
  /** What SIGHUP asks for; `by`: who asked at the control socket, null where nobody did. */
  readonly reload: { readonly says: { readonly by: string | null }; readonly answer: ReloadReport | null };
  /** A command of the control socket; its shape is `control/`'s. */
  readonly command: { readonly says: { readonly request: unknown; readonly by: string }; readonly answer: unknown };
  /** End, sessions as they come to an idle moment. */
  readonly drain: { readonly says: null; readonly answer: null };
  /** End at once. */
  readonly stop: { readonly says: null; readonly answer: null };
};
