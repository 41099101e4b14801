/** What becomes of a message's names, runs and barrier once the server has answered it, or dropped it. */
import type { Conversation } from '../state/conversation.ts';
import type { Version } from '../state/names.ts';
import type { PendingReply } from '../state/pending-replies.ts';

/** Settles what a message did to names, runs and barriers, after the server has done, failed or skipped it. */
export function settle(c: Conversation, pending: PendingReply, how: 'done' | 'failed' | 'skipped'): void {
  switch (pending.kind) {
    case 'parse':
      for (const version of pending.versions) {
        // PostgreSQL drops the unnamed statement before it reads the new text.
        if (how === 'failed' && version.name === '') version.names.empty(version);
        settleVersion(version, how === 'done' || (how === 'failed' && version.name === ''));
      }
      if (how !== 'done' && pending.plan) c.plans.forget(pending.plan);
      if (how !== 'done' && pending.again) pending.again.unsent = true;
      if (pending.fallback && how !== 'done') c.trying = undefined;
      break;
    case 'bind':
    case 'close':
      for (const version of pending.versions) settleVersion(version, how === 'done');
      if (pending.kind === 'close') break;
      if (pending.fallback) c.trying = undefined;
      // Where the text cannot be sent instead, the client was told that it was parsed.
      if (pending.leftOut) settle(c, pending.leftOut, how === 'failed' && !pending.fallback ? 'done' : how);
      if (how === 'done' && pending.plan) c.plans.bound(pending.plan);
      if (how === 'done' && pending.portal) c.life.made(pending.portal);
      if (how === 'skipped' && pending.run) c.records.endLater(pending.run, 'skipped');
      break;
    case 'query':
      for (const version of pending.versions) settleVersion(version, how !== 'skipped');
      if (how === 'skipped') for (const run of pending.runs) c.records.endLater(run, 'skipped');
      break;
    case 'describe':
      if (how !== 'done') pending.provenance.askedIn = undefined;
      break;
    case 'execute':
      if (how === 'skipped' && pending.run) c.records.endLater(pending.run, 'skipped');
      if (how === 'skipped' && pending.portal && pending.begins) pending.portal.hasRun = false;
      break;
    case 'function-call':
      if (how === 'skipped' && pending.run) c.records.endLater(pending.run, 'skipped');
      break;
    case 'sync':
      break;
  }
  if (how === 'skipped') for (const run of pending.forced?.runs ?? []) c.records.endLater(run, 'skipped');
  if (c.barrier?.until === pending) c.barrier = undefined;
}

function settleVersion(version: Version<unknown>, done: boolean): void {
  if (done) version.names.settle(version);
  else version.names.takeBack(version);
}
