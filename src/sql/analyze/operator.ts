/** Resolves operators and what is written with words for them: IN, BETWEEN, LIKE, IS DISTINCT FROM, NULLIF, ANY and ALL of an array. */

import type { Oid } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as, partsOf, strings } from '../parse/tree.ts';
import { commonType } from '../types/common-type.ts';
import * as t from '../types/oids.ts';
import { resolveArrayOperator, resolveOperator } from '../types/operator.ts';
import type { QualifiedName } from '../types/path.ts';
import type { Resolved } from '../types/resolved.ts';
import { shownType } from '../types/shown-type.ts';
import { arrayType, baseType, elementType } from '../types/type.ts';
import { cannotLeak } from './leakproof-expressions.ts';
import type { Expression, QueryLevel, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { settleParameter } from './settle.ts';
import { isImmutableCall, noteStability } from './stability.ts';
import { structure, UNTOLD } from './structure.ts';

/** `types` replaces operands that have no node of their own (a subquery's column): then no scope is needed. */
export function resolveAExpr(
  r: Resolver,
  body: Body<'A_Expr'>,
  scope: Scope | undefined,
  types?: readonly [Oid, Oid],
): Expression {
  const name = operatorName(r, body);
  if (types) return applied(r, body, name, [undefined, undefined], types);
  if (!scope) throw new Error('operands without a scope');
  switch (body.kind) {
    case 'AEXPR_OP':
    case 'AEXPR_DISTINCT':
    case 'AEXPR_NOT_DISTINCT':
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
    case 'AEXPR_SIMILAR':
      return binary(r, body, name, body.lexpr, body.rexpr!, scope);
    case 'AEXPR_NULLIF': {
      const equal = compareWhole(r, body, name, body.lexpr, body.rexpr!, scope);
      // Its value is the first operand as `=` takes it: nullif(1, 1.5) is numeric (manual, section 9.18.3).
      const types = [body.lexpr, body.rexpr].map((node) => r.marks.expressions.get(node!)?.type ?? t.UNTELLABLE);
      const resolved = resolveOperator(r.env.catalog, r.env.searchPath, name, types[0]!, types[1]!);
      return { ...equal, type: resolved.kind === 'found' ? resolved.argTypes[0]! : t.UNTELLABLE };
    }
    case 'AEXPR_IN': {
      const items = as(body.rexpr, 'List')?.items ?? [];
      settleList(r, body.lexpr!, items, scope);
      const parts = items.map((item) => binary(r, body, name, body.lexpr, item, scope));
      return combined(parts);
    }
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
    case 'AEXPR_NOT_BETWEEN_SYM': {
      const bounds = as(body.rexpr, 'List')?.items ?? [];
      const parts = bounds.flatMap((bound) =>
        ['>=', '<='].map((op) => binary(r, body, { name: op }, body.lexpr, bound, scope)),
      );
      return combined(parts);
    }
    case 'AEXPR_OP_ANY':
    case 'AEXPR_OP_ALL':
      return ofArray(r, body, name, scope);
    default:
      r.unsupported(`the operator form ${body.kind}`, body.location);
      return UNTOLD;
  }
}

/** The operator's name, with its schema if OPERATOR() gives one; `>=` for BETWEEN. */
export function operatorName(r: Resolver, body: Body<'A_Expr'>): QualifiedName {
  const parts = strings(body.name);
  if (body.kind === 'AEXPR_BETWEEN' || body.kind?.includes('BETWEEN')) return { name: '>=' };
  if (parts.length > 2) r.unsupported('an operator name with a database', body.location, 'Leave the database out.');
  return parts.length > 1 ? { schema: parts[0]!, name: parts[1]! } : { name: parts[0] ?? '' };
}

/** The name of the operator that a form without one compares by. */
export const EQUAL: Node[] = [{ String: { sval: '=' } }];

/** Two or more items of IN that name no column are one array: untyped items take the type of all (manual, section 10.5). */
function settleList(r: Resolver, left: Node, items: readonly Node[], scope: Scope): void {
  if ('RowExpr' in left) return;
  const own = known(r, left, scope);
  const types = items.map((item) => known(r, item, scope).type);
  const values = items.map((item, i) => ({ item, type: types[i]! })).filter(({ item }) => !namesColumn(item));
  if (values.length < 2) return;
  const common = commonType(r.env.catalog, [own.type, ...values.map(({ type }) => type)]);
  if (common === 0) return;
  for (const { item, type } of [{ item: left, type: own.type }, ...values])
    if (type === t.UNKNOWN) settleParameter(r, item, common);
}

function namesColumn(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  return 'ColumnRef' in node || partsOf(node).some(namesColumn);
}

function combined(parts: readonly Expression[]): Expression {
  return { ...structure(t.BOOL, parts), leakproof: parts.every((p) => p.leakproof) };
}

function binary(
  r: Resolver,
  body: Body<'A_Expr'>,
  name: QualifiedName,
  left: Node | undefined,
  right: Node,
  scope: Scope,
): Expression {
  const leftRow = as(left, 'RowExpr')?.args;
  const rightRow = as(right, 'RowExpr')?.args;
  if (left && leftRow && rightRow && leftRow.length === rightRow.length) {
    // Row-wise comparison: pair by pair, once both are read. The rows themselves are remembered too, as structure.
    for (const part of [...leftRow, ...rightRow]) known(r, part, scope);
    const parts = leftRow.map((l, i) => binary(r, body, name, l, rightRow[i]!, scope));
    for (const row of [left, right]) r.marks.expressions.set(row, structure(t.RECORD, parts));
    const compared = combined(parts);
    // The planner never evaluates `<` of two rows in advance, whatever they contain.
    return { ...compared, constant: compared.constant && compared.leakproof };
  }
  if (left && leftRow && as(right, 'SubLink')?.subLinkType === 'EXPR_SUBLINK') {
    // `(a, b) = (SELECT …)` is a row-wise comparison as well; the subquery may give more than one row, and fail.
    for (const node of [left, right]) known(r, node, scope);
    compareRow(r, body, name, leftRow, r.marks.sublinks.get(right));
    return { type: t.BOOL, leakproof: false, constant: false, barrier: 'none' };
  }
  return compareWhole(r, body, name, left, right, scope);
}

/**
 * The operator on both operands as they are. NULLIF and CASE compare rows as records, never pair by pair: that comparison
 * fails where a pair's types differ.
 */
export function compareWhole(
  r: Resolver,
  body: Body<'A_Expr'>,
  name: QualifiedName,
  left: Node | undefined,
  right: Node,
  scope: Scope,
): Expression {
  const l = left ? known(r, left, scope) : undefined;
  const o = known(r, right, scope);
  const found = applied(r, body, name, [left, right], [l?.type, o.type]);
  return { ...found, constant: found.constant && o.constant && (l === undefined || l.constant) };
}

/** An operand that is used in several comparisons (BETWEEN, IN) is read once. */
function known(r: Resolver, node: Node, scope: Scope): Expression {
  return r.marks.expressions.get(node) ?? r.expression(node, scope);
}

/** Pairs each part of a row, already resolved, with a column of a subquery. Each pair's operator is one that must be allowed. */
export function compareRow(
  r: Resolver,
  body: Body<'A_Expr'>,
  name: QualifiedName,
  row: readonly Node[],
  level: QueryLevel | undefined,
): Expression {
  const parts = row.map((node, i) => {
    const left = r.marks.expressions.get(node)?.type ?? t.UNTELLABLE;
    return applied(r, body, name, [node, undefined], [left, level?.outputs[i]?.type ?? t.UNTELLABLE]);
  });
  return combined(parts);
}

function applied(
  r: Resolver,
  body: Body<'A_Expr'>,
  name: QualifiedName,
  nodes: readonly [Node | undefined, Node | undefined],
  types: readonly [Oid | undefined, Oid],
): Expression {
  const { catalog, searchPath } = r.env;
  const resolved = resolveOperator(catalog, searchPath, name, types[0], types[1]);
  record(r, body, name, resolved, types);
  if (resolved.kind !== 'found') return { ...UNTOLD, type: resultOf(resolved, body) };
  const operands = types[0] === undefined ? [nodes[1]] : nodes;
  operands.forEach((node, i) => {
    settleParameter(r, node, resolved.argTypes[i] ?? t.UNTELLABLE);
  });
  const type = body.kind === 'AEXPR_DISTINCT' || body.kind === 'AEXPR_NOT_DISTINCT' ? t.BOOL : resolved.result;
  return { type, leakproof: cannotLeak(r, resolved, operands), constant: isImmutableCall(resolved), barrier: 'none' };
}

function resultOf(resolved: Resolved, body: Body<'A_Expr'>): Oid {
  if (body.kind !== 'AEXPR_OP') return t.BOOL;
  const results = resolved.kind === 'untellable' ? new Set(resolved.candidates.map((fn) => fn.result)) : new Set<Oid>();
  return results.size === 1 ? [...results][0]! : t.UNTELLABLE;
}

/** Tells the policy which operators may run; refuses what the server would. */
function record(
  r: Resolver,
  body: Body<'A_Expr'>,
  name: QualifiedName,
  resolved: Resolved,
  types: readonly (Oid | undefined)[],
  foundBy = types,
): void {
  const at = r.at(body.location);
  const shown = name.schema ? `${name.schema}.${name.name}` : name.name;
  noteStability(r, resolved, at);
  switch (resolved.kind) {
    case 'found':
      if (resolved.operator)
        r.uses.push({ kind: 'operator', name: shown, types: foundBy, candidates: [resolved.operator], at });
      return;
    case 'untellable': {
      // Where the types cannot be told, every operator that may run must be allowed.
      const fns = new Set(resolved.candidates.map((fn) => fn.oid));
      const candidates = r.env.catalog.operatorsNamed(name.name).filter((o) => fns.has(o.fn));
      r.uses.push({ kind: 'operator', name: shown, types: foundBy, candidates, at });
      return;
    }
    case 'ambiguous':
      r.refuse('operator-unknown', '42725', `operator is not unique: ${described(r, shown, types)}`, at);
      return;
    case 'none':
    case 'cast':
    case 'column':
      r.refuse('operator-unknown', '42883', `operator does not exist: ${described(r, shown, types)}`, at);
      return;
  }
}

function described(r: Resolver, name: string, types: readonly (Oid | undefined)[]): string {
  const shown = types.map((oid) => (oid === undefined ? '' : shownType(r.env.catalog, oid)));
  return `${shown[0]} ${name} ${shown[1]}`.trim();
}

function ofArray(r: Resolver, body: Body<'A_Expr'>, name: QualifiedName, scope: Scope): Expression {
  const { catalog, searchPath } = r.env;
  const left = r.expression(body.lexpr!, scope);
  const right = r.expression(body.rexpr!, scope);
  // An untyped parameter or literal on the right is an array of the left operand's type.
  if (right.type === t.UNKNOWN) settleParameter(r, body.rexpr, arrayType(catalog, left.type));
  const resolved = resolveArrayOperator(catalog, searchPath, name, left.type, right.type);
  const element = right.type === t.UNKNOWN ? t.UNKNOWN : elementType(catalog, baseType(catalog, right.type));
  if (resolved.kind === 'none' && resolved.why === 'called in the wrong form') {
    const wanted = element === 0 ? 'array on right side' : 'operator to yield boolean';
    r.refuse('operator-unknown', '42809', `op ANY/ALL (array) requires ${wanted}`, r.at(body.location));
  } else record(r, body, name, resolved, [left.type, right.type], [left.type, element]);
  if (resolved.kind !== 'found') return { ...UNTOLD, type: t.BOOL };
  settleParameter(r, body.lexpr, resolved.argTypes[0] ?? t.UNTELLABLE);
  const constant = isImmutableCall(resolved) && left.constant && right.constant;
  // `LIKE ANY (ARRAY[…])`: each of them is an operand.
  const items = as(body.rexpr, 'A_ArrayExpr')?.elements;
  const leakproof = items?.length
    ? items.every((item) => cannotLeak(r, resolved, [body.lexpr, item]))
    : cannotLeak(r, resolved, [body.lexpr, undefined]);
  return { type: t.BOOL, leakproof, constant, barrier: 'none' };
}
