/** What `rowgate explain` says of one text: an object for programs, and the same in lines for people. Nothing is read or run here. */
import type { Refusal } from '../core/refusal.ts';
import type { Judgement } from '../guard/decision.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import { rowsToAsk, statementLimits } from '../session/admission/statement-meter.ts';
import { type Rendered, renderLiterals, type SlotValues } from '../session/client/render.ts';
import type { SessionPolicy } from '../session/ports.ts';
import { withParameters } from '../session/reuse/literals.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';
import { type Advice, adviceFor } from './explain-advice.ts';

export interface Explanation {
  readonly effect: 'allow' | 'rewrite' | 'refuse';
  readonly reason: string | null;
  /** `roles/teacher.yaml:7`: the line that decided. */
  readonly rule: string | null;
  readonly sqlstate: string | null;
  readonly message: string | null;
  readonly hint: string | null;
  /** Characters of the text, from 1. */
  readonly position: number | null;
  readonly tables: readonly string[];
  readonly columns: readonly string[];
  /** What the server would be sent, attributes and the limit of rows filled in; null where nothing is. */
  readonly sql: string | null;
  /** The text that is prepared when the statement comes again, with `$1` instead of plain literals; null if it is always sent as text. */
  readonly plan: string | null;
  /** In observe mode: the effect that it would have had. */
  readonly would: 'allow' | 'rewrite' | 'refuse' | null;
  /** What to grant if it is meant to work; null where it does. */
  readonly advice: Advice | null;
}

/** A text that cannot be read is refused before any rule applies. */
const UNRULED: ReadonlySet<string> = new Set(['syntax', 'too-large', 'too-complex']);

/** Judges the text as in a session of the principal. `attributes`: with those of the end user. */
export function explanationOf(
  sql: string,
  policy: SessionPolicy,
  catalog: Catalog,
  attributes = policy.principal.attributes,
): Explanation {
  const judgement = policy.judge(sql);
  const { role } = policy;
  const refusal = judgement.refusal ?? judgement.would?.refusal;
  const refused = judgement.statements.find((statement) => statement.refusal !== undefined);
  const values = { attributes, limit: rowsToAsk(statementLimits(policy)) };
  const sent = judgement.effect === 'refuse' ? undefined : renderLiterals(sql, judgement, values);
  return {
    effect: judgement.effect,
    reason: refusal?.reason ?? null,
    rule: ruleOf(refusal, judgement, role),
    sqlstate: refusal?.sqlstate ?? null,
    message: refusal?.message ?? null,
    hint: refusal?.hint ?? null,
    position: refusal?.position ?? null,
    tables: union(judgement.statements.map((statement) => statement.tables)),
    columns: union(judgement.statements.map((statement) => statement.columns)),
    sql: sent?.sent ?? null,
    plan: (sent && planned(sent, values)) ?? null,
    would: judgement.would?.effect ?? null,
    advice: refusal ? adviceFor({ refusal, statement: refused, role, catalog }) : null,
  };
}

function planned(rendered: Rendered, values: SlotValues): string | undefined {
  const [statement, ...others] = rendered.judgement.statements;
  if (!statement?.reusable || others.length > 0) return undefined;
  return (withParameters(rendered, statement, values)?.rendered ?? rendered).sent;
}

/** No rule applies to text that cannot be read. What the role as a whole may not do is decided where the role is defined. */
function ruleOf(refusal: Refusal | undefined, judgement: Judgement, role: RolePolicy): string | null {
  if (!refusal) return judgement.statements.find((statement) => statement.rule !== undefined)?.rule ?? null;
  return refusal.rule ?? (UNRULED.has(refusal.reason) ? null : role.rule);
}

/** For people: the decision, the line that caused it, and what to do about it. */
export function formatExplanation(explanation: Explanation): string {
  const { effect, would, reason, rule, message, sqlstate, hint, position, tables, columns, sql, plan, advice } =
    explanation;
  const lines = [`effect:   ${effect}${would === null ? '' : ` (observed; enforced: ${would})`}`];
  const field = (name: string, value: string | null): void => {
    if (value !== null && value !== '') lines.push(`${`${name}:`.padEnd(10)}${value}`);
  };
  field('reason', reason);
  field('rule', rule);
  field(
    'message',
    message === null ? null : `${message} (${sqlstate}${position === null ? '' : `, at character ${position}`})`,
  );
  field('hint', hint);
  field('tables', tables.join(', '));
  field('columns', columns.join(', '));
  field('sql', indented(sql));
  field('plan', plan === sql ? plan && 'the same text' : indented(plan));
  if (advice) {
    field('to allow', advice.text);
    if (advice.snippet !== undefined) lines.push('', ...advice.snippet.split('\n').map((line) => `    ${line}`));
  }
  return lines.join('\n');
}

function indented(text: string | null): string | null {
  return text?.replaceAll('\n', `\n${' '.repeat(10)}`) ?? null;
}

function union(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].sort();
}
