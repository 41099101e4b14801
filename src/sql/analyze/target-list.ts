/** Resolves select and RETURNING lists: each item becomes output columns of its level. */

import type { Oid } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as, kindOf, partsOf } from '../parse/tree.ts';
import { columnName } from '../text/column-name.ts';
import { TEXT, UNKNOWN } from '../types/oids.ts';
import { notePath, notePaths } from './builds.ts';
import { collationsIn, declaredCollation, isKnownBy } from './collation.ts';
import { isStar, resolveStar } from './column.ts';
import type { StarColumn } from './findings.ts';
import { resolveRowStar } from './indirection.ts';
import type { Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { root } from './root.ts';

/** As many as PostgreSQL takes (`MaxTupleAttributeNumber`): further ones are not read. */
const MOST_OUTPUTS = 1664;

/** One item of a select or RETURNING list. */
export function resolveTarget(r: Resolver, node: Node, scope: Scope, list: readonly Node[]): void {
  const target = as(node, 'ResTarget');
  const value = target?.val;
  if (scope.level.outputs.length >= MOST_OUTPUTS) {
    r.refuse('too-large', '54011', `target lists can have at most ${MOST_OUTPUTS} entries`);
    return;
  }
  if (!target || !value) {
    r.unsupported(kindOf(node), undefined);
    return;
  }
  const reference = as(value, 'ColumnRef');
  if (reference && isStar(reference)) {
    showStar(r, target, resolveStar(r, reference, scope), r.at(reference.location), scope, list);
    return;
  }
  const indirection = as(value, 'A_Indirection');
  if (indirection && kindOf(indirection.indirection!.at(-1)!) === 'A_Star') {
    showRowStar(r, target, value, indirection, scope, list);
    return;
  }
  const found = root(r, value, 'group', scope, target);
  notePaths(r, value, scope.level);
  // An untyped literal becomes text when a query's output is settled, and so does a parameter.
  const type = found.type === UNKNOWN ? TEXT : found.type;
  const parameter = found.type === UNKNOWN ? as(value, 'ParamRef')?.number : undefined;
  const untyped = scope.level.open ? parameter : undefined;
  if (parameter !== undefined && untyped === undefined) r.settle(parameter, TEXT);
  const source = r.marks.references.get(value);
  const catalog = source?.column.catalog === true;
  const name = target.name ?? columnName(value);
  const literal = scope.level.open && found.type === UNKNOWN && parameter === undefined;
  const collation = source?.column.collation;
  scope.level.outputs.push({
    name,
    type,
    leaky: isLeaky(r, value, (of) => isKnownBy(r, type, collation, of)),
    catalog,
    collation,
    untyped,
    literal,
    source,
    node: value,
  });
}

function showStar(
  r: Resolver,
  target: Body<'ResTarget'>,
  columns: readonly StarColumn[],
  at: number,
  scope: Scope,
  list: readonly Node[],
): void {
  r.marks.stars.push({ target, columns, level: scope.level, list: list as Node[] });
  for (const { entry, column } of columns) notePath(r, column.from?.entry ?? entry, column.name, scope.level, at);
  for (const source of columns) {
    const { column } = source;
    scope.level.outputs.push({
      name: column.name,
      type: column.type,
      leaky: column.leaky,
      catalog: column.catalog === true,
      collation: column.collation,
      source,
    });
  }
}

/** `(…).*`: of a whole row as `t.*`; of a composite its type's columns, made of the one expression in the brackets. */
function showRowStar(
  r: Resolver,
  target: Body<'ResTarget'>,
  value: Node,
  body: Body<'A_Indirection'>,
  scope: Scope,
  list: readonly Node[],
): void {
  const found = resolveRowStar(r, value, body, scope);
  if (!found) return;
  if ('entry' in found) {
    const { entry } = found;
    const columns = entry.columns
      .filter((column) => column.access === 'granted' && !column.implicit)
      .map((column) => ({ entry, column }));
    showStar(r, target, columns, -1, scope, list);
    return;
  }
  // The target expands to several columns: it has no name that must survive.
  const { record } = found;
  scope.level.roots.push({ node: body.arg!, phase: 'group', inFrom: false, record, scope, target: undefined });
  notePaths(r, value, scope.level);
  const told = isLeaky(r, value);
  for (const column of found.columns) {
    const { name, type, collation } = column;
    scope.level.outputs.push({
      name,
      type,
      leaky: told || (collation !== undefined && declaredCollation({ collation }) !== undefined),
      catalog: false,
    });
  }
}

/**
 * Whether anything in the expression is leaky. A collation is, as an output: two that differ fail where they are compared. `isKnown`:
 * what reads the output knows that collation.
 */
export function isLeaky(r: Resolver, node: Node, isKnown: (collation: Oid) => boolean = () => false): boolean {
  let found = ![...collationsIn(r, node)].every(isKnown);
  const walk = (value: unknown): void => {
    if (found || typeof value !== 'object' || value === null) return;
    const expression = r.marks.expressions.get(value as Node);
    if ('CollateClause' in value || (expression && !expression.leakproof && !expression.constant)) found = true;
    else for (const inner of partsOf(value)) walk(inner);
  };
  walk(node);
  return found;
}
