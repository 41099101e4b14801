/** A statement that was prepared under another policy: judged again before it next runs. */
import type { Refusal } from '../errors.ts';
import type { Judgement, StatementJudgement } from '../guard/decision.ts';
import { rowsToAsk, statementLimits } from './meter.ts';
import type { SessionPolicy } from './ports.ts';
import { Prepared } from './prepared.ts';
import { Provenance } from './provenance.ts';
import { type Rendered, renderLiterals, renderParameters, type SlotValues, sameText } from './render.ts';

export type Freshness =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly judgement: Judgement }
  /** It would have to be sent to the server in another form. */
  | { readonly kind: 'changed'; readonly renewed: Prepared };

/** Judges a prepared statement by the policy of now. One that stays as it is becomes one of this policy. */
export function freshen(prepared: Prepared, policy: SessionPolicy): Freshness {
  if (prepared.policy === policy) return { kind: 'fresh' };
  const { text } = prepared.rendered;
  const judgement = policy.judge(text, prepared.types);
  if (judgement.effect === 'refuse') return { kind: 'refused', refusal: judgement.refusal!, judgement };
  const rendered = renderFor(text, judgement, policy, prepared.source === 'protocol' ? prepared.parameters : undefined);
  const statement = sameStatement(prepared, judgement);
  const { name, source, types, parameters } = prepared;
  if (!sameText(prepared.rendered, rendered)) {
    return { kind: 'changed', renewed: new Prepared({ name, source, types, parameters, rendered, statement, policy }) };
  }
  prepared.rendered = rendered;
  prepared.statement = statement;
  prepared.policy = policy;
  // INVARIANT: what the old policy let pass says nothing about the new one.
  prepared.provenance = new Provenance();
  return { kind: 'fresh' };
}

/** @param parameters of the client's own, for Parse; undefined for the simple protocol. */
export function renderFor(
  text: string,
  judgement: Judgement,
  policy: SessionPolicy,
  parameters: number | undefined,
  values: SlotValues = slotValues(policy),
): Rendered {
  const kind = judgement.statements[0]?.kind.kind;
  const takesParameters = parameters !== undefined && (kind === 'read' || kind === 'write');
  return takesParameters ? renderParameters(text, judgement, parameters) : renderLiterals(text, judgement, values);
}

/** What fills the slots for this principal, under this policy. */
export function slotValues(policy: SessionPolicy): SlotValues {
  return valuesFor(policy, statementLimits(policy)?.rows);
}

/** The same where so many rows may be shown; undefined: no matter how many. */
export function valuesFor(policy: SessionPolicy, most: number | undefined): SlotValues {
  return { attributes: policy.principal.attributes, limit: rowsToAsk({ rows: most }) };
}

function sameStatement(prepared: Prepared, judgement: Judgement): StatementJudgement | undefined {
  if (prepared.source === 'protocol') return judgement.statements[0];
  const found = judgement.statements.find(({ kind }) => kind.kind === 'prepare' && kind.name === prepared.name);
  return found?.kind.kind === 'prepare' ? found.kind.inner : prepared.statement;
}
