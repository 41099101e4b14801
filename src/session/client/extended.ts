/** What the extended protocol's messages have in common: names that are not known, and messages that cannot be read. */
import { refusal } from '../../core/refusal.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { MalformedMessage } from '../../protocol/protocol-error.ts';
import type { SessionPolicy } from '../ports.ts';
import { noPolicy } from '../server/session-ends.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Forced, PendingReply } from '../state/pending-replies.ts';
import { ownWords, refuseExtended } from './refuse.ts';

/** Handles one extended message. @returns false where it must wait for the server. */
export function takeExtended(
  c: Conversation,
  frame: Frame,
  take: (c: Conversation, frame: Frame, policy: SessionPolicy) => boolean,
): boolean {
  const policy = c.policy();
  if (!policy) {
    c.end(noPolicy());
    return true;
  }
  try {
    return take(c, frame, policy);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    refuseExtended(c, ownWords(c, refusal('syntax', error.sqlstate, error.message)));
    return true;
  }
}

/** INVARIANT 31: an unknown name is never sent to the server: it could be a statement that was not judged. */
export function sendUnknown(c: Conversation, bytes: Uint8Array, pending: PendingReply & { forced: Forced }): true {
  c.send(bytes, pending);
  c.skipping = true;
  return true;
}
