/**
 * Where budgets are kept: what `store/` provides and what the leases of a guard's process are drawn from. A store that is in the process
 * itself answers at once; one that is not answers by a promise, which rejects with `StoreUnavailable` where it cannot be reached.
 */
import type { Approval } from './approvals.ts';
import type { Ceiling, Measure, Owner, WindowOfMeasure } from './measure.ts';
import type { Sightings } from './sightings.ts';

export type StoreAnswer<T> = T | Promise<T>;

/** Nothing is known of what was asked: who needs it must be refused. */
export class StoreUnavailable extends Error {}

export interface LeaseClaim {
  readonly owner: Owner;
  readonly measure: Measure;
  readonly ceilings: readonly Ceiling[];
  /** As much of it as every ceiling leaves is granted, perhaps none. */
  readonly want: number;
}

/** In force for the store's own reader after a crash too, before it is answered. */
export interface LeaseGrant {
  readonly granted: number;
  /** By ceiling: what is taken in each window now, this grant included. */
  readonly used: readonly number[];
  /** When it was booked, milliseconds since the epoch of the store's clock: giving back needs it. */
  readonly at: number;
}

/** Amounts that were granted and are not needed. */
export interface LeaseReturn {
  readonly owner: Owner;
  readonly measure: Measure;
  readonly windows: readonly WindowOfMeasure[];
  readonly amount: number;
  /** Of the grant. */
  readonly at: number;
}

export interface BudgetStore {
  /** Claims are granted one by one, each as far as it goes. */
  take(claims: readonly LeaseClaim[]): StoreAnswer<readonly LeaseGrant[]>;
  giveBack(returns: readonly LeaseReturn[]): void;
  /**
   * Says who was counted, each with when a place in each window was granted for them; 0: everywhere still counted from an earlier sight. Who was in a window already is counted there once: what was granted for them is given back. Who stands in a
   * window stays in it from now on for its whole length again.
   */
  saw(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[], sightings: Sightings): void;
  /** Which of these people every window counts already, by their hashes; they are then seen anew. */
  known(
    owner: Owner,
    measure: Measure,
    windows: readonly WindowOfMeasure[],
    keys: readonly string[],
  ): StoreAnswer<readonly boolean[]>;
  /** What each window holds now. */
  used(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[]): StoreAnswer<readonly number[]>;

  /**
   * Milliseconds since the epoch, by the clock that all who share the store go by. What stands for a time is begun, held and ended by this
   * clock alone, so that guards whose own clocks differ agree on it.
   */
  now(): number;
  /** What holds for principals beyond their policy, as it is known here: the same object until it changes. */
  standing(): Exceptions;
  /** Called after each change of `standing`, wherever it was made; within a second in a fleet. */
  onStanding(changed: () => void): void;
  /** Changes it everywhere. Resolves when every later look here sees it, and it survives a restart. */
  change(change: ExceptionsChange): Promise<void>;
  /** Tokens that were given back, as it is known here. */
  readonly logouts: KnownLogouts;
  /** Called with those that are new, wherever they were made; within a second in a fleet. */
  onLogout(told: (logouts: readonly Logout[]) => void): void;
  /**
   * Keeps it everywhere, at a cost that does not grow with their number. Resolves as `change`, with false where there are too many. Where it
   * rejects, the token is good for nothing here all the same, and the others are told when they can be.
   */
  logOut(logout: Logout): Promise<boolean>;
  /**
   * 32 random bytes that the store was given when it began: the same for all who share it, and after a restart. People's keys are hashed
   * with them, so that what the store holds names nobody.
   */
  hashKey(): Promise<Uint8Array>;
  /** Nothing is taken any more; what was written is on disk. */
  close(): Promise<void>;
}

/** Who is locked out, whose limits are raised, which exports are permitted, which closed principals are opened. */
export interface Exceptions {
  readonly locks: ReadonlyMap<Owner, AccountLock>;
  readonly raises: readonly Raise[];
  readonly permits: readonly Permit[];
  readonly openings: readonly BreakGlassOpening[];
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
  /** Its digest. */
  readonly token: string;
  /** When it ends by itself (`exp`), milliseconds since the epoch. */
  readonly end: number;
}

export interface KnownLogouts {
  has(token: string): boolean;
  /** Those that hold at `now`. */
  inPieces(now: number): Iterable<readonly Logout[]>;
}

/** `rowgate limits raise NAME … --for 2h --reason …` */
export interface Raise {
  readonly id: string;
  readonly owner: Owner;
  readonly measure: Measure;
  /** Which of the limits, by its window. */
  readonly window: WindowOfMeasure;
  /** In its place, as long as it is larger. */
  readonly amount: number;
  readonly until: number;
  readonly reason: string;
  readonly by: string;
  /** Where others must sign it. */
  readonly asked?: RequestedRaise;
}

/** What makes a raise one that others sign: where and when it was asked for, and who has signed. */
export interface RequestedRaise {
  readonly at: number;
  readonly guard: string;
  /** Of the store, `stateName`. */
  readonly state: string;
  readonly approvals: readonly Approval[];
}

/** An export beyond the limits: one principal, named tables, so many rows, in a time, for a reason, approved by two. */
export interface Permit {
  readonly id: string;
  readonly owner: Owner;
  /** Where it was asked for: the guard's name, and that of its store (`stateName`). Absent where an earlier version wrote it: it holds no longer. */
  readonly guard?: string;
  readonly state?: string;
  /** `public.students` */
  readonly tables: readonly string[];
  readonly rows: number;
  readonly from: number;
  readonly until: number;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedAt: number;
  /** Names of approvers with their signatures over the request. It holds from the second one on. */
  readonly approvals: readonly Approval[];
  readonly revokedBy?: string;
}

/** A principal that is closed by its policy (`break_glass`), opened for a time and a reason, when enough have signed. */
export interface BreakGlassOpening {
  readonly id: string;
  readonly owner: Owner;
  /** Of the principal when it was asked for: it opens no other. */
  readonly role: string;
  /** Where it was asked for: the guard's name, and that of its store (`stateName`). */
  readonly guard: string;
  readonly state: string;
  readonly until: number;
  readonly reason: string;
  /** Who will work with it. */
  readonly usedBy: string;
  readonly requestedBy: string;
  readonly requestedAt: number;
  readonly approvals: readonly Approval[];
  /** When enough had signed it; told, and not believed. */
  readonly openedAt?: number;
  /** For good. */
  readonly closed?: { readonly by: string; readonly at: number };
}

export type ExceptionsChange =
  | { readonly kind: 'lock'; readonly lock: AccountLock }
  | { readonly kind: 'release'; readonly owner: Owner }
  | { readonly kind: 'raise'; readonly raise: Raise }
  /** In the place of the one with the same id. */
  | { readonly kind: 'permit'; readonly permit: Permit }
  | { readonly kind: 'opening'; readonly opening: BreakGlassOpening };
