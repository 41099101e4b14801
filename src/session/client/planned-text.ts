/** A statement as the budget needs it to have it planned: alone, with the guard's slots filled, and no row limit of the guard's to cut what is expected. */
import type { Judgement, StatementJudgement } from '../../guard/decision.ts';
import { quoteIdentifier } from '../../policy/compile/names.ts';
import type { Sent } from '../admission/budget-port.ts';
import type { EndUser } from '../end-user/end-user.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Portal, Prepared } from '../state/prepared.ts';
import type { ResolvedNames } from '../state/sql-names.ts';
import { toldType } from './parse.ts';
import { takeApart } from './query-steps.ts';
import { type AddedParameter, type Rendered, renderLiterals } from './render.ts';
import { valuesFor } from './revalidate.ts';

type Judged = Pick<Rendered, 'judgement' | 'text'>;

/** A statement of a Query; undefined if the text cannot be split. */
export function sentOfQuery(
  c: Conversation,
  message: Judged & { readonly policy: SessionPolicy },
  at: number,
  resolved: ResolvedNames,
  person: EndUser | undefined,
): Sent | undefined {
  const text = alone(message, at, message.policy, person);
  return text === undefined ? undefined : { text, parameterTypes: [], ...context(c, resolved, message.policy) };
}

/** The statement of a portal, with the values of its Bind where they are known. */
export function sentOfPortal(
  c: Conversation,
  portal: Portal,
  policy: SessionPolicy,
  resolved: ResolvedNames,
): Sent | undefined {
  const { rendered, prepared, bound } = portal;
  const text = alone(rendered, 0, policy, portal.madeFor);
  if (text === undefined) return undefined;
  const { types = [], parameters = 0 } = prepared ?? {};
  const known = rendered.judgement.parameterTypes;
  const parameterTypes = Array.from({ length: parameters }, (_, i) => toldType(types[i] ?? 0, known?.[i]));
  return { text, parameterTypes, ...(bound && { bound }), ...context(c, resolved, policy) };
}

function context(c: Conversation, { runs }: ResolvedNames, policy: SessionPolicy): Partial<Sent> {
  const prepare = runs && prepareOf(runs, policy);
  const path = c.path.token;
  const settings = path === undefined ? c.settings : new Map([...c.settings, ['search_path', path]]);
  return { settings, ...(prepare !== undefined && { prepare }) };
}

/** What an EXECUTE runs, as the PREPARE that would have made it. */
function prepareOf({ name, source, parameters, rendered }: Prepared, policy: SessionPolicy): string | undefined {
  const { added, sent, judgement } = rendered;
  if (added.length > 0) {
    const types = [...Array(parameters).fill('unknown'), ...added.map(({ slot }) => typeOf(slot))];
    return `PREPARE ${quoteIdentifier(name)} (${types.join(', ')}) AS ${sent}`;
  }
  const at = judgement.statements.findIndex((one) => source === 'protocol' || prepares(one, name));
  const text = alone(rendered, at, policy, rendered.filledFor);
  return source === 'sql' || text === undefined ? text : `PREPARE ${quoteIdentifier(name)} AS ${text}`;
}

/** Of a parameter of the guard's own. */
function typeOf(slot: AddedParameter['slot']): string {
  return slot.kind === 'attribute' ? slot.type : slot.kind === 'limit' ? 'bigint' : 'text';
}

function prepares({ kind }: StatementJudgement, name: string): boolean {
  return kind.kind === 'prepare' && kind.name === name;
}

function alone(
  { judgement, text }: { judgement: Judgement; text: string },
  at: number,
  policy: SessionPolicy,
  person: EndUser | undefined,
): string | undefined {
  const values = valuesFor(policy, person, undefined);
  if (judgement.statements.length === 1 && at === 0) return renderLiterals(text, judgement, values).sent;
  return takeApart({ judgement, text }, values, policy)?.[at]?.sent;
}
