/** What must come before anything more of the client's goes to the server. */

import type { Execution } from './execution.ts';
import type {
  Conversion,
  PendingQuery,
  PendingReply,
  PendingSync,
  QueryStep,
  TextFallback,
} from './pending-replies.ts';

/** Nothing more is forwarded until the server is done with `until`. */
export interface Barrier {
  until: PendingReply;
  /** The Sync after it may pass: if `until` is cut off, nothing is lost by it. */
  readonly syncMayPass: boolean;
  /** The Sync that passed. */
  sync: PendingSync | undefined;
}

/** What must be sent next, before anything of the client's, as soon as no cancel is on its way. */
export type DeferredAction =
  /** An extended statement was cut off, and Sync held back: the server must fail, so that nothing of the batch stays. */
  | { readonly kind: 'fail-statement'; readonly run: Execution; readonly conversion: Conversion | undefined }
  /** The client was told of an error while the server's transaction is well. */
  | { readonly kind: 'fail-transaction' }
  /** A Query between the guard's own BEGIN and COMMIT has ended. */
  | { readonly kind: 'end-wrapped'; readonly query: PendingQuery; readonly commit: boolean }
  /** A Query whose turn has come. */
  | { readonly kind: 'step'; readonly step: QueryStep }
  /** A plan could not be bound, and the server is ready for the text. */
  | { readonly kind: 'fallback'; readonly fallback: TextFallback }
  /** A Query that went as extended messages has ended; or a COPY after which the client had sent a Sync. */
  | { readonly kind: 'sync'; readonly conversion: Conversion | undefined };
