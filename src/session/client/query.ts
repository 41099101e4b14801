/** Query: the simple protocol, judged, recorded and sent. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Judgement, StatementJudgement } from '../../guard/decision.ts';
import { unreadable } from '../../guard/unreadable.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { MalformedMessage } from '../../protocol/protocol-error.ts';
import { decodeQuery } from '../../protocol/query.ts';
import type { Steps } from '../../sql/parse/work-limit.ts';
import { type AdmissionGrant, askedFor } from '../admission/admission.ts';
import { prepaymentsOf } from '../admission/prepayment.ts';
import { least, mostOf, NO_LIMIT, statementLimits } from '../admission/statement-meter.ts';
import {
  type EndUserQuestion,
  endUsersOf,
  isFilledAt,
  needEndUsers,
  WITHOUT_END_USER,
} from '../end-user/statement-user.ts';
import type { SessionPolicy } from '../ports.ts';
import { NOTHING_JUDGED, notRecorded } from '../recorder.ts';
import { answerOf } from '../results/answer-for.ts';
import { endPlans, planOfQuery, type QueryByPlan, sendByPlan } from '../reuse/by-plan.ts';
import { noPolicy } from '../server/session-ends.ts';
import type { Conversation, Recording } from '../state/conversation.ts';
import type { Execution, ExecutionRules } from '../state/execution.ts';
import { cuttable, rulesOf, rulesWithWrites, type StatementTraits, traitsOf } from '../state/execution-rules.ts';
import { cannotMovePath } from '../state/path-moves.ts';
import { cannotTakeOut, checkOf } from '../state/row-check.ts';
import { isBounded, isRead, type ResolvedNames, resolveNames } from '../state/sql-names.ts';
import { sendConverted } from './conversion.ts';
import { judged } from './judging.ts';
import { answerHere, withoutTokenSettings } from './local-answers.ts';
import { fillsOf, withOwnArguments } from './own-arguments.ts';
import { sentOfQuery } from './planned-text.ts';
import { needsStatus, notTogether, planQuery, type QueryPlan } from './query-plan.ts';
import { sendStep, sendWrapped, stepsOf, takeApart } from './query-steps.ts';
import { rePrepareForUser } from './re-prepare-for-user.ts';
import { decideRefusal, ownWords, refuseQuery, textTooLong } from './refuse.ts';
import type { Rendered } from './render.ts';
import { renderFor, slotValues, valuesFor } from './revalidate.ts';

/** One statement of the message, with all that was found out about it. */
interface Part {
  readonly statement: StatementJudgement;
  readonly nature: StatementTraits;
  readonly watch: ExecutionRules;
  readonly resolved: ResolvedNames;
}

/** Decisions that are recorded between two looks at the clock. */
const BETWEEN_LOOKS = 16;

/** @returns false where the message must wait for the server, or for the session's next turn. */
export function takeQuery(c: Conversation, frame: Frame): boolean {
  const policy = c.policy();
  if (!policy) {
    c.end(noPolicy());
    return true;
  }
  const { recording } = c;
  if (recording?.policy === policy) return goOn(c, recording);
  // Another policy has come into force: nothing was sent by the old one.
  if (recording) c.dropRecording();
  if (!frame.last) return refuseUnread(c, policy, textTooLong());
  let text: string;
  try {
    text = decodeQuery(frame.bytes);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    return refuseUnread(c, policy, refusal('syntax', error.sqlstate, error.message));
  }
  const judgement = judged(c, policy, text);
  if (judgement === 'wait') return false;
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
  const cannot = cannotMovePath(c, statements);
  if (cannot) {
    const subject = { statement: statements[0]!, judgement, policy, text };
    refuseQuery(c, decideRefusal(c, subject, cannot), statements.length > 1);
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
  const filled = withOwnArguments(judgement, text, fillsOf(names.of));
  const parts = statements.map((statement, at): Part => partOf(statement, names.of[at]!, policy, text));
  const whose = needEndUsers(policy, statements)
    ? endUsersOf(c, policy, asked(parts, filled, policy))
    : WITHOUT_END_USER;
  if (whose === 'wait') return false;
  if ('refuse' in whose) {
    const forUser = whose.forUser && rePrepareForUser(c, whose.forUser, policy);
    if (forUser) return false;
    const subject = { statement: statements[whose.at]!, judgement, policy, text };
    refuseQuery(c, decideRefusal(c, subject, whose.refuse), statements.length > 1);
    return true;
  }
  return sendQuery(c, frame, { text, judgement: filled, policy, whose }, parts);
}

function partOf(statement: StatementJudgement, resolved: ResolvedNames, policy: SessionPolicy, text: string): Part {
  const nature = traitsOf(statement, policy, resolved.inner);
  const watched = rulesOf(statement.kind, nature, policy, undefined, checkOf(statement, resolved.inner));
  const words = resolved.runs?.rendered.text ?? text;
  const watch = rulesWithWrites(watched, nature, statement, resolved.inner, policy, words);
  return { statement, nature, watch, resolved };
}

function asked(parts: readonly Part[], judgement: Judgement, { role }: SessionPolicy): EndUserQuestion[] {
  return parts.map(({ statement, nature, resolved: { inner, here, madeFor, runs } }, at) => {
    return { statement, inner, nature, filled: isFilledAt(judgement, at, role, here === true), madeFor, runs };
  });
}

/** A message that was judged. */
interface Message {
  readonly text: string;
  readonly judgement: Judgement;
  readonly policy: SessionPolicy;
  readonly whose: typeof WITHOUT_END_USER;
}

function sendQuery(c: Conversation, frame: Frame, message: Message, parts: readonly Part[]): boolean {
  const { judgement, text, policy, whose } = message;
  const { person } = whose;
  const statements = parts.map(({ statement, nature, watch, resolved }) => ({
    kind: statement.kind,
    cuttable: cuttable(watch),
    pure: nature.pure,
    runsUserCode: (resolved.inner ?? statement).runsUserCode === true,
  }));
  const needs = needsStatus(statements);
  if (needs && c.pending.batchEnds > 0) return false;
  // A parameter in a Query is an error of analysis, whatever else the statement would do.
  const fails = parts.length === 1 && judgement.parameters > 0;
  const planned = fails ? 'plain' : planQuery(statements, c.status);
  const inTurn = planned === 'in-turn' || planned === 'wrapped-in-turn';
  const divisible = !inTurn || takeApart(message, slotValues(policy, person), policy) !== undefined;
  const untold = needs && c.batchHasControl ? unsynced() : undefined;
  const plan = untold ?? (divisible ? planned : notTogether());
  if (typeof plan !== 'string') {
    const subject = { statement: parts[0]!.statement, judgement, policy, text, person: whose.of[0]?.person };
    refuseQuery(c, decideRefusal(c, subject, plan), parts.length > 1);
    return true;
  }
  const wanted = parts.map(({ statement, resolved }) => askedFor(statement, resolved.inner));
  const sent = (at: number) => sentOfQuery(c, message, at, parts[at]!.resolved, person);
  const prepaid = (at: number) => {
    const { statement, resolved } = parts[at]!;
    return prepaymentsOf({ statement, inner: resolved.inner, text, bound: undefined }, policy);
  };
  const admitted = c.admission.ask(policy, wanted, prepaid, sent, whose.of);
  if (admitted === 'wait') return false;
  if (admitted.kind === 'refused') {
    const { statement } = parts[admitted.at]!;
    const subject = { statement, judgement, policy, text, person: whose.of[admitted.at]?.person };
    refuseQuery(c, decideRefusal(c, subject, admitted.refusal, admitted), parts.length > 1);
    return true;
  }
  const paid = parts.map((part, at) => paidBy(part, admitted.of[at]!));
  const runs: Execution[] = [];
  c.recording = { policy, runs, steps: recordAndSend(c, frame, message, plan, paid, runs) };
  return goOn(c, c.recording);
}

/** Goes on with what is recorded, and sends it. @returns false: others are served before the rest. */
function goOn(c: Conversation, { steps }: Recording): boolean {
  for (let step = steps.next(); !step.done; step = steps.next()) if (c.mustYield()) return false;
  return true;
}

/** Records the admitted statements, and sends them. */
function* recordAndSend(
  c: Conversation,
  frame: Frame,
  message: Message,
  plan: QueryPlan,
  parts: readonly PaidPart[],
  runs: Execution[],
): Steps<void> {
  const { judgement, text, policy, whose } = message;
  const values = valuesFor(policy, whose.person, mostShown(parts, policy));
  const status = c.pending.length > 0 || c.batchOpen ? undefined : c.status;
  const shortened = plan === 'plain' ? withoutTokenSettings(text, judgement, status) : undefined;
  const rendered = renderFor(text, shortened?.judgement ?? judgement, policy, undefined, values);
  const complete = yield* record(c, rendered, parts, plan === 'converted', message, runs);
  c.recording = undefined;
  c.admission.sent();
  if (!complete) {
    refuseQuery(c, ownWords(c, notRecorded(), runs), parts.length > 1);
    return;
  }
  if (shortened?.unsent.every((unsent) => unsent)) {
    answerHere(c, runs, rendered);
    return;
  }
  const reusable = mayRunByPlan(parts, judgement);
  for (const [at, run] of runs.entries()) run.unsent = shortened?.unsent[at] === true;
  switch (plan) {
    case 'plain':
    case 'wrapped': {
      const step = { rendered, runs, wrapped: plan === 'wrapped', next: undefined };
      const asText = () => sendStep(c, step);
      const by = plan === 'plain' && reusable && !shortened ? planOfQuery(c, rendered, values, asText) : undefined;
      if (by) sendByPlan(c, by, runs[0]!);
      else if (step.wrapped) sendWrapped(c, step);
      else sendStep(c, step, rendered.sent === text ? frame.bytes : undefined);
      break;
    }
    case 'converted': {
      const send = (by?: QueryByPlan) => sendConverted(c, rendered, parts[0]!.watch, runs[0]!, by);
      send(reusable ? planOfQuery(c, rendered, values, send) : undefined);
      break;
    }
    case 'in-turn':
      sendStep(c, stepsOf(takeApart(message, values, policy)!, runs, false)!);
      break;
    case 'wrapped-in-turn':
      sendWrapped(c, stepsOf(takeApart(message, values, policy)!, runs, true)!);
      break;
  }
}

/** One statement that means the same later; a parameter in a Query is an error. */
function mayRunByPlan(parts: readonly Part[], { parameters }: Judgement): boolean {
  return parts.length === 1 && parts[0]!.statement.reusable === true && parameters === 0;
}

/** A statement that was admitted. */
interface PaidPart extends Part {
  readonly rowsLeft: number | undefined;
  readonly grant: AdmissionGrant;
}

/** Limits of one statement apply, even with a permit, if a LIMIT that enforces them was sent before: a short result would look complete. */
function paidBy(part: Part, grant: AdmissionGrant): PaidPart {
  const { account, rowsLeft } = grant;
  const { statement, nature, watch, resolved } = part;
  // Each member by its name: V8 copies what is spread member by member.
  if (account === undefined) return { statement, nature, watch, resolved, rowsLeft, grant };
  const free = resolved.most === undefined;
  return { ...part, rowsLeft, grant, watch: { ...watch, account, limits: free ? undefined : watch.limits } };
}

/** For the LIMIT, which is the same for all statements of the message: of the one that may show most. undefined: no matter how many. */
function mostShown(parts: readonly PaidPart[], policy: SessionPolicy): number | undefined {
  let most: number | undefined;
  for (const part of parts) {
    const { statement, nature, watch, rowsLeft } = part;
    const { kind } = statement;
    if (!isRead(kind) && !givesLimit(part)) continue;
    // What is prepared runs later.
    const prepares = kind.kind === 'prepare';
    if (!prepares && !nature.metered) continue;
    const shown = prepares ? statementLimits(policy)?.rows : least(watch.limits?.rows, rowsLeft);
    if (shown === undefined) return undefined;
    most = Math.max(most ?? 0, shown);
  }
  return most;
}

/** It runs what Parse has prepared, and gives it the row limit as an argument. */
function givesLimit({ statement, resolved: { runs } }: Part): boolean {
  return statement.kind.kind === 'execute' && runs?.rendered.added.some(({ slot }) => slot.kind === 'limit') === true;
}

/**
 * INVARIANT 80: a decision for each statement is in the log before any of them is sent.
 * @param of takes those that are recorded. @returns whether all of them are.
 */
function* record(
  c: Conversation,
  rendered: Rendered,
  parts: readonly PaidPart[],
  converted: boolean,
  { policy, whose }: Message,
  of: Execution[],
): Steps<boolean> {
  for (const [at, part] of parts.entries()) {
    const { statement, watch, resolved, rowsLeft, grant } = part;
    const limited = givesLimit(part) || (isRead(statement.kind) && isBounded(rendered));
    // A row count goes with what is converted.
    const counted = converted && watch.taken && rowsLeft !== undefined ? resolved.usage.rows + rowsLeft : undefined;
    const most = least(limited ? mostOf(rendered.limit ?? NO_LIMIT) : resolved.most, counted);
    const bounded = most !== undefined || (converted && watch.limits?.rows !== undefined);
    const { person, change } = whose.of[at] ?? {};
    const { text, judgement } = rendered;
    const subject = { statement, judgement, policy, text, runs: resolved.runs, person };
    const run = c.records.decide(subject, watch, resolved.usage, bounded);
    if (!run) return false;
    run.most = most;
    run.runsUserCode = (resolved.inner ?? statement).runsUserCode === true;
    run.tokenChange = change;
    endPlans(c, policy, statement, resolved.inner);
    // What is converted has no formats in its Bind: text, as a Query.
    const { extent } = statement;
    run.answer = answerOf(c, run, grant, {
      statement: resolved.inner ?? statement,
      formats: converted ? [] : 'described',
      // Of a cursor what comes next depends on what came before.
      // INVARIANT 131: what the message itself has prepared stands before it, so the same EXECUTE may be another question.
      text:
        statement.kind.kind === 'fetch'
          ? undefined
          : rendered.text.slice(resolved.here ? 0 : extent?.start, extent?.end),
      prepared: resolved.runs?.rendered.text,
      bound: undefined,
    });
    run.waited = of.length === 0 ? c.admission.waited : 0;
    of.push(run);
    if (of.length % BETWEEN_LOOKS === 0) yield;
  }
  return true;
}

function refuseUnread(c: Conversation, policy: SessionPolicy, reason: Refusal): boolean {
  const subject = { statement: unreadable(reason), judgement: NOTHING_JUDGED, policy, text: '' };
  refuseQuery(c, decideRefusal(c, subject, reason), false);
  return true;
}

/** For the log, a text without a known statement is one statement. */
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
    { hint: 'Send Sync first, or the statements one by one.' },
  );
}
