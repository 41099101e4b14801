/** What a plan could not serve is sent as the text that it is, once the server is ready for it. */
import { describe } from '../../protocol/describe.ts';
import type { ErrorFields } from '../../protocol/error-response.ts';
import { execute } from '../../protocol/execute.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import { Frontend } from '../../protocol/message-types.ts';
import { sync } from '../../protocol/simple-frontend.ts';
import type { Conversation } from '../state/conversation.ts';
import type { PendingReply, PendingSync, SentAnew } from '../state/pending-replies.ts';
import { closeGone } from './by-plan.ts';

/** query_canceled: it is the client's wish, or its time is over. */
const CANCELED = '57014';

/**
 * The server's error to what binds a plan. The server drops the rest of the batch; so it is taken out of what is owed.
 * @returns whether the client hears nothing of it, since the text will be sent instead.
 */
export function takeAnew(c: Conversation, head: PendingReply, fields: ErrorFields): boolean {
  const of = head.kind === 'bind' || head.kind === 'parse' ? head.anew : undefined;
  if (!of || fields.get('C') === CANCELED) return false;
  c.plans.forget(of.plan);
  c.trying = 'anew';
  const entries: PendingReply[] = [];
  let next = c.pending.shift();
  for (; next && next.kind !== 'sync'; next = c.pending.shift()) entries.push(next);
  const anew = { of, entries, sync: next };
  const own: PendingSync = { kind: 'sync', batch: next?.batch ?? c.batch, own: true, mustFail: false, anew };
  if (next) c.pending.push(own);
  else c.send(sync(), own);
  return true;
}

/** The server is ready behind that error. */
export function sendAnew(c: Conversation, { of, entries, sync: ending }: NonNullable<PendingSync['anew']>): void {
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

function bytesOf(c: Conversation, entry: PendingReply, of: SentAnew & { kind: 'bind' }): Uint8Array {
  switch (entry.kind) {
    case 'bind':
      entry.anew = undefined;
      return of.bindBytes();
    case 'describe':
      entry.provenance.askedIn = c.batch;
      return describe({ of: 'portal', name: '' });
    case 'execute':
      return execute({ portal: '', maxRows: entry.maxRows });
    default:
      throw new Error('something else was sent behind a plan that is being bound');
  }
}

/** `P`, before the name of a portal that is to be described. */
const PORTAL = 0x50;

/** Whether a message of the client's may be sent behind a Bind that the server may refuse: only what can be sent again with it. */
export function mayFollow(c: Conversation, type: number, bytes: Uint8Array): boolean {
  if (c.trying === 'anew' || !c.batchOpen) return false;
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
