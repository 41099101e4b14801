/** Resolves expressions: an allow-list of node kinds, each with what it reads, its type, and whether it can tell. */
import type { Oid } from '../catalog.ts';
import type { Body, Kind, Node } from '../tree.ts';
import { as, kindOf } from '../tree.ts';
import { coercion } from '../types/coercion.ts';
import { commonType } from '../types/common-type.ts';
import * as t from '../types/oids.ts';
import { sortFunctions } from '../types/sort.ts';
import { arrayType, baseType, elementType } from '../types/type.ts';
import { resolveCall } from './call.ts';
import { resolveColumn } from './column.ts';
import { noteRows } from './fallible.ts';
import { resolveIndirection } from './indirection.ts';
import type { Expression, Scope } from './model.ts';
import { compareRow, compareWhole, operatorName, resolveAExpr } from './operator.ts';
import { resolveSelect } from './query.ts';
import type { Resolver } from './resolver.ts';
import { isSoundCoercion } from './sound.ts';
import { isImmutable, noteCoercion } from './stability.ts';
import { resolveTypeName } from './type-name.ts';

/** Type and soundness of an expression; every node in it is judged, and remembered in `marks.expressions`. */
export function resolveExpression(r: Resolver, node: Node, scope: Scope): Expression {
  const found = r.deeper(
    () => expressionOf(r, node, scope),
    () => UNTOLD,
  );
  r.marks.expressions.set(node, found);
  return found;
}

/** Of an expression of which nothing is known. */
export const UNTOLD: Expression = { type: t.UNTELLABLE, sound: false, constant: false, barrier: 'none' };

/** Structure that computes nothing which could fail. */
export function structure(type: Oid, parts: readonly Expression[] = []): Expression {
  return { type, sound: true, constant: parts.every((p) => p.constant), barrier: 'none' };
}

type Handler<K extends Kind> = (r: Resolver, body: Body<K>, scope: Scope, node: Node) => Expression;

// INVARIANT: a node kind that is not in this table is refused.
const HANDLERS: { readonly [K in Kind]?: Handler<K> } = {
  A_Const: (_r, body) => constant(body),
  ParamRef: (r, body) => {
    const type = r.parameterType(body.number ?? 0);
    return { type, sound: true, constant: false, barrier: 'none' };
  },
  ColumnRef: (r, body, scope, node) => resolveColumn(r, node, body, scope),
  A_Expr: (r, body, scope) => resolveAExpr(r, body, scope),
  FuncCall: (r, body, scope) => resolveCall(r, body, scope),
  A_Indirection: (r, body, scope) => resolveIndirection(r, body, scope),
  BoolExpr: (r, body, scope) => {
    const parts = resolveAll(r, body.args, scope);
    const place = (body.boolop ?? '').replace(/_EXPR$/, '');
    parts.forEach((part, i) => {
      asBoolean(r, body.args![i]!, part, place);
    });
    return structure(t.BOOL, parts);
  },
  NullTest: (r, body, scope) => structure(t.BOOL, [resolveExpression(r, body.arg!, scope)]),
  BooleanTest: (r, body, scope) => {
    const arg = resolveExpression(r, body.arg!, scope);
    asBoolean(r, body.arg!, arg, 'IS TRUE');
    return structure(t.BOOL, [arg]);
  },
  CollateClause: (r, body, scope) => {
    const arg = resolveExpression(r, body.arg!, scope);
    return structure(arg.type, [arg]);
  },
  TypeCast: (r, body, scope) => cast(r, body, scope),
  CaseExpr: (r, body, scope) => caseOf(r, body, scope),
  CoalesceExpr: (r, body, scope) => {
    const parts = resolveAll(r, body.args, scope);
    return unified(r, body.args ?? [], parts, scope);
  },
  MinMaxExpr: (r, body, scope) => {
    const parts = resolveAll(r, body.args, scope);
    const found = unified(r, body.args ?? [], parts, scope);
    return { ...found, sound: found.sound && sortFunctions(r.env.catalog, found.type)?.leakproof === true };
  },
  RowExpr: (r, body, scope) => structure(t.RECORD, resolveAll(r, body.args, scope)),
  A_ArrayExpr: (r, body, scope) => arrayOf(r, body, scope),
  SubLink: (r, body, scope, node) => subLink(r, body, scope, node),
  SQLValueFunction: (r, body) => {
    // CURRENT_TIMESTAMP is now(); the others move with the time zone or the session.
    if (!body.op?.startsWith('SVFOP_CURRENT_TIMESTAMP'))
      r.marks.unstable.push({ what: valueName(body.op), at: r.at(body.location) });
    return structure(SQL_VALUE_TYPES[body.op ?? ''] ?? t.UNTELLABLE, [UNTOLD]);
  },
  GroupingFunc: (r, body, scope) => {
    scope.level.aggregated = true;
    resolveAll(r, body.args, scope);
    return { type: t.INT4, sound: true, constant: false, barrier: 'aggregate' };
  },
  SetToDefault: () => ({ type: t.UNKNOWN, sound: true, constant: true, barrier: 'none' }),
  XmlExpr: (r, body, scope) => {
    resolveAll(r, [...(body.named_args ?? []).map(unwrapTarget), ...(body.args ?? [])], scope);
    return { ...UNTOLD, type: body.op === 'IS_DOCUMENT' ? t.BOOL : t.XML };
  },
  XmlSerialize: (r, body, scope) => {
    resolveExpression(r, body.expr!, scope);
    return { ...UNTOLD, type: body.typeName ? resolveTypeName(r, body.typeName) : t.TEXT };
  },
  JsonIsPredicate: (r, body, scope) => {
    resolveExpression(r, body.expr!, scope);
    return { ...UNTOLD, type: t.BOOL };
  },
  JsonScalarExpr: (r, body, scope) => {
    resolveExpression(r, body.expr!, scope);
    return { ...UNTOLD, type: t.JSON_TYPE };
  },
  JsonParseExpr: (r, body, scope) => {
    resolveExpression(r, (body.expr as { raw_expr?: Node } | undefined)!.raw_expr!, scope);
    return { ...UNTOLD, type: t.JSON_TYPE };
  },
  JsonObjectConstructor: (r, body, scope) => {
    for (const item of body.exprs ?? []) {
      const pair = as(item, 'JsonKeyValue');
      resolveExpression(r, pair?.key as Node, scope);
      resolveExpression(r, pair?.value?.raw_expr as Node, scope);
    }
    if (body.output) r.unsupported('RETURNING of a JSON constructor', body.location);
    return { ...UNTOLD, type: t.JSON_TYPE };
  },
  JsonArrayConstructor: (r, body, scope) => {
    for (const item of body.exprs ?? []) resolveExpression(r, as(item, 'JsonValueExpr')?.raw_expr as Node, scope);
    if (body.output) r.unsupported('RETURNING of a JSON constructor', body.location);
    return { ...UNTOLD, type: t.JSON_TYPE };
  },
};

function expressionOf(r: Resolver, node: Node, scope: Scope): Expression {
  if (node === undefined) return UNTOLD;
  const kind = kindOf(node);
  const handler = HANDLERS[kind] as Handler<Kind> | undefined;
  const body = as(node, kind) as Body<Kind>;
  r.read.add(body);
  if (handler) return handler(r, body, scope, node);
  r.unsupported(FORM_NAMES[kind] ?? kind, (body as { location?: number }).location);
  return UNTOLD;
}

const FORM_NAMES: Partial<Record<Kind, string>> = {
  CurrentOfExpr: 'WHERE CURRENT OF',
  JsonFuncExpr: 'JSON_VALUE, JSON_QUERY or JSON_EXISTS',
  JsonObjectAgg: 'JSON_OBJECTAGG',
  JsonArrayAgg: 'JSON_ARRAYAGG',
  JsonArrayQueryConstructor: 'JSON_ARRAY of a query',
  JsonSerializeExpr: 'JSON_SERIALIZE',
  MultiAssignRef: 'assignment to several columns',
};

function resolveAll(r: Resolver, nodes: readonly Node[] | undefined, scope: Scope): Expression[] {
  return (nodes ?? []).map((node) => resolveExpression(r, node, scope));
}

/** A parameter or literal without a type takes the one that its place asks for. */
export function settleParameter(r: Resolver, node: Node | undefined, type: Oid): void {
  if (node && as(node, 'A_Const')?.sval && !r.marks.literals.has(node)) r.marks.literals.set(node, type);
  const number = as(node, 'ParamRef')?.number;
  if (number !== undefined && type !== t.UNKNOWN && type !== t.UNTELLABLE) r.settle(number, type);
}

/** INVARIANT: what stands for a truth is one: another type would become it by a cast that somebody defined. */
export function asBoolean(r: Resolver, node: Node, found: Expression, place: string): void {
  settleParameter(r, node, t.BOOL);
  const type = baseType(r.env.catalog, found.type);
  if (type === t.BOOL || type === t.UNKNOWN || type === t.UNTELLABLE) return;
  const name = r.env.catalog.typesByOid.get(type)?.name ?? '';
  r.refuse('unsupported', '42804', `argument of ${place} must be type boolean, not type ${name}`);
}

function constant(body: Body<'A_Const'>): Expression {
  const type =
    body.ival !== undefined
      ? t.INT4
      : body.fval !== undefined
        ? numberType(body.fval.fval ?? '')
        : body.boolval !== undefined
          ? t.BOOL
          : body.bsval !== undefined
            ? t.BIT
            : t.UNKNOWN;
  return { type, sound: true, constant: true, barrier: 'none' };
}

/** Numbers beyond int4 are int8 where they fit, else numeric (manual, section 4.1.2.6). */
function numberType(text: string): Oid {
  if (!/^[-+]?[0-9_]+$/.test(text)) return t.NUMERIC;
  const value = BigInt(text.replaceAll('_', ''));
  return value >= -(2n ** 63n) && value < 2n ** 63n ? t.INT8 : t.NUMERIC;
}

function cast(r: Resolver, body: Body<'TypeCast'>, scope: Scope): Expression {
  const target = resolveTypeName(r, body.typeName!);
  const arg = resolveExpression(r, body.arg!, scope);
  const number = as(body.arg, 'ParamRef')?.number;
  if (number !== undefined && arg.type === t.UNKNOWN) {
    settleParameter(r, body.arg, target);
    // The parameter itself is of the type; a type modifier is then applied to it for each row, and can fail.
    const fitted = coercion(r.env.catalog, target, target, 'explicit', body.typeName?.typmods?.length ? 0 : -1);
    return { type: target, sound: isSoundCoercion(fitted), constant: false, barrier: 'none' };
  }
  const way = coercion(r.env.catalog, arg.type, target, 'explicit', body.typeName?.typmods?.length ? 0 : -1);
  settleParameter(r, body.arg, target);
  noteCoercion(r, way, r.at(body.location));
  // The array of untyped literals is read by the element type's input function, while the statement is analyzed.
  const elements = as(body.arg, 'A_ArrayExpr')?.elements;
  const literalArray =
    elements?.every((e) => r.marks.expressions.get(e)?.type === t.UNKNOWN && 'A_Const' in e) === true;
  const constant = arg.constant && (literalArray || isImmutable(way));
  return { type: target, sound: isSoundCoercion(way) || literalArray, constant, barrier: 'none' };
}

/** CASE, COALESCE and kin: the parts' common type, sound where none of them needs a coercion that can fail. */
function unified(r: Resolver, nodes: readonly Node[], parts: readonly Expression[], scope: Scope): Expression {
  const { catalog } = r.env;
  const type = commonType(
    catalog,
    parts.map((p) => p.type),
  );
  nodes.forEach((node, i) => {
    if (parts[i]!.type === t.UNKNOWN) settleParameter(r, node, type);
  });
  const ways = parts.map((p) => coercion(catalog, p.type, type, 'implicit'));
  for (const way of ways) noteCoercion(r, way, -1);
  noteRows(r, type, parts.length, scope);
  const sound = ways.every(isSoundCoercion);
  const constant = parts.every((p) => p.constant) && ways.every(isImmutable);
  return { type, sound: sound && type !== t.UNTELLABLE, constant, barrier: 'none' };
}

function caseOf(r: Resolver, body: Body<'CaseExpr'>, scope: Scope): Expression {
  const whens = (body.args ?? []).map((n) => as(n, 'CaseWhen')!);
  const conditions: Expression[] = [];
  let sound = true;
  if (body.arg) {
    // CASE x WHEN y: each pair is compared by `=`.
    for (const when of whens) {
      const equal = compareWhole(r, { kind: 'AEXPR_OP', name: EQUAL }, { name: '=' }, body.arg, when.expr!, scope);
      sound &&= equal.sound;
      conditions.push(equal);
    }
  } else {
    for (const when of whens) {
      const found = resolveExpression(r, when.expr!, scope);
      asBoolean(r, when.expr!, found, 'CASE/WHEN');
      conditions.push(found);
    }
  }
  // The ELSE counts first where the common type is chosen.
  const results = [...(body.defresult ? [body.defresult] : []), ...whens.map((w) => w.result!)];
  const found = unified(r, results, resolveAll(r, results, scope), scope);
  return { ...found, sound: found.sound && sound, constant: found.constant && conditions.every((c) => c.constant) };
}

const EQUAL: Node[] = [{ String: { sval: '=' } }];

function arrayOf(r: Resolver, body: Body<'A_ArrayExpr'>, scope: Scope): Expression {
  const parts = resolveAll(r, body.elements, scope);
  const found = unified(r, body.elements ?? [], parts, scope);
  const element = found.type === t.UNKNOWN ? t.TEXT : found.type;
  const nested = elementType(r.env.catalog, element) !== 0;
  const type = element === t.UNTELLABLE ? t.UNTELLABLE : nested ? element : arrayType(r.env.catalog, element);
  // Arrays of arrays must agree in their dimensions: that can fail.
  return {
    ...found,
    type: parts.length === 0 ? t.UNKNOWN : type,
    sound: parts.length === 0 || (found.sound && !nested),
  };
}

function subLink(r: Resolver, body: Body<'SubLink'>, scope: Scope, node: Node): Expression {
  const select = as(body.subselect, 'SelectStmt');
  if (!select) {
    r.unsupported('this subquery', body.location);
    return UNTOLD;
  }
  const test = body.testexpr ? resolveExpression(r, body.testexpr, scope) : undefined;
  const level = resolveSelect(r, select, { outer: scope, ctes: scope.level.ctes });
  r.marks.sublinks.set(node, level);
  scope.level.subqueries.push(level);
  const first = level.outputs[0]?.type ?? t.UNTELLABLE;
  switch (body.subLinkType) {
    case 'EXISTS_SUBLINK':
      return { type: t.BOOL, sound: true, constant: false, barrier: 'subquery' };
    case 'ANY_SUBLINK':
    case 'ALL_SUBLINK': {
      const name = body.operName?.length ? body.operName : EQUAL;
      const row = as(body.testexpr, 'RowExpr')?.args;
      const compared: Body<'A_Expr'> = {
        kind: 'AEXPR_OP',
        name,
        ...(body.location !== undefined && { location: body.location }),
      };
      const { sound } = row
        ? compareRow(r, compared, operatorName(r, compared), row, level)
        : resolveAExpr(r, compared, undefined, [test?.type ?? t.UNTELLABLE, first]);
      settleParameter(r, body.testexpr, first);
      return {
        type: t.BOOL,
        sound: sound && level.outputs.every((o) => !o.tells),
        constant: false,
        barrier: 'subquery',
      };
    }
    case 'EXPR_SUBLINK':
      return { type: first, sound: false, constant: false, barrier: 'subquery' };
    case 'ARRAY_SUBLINK':
      r.uses.push({ kind: 'collects', what: 'ARRAY(…)', level, at: r.at(body.location) });
      return { type: arrayType(r.env.catalog, first), sound: false, constant: false, barrier: 'subquery' };
    default:
      r.unsupported('this subquery', body.location);
      return UNTOLD;
  }
}

function unwrapTarget(node: Node): Node {
  return as(node, 'ResTarget')?.val ?? node;
}

function valueName(op: string | undefined): string {
  return (op ?? '').replace(/^SVFOP_/, '');
}

const SQL_VALUE_TYPES: Record<string, Oid> = {
  SVFOP_CURRENT_DATE: t.DATE,
  SVFOP_CURRENT_TIME: t.TIMETZ,
  SVFOP_CURRENT_TIME_N: t.TIMETZ,
  SVFOP_CURRENT_TIMESTAMP: t.TIMESTAMPTZ,
  SVFOP_CURRENT_TIMESTAMP_N: t.TIMESTAMPTZ,
  SVFOP_LOCALTIME: t.TIME,
  SVFOP_LOCALTIME_N: t.TIME,
  SVFOP_LOCALTIMESTAMP: t.TIMESTAMP,
  SVFOP_LOCALTIMESTAMP_N: t.TIMESTAMP,
  SVFOP_CURRENT_ROLE: t.NAME,
  SVFOP_CURRENT_USER: t.NAME,
  SVFOP_USER: t.NAME,
  SVFOP_SESSION_USER: t.NAME,
  SVFOP_CURRENT_CATALOG: t.NAME,
  SVFOP_CURRENT_SCHEMA: t.NAME,
};
