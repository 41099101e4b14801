/** Names that stand for nothing that we know, in PostgreSQL's words, and names of which we cannot know yet. */
import { type Refusal, refusal } from '../errors.ts';
import type { Conversation } from './conversation.ts';
import type { Version } from './names.ts';

/** The last definition of a name is still unanswered, and a failure would bring an older one back. */
export function unsettled(c: Conversation, version: Version<unknown> | undefined): boolean {
  return version !== undefined && !version.settled && version.batch < c.batch;
}

export function statementUnknown(name: string): Refusal {
  return refusal(
    'unsupported',
    '26000',
    name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`,
  );
}

export function portalUnknown(name: string): Refusal {
  return refusal('unsupported', '34000', `portal "${name}" does not exist`);
}

export function cursorUnknown(name: string): Refusal {
  return refusal('unsupported', '34000', `cursor "${name}" does not exist`);
}
