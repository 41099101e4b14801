/** Has the server prepare again, for another end user, what PREPARE has made: its text contains the attributes of one end user. */
import { quoteIdentifier } from '../../policy/compile/names.ts';
import { query } from '../../protocol/query.ts';
import type { PreparedForAnother } from '../end-user/statement-user.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Conversation } from '../state/conversation.ts';
import type { PendingQuery } from '../state/pending-replies.ts';
import { takeApart } from './query-steps.ts';
import { queryPending } from './refuse.ts';
import { renderFor, slotValues } from './revalidate.ts';

/** @returns whether the message must wait for that, and be taken up again. In a failed transaction nothing can be prepared. */
export function rePrepareForUser(
  c: Conversation,
  { prepared, person }: PreparedForAnother,
  policy: SessionPolicy,
): boolean {
  const { name, source, rendered } = prepared;
  if (source !== 'sql' || prepared.policy !== policy || c.status === 'E') return false;
  if (c.pending.length > 0 || c.batchOpen) return c.pending.length > 0;
  const { judgement, text } = rendered;
  const values = slotValues(policy, person);
  const at = judgement.statements.findIndex(({ kind }) => kind.kind === 'prepare' && kind.name === name);
  const alone = takeApart(rendered, values, policy)?.[at];
  if (!alone) return false;
  const forUser = { prepared, rendered: renderFor(text, judgement, policy, undefined, values) };
  const pending = queryPending(c, 'prepare', { forUser });
  c.send(query(`DEALLOCATE ${quoteIdentifier(name)}; ${alone.sent}`), pending);
  c.block(pending);
  return true;
}

/** The server has answered. */
export function rePreparedForUser(c: Conversation, { forUser, told }: PendingQuery): void {
  if (!forUser) return;
  const { prepared, rendered } = forUser;
  // Where that failed, nothing has the name any more, here or there.
  if (told) c.statements.drop((version) => version.value === prepared);
  else prepared.rendered = rendered;
}
