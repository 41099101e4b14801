/**
 * Runs a statement by a plan that the guard has prepared at the server. Only where the server rests outside of a transaction, so that what it cannot bind has
 * done nothing, and is sent again as the text that it is: whatever is wrong, the client hears of it what it would hear without plans.
 */
import type { StatementJudgement } from '../../guard/decision.ts';
import { type Bind, bind } from '../../protocol/bind.ts';
import { close, describe } from '../../protocol/describe.ts';
import { execute } from '../../protocol/execute.ts';
import { parse } from '../../protocol/parse.ts';
import { sync } from '../../protocol/simple-frontend.ts';
import { toldTypesOf } from '../client/parse.ts';
import { unnamedDropped } from '../client/refuse.ts';
import { type Rendered, renderLiterals, type SlotValues } from '../client/render.ts';
import type { Conversation, WithheldParse } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import type { Conversion, PendingBind, PendingSync } from '../state/pending-replies.ts';
import type { Prepared } from '../state/prepared.ts';
import type { Plan } from './known-plans.ts';
import { type WithParameters, withParameters } from './literals.ts';

/** What a Bind of the unnamed statement runs by. */
export interface BoundPlan {
  readonly plan: Plan;
  readonly isNew: boolean;
  /** With the guard's values in the text: the server plans with them. */
  readonly rendered: Rendered;
  readonly types: readonly number[];
  readonly parse: WithheldParse;
}

/** @returns undefined where its own Parse is to be sent. */
export function planOf(c: Conversation, prepared: Prepared, values: SlotValues): BoundPlan | undefined {
  const parse = c.withheld;
  if (parse?.prepared !== prepared || c.status !== 'I' || c.pending.length > 0) return undefined;
  // Of one of which the client was told before, another batch may be open.
  if (parse.pending.again && c.batchOpen) return undefined;
  const { text, judgement, added } = prepared.rendered;
  const rendered = added.length === 0 ? prepared.rendered : renderLiterals(text, judgement, values);
  const types = toldTypesOf(prepared);
  const found = c.plans.find(rendered.sent, types);
  return found && { ...found, rendered, types, parse };
}

/** @param message of the client, with the formats of the result as the server is to have them. */
export function sendBound(c: Conversation, by: BoundPlan, message: Bind, pending: PendingBind): void {
  const { plan, isNew, rendered, types } = by;
  const { prepared, pending: parsing } = by.parse;
  c.withheld = undefined;
  prepared.unsent = true;
  closeGone(c);
  const { batch } = c;
  if (isNew) {
    const bytes = parse({ name: plan.name, text: rendered.sent, types });
    c.send(bytes, { ...parsing, batch, rendered, plan, versions: parsing.versions });
    c.send(bind({ ...message, statement: plan.name }), { ...pending, batch, plan });
    return;
  }
  // The values are the socket's.
  const kept = { ...message, values: Uint8Array.from(message.values) };
  const anew = {
    kind: 'bind',
    plan,
    parse: { ...parsing, batch, rendered },
    parseBytes: () => parse({ name: '', text: rendered.sent, types }),
    bindBytes: () => bind({ ...kept, statement: '' }),
  } as const;
  c.trying = 'bind';
  c.send(bind({ ...kept, statement: plan.name }), { ...pending, batch, plan, anew });
}

/** The unnamed statement is named, and the server does not have it. */
export function withholdAgain(c: Conversation, prepared: Prepared, bytes: () => Uint8Array): void {
  if (!prepared.unsent || c.withheld) return;
  const { rendered } = prepared;
  const pending = { kind: 'parse', batch: c.batch, own: true, versions: [], rendered, again: prepared } as const;
  c.withheld = { prepared, bytes, pending };
}

/** What a Query runs by. */
export interface QueryPlan {
  readonly plan: Plan;
  readonly isNew: boolean;
  readonly asked: WithParameters;
  /** Sends it without a plan. */
  readonly send: () => void;
}

/** @param send sends the Query without a plan. @returns undefined where that is to be done. */
export function planOfQuery(
  c: Conversation,
  rendered: Rendered,
  slots: SlotValues,
  send: () => void,
): QueryPlan | undefined {
  if (!c.rests || !c.plans.isOn) return undefined;
  const [statement] = rendered.judgement.statements;
  const asked = withParameters(rendered, statement!, slots) ?? { rendered, types: [], values: [] };
  const found = c.plans.find(asked.rendered.sent, asked.types);
  return found && { ...found, asked, send };
}

/** Binds it to the unnamed portal, and asks for its columns. As every Query it drops the unnamed statement, whatever becomes of it. */
export function bindQuery(c: Conversation, { plan, isNew, asked, send }: QueryPlan, conversion: Conversion): void {
  const { rendered, types, values } = asked;
  for (const version of unnamedDropped(c)) version.names.settle(version);
  closeGone(c);
  const sent = { batch: c.batch, own: true, versions: [], plan, rendered, conversion } as const;
  const anew = { kind: 'query', plan, send } as const;
  c.trying = 'bind';
  if (isNew) {
    const bytes = parse({ name: plan.name, text: rendered.sent, types });
    c.send(bytes, { kind: 'parse', anew, ...sent });
  }
  const noValues = { formats: [], valueCount: 0, values: new Uint8Array(0), resultFormats: [] };
  c.send(bind({ portal: '', statement: plan.name, ...noValues }, values), { kind: 'bind', anew, ...sent });
}

/** All of it in one write: nothing of it has to be undone. */
export function sendByPlan(c: Conversation, by: QueryPlan, run: Execution): void {
  const { rendered } = by.asked;
  const conversion: Conversion = { run, description: undefined, complete: undefined };
  bindQuery(c, by, conversion);
  const { batch } = c;
  const sent = { batch, own: false, conversion, rendered } as const;
  const { provenance, check } = run.watch;
  c.send(describe({ of: 'portal', name: '' }), {
    kind: 'describe',
    owes: 'columns',
    prepared: undefined,
    provenance,
    policy: run.policy,
    run,
    added: check?.added,
    ...sent,
  });
  const executing = { kind: 'execute', portal: undefined, run, maxRows: 0, ...sent } as const;
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
 * A statement that may change what a text means to the server's parser, or that takes names away, ends all plans. So does code of users, which
 * may do either, and give one of the names to another statement.
 * @param inner what it runs by name.
 */
export function endPlans(c: Conversation, statement: StatementJudgement, inner?: StatementJudgement): void {
  const { kind } = statement;
  if ((inner ?? statement).runsUserCode || kind.kind === 'other' || kind.kind === 'temporary') c.plans.drop();
  else if (kind.kind === 'deallocate' || kind.kind === 'discard') c.plans.drop();
  else if (kind.kind === 'set' && !kind.token && statement.command !== 'SHOW') c.plans.drop();
}
