/** Errors for unknown names, in PostgreSQL's words, and names that cannot be known yet. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Conversation } from './conversation.ts';
import type { Version } from './names.ts';
import type { Portal } from './prepared.ts';

/** The last definition of a name is still unanswered, and a failure would bring an older one back. */
export function unsettled(c: Conversation, version: Version<unknown> | undefined): boolean {
  if (version === undefined || version.batch >= c.batch) return false;
  // A pooler takes the connection back at the end of a transaction, and the unnamed statement is lost with it.
  const mayBeLost = c.ports.pooling === 'transaction' && version.name === '' && c.pending.batchEnds > 0;
  return mayBeLost || !version.settled;
}

/** A portal that was made before something which is not answered yet, and ends portals: it may be gone by then. */
export function outlives(c: Conversation, version: Version<Portal> | undefined): boolean {
  if (version === undefined) return false;
  if (version.value && version.value.epoch < c.epoch && c.pending.length > 0) return true;
  return version.batch < c.batch && (!version.settled || c.pending.batchEnds > 0);
}

/** PostgreSQL's error 26000. */
export function statementUnknown(name: string): Refusal {
  return refusal(
    'unsupported',
    '26000',
    name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`,
  );
}

/** PostgreSQL's error 34000. */
export function portalUnknown(name: string): Refusal {
  return refusal('unsupported', '34000', `portal "${name}" does not exist`);
}

/** PostgreSQL's error 34000. */
export function cursorUnknown(name: string): Refusal {
  return refusal('unsupported', '34000', `cursor "${name}" does not exist`);
}
