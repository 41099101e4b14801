/**
 * SET LOCAL of a token, inside a transaction block: the server would do nothing but say so, at a fifth of what a short transaction costs it. It is
 * left out of what is sent, and told to be complete where the server has come to it; a message that is nothing else is answered here.
 */
import type { Judgement } from '../../guard/decision.ts';
import { commandComplete } from '../../protocol/command-complete.ts';
import { readyForQuery, type TransactionStatus } from '../../protocol/ready-for-query.ts';
import { applyEdits } from '../../sql/text/edits.ts';
import { tokenChangeOf } from '../end-user/statement-user.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import type { PendingQuery } from '../state/pending-replies.ts';
import { applyNames } from '../state/sql-names.ts';
import { unnamedDropped } from './refuse.ts';
import type { Rendered } from './render.ts';

export interface Shortened {
  readonly judgement: Judgement;
  /** By statement. */
  readonly unsent: readonly boolean[];
}

/**
 * @param status of the transaction before the message; undefined if an outstanding answer may change it. @returns undefined if all of it must be
 * sent.
 */
export function withoutTokenSettings(
  text: string,
  judgement: Judgement,
  status: TransactionStatus | undefined,
): Shortened | undefined {
  const { statements } = judgement;
  if (status === 'E' || !statements.some(({ kind }) => tokenChangeOf(kind)?.local)) return undefined;
  // Outside of a block the server warns, and in a failed transaction it refuses.
  let inside = status === 'T';
  const unsent = statements.map(({ kind, command }) => {
    if (kind.kind === 'transaction') inside = kind.action === 'begin' || (inside && !ENDS.has(kind.action));
    return inside && command === 'SET' && tokenChangeOf(kind)?.local === true;
  });
  if (!unsent.includes(true)) return undefined;
  // What counts as left out is taken out of the very text that is sent, whether the judgement has an edit there or not: else the
  // server's answers would be taken for those of other statements.
  const out = statements.flatMap(({ extent }, at) => (unsent[at] ? [extent] : []));
  const places = out.flatMap((extent) => (extent ? [{ ...extent, text: [] }] : []));
  if (places.length < out.length) return undefined;
  const others = judgement.edits.filter(({ start, end }) =>
    places.every((place) => end <= place.start || start >= place.end),
  );
  const edits = [...others, ...places].sort((a, b) => a.start - b.start);
  return { judgement: { ...judgement, edits, template: applyEdits(text, edits) }, unsent };
}

const ENDS: ReadonlySet<string> = new Set(['commit', 'rollback', 'prepared']);

/** The server has come to the next of the sent statements, or to the end: everything before it is complete. */
export function completeUnsent(c: Conversation, query: PendingQuery): void {
  for (let run = query.runs[query.at]; run?.unsent; run = query.runs[query.at]) {
    query.at += 1;
    if (!query.cut && query.rendered) complete(c, run, query.rendered);
  }
}

/** Answers instead of the server, as the server would: the transaction goes on. */
export function answerHere(c: Conversation, runs: readonly Execution[], rendered: Rendered): void {
  // As every Query.
  for (const version of unnamedDropped(c)) version.names.settle(version);
  c.batch += 1;
  for (const run of runs) complete(c, run, rendered);
  c.toClient.add(readyForQuery(c.status));
}

function complete(c: Conversation, run: Execution, rendered: Rendered): void {
  c.toClient.add(commandComplete('SET'));
  applyNames(c, run, rendered, 'SET');
  c.records.end(run, 'ok');
}
