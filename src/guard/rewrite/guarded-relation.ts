/** The subquery that replaces a guarded relation (`rewriting.md` §1). */
import type { Condition, SelectGrant } from '../../policy/model/policy.ts';
import type { DrawnSample } from '../../sql/analyze/findings.ts';
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

/**
 * `(SELECT columns FROM relation WHERE filter)`, without alias. `only`: ONLY was written. `exported`: more of the row, for Rowgate's own use.
 * `drawn`: of a sample.
 */
export function guardedRelation(
  relation: Relation,
  select: SelectGrant,
  guard: AskedOf | undefined,
  only: boolean,
  body: RelationBody = 'plain',
  exported: readonly CarriedColumn[] = [],
  drawn?: DrawnSample,
): Template {
  // Most statements ask nothing more of a table than its grant says.
  const isPlain = body === 'plain' && !only && !guard?.needed && !guard?.fenced && exported.length === 0 && !drawn;
  if (!isPlain) return subqueryOf(relation, select, guard, only, body, exported, drawn);
  const known = plain.get(select);
  if (known?.relation === relation) return known.template;
  const template = subqueryOf(relation, select, undefined, false, 'plain', [], undefined);
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
  drawn: DrawnSample | undefined,
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
  if (drawn) pieces.push(select.conditions.length > 0 ? ' AND ' : ' WHERE ', isDrawn(drawn));
  // Nothing beside a sample is evaluated on rows that are not in it.
  if (drawn || (guard && (guard.fenced || !mayMoveInto(select, guard, body)))) pieces.push(' OFFSET 0');
  pieces.push(')');
  return joined(pieces);
}

/** Not `random()`: of its numbers a later one tells how many were taken in between. */
function isDrawn({ below }: DrawnSample): string {
  return `(pg_catalog.gen_random_uuid() OPERATOR(pg_catalog.<) '${below}'::pg_catalog.uuid)`;
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
