/**
 * Runs a statement by a plan that the guard has prepared at the server. Only while the server is idle, so that a plan that cannot be bound has had no
 * effect, and the original text is sent instead: in every error case the client sees what it would see without plans. In a transaction a savepoint
 * comes first.
 */
import type { StatementJudgement } from '../../guard/decision.ts';
import { isGuarded } from '../../policy/model/is-guarded.ts';
import { type Bind, bind, decodeBind } from '../../protocol/bind.ts';
import { close, describe } from '../../protocol/describe.ts';
import { execute } from '../../protocol/execute.ts';
import { parse } from '../../protocol/parse.ts';
import { sync } from '../../protocol/simple-frontend.ts';
import { toldTypesOf } from '../client/parse.ts';
import { unnamedDropped } from '../client/refuse.ts';
import { type Rendered, renderLiterals, type SlotValues } from '../client/render.ts';
import type { PlanUse } from '../log-entries.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Conversation, WithheldParse } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import type { Conversion, PendingBind, PendingParse, PendingReply, PendingSync } from '../state/pending-replies.ts';
import type { Prepared } from '../state/prepared.ts';
import type { FoundPlan, Place } from './known-plans.ts';
import { type WithParameters, withParameters } from './literals.ts';
import { releaseSavepoint, setSavepoint } from './savepoint.ts';

/** What a Bind of the unnamed statement runs by. */
export interface BoundPlan extends FoundPlan {
  /** With the guard's values in the text: the server plans with them. */
  readonly rendered: Rendered;
  readonly types: readonly number[];
  readonly parse: WithheldParse;
}

/** @returns undefined if its own Parse is to be sent. */
export function planOf(c: Conversation, prepared: Prepared, values: SlotValues): BoundPlan | undefined {
  const parse = c.withheld;
  if (parse?.prepared !== prepared || c.status === 'E' || c.pending.length > 0) return undefined;
  // If the client already has the answer to its Parse, another batch may be open.
  if (parse.pending.again && c.batchOpen) return undefined;
  const { text, judgement, added } = prepared.rendered;
  const rendered = added.length === 0 ? prepared.rendered : renderLiterals(text, judgement, values);
  const types = toldTypesOf(prepared);
  const found = c.plans.find(rendered.sent, types, placeOf(c, prepared.statement!, rendered.sent));
  return found && { rendered, types, parse, plan: found.plan, isNew: found.isNew, mayLose: found.mayLose };
}

/** A text that is shorter is parsed and planned as soon as a savepoint is set and released. */
const SHORT = 200;

function placeOf({ status }: Conversation, { kind }: StatementJudgement, sent: string): Place {
  return { inTransaction: status === 'T', isShort: kind.kind === 'read' && sent.length < SHORT };
}

/** @param message of the client, with the formats of the result as the server is to have them. */
export function sendBound(c: Conversation, by: BoundPlan, message: Bind, pending: PendingBind): void {
  const { plan, isNew, mayLose, rendered, types } = by;
  const { prepared, pending: parsing } = by.parse;
  c.withheld = undefined;
  prepared.unsent = true;
  closeGone(c);
  if (pending.portal) pending.portal.plan = useOf(isNew);
  const { own, versions, again } = parsing;
  const parsed: PendingParse = { kind: 'parse', batch: c.batch, own, versions, rendered, again };
  const bytes = bindTo(plan.name, message);
  if (isNew) {
    // The server refuses it as it would refuse the client's own, since the text is the same; once it is parsed its tables are locked.
    parsed.plan = plan;
    c.send(parse({ name: plan.name, text: rendered.sent, types }), parsed);
    c.send(bytes, pending);
    return;
  }
  pending.leftOut = parsed;
  if (c.status === 'T' && !mayLose) {
    c.send(bytes, pending);
    return;
  }
  if (mayLose) setSavepoint(c, undefined);
  pending.fallback = {
    kind: 'bind',
    plan,
    mayLose,
    parse: parsed,
    parseBytes: () => parse({ name: '', text: rendered.sent, types }),
    // The client's own message was the socket's.
    bindBytes: () => bindTo('', decodeBind(bytes)),
  };
  c.trying = 'bind';
  c.send(bytes, pending);
  if (mayLose) releaseSavepoint(c, undefined);
}

function useOf(isNew: boolean): PlanUse {
  return isNew ? 'prepared' : 'reused';
}

function bindTo(statement: string, { portal, formats, valueCount, values, resultFormats }: Bind): Uint8Array {
  return bind({ portal, statement, formats, valueCount, values, resultFormats });
}

/** The unnamed statement is named, and the server does not have it. */
export function withholdAgain(c: Conversation, prepared: Prepared, bytes: () => Uint8Array): void {
  if (!prepared.unsent || c.withheld) return;
  const { rendered } = prepared;
  const pending = { kind: 'parse', batch: c.batch, own: true, versions: [], rendered, again: prepared } as const;
  c.withheld = { prepared, bytes, pending };
}

/** What a Query runs by. */
export interface QueryByPlan extends FoundPlan {
  readonly asked: WithParameters;
  /** Sends it without a plan. */
  readonly send: () => void;
}

/** @param send sends the Query without a plan. @returns undefined if that is to be done. */
export function planOfQuery(
  c: Conversation,
  rendered: Rendered,
  slots: SlotValues,
  send: () => void,
): QueryByPlan | undefined {
  if (!c.rests || !c.plans.isOn) return undefined;
  const [statement] = rendered.judgement.statements;
  const asked = withParameters(rendered, statement!, slots) ?? { rendered, types: [], values: [] };
  const found = c.plans.find(asked.rendered.sent, asked.types, placeOf(c, statement!, asked.rendered.sent));
  return found && { asked, send, plan: found.plan, isNew: found.isNew, mayLose: found.mayLose };
}

/** Binds it to the unnamed portal, and asks for its columns. As every Query it drops the unnamed statement, whatever becomes of it. */
export function bindQuery(
  c: Conversation,
  { plan, isNew, mayLose, asked, send }: QueryByPlan,
  conversion: Conversion,
): void {
  const { rendered, types, values } = asked;
  for (const version of unnamedDropped(c)) version.names.settle(version);
  closeGone(c);
  const { batch } = c;
  conversion.run.plan = useOf(isNew);
  // Bound in this transaction before, with literals for which it was prepared, it cannot fail.
  const fallback = c.status === 'T' && !mayLose ? undefined : ({ kind: 'query', plan, mayLose, send } as const);
  if (fallback) c.trying = 'bind';
  if (mayLose) setSavepoint(c, conversion);
  if (isNew) {
    const bytes = parse({ name: plan.name, text: rendered.sent, types });
    c.send(bytes, { kind: 'parse', batch, own: true, versions: [], plan, rendered, conversion, fallback });
  }
  const { name: statement } = plan;
  const bytes = bind(
    { portal: '', statement, formats: [], valueCount: 0, values: NO_VALUES, resultFormats: [] },
    values,
  );
  c.send(bytes, { kind: 'bind', batch, own: true, versions: [], plan, rendered, conversion, fallback });
  if (mayLose) releaseSavepoint(c, conversion);
}

const NO_VALUES = new Uint8Array(0);

/** All of it in one write: nothing of it has to be undone. */
export function sendByPlan(c: Conversation, by: QueryByPlan, run: Execution): void {
  const { rendered } = by.asked;
  const conversion: Conversion = { run, description: undefined, complete: undefined };
  bindQuery(c, by, conversion);
  const { batch } = c;
  const { provenance, check } = run.watch;
  c.send(describe({ of: 'portal', name: '' }), {
    kind: 'describe',
    batch,
    own: false,
    conversion,
    rendered,
    owes: 'columns',
    prepared: undefined,
    provenance,
    policy: run.policy,
    run,
    added: check?.added,
  });
  const executing: PendingReply = {
    kind: 'execute',
    batch,
    own: false,
    conversion,
    rendered,
    portal: undefined,
    run,
    maxRows: 0,
  };
  c.send(execute({ portal: '', maxRows: 0 }), executing);
  c.block(executing, true);
  const ending: PendingSync = { kind: 'sync', batch, own: false, mustFail: false, conversion };
  conversion.sync = ending;
  c.barrier!.sync = ending;
  c.send(sync(), ending);
}

/** Names that are not run any more. */
export function closeGone(c: Conversation): void {
  for (const name of c.plans.takeGone()) {
    c.send(close({ of: 'statement', name }), { kind: 'close', batch: c.batch, own: true, versions: [] });
  }
}

/**
 * Ends the plans whose meaning a statement may change. If the role's texts are sent unchanged, a statement that may change what names find ends them
 * until the session is reset. @param inner what it runs by name.
 */
export function endPlans(
  c: Conversation,
  { role }: SessionPolicy,
  statement: StatementJudgement,
  inner?: StatementJudgement,
): void {
  const { kind } = statement.kind;
  const effect = kind === 'execute' || kind === 'fetch' ? inner?.plans : statement.plans;
  if (effect !== 'stay') c.plans.end(c.batch, effect === undefined && !isGuarded(role));
}
