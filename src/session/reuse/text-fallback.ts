/** What a plan could not serve is sent as the text that it is, once the server is ready for it. */
import { describe } from '../../protocol/describe.ts';
import type { ErrorFields } from '../../protocol/error-response.ts';
import { execute } from '../../protocol/execute.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import { Frontend } from '../../protocol/message-types.ts';
import { query } from '../../protocol/query.ts';
import { sync } from '../../protocol/simple-frontend.ts';
import { queryPending } from '../client/refuse.ts';
import type { Conversation } from '../state/conversation.ts';
import type { FallbackText, PendingReply, PendingSync, TextFallback } from '../state/pending-replies.ts';
import { closeGone } from './by-plan.ts';
import { UNDO } from './savepoint.ts';

/** query_canceled: it is the client's wish, or its time is over. */
const CANCELED = '57014';

/**
 * The server's error to what binds a plan. The server drops the rest of the batch; so it is taken out of what is owed.
 * @returns whether the client hears nothing of it, since the text will be sent instead.
 */
export function beginFallback(c: Conversation, head: PendingReply, fields: ErrorFields): boolean {
  const of = head.kind === 'bind' || head.kind === 'parse' ? head.fallback : undefined;
  if (!of || fields.get('C') === CANCELED) return false;
  c.plans.forget(of.plan);
  if (head.conversion) head.conversion.run.plan = undefined;
  c.trying = 'fallback';
  const entries: PendingReply[] = [];
  let next = c.pending.shift();
  for (; next && next.kind !== 'sync'; next = c.pending.shift()) if (!next.around) entries.push(next);
  const fallback = { of, entries, sync: next, isUndone: false };
  const own: PendingSync = { kind: 'sync', batch: next?.batch ?? c.batch, own: true, mustFail: false, fallback };
  if (next) c.pending.push(own);
  else c.send(sync(), own);
  return true;
}

/** The server is ready after that error. */
export function sendFallback(c: Conversation, fallback: TextFallback): void {
  const { of, entries, sync: ending } = fallback;
  if (of.mayLose && !fallback.isUndone) {
    const undoing = queryPending(c, 'undo', { undoes: fallback });
    c.send(query(UNDO), undoing);
    c.block(undoing);
    return;
  }
  c.trying = undefined;
  closeGone(c);
  if (of.kind === 'query') {
    of.send();
    return;
  }
  const { batch } = c;
  of.parse.batch = batch;
  c.send(of.parseBytes(), of.parse);
  for (const entry of entries) {
    entry.batch = batch;
    c.send(bytesOf(c, entry, of), entry);
  }
  if (!ending) return;
  ending.batch = batch;
  c.send(sync(), ending);
}

function bytesOf(c: Conversation, entry: PendingReply, of: FallbackText & { kind: 'bind' }): Uint8Array {
  switch (entry.kind) {
    case 'bind':
      entry.fallback = undefined;
      entry.leftOut = undefined;
      if (entry.portal) entry.portal.plan = undefined;
      return of.bindBytes();
    case 'describe':
      entry.provenance.askedIn = c.batch;
      return describe({ of: 'portal', name: '' });
    case 'execute':
      if (entry.run) entry.run.plan = undefined;
      return execute({ portal: '', maxRows: entry.maxRows });
    default:
      throw new Error('something else was sent behind a plan that is being bound');
  }
}

/** `P`, before the name of a portal that is to be described. */
const PORTAL = 0x50;

/** Whether a message of the client's may be sent after a Bind that the server may refuse: only one that can be sent again with it. */
export function mayFollow(c: Conversation, type: number, bytes: Uint8Array): boolean {
  if (c.trying === 'fallback' || !c.batchOpen) return false;
  switch (type) {
    case Frontend.Sync:
    case Frontend.Flush:
      return true;
    case Frontend.Describe:
      return bytes[HEADER_BYTES] === PORTAL && bytes[HEADER_BYTES + 1] === 0;
    case Frontend.Execute:
      return bytes[HEADER_BYTES] === 0;
    default:
      return false;
  }
}
