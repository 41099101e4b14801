/** Query: the simple protocol, judged, recorded and sent. */
import { type Refusal, refusal } from '../errors.ts';
import type { Judgement, StatementJudgement } from '../guard/decision.ts';
import { unreadable } from '../guard/unreadable.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { MalformedMessage } from '../wire/protocol-error.ts';
import { decodeQuery } from '../wire/query.ts';
import { type Conversation, noPolicy } from './conversation.ts';
import { sendConverted } from './conversion.ts';
import type { SessionPolicy } from './ports.ts';
import { needsStatus, notTogether, planQuery } from './query-plan.ts';
import { NOTHING_JUDGED, notRecorded } from './records.ts';
import { decideRefusal, ownWords, refuseQuery, textTooLong } from './refuse.ts';
import type { Rendered } from './render.ts';
import { renderFor } from './renewal.ts';
import { cannotTakeOut, checkOf } from './row-check.ts';
import type { Run, Watch } from './run.ts';
import { isBounded, isRead, type Resolved, resolveNames } from './sql-names.ts';
import { sendStep, sendWrapped, stepsOf, takeApart } from './steps.ts';
import { cuttable, type Nature, natureOf, watchOf } from './watching.ts';

/** One statement of the message, with all that was found out about it. */
interface Part {
  readonly statement: StatementJudgement;
  readonly nature: Nature;
  readonly watch: Watch;
  readonly resolved: Resolved;
}

/** @returns false where the message must wait for the server. */
export function takeQuery(c: Conversation, frame: Frame): boolean {
  const policy = c.policy();
  if (!policy) {
    c.end(noPolicy());
    return true;
  }
  if (!frame.last) return refuseUnread(c, policy, textTooLong());
  let text: string;
  try {
    text = decodeQuery(frame.bytes);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    return refuseUnread(c, policy, refusal('syntax', error.sqlstate, error.message));
  }
  const judgement = policy.judge(text);
  const statements = judgedStatements(judgement);
  const refused = statements.find((statement) => statement.refusal) ?? statements[0];
  if (judgement.effect === 'refuse') {
    const reason = judgement.refusal!;
    refuseQuery(
      c,
      decideRefusal(c, { statement: refused ?? unreadable(reason), judgement, policy, text }, reason),
      statements.length > 1,
    );
    return true;
  }
  const misplaced = cannotTakeOut(statements);
  if (misplaced) {
    const subject = { statement: statements[0]!, judgement, policy, text };
    refuseQuery(c, decideRefusal(c, subject, misplaced), statements.length > 1);
    return true;
  }
  const names = resolveNames(c, statements, policy);
  if (names === 'wait') return false;
  if ('refuse' in names) {
    const subject = { statement: statements[names.at]!, judgement, policy, text, fault: names.fault };
    const known = names.refuse.sqlstate === '26000' || names.refuse.sqlstate === '34000';
    refuseQuery(c, known ? ownWords(c, names.refuse) : decideRefusal(c, subject, names.refuse), statements.length > 1);
    return true;
  }
  const parts = statements.map((statement, at): Part => partOf(statement, names.of[at]!, policy));
  return sendQuery(c, frame, renderFor(text, judgement, policy, undefined), parts, policy);
}

function partOf(statement: StatementJudgement, resolved: Resolved, policy: SessionPolicy): Part {
  const nature = natureOf(statement.kind, policy, resolved.inner?.kind);
  const watch = watchOf(statement.kind, nature, policy, undefined, checkOf(statement, resolved.inner));
  return { statement, nature, watch, resolved };
}

function sendQuery(
  c: Conversation,
  frame: Frame,
  rendered: Rendered,
  parts: readonly Part[],
  policy: SessionPolicy,
): boolean {
  const { judgement, text } = rendered;
  const statements = parts.map(({ statement, nature, watch }) => ({
    kind: statement.kind,
    cuttable: cuttable(watch),
    pure: nature.pure,
  }));
  const needs = needsStatus(statements);
  if (needs && c.pending.batchEnds > 0) return false;
  // A parameter in a Query is an error of analysis, whatever else the statement would do.
  const fails = parts.length === 1 && judgement.parameters > 0;
  const planned = fails ? 'plain' : planQuery(statements, c.status);
  const apart = planned === 'in-turn' ? takeApart(rendered, policy) : undefined;
  const untold = needs && c.batchHasControl ? unsynced() : undefined;
  const plan = untold ?? (planned === 'in-turn' && !apart ? notTogether() : planned);
  if (typeof plan !== 'string') {
    const subject = { statement: parts[0]!.statement, judgement, policy, text };
    refuseQuery(c, decideRefusal(c, subject, plan), parts.length > 1);
    return true;
  }
  const runs = record(c, rendered, parts, plan === 'converted', policy);
  if (!runs.complete) {
    refuseQuery(c, ownWords(c, notRecorded(), runs.of), parts.length > 1);
    return true;
  }
  switch (plan) {
    case 'plain':
    case 'wrapped': {
      const step = { rendered, runs: runs.of, wrapped: plan === 'wrapped', next: undefined };
      if (step.wrapped) sendWrapped(c, step);
      else sendStep(c, step, rendered.sent === text ? frame.bytes : undefined);
      break;
    }
    case 'converted':
      sendConverted(c, rendered, parts[0]!.watch, runs.of[0]!);
      break;
    case 'in-turn':
      sendStep(c, stepsOf(apart!, runs.of)!);
      break;
  }
  return true;
}

/** INVARIANT: a decision for each statement is in the log before any of them is sent. */
function record(
  c: Conversation,
  rendered: Rendered,
  parts: readonly Part[],
  converted: boolean,
  policy: SessionPolicy,
): { complete: boolean; of: Run[] } {
  const of: Run[] = [];
  for (const { statement, watch, resolved } of parts) {
    const limited = isRead(statement.kind) && isBounded(rendered);
    const bounded = limited || resolved.bounded || (converted && watch.limits?.rows !== undefined);
    const subject = { statement, judgement: rendered.judgement, policy, text: rendered.text };
    const run = c.records.decide(subject, watch, resolved.usage, bounded);
    if (!run) return { complete: false, of };
    of.push(run);
  }
  return { complete: true, of };
}

function refuseUnread(c: Conversation, policy: SessionPolicy, reason: Refusal): boolean {
  const subject = { statement: unreadable(reason), judgement: NOTHING_JUDGED, policy, text: '' };
  refuseQuery(c, decideRefusal(c, subject, reason), false);
  return true;
}

/** A text of which no statement is known is one all the same, for the log. */
function judgedStatements(judgement: Judgement): readonly StatementJudgement[] {
  if (judgement.statements.length > 0) return judgement.statements;
  const reason = judgement.refusal ?? judgement.would?.refusal;
  return reason ? [unreadable(reason)] : [];
}

function unsynced(): Refusal {
  return refusal(
    'unsupported',
    '0A000',
    'several statements in one message cannot follow transaction control without Sync',
  );
}
