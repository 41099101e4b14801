/** A statement that was prepared under another policy: judged again before it next runs. */
import { Buffer } from 'node:buffer';
import type { Refusal } from '../../core/refusal.ts';
import type { Judgement, StatementJudgement } from '../../guard/decision.ts';
import { isGuarded } from '../../policy/model/is-guarded.ts';
import { rowsToAsk, statementLimits } from '../admission/statement-meter.ts';
import type { EndUser } from '../end-user/end-user.ts';
import { isFilled, isSameEndUser, missing, tokenChangeOf } from '../end-user/statement-user.ts';
import type { SessionPolicy } from '../ports.ts';
import { Provenance } from '../server/provenance.ts';
import { Prepared } from '../state/prepared.ts';
import { withOwnArguments } from './own-arguments.ts';
import { type Rendered, renderLiterals, renderParameters, type SlotValues, sameText } from './render.ts';

export type Validity =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly judgement: Judgement }
  /** It would have to be sent to the server in another form. */
  | { readonly kind: 'changed'; readonly renewed: Prepared };

/** Judges a prepared statement by the policy of now, and for the person of now. One that stays as it is becomes one of this policy. */
export function revalidate(prepared: Prepared, policy: SessionPolicy, person: EndUser | undefined): Validity {
  const { text, filledFor, fills } = prepared.rendered;
  const isTheirs = filledFor === undefined || (person !== undefined && isSameEndUser(filledFor, person));
  if (prepared.policy === policy && isTheirs) return { kind: 'fresh' };
  const own = policy.judge(text, prepared.types);
  if (own.effect === 'refuse') return { kind: 'refused', refusal: own.refusal!, judgement: own };
  const judgement = fills ? withOwnArguments(own, text, [fills]) : own;
  if (!person && isWrittenInto(judgement, prepared, policy))
    return { kind: 'refused', refusal: missing(policy), judgement };
  const values = slotValues(policy, person);
  const count = prepared.source === 'protocol' ? prepared.parameters : undefined;
  const rendered = { ...renderFor(text, judgement, policy, count, values), ...(fills && { fills }) };
  const statement = sameStatement(prepared, judgement);
  const { name, source, types, parameters } = prepared;
  if (!sameText(prepared.rendered, rendered)) {
    return { kind: 'changed', renewed: new Prepared({ name, source, types, parameters, rendered, statement, policy }) };
  }
  prepared.rendered = rendered;
  prepared.statement = statement;
  prepared.policy = policy;
  // INVARIANT 29: what the old policy let pass says nothing about the new one.
  prepared.provenance = new Provenance();
  return { kind: 'fresh' };
}

/** Must its end user be known to make its text? */
function isWrittenInto(judgement: Judgement, { source, parameters }: Prepared, { role }: SessionPolicy): boolean {
  const own = source === 'protocol' ? parameters : undefined;
  return isFilled(judgement.template, role) && !takesParameters(judgement, own);
}

/** @param parameters of the client's own, for Parse; undefined for the simple protocol. */
export function renderFor(
  text: string,
  judgement: Judgement,
  policy: SessionPolicy,
  parameters: number | undefined,
  values: SlotValues,
): Rendered {
  if (takesParameters(judgement, parameters)) return renderParameters(text, judgement, parameters!);
  return madeFor(withWords(renderLiterals(text, judgement, values), policy), policy, values);
}

/** INVARIANT 221: what is made of a text with an end user's attributes, a statement or a cursor, is that end user's. */
export function madeFor(rendered: Rendered, { role }: SessionPolicy, { person }: SlotValues): Rendered {
  return isFilled(rendered.judgement.template, role) ? { ...rendered, filledFor: person } : rendered;
}

/** Longer ones are not shown. */
const MOST_WORDS = 16_384;

/**
 * What PREPARE and DECLARE are asked for goes with them in the client's own words: pg_cursors and pg_prepared_statements have the text that was sent, and
 * show a restricted role these words of it (`catalog-rules.ts`). On a line of its own, which ends a comment of the client's.
 */
function withWords(rendered: Rendered, { role }: SessionPolicy): Rendered {
  const { statements } = rendered.judgement;
  if (!isGuarded(role) || rendered.text.length > MOST_WORDS) return rendered;
  const isKept = statements.some(({ kind }) => kind.kind === 'prepare' || kind.kind === 'declare');
  // A token goes to no server.
  if (!isKept || statements.some(({ kind }) => tokenChangeOf(kind) !== undefined)) return rendered;
  const words = Buffer.from(rendered.text).toString('base64');
  return { ...rendered, sent: `${rendered.sent}\n/*rowgate_words ${words}*/` };
}

/** Utility statements take no parameters: the values of their slots are written into their text. */
export function takesParameters(judgement: Judgement, parameters: number | undefined): boolean {
  const kind = judgement.statements[0]?.kind.kind;
  return parameters !== undefined && (kind === 'read' || kind === 'write');
}

/** The values of the slots for this principal and its end user, under this policy. */
export function slotValues(policy: SessionPolicy, person: EndUser | undefined): SlotValues {
  return valuesFor(policy, person, statementLimits(policy)?.rows);
}

/** The same where so many rows may be shown; undefined: no matter how many. */
export function valuesFor(policy: SessionPolicy, person: EndUser | undefined, most: number | undefined): SlotValues {
  const attributes = person?.attributes ?? policy.principal.attributes;
  return { attributes, limit: rowsToAsk({ rows: most }), person };
}

function sameStatement(prepared: Prepared, judgement: Judgement): StatementJudgement | undefined {
  if (prepared.source === 'protocol') return judgement.statements[0];
  const found = judgement.statements.find(({ kind }) => kind.kind === 'prepare' && kind.name === prepared.name);
  return found?.kind.kind === 'prepare' ? found.kind.inner : prepared.statement;
}
