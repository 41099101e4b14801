/** Has the server prepare a statement again, when a new policy gives it another form. */

import { unreadable } from '../../guard/unreadable.ts';
import { close, describe, type Target } from '../../protocol/describe.ts';
import type { EndUser } from '../end-user/end-user.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Conversation } from '../state/conversation.ts';
import type { PendingReply } from '../state/pending-replies.ts';
import type { Prepared } from '../state/prepared.ts';
import { checkOf } from '../state/row-check.ts';
import { parsePrepared } from './parse.ts';
import { cachedPlanChanged } from './refusal-response.ts';
import { decideRefusal, ownWords, refuseExtended } from './refuse.ts';
import { revalidate } from './revalidate.ts';

/**
 * Brings a statement under the current policy. `wait`: the server is asked to prepare it again; call again later. `refused`: a refusal was sent
 * instead of the message.
 */
export function rePrepare(
  c: Conversation,
  prepared: Prepared,
  policy: SessionPolicy,
  person: EndUser | undefined,
): 'ready' | 'wait' | 'refused' {
  const state = revalidate(prepared, policy, person);
  if (state.kind === 'refused') {
    const statement = state.judgement.statements.find((one) => one.refusal) ?? unreadable(state.refusal);
    const subject = { statement, judgement: state.judgement, policy, text: prepared.rendered.text };
    refuseExtended(c, decideRefusal(c, subject, state.refusal));
    return 'refused';
  }
  if (state.kind === 'fresh' && !prepared.columnsChanged) return 'ready';
  if (state.kind === 'fresh' || prepared.source === 'sql') {
    refuseExtended(c, ownWords(c, cachedPlanChanged()));
    return 'refused';
  }
  if (c.pending.length > 0) return 'wait';
  // In a failed transaction nothing can be prepared, and only its end can run. If this batch has ended it, `status` is not yet updated: after that
  // end the statement would run.
  if (c.status === 'E' && !c.batchHasControl) return 'ready';
  sendRenewed(c, prepared, state.renewed);
  return 'wait';
}

/** Close and Parse of the new text under the same name, and what its columns are. The answers are ours. */
function sendRenewed(c: Conversation, prepared: Prepared, renewed: Prepared): void {
  const sent = { batch: c.batch, own: true, rendered: renewed.rendered };
  const target: Target = { of: 'statement', name: prepared.name };
  if (prepared.name !== '') c.send(close(target), { ...sent, kind: 'close', versions: [] });
  c.send(parsePrepared(renewed), { ...sent, kind: 'parse', versions: [] });
  const pending: PendingReply = {
    ...sent,
    kind: 'describe',
    owes: 'parameters',
    prepared: undefined,
    provenance: renewed.provenance,
    policy: renewed.policy,
    added: renewed.statement && checkOf(renewed.statement)?.added,
    renewal: { prepared, renewed },
  };
  c.send(describe(target), pending);
  c.flush();
  c.block(pending);
}
