/**
 * What a session needs from outside: bytes out, the record, cancel, time. `server/` implements it for real; tests have their own. Timeouts and
 * draining are not included: the owner of the sockets asks `Session.activity` after each call, and ends a session by `terminate`.
 */
import type { Budget } from './admission/budget-port.ts';
import type { EndUsers } from './end-user/end-user.ts';
import type { SessionEntry } from './log-entries.ts';
import type { PlanEvent, PlanReuse } from './reuse/known-plans.ts';
import type { SessionPolicy } from './session-policy.ts';

export type { SessionPolicy } from './session-policy.ts';

export interface TimeSlice {
  /** What the session does in the present call has taken its time: between two messages it stops then, and asks. */
  isOver(): boolean;
  /** Asks for a call of `Session.onTurn`, when others were served. Until then neither side is read. */
  ask(): void;
}

/** What is pinned in the session of a server. */
export interface Pins {
  /** A query that fails where one of them has another value: with 22P02, and their names in the message. `path`: where `search_path` is not pinned to the policy's. */
  assertion(path?: string): string;
  /** The names that such a message holds. */
  namesIn(message: string): readonly string[];
  /** Whether a value that the server reports is another one than is pinned. */
  differs(name: string, value: string, path?: string): boolean;
}

export interface SessionPorts {
  toServer(bytes: Uint8Array): void;
  toClient(bytes: Uint8Array): void;
  /**
   * Writes one record before what it is about goes on its way.
   * Returns false when it could not be written: the statement must then not run (58030).
   */
  record(entry: SessionEntry): boolean;
  /** What the principal may still take. Where it has to be waited for, `Session.onBudget` is called when the same may be asked again. */
  readonly budget: Budget;
  /** Finds the end user of a token; absent: tokens are not used. */
  readonly persons?: EndUsers;
  /** The token with which the session begins. */
  readonly token?: string | undefined;
  /** The `search_path` with which it begins, where that is not the policy's. */
  readonly path?: string | undefined;
  /** Asks the server to cancel what it runs; `Session.onCancelDone` is called when the server has closed the cancel connection. */
  cancel(): void;
  /**
   * Asks to stop (true) and go on (false) reading the client's socket: the session waits for the server, and holds at most the current chunk. Chunks
   * that were on their way may still be given to `onClient`.
   */
  pauseClient(paused: boolean): void;
  /**
   * Asks to stop (true) and go on (false) reading the server's socket: its answers may not be shown yet, and the session holds at most the current
   * chunk. Chunks that were on their way may still be given to `onServer`. `drainServer` takes precedence.
   */
  pauseServer(paused: boolean): void;
  /**
   * True: the server must be read even where the client is slow, since what comes is dropped (a server that cannot write may
   * not see a cancel). False: back to holding the server back for a slow client.
   */
  drainServer(draining: boolean): void;
  /**
   * Ends both connections after everything written has been flushed, and goes on reading meanwhile: closing a socket with unread input resets it, and
   * the last error is lost. Called once; the session takes nothing more.
   */
  end(): void;
  /** What must stay as it is in the server's session; absent: nothing is watched. */
  readonly pins?: Pins;
  /** Some of it was changed, which ends the session: for the operator's log. */
  pinsChanged?(names: readonly string[]): void;
  /** What the server said of its parameters at login: DateStyle, IntervalStyle and TimeZone are kept for estimates. */
  readonly settings?: ReadonlyMap<string, string>;
  /** A pooler like PgBouncer is in between: it may give each transaction, or each session, another connection of the server. */
  readonly pooling?: 'session' | 'transaction' | undefined;
  /** What comes again is prepared at the server; absent: nothing is. */
  readonly plans?: PlanReuse | undefined;
  /** So many plans were prepared, run again, or dropped: for metrics. */
  readonly onPlan?: ((event: PlanEvent, count: number) => void) | undefined;
  /** Current policy; undefined when the principal was removed or its role disabled. */
  policy(): SessionPolicy | undefined;
  /** A bug was met and ends the session: for the operator's log, never for the client. */
  fault?(error: unknown): void;
  /** The guard met a bug while it judged the statement of this decision, which is refused; the session goes on. For the operator's log as well. */
  misjudged?(error: unknown, decision: string): void;
  /** The session's share of the time in which others are not served; absent: it may take all. */
  readonly slice?: TimeSlice;
  /** Monotonic milliseconds. */
  now(): number;
  /** A new unique id for a decision (ULID: 26 characters of Crockford base 32). */
  newId(): string;
}
