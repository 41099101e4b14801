/** The answers that the server still owes, in the order of the messages: it answers in no other. */
import type { Refusal } from '../../core/refusal.ts';
import type { Rendered } from '../client/render.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Plan } from '../reuse/known-plans.ts';
import type { Provenance } from '../server/provenance.ts';
import type { Execution } from './execution.ts';
import type { Version } from './names.ts';
import type { Portal, Prepared } from './prepared.ts';
import type { Added } from './row-check.ts';

/** A message that was sent because it is bound to fail. Its error, known by the id that it quotes, becomes the refusal. */
export interface Forced {
  readonly id: string;
  /** How the server's error names it: the id in its message, or, where a message cannot carry one, its SQLSTATE. */
  readonly known: 'by id' | 'by 42883';
  /** undefined: the client has been told before. */
  readonly refusal: Refusal | undefined;
  /** The decision of the refusal; undefined if PostgreSQL would have sent the same error. */
  readonly decision: string | undefined;
  /** What ends with it: `refused` for the first, `skipped` for the others. */
  readonly runs: readonly Execution[];
}

/** A Query that is sent as extended messages, so that it can be undone before it commits. */
export interface Conversion {
  readonly run: Execution;
  /** Its CommandComplete, which the client may see only after the Sync has committed. */
  complete: { readonly bytes: Uint8Array; readonly changed: number; readonly tag: string } | undefined;
  /** The RowDescription, which a Query shows only once its statement has come as far as a result. */
  description: Uint8Array | undefined;
  /** It was sent with its Sync: nothing of it is undone. */
  sync?: PendingSync;
}

/**
 * What is sent instead, where the server does not bind a plan that the guard has prepared: what the client would have been served without one. Nothing has run then,
 * and the server's answer to this is the one that the client sees.
 */
export type FallbackText =
  | {
      readonly kind: 'bind';
      readonly plan: Plan;
      /** It was bound after a savepoint of the guard's own, to which the transaction goes back first. */
      readonly mayLose: boolean;
      /** The Parse that was left out. */
      readonly parse: PendingParse;
      readonly parseBytes: () => Uint8Array;
      readonly bindBytes: () => Uint8Array;
    }
  | { readonly kind: 'query'; readonly plan: Plan; readonly mayLose: boolean; readonly send: () => void };

/** What is sent instead. */
export interface TextFallback {
  readonly of: FallbackText;
  readonly entries: readonly PendingReply[];
  readonly sync: PendingSync | undefined;
  /** The transaction has gone back to the savepoint. */
  readonly isUndone: boolean;
}

/** A Query that is sent when the one before it has ended well. */
export interface QueryStep {
  readonly rendered: Rendered;
  readonly runs: readonly Execution[];
  /** It is between the guard's own BEGIN and COMMIT. */
  readonly wrapped: boolean;
  readonly next: QueryStep | undefined;
}

interface Sent {
  /** Batches end with Sync or Query. A message that is sent again gets a new one. */
  batch: number;
  /** Sent by the guard for itself: its answers, except errors, are not passed on to the client. */
  readonly own: boolean;
  readonly forced?: Forced | undefined;
  readonly conversion?: Conversion | undefined;
  /** It belongs to an assertion of what is pinned (`pinned-settings.ts`). */
  readonly assertion?: true;
  /** It sets or releases the savepoint around a plan. */
  readonly around?: true;
}

export interface PendingParse extends Sent {
  readonly kind: 'parse';
  readonly versions: readonly Version<unknown>[];
  readonly rendered?: Rendered | undefined;
  /** What it prepares for the guard itself. */
  plan?: Plan;
  /** It prepares the unnamed statement at the server; the client already has the answer to its Parse. */
  readonly again?: Prepared | undefined;
  readonly fallback?: FallbackText | undefined;
}

export interface PendingBind extends Sent {
  readonly kind: 'bind';
  readonly portal?: Portal | undefined;
  /** The decision made before it; the Execute of its batch takes it over. */
  readonly run?: Execution | undefined;
  readonly versions: readonly Version<unknown>[];
  readonly rendered?: Rendered | undefined;
  /** Of the guard's own, that it binds. */
  readonly plan?: Plan | undefined;
  /** The Parse that was not sent: it was answered as soon as this is. */
  leftOut?: PendingParse | undefined;
  fallback?: FallbackText | undefined;
}

export interface PendingDescribe extends Sent {
  readonly kind: 'describe';
  /** What the server says next. Of a portal it says no parameters. */
  owes: 'parameters' | 'columns';
  readonly prepared: Prepared | undefined;
  readonly provenance: Provenance;
  /** By which the columns must be allowed to be read. */
  readonly policy: SessionPolicy;
  readonly rendered?: Rendered | undefined;
  /** Of a statement: how many parameters are the client's own. */
  readonly parameters?: number | undefined;
  /** For a converted Query: the run whose result it describes. */
  readonly run?: Execution | undefined;
  /** What the client does not see of the columns. */
  readonly added?: Added;
  /** Of a statement that was judged and prepared again: what it was, and what it is once this has been answered. */
  readonly renewal?: { readonly prepared: Prepared; readonly renewed: Prepared } | undefined;
}

export interface PendingExecute extends Sent {
  readonly kind: 'execute';
  readonly portal: Portal | undefined;
  /** undefined for the empty query. */
  readonly run: Execution | undefined;
  readonly rendered?: Rendered | undefined;
  /** The portal has not run before. */
  readonly begins?: boolean;
  /** The server was asked for no more rows than that; 0: for all. */
  readonly maxRows: number;
}

export interface PendingClose extends Sent {
  readonly kind: 'close';
  readonly versions: readonly Version<unknown>[];
}

export interface PendingSync extends Sent {
  readonly kind: 'sync';
  /** The client was told of an error before it: if the server is still in a transaction, it must be made to fail. */
  mustFail: boolean;
  /** What is sent after it. */
  readonly fallback?: TextFallback;
}

export interface PendingQuery extends Sent {
  readonly kind: 'query';
  /**
   * `begin` and `end` surround a client's Query; `fail` makes a transaction fail; `prepare` goes before one; `undo` restores one that a plan has made
   * fail.
   */
  readonly part: 'client' | 'begin' | 'end' | 'fail' | 'prepare' | 'undo';
  readonly versions: readonly Version<unknown>[];
  readonly rendered?: Rendered | undefined;
  readonly runs: readonly Execution[];
  /** Which of `runs` the server is at. */
  at: number;
  /** The server has sent something of the run that it is at. */
  begun: boolean;
  /** Runs between the guard's own BEGIN and COMMIT. */
  readonly wrapped: boolean;
  cut: Refusal | undefined;
  /** The client has seen an error of it. */
  told: boolean;
  /** Of a wrapped Query: the last CommandComplete, which the client may see only after COMMIT. */
  heldComplete:
    | { readonly bytes: Uint8Array; readonly run: Execution; readonly changed: number; readonly tag: string }
    | undefined;
  /** What follows if it ends well. */
  readonly next: QueryStep | undefined;
  /** Of part `end`: it is a COMMIT. */
  readonly commits: boolean;
  /** Of part `end`: it was a COMMIT, and it went well. */
  committed: boolean;
  /** For part `prepare`: the statement that has this form once that is done. */
  readonly forUser?: { readonly prepared: Prepared; readonly rendered: Rendered } | undefined;
  /** For part `undo`: what is sent after it. */
  readonly undoes?: TextFallback | undefined;
  /** Of part `end`: the Query that it ends. */
  readonly ends?: PendingQuery | undefined;
}

export interface PendingFunctionCall extends Sent {
  readonly kind: 'function-call';
  readonly run: Execution | undefined;
}

export type PendingReply =
  | PendingParse
  | PendingBind
  | PendingDescribe
  | PendingExecute
  | PendingClose
  | PendingSync
  | PendingQuery
  | PendingFunctionCall;

/** Ends with a ReadyForQuery. */
export function endsBatch(pending: PendingReply): boolean {
  return pending.kind === 'sync' || pending.kind === 'query' || pending.kind === 'function-call';
}

/** First in, first out. */
export class PendingReplies {
  private entries: PendingReply[] = [];
  private first = 0;
  /** How many ReadyForQuery are still to come. */
  batchEnds = 0;

  get head(): PendingReply | undefined {
    return this.entries[this.first];
  }

  get length(): number {
    return this.entries.length - this.first;
  }

  push(pending: PendingReply): void {
    this.entries.push(pending);
    if (endsBatch(pending)) this.batchEnds += 1;
  }

  shift(): PendingReply | undefined {
    const pending = this.entries[this.first];
    if (pending === undefined) return undefined;
    this.first += 1;
    if (this.first === this.entries.length) {
      this.entries = [];
      this.first = 0;
    } else if (this.first > 512) {
      this.entries = this.entries.slice(this.first);
      this.first = 0;
    }
    if (endsBatch(pending)) this.batchEnds -= 1;
    return pending;
  }
}
