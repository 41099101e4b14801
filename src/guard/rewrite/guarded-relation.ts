/** The subquery that replaces a guarded relation (`rewriting.md` §1). */
import type { Condition, SelectGrant } from '../../policy/model/policy.ts';
import type { RowGuard } from '../../sql/analyze/range-table.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import { quoteName } from '../../sql/parse/tree.ts';
import { joined } from '../../sql/text/edits.ts';
import type { Template } from '../../sql/text/template.ts';
import { type CarriedColumn, ROW } from './names.ts';
import { sentName } from './sent-name.ts';
import { isTemporary, withoutOrigin } from './temporary.ts';

/** What of a guard shapes the subquery. */
type AskedOf = Pick<RowGuard, 'needed' | 'name' | 'fenced'>;

/** What a relation is made of: `plain`: a table, or a view of the server's own; of a user's view, whether its query can fail. */
export type RelationBody = 'plain' | 'leakproof' | 'leaky';

/** `(SELECT columns FROM relation WHERE filter)`, without alias. `only`: ONLY was written. `exported`: more of the row, for Rowgate's own use. */
export function guardedRelation(
  relation: Relation,
  select: SelectGrant,
  guard: AskedOf | undefined,
  only: boolean,
  body: RelationBody = 'plain',
  exported: readonly CarriedColumn[] = [],
): Template {
  // Most statements ask nothing more of a table than its grant says.
  const isPlain = body === 'plain' && !only && !guard?.needed && !guard?.fenced && exported.length === 0;
  if (!isPlain) return subqueryOf(relation, select, guard, only, body, exported);
  const known = plain.get(select);
  if (known?.relation === relation) return known.template;
  const template = subqueryOf(relation, select, undefined, false, 'plain', []);
  plain.set(select, { relation, template });
  return template;
}

const plain = new WeakMap<SelectGrant, { readonly relation: Relation; readonly template: Template }>();

function subqueryOf(
  relation: Relation,
  select: SelectGrant,
  guard: AskedOf | undefined,
  only: boolean,
  body: RelationBody,
  exported: readonly CarriedColumn[],
): Template {
  const pieces: Template[number][] = ['(SELECT '];
  let separator = '';
  // INVARIANT 35: only the granted columns are selected; a mask replaces its column.
  for (const { column, mask, maskLeaks } of select.columns.values()) {
    // Only where it is named, and then under another name (`added-columns.ts`): here it would be a column like any other.
    if (column.attnum < 0) continue;
    pieces.push(separator);
    separator = ', ';
    const name = quoteName(column.name);
    if (!mask && isTemporary(relation)) pieces.push(`${withoutOrigin(`${ROW}.${name}`)} AS ${name}`);
    else if (!mask) pieces.push(`${ROW}.${name}`);
    else if (maskLeaks && select.conditions.length > 0) {
      // Of a hidden row the condition may be NULL, not FALSE: only IS TRUE keeps the mask from running on it.
      const guarded = ['CASE WHEN ', ...allOf(select.conditions, 'ok'), ' IS TRUE THEN ', ...fill(mask), ' END'];
      // CASE loses a type's modifier, as of varchar(11).
      if (column.typmod >= 0) pieces.push('(', ...guarded, `)::${column.typeName} AS ${name}`);
      else pieces.push(...guarded, ` AS ${name}`);
    } else pieces.push(...fill(mask), ` AS ${name}`);
  }
  if (guard?.needed) {
    pieces.push(separator);
    separator = ', ';
    if (select.conditions.length > 0) pieces.push(...allOf(select.conditions, 'ok'), ' IS TRUE');
    else pieces.push('true');
    pieces.push(` AS ${guard.name}`);
  }
  for (const { text, name } of exported) {
    pieces.push(`${separator}${text} AS ${name}`);
    separator = ', ';
  }
  pieces.push(` FROM ${only ? 'ONLY ' : ''}${sentName(relation)} AS ${ROW}`);
  if (select.conditions.length > 0) pieces.push(' WHERE ', ...allOf(select.conditions, 'filter'));
  if (guard && (guard.fenced || !mayMoveInto(select, guard, body))) pieces.push(' OFFSET 0');
  pieces.push(')');
  return joined(pieces);
}

/**
 * A user's view filters by a query that is not known: no leaky expression may be moved below it. So it is fenced, unless its query, its masks and the
 * expressions beside it are all leakproof. The additional filters of a system view's rule concern no named object.
 */
function mayMoveInto(select: SelectGrant, guard: AskedOf, body: RelationBody): boolean {
  if (body === 'plain') return true;
  return (
    body === 'leakproof' && !guard.needed && [...select.columns.values()].every(({ maskLeaks }) => maskLeaks !== true)
  );
}

/** All conditions, ANDed, in parentheses. */
function allOf(conditions: readonly Condition[], part: 'filter' | 'ok'): Template {
  const [first, ...rest] = conditions;
  if (first && rest.length === 0) return fill(first[part]);
  return ['(', ...conditions.flatMap((c, i) => [...(i > 0 ? [' AND '] : []), ...fill(c[part])]), ')'];
}

function fill(template: Template): Template {
  return template.map((piece) => (typeof piece !== 'string' && piece.kind === 'row' ? ROW : piece));
}
