/**
 * Where budgets are kept: the interface of `store/`, from which the leases of a guard's process are drawn. A store inside the process answers at
 * once; a remote one returns a promise, which rejects with `StoreUnavailable` if it cannot be reached.
 */
import type { Approval } from './approvals.ts';
import type { Ceiling, Measure, Owner, WindowOfMeasure } from './measure.ts';
import type { Sightings } from './sightings.ts';

export type StoreAnswer<T> = T | Promise<T>;

/** The store did not answer: a statement that needs the answer must be refused. */
export class StoreUnavailable extends Error {}

export interface LeaseClaim {
  readonly owner: Owner;
  readonly measure: Measure;
  readonly ceilings: readonly Ceiling[];
  /** As much of it as every ceiling leaves is granted, perhaps nothing. */
  readonly want: number;
}

/** Survives a crash of the guard from the moment it is answered. */
export interface LeaseGrant {
  readonly granted: number;
  /** By ceiling: the amount used in each window now, including this grant. */
  readonly used: readonly number[];
  /** When it was booked, in milliseconds since the epoch by the store's clock; needed to give it back. */
  readonly at: number;
}

/** Granted amounts that are not needed. */
export interface LeaseReturn {
  readonly owner: Owner;
  readonly measure: Measure;
  readonly windows: readonly WindowOfMeasure[];
  readonly amount: number;
  /** When they were granted. */
  readonly at: number;
}

export interface BudgetStore {
  /** Claims are granted one by one, each as far as possible. */
  take(claims: readonly LeaseClaim[]): StoreAnswer<readonly LeaseGrant[]>;
  giveBack(returns: readonly LeaseReturn[]): void;
  /**
   * Reports who was seen, each with an instant: see `Sightings`. A person is counted once in a window, so the place for someone already counted is
   * given back. Every sighting keeps a person in the window for its whole length again, and in `per day` until the day of its instant ends. A promise
   * resolves when that outlives the process, and rejects where it may be lost.
   */
  saw(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[], sightings: Sightings): StoreAnswer<void>;
  /** Which of these people, by hash, every window already counts. This renews their sighting. */
  known(
    owner: Owner,
    measure: Measure,
    windows: readonly WindowOfMeasure[],
    keys: readonly string[],
  ): StoreAnswer<readonly boolean[]>;
  /** The amount in each window now. */
  used(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[]): StoreAnswer<readonly number[]>;

  /**
   * Milliseconds since the epoch, by a clock that all guards of the store share. Exceptions begin and end by this clock alone, so that guards with
   * different clocks agree.
   */
  now(): number;
  /** Exceptions to the policy, locks included, as known here: the same object until they change. */
  exceptions(): Exceptions;
  /** Called after each change of the exceptions, wherever it was made; within a second if several guards share the store. */
  onExceptions(changed: () => void): void;
  /** Called when the store may have lost what it granted or counted last. Absent where it cannot. */
  onLost?(lost: () => void): void;
  /** Changes the exceptions for all guards. Resolves when every later read sees the change and it survives a restart. */
  change(change: ExceptionsChange): Promise<void>;
  /** Tokens that were given back, as known here. */
  readonly logouts: KnownLogouts;
  /** Called with new ones, wherever they were made; within a second if several guards share the store. */
  onLogout(told: (logouts: readonly Logout[]) => void): void;
  /**
   * Stores a logout for all guards; the cost does not grow with their number. Resolves like `change`, with false if there are too many. If it
   * rejects, this guard refuses the token anyway, and the others are told as soon as possible.
   */
  logOut(logout: Logout): Promise<boolean>;
  /**
   * 32 random bytes, made with the store: the same for all guards that share it, also after a restart. Keys of data subjects are hashed with them, so
   * that the store's content identifies no one.
   */
  hashKey(): Promise<Uint8Array>;
  /** Call when nothing more is taken. Resolves when everything is on disk. */
  close(): Promise<void>;
}

/** Exceptions to the policy: locks, raises, permits, break-glass openings, and roles in observe mode for a time. */
export interface Exceptions {
  readonly locks: ReadonlyMap<Owner, AccountLock>;
  readonly raises: readonly Raise[];
  readonly permits: readonly Permit[];
  readonly openings: readonly BreakGlassOpening[];
  readonly observations: readonly Observation[];
}

export interface AccountLock {
  readonly owner: Owner;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Absent: until it is released. */
  readonly until?: number;
  readonly reason: string;
  /** Who locked: `rowgate` itself, or the user at the control socket. */
  readonly by: string;
}

/** A token that was given back. */
export interface Logout {
  /** The token's digest. */
  readonly token: string;
  /** When it expires by itself (`exp`), milliseconds since the epoch. */
  readonly end: number;
}

export interface KnownLogouts {
  has(token: string): boolean;
  /** Those that are in force at `now`. */
  inPieces(now: number): Iterable<readonly Logout[]>;
}

/** `rowgate limits raise NAME … --for 2h --reason …` */
export interface Raise {
  readonly id: string;
  readonly owner: Owner;
  readonly measure: Measure;
  /** Identifies the limit: its measure and window. */
  readonly window: WindowOfMeasure;
  /** Replaces the limit's amount, if it is larger. */
  readonly amount: number;
  readonly until: number;
  readonly reason: string;
  readonly by: string;
  /** Present if others must sign it. */
  readonly asked?: RequestedRaise;
  readonly revokedBy?: string;
}

/** The request of a raise that others sign: where and when it was made, and the signatures. */
export interface RequestedRaise {
  readonly at: number;
  readonly guard: string;
  /** The store's name, see `stateName`. */
  readonly state: string;
  readonly approvals: readonly Approval[];
}

/** An export beyond the limits: one principal, named tables, a number of rows, a time, a reason, and two approvals. */
export interface Permit {
  readonly id: string;
  readonly owner: Owner;
  /** Where the request was made: the guard's name, and its store's (`stateName`). */
  readonly guard: string;
  readonly state: string;
  /** `public.students` */
  readonly tables: readonly string[];
  readonly rows: number;
  readonly from: number;
  readonly until: number;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedAt: number;
  /** Approvers' names with their signatures. In force from the second one on. */
  readonly approvals: readonly Approval[];
  readonly revokedBy?: string;
}

/** The opening of a principal that its policy closes (`break_glass`), for a time and a reason, with enough signatures. */
export interface BreakGlassOpening {
  readonly id: string;
  readonly owner: Owner;
  /** The principal's role when the request was made: the opening is valid for that role alone. */
  readonly role: string;
  /** Where the request was made: the guard's name, and its store's (`stateName`). */
  readonly guard: string;
  readonly state: string;
  readonly until: number;
  readonly reason: string;
  /** Who will use it. */
  readonly usedBy: string;
  readonly requestedBy: string;
  readonly requestedAt: number;
  readonly approvals: readonly Approval[];
  /** When enough had signed it. For display only: never trusted. */
  readonly openedAt?: number;
  /** Closed before its end. */
  readonly closed?: { readonly by: string; readonly at: number };
}

/** A role in observe mode for a time and a reason, with enough signatures: `rowgate observe ROLE`. */
export interface Observation {
  readonly id: string;
  readonly role: string;
  /** Where the request was made: the guard's name, and its store's (`stateName`). */
  readonly guard: string;
  readonly state: string;
  readonly until: number;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedAt: number;
  readonly approvals: readonly Approval[];
  /** When enough had signed it. For display only: never trusted. */
  readonly begunAt?: number;
  /** Ended before its time. */
  readonly ended?: { readonly by: string; readonly at: number };
}

export type ExceptionsChange =
  | { readonly kind: 'lock'; readonly lock: AccountLock }
  | { readonly kind: 'release'; readonly owner: Owner }
  | { readonly kind: 'raise'; readonly raise: Raise }
  /** Replaces the one with the same id. */
  | { readonly kind: 'permit'; readonly permit: Permit }
  | { readonly kind: 'opening'; readonly opening: BreakGlassOpening }
  | { readonly kind: 'observation'; readonly observation: Observation };
