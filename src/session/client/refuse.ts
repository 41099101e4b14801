/**
 * A refusal is sent as a message that is bound to fail, instead of the refused one: so the server itself decides what happens to the batch and the
 * transaction, and only its error is replaced. Which message must fail depends on the refused one.
 */
import { REASONS } from '../../core/reasons.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { ErrorFields } from '../../protocol/error-response.ts';
import { functionCallBoundToFail } from '../../protocol/function-call.ts';
import { parse } from '../../protocol/parse.ts';
import { query } from '../../protocol/query.ts';
import { MAX_STATEMENT_BYTES } from '../../sql/parse/parse.ts';
import type { NotAdmitted } from '../admission/admission.ts';
import { endUserOf } from '../end-user/statement-user.ts';
import { notRecorded, type RecordedStatement } from '../recorder.ts';
import { Provenance } from '../server/provenance.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution, ExecutionRules } from '../state/execution.ts';
import type { Version } from '../state/names.ts';
import type { Conversion, Forced, PendingQuery } from '../state/pending-replies.ts';
import { privateName } from '../state/private-name.ts';
import { refusalResponse } from './refusal-response.ts';

/** Its analysis fails: there is no such column. In a failed transaction the server's own 25P02 comes first, and is kept. */
function textBoundToFail(id: string): string {
  return `SELECT "${privateName(id)}"`;
}

/** Of what shows nothing. */
export const UNWATCHED: ExecutionRules = {
  limits: undefined,
  input: undefined,
  verifies: undefined,
  provenance: new Provenance(),
};

/** Records a decision to refuse, and returns the client's error. If it cannot be recorded, the error says so: the statement is refused either way. */
export function decideRefusal(
  c: Conversation,
  subject: RecordedStatement,
  refusal: Refusal,
  why: Pick<NotAdmitted, 'limit' | 'effect'> = {},
): Forced {
  const person = subject.person ?? endUserOf(c, subject.policy);
  const { run, written } = c.records.refuse({ ...subject, person }, refusal, UNWATCHED, why);
  if (REASONS[refusal.reason].countsTowardsLock) c.ports.budget.event(subject.policy, 'refusal', person?.user);
  const shown = written ? refusal : notRecorded();
  return { id: run.id, known: 'by id', refusal: shown, decision: run.id, runs: [run] };
}

/** What PostgreSQL would have said itself: not a decision of the policy, and nothing would have run. */
export function ownWords(c: Conversation, refusal: Refusal, runs: readonly Execution[] = []): Forced {
  return { id: c.ports.newId(), known: 'by id', refusal, decision: undefined, runs };
}

/** Of a text so long that it is not even held. */
export function textTooLong(): Refusal {
  return refusal('too-large', '54000', `statement is too long: at most ${MAX_STATEMENT_BYTES} bytes are read`, {
    hint: 'Give large values as parameters, or by COPY.',
  });
}

/** Replaces a Query. `several`: no part of the message may run, not even a leading ROLLBACK, so the text must not parse. */
export function refuseQuery(c: Conversation, forced: Forced, several: boolean): void {
  const text = several ? privateName(forced.id) : textBoundToFail(forced.id);
  const pending = queryPending(c, 'client', { forced, versions: unnamedDropped(c) });
  c.send(query(text), pending);
  c.block(pending);
}

/** Makes a transaction fail about which the client has been told already. */
export function failTransaction(c: Conversation): void {
  const id = c.ports.newId();
  const forced: Forced = { id, known: 'by id', refusal: undefined, decision: undefined, runs: [] };
  const pending = queryPending(c, 'fail', { forced });
  c.send(query(textBoundToFail(id)), pending);
  c.block(pending);
}

/**
 * Replaces a Parse, Bind or Execute. The server will skip the rest of the batch, so it is dropped here. @param unnamed the refused message is a Parse
 * of the unnamed statement: the one before it must be gone, as with PostgreSQL.
 */
export function refuseExtended(
  c: Conversation,
  forced: Forced,
  { unnamed = false, conversion }: { unnamed?: boolean; conversion?: Conversion | undefined } = {},
): void {
  const name = unnamed ? '' : privateName(forced.id);
  const versions = unnamed ? [c.statements.define('', undefined, c.batch)] : [];
  const pending = {
    kind: 'parse',
    batch: c.batch,
    own: false,
    versions,
    forced,
    conversion,
  } as const;
  c.send(parse({ name, text: textBoundToFail(forced.id), types: [] }), pending);
  if (conversion) c.block(pending);
  else c.skipping = true;
}

/** Replaces a FunctionCall: a Query would drop the unnamed statement. */
export function refuseFunctionCall(c: Conversation, forced: Forced): void {
  const pending = {
    kind: 'function-call',
    batch: c.batch,
    own: false,
    forced: { ...forced, known: 'by 42883' },
    run: undefined,
  } as const;
  c.send(functionCallBoundToFail(), pending);
  c.block(pending);
}

export function queryPending(
  c: Conversation,
  part: PendingQuery['part'],
  extras: Partial<PendingQuery> = {},
): PendingQuery {
  return {
    kind: 'query',
    batch: c.batch,
    own: part !== 'client',
    part,
    versions: [],
    runs: [],
    at: 0,
    begun: false,
    wrapped: false,
    cut: undefined,
    told: false,
    heldComplete: undefined,
    next: undefined,
    commits: false,
    committed: false,
    ...extras,
  };
}

/** A Query drops the unnamed statement and, unless it is empty, the unnamed portal. */
export function unnamedDropped(c: Conversation): Version<unknown>[] {
  return [c.statements.define('', undefined, c.batch), c.portals.define('', undefined, c.batch)];
}

/** INVARIANT 86: only the error that quotes our id is replaced; any other error that comes first is kept. */
export function isForced(forced: Forced, fields: ErrorFields): boolean {
  if (forced.known === 'by 42883') return fields.get('C') === '42883';
  return (fields.get('M') ?? '').includes(forced.id);
}

/** Tells the client why, where it does not know yet. */
export function tellForced(c: Conversation, forced: Forced): void {
  const { refusal, decision, runs } = forced;
  if (refusal) c.toClient.add(refusalResponse(refusal, decision));
  const [first, ...others] = runs;
  if (first) c.records.end(first, first.cut ? 'cut' : 'refused', { sqlstate: refusal?.sqlstate });
  for (const run of others) c.records.endLater(run, 'skipped');
}
