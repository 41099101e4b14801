/** Resolves expressions: an allow-list of node kinds, each with what it reads, its type, and whether it can tell. */
import type { Oid } from '../catalog/catalog.ts';
import { askDecimal } from '../parse/constants.ts';
import { as, type Body, type Kind, kindOf, type Node, strings } from '../parse/tree.ts';
import { coercion } from '../types/coercion.ts';
import * as t from '../types/oids.ts';
import { baseType, elementType } from '../types/type.ts';
import { resolveCall } from './call.ts';
import { unlessCollationsMeet } from './collation.ts';
import { isStar, resolveColumn, resolveStar } from './column.ts';
import { resolveArray, resolveCase, resolveCoalesce, resolveMinMax } from './conditional.ts';
import { resolveIndirection } from './indirection.ts';
import { coercionCannotLeak } from './leakproof-expressions.ts';
import { resolveAExpr } from './operator.ts';
import type { Expression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { asBoolean, settleParameter } from './settle.ts';
import { resolveJsonQuery, resolveJsonSerialize } from './sql-json.ts';
import { resolveJsonArrayAgg, resolveJsonArrayQuery, resolveJsonObjectAgg } from './sql-json-aggregates.ts';
import { isImmutable, noteCoercion } from './stability.ts';
import { structure, UNTOLD } from './structure.ts';
import { resolveSubLink } from './sublink.ts';
import { resolveTypeName } from './type-name.ts';
import {
  resolveIsJson,
  resolveJsonArray,
  resolveJsonObject,
  resolveJsonParse,
  resolveJsonScalar,
  resolveXml,
  resolveXmlSerialize,
} from './xml-json.ts';

/** Type and soundness of an expression; every node in it is judged, and remembered in `marks.expressions`. */
export function resolveExpression(r: Resolver, node: Node, scope: Scope): Expression {
  const found = r.deeper(
    () => expressionOf(r, node, scope),
    () => UNTOLD,
  );
  const judged = unlessCollationsMeet(r, node, found);
  r.marks.expressions.set(node, judged);
  return judged;
}

type Handler<K extends Kind> = (r: Resolver, body: Body<K>, scope: Scope, node: Node) => Expression;

// INVARIANT 2: a node kind that is not in this table is refused.
const HANDLERS: { readonly [K in Kind]?: Handler<K> } = {
  A_Const: (_r, body) => constant(body),
  ParamRef: (r, body) => {
    const type = r.parameterType(body.number ?? 0);
    return { type, leakproof: true, constant: false, barrier: 'none' };
  },
  ColumnRef: (r, body, scope, node) => resolveColumn(r, node, body, scope),
  A_Expr: (r, body, scope) => resolveAExpr(r, body, scope),
  FuncCall: (r, body, scope, node) => resolveCall(r, body, scope, node),
  A_Indirection: (r, body, scope, node) => resolveIndirection(r, node, body, scope),
  BoolExpr: (r, body, scope) => {
    const parts = r.expressions(body.args, scope);
    const place = (body.boolop ?? '').replace(/_EXPR$/, '');
    parts.forEach((part, i) => {
      asBoolean(r, body.args![i]!, part, place);
    });
    return structure(t.BOOL, parts);
  },
  NullTest: (r, body, scope) => structure(t.BOOL, [r.expression(body.arg!, scope)]),
  BooleanTest: (r, body, scope) => {
    const arg = r.expression(body.arg!, scope);
    asBoolean(r, body.arg!, arg, 'IS TRUE');
    return structure(t.BOOL, [arg]);
  },
  CollateClause: (r, body, scope) => {
    const arg = r.expression(body.arg!, scope);
    r.marks.collationNames.push({ names: strings(body.collname), at: r.at(body.location) });
    return structure(arg.type, [arg]);
  },
  TypeCast: (r, body, scope) => cast(r, body, scope),
  CaseExpr: (r, body, scope) => resolveCase(r, body, scope),
  CoalesceExpr: (r, body, scope) => resolveCoalesce(r, body, scope),
  MinMaxExpr: (r, body, scope) => resolveMinMax(r, body, scope),
  RowExpr: (r, body, scope) => row(r, body, scope),
  A_ArrayExpr: (r, body, scope) => resolveArray(r, body, scope),
  SubLink: (r, body, scope, node) => resolveSubLink(r, body, scope, node),
  SQLValueFunction: (r, body) => resolveSqlValue(r, body),
  GroupingFunc: (r, body, scope) => {
    scope.level.aggregated = true;
    r.expressions(body.args, scope);
    return { type: t.INT4, leakproof: true, constant: false, barrier: 'aggregate', namesOwn: true };
  },
  SetToDefault: () => ({ type: t.UNKNOWN, leakproof: true, constant: true, barrier: 'none' }),
  XmlExpr: (r, body, scope) => resolveXml(r, body, scope),
  XmlSerialize: (r, body, scope) => resolveXmlSerialize(r, body, scope),
  MergeSupportFunc: () => ({ type: t.TEXT, leakproof: true, constant: false, barrier: 'none' }),
  JsonIsPredicate: (r, body, scope) => resolveIsJson(r, body, scope),
  JsonScalarExpr: (r, body, scope) => resolveJsonScalar(r, body, scope),
  JsonParseExpr: (r, body, scope) => resolveJsonParse(r, body, scope),
  JsonFuncExpr: (r, body, scope) => resolveJsonQuery(r, body, scope),
  JsonSerializeExpr: (r, body, scope) => resolveJsonSerialize(r, body, scope),
  JsonObjectAgg: (r, body, scope) => resolveJsonObjectAgg(r, body, scope),
  JsonArrayAgg: (r, body, scope) => resolveJsonArrayAgg(r, body, scope),
  JsonArrayQueryConstructor: (r, body, scope, node) => resolveJsonArrayQuery(r, body, scope, node),
  JsonObjectConstructor: (r, body, scope) => resolveJsonObject(r, body, scope),
  JsonArrayConstructor: (r, body, scope) => resolveJsonArray(r, body, scope),
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
  MultiAssignRef: 'assignment to several columns',
};

/** A star in it is as many columns as the role may see of its table. */
function row(r: Resolver, body: Body<'RowExpr'>, scope: Scope): Expression {
  const parts = (body.args ?? []).flatMap((item) => {
    const reference = as(item, 'ColumnRef');
    if (!reference || !isStar(reference)) return [r.expression(item, scope)];
    const columns = resolveStar(r, reference, scope);
    r.marks.rowStars.push({ row: body, item, columns });
    const leakproof = columns.every(({ column }) => !column.leaky);
    const found: Expression = { type: t.UNTELLABLE, leakproof, constant: false, barrier: 'none' };
    r.marks.expressions.set(item, found);
    return [found];
  });
  // A star can be put into no CASE: the row is, around it.
  const starsTell = parts.some(({ type, leakproof }) => type === t.UNTELLABLE && !leakproof);
  const made = structure(t.RECORD, parts);
  return starsTell ? { ...made, leakproof: false } : made;
}

function constant(body: Body<'A_Const'>): Expression {
  const type =
    body.ival !== undefined
      ? t.INT4
      : body.fval !== undefined
        ? askDecimal(body.fval, numberType)
        : body.boolval !== undefined
          ? t.BOOL
          : body.bsval !== undefined
            ? t.BIT
            : t.UNKNOWN;
  return { type, leakproof: true, constant: true, barrier: 'none' };
}

/** Numbers beyond int4 are int8 where they fit, else numeric (manual, section 4.1.2.6). The least int4 is one only with its sign. */
function numberType(text: string): Oid {
  const [, sign, digits] = /^([-+]?)(\d+|0x[\da-f]+|0o[0-7]+|0b[01]+)$/i.exec(text.replaceAll('_', '')) ?? [];
  if (digits === undefined) return t.NUMERIC;
  const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
  if (value === BigInt.asIntN(32, value)) return t.INT4;
  return value === BigInt.asIntN(64, value) ? t.INT8 : t.NUMERIC;
}

function cast(r: Resolver, body: Body<'TypeCast'>, scope: Scope): Expression {
  const target = resolveTypeName(r, body.typeName!);
  const arg = r.expression(body.arg!, scope);
  const number = as(body.arg, 'ParamRef')?.number;
  if (number !== undefined && arg.type === t.UNKNOWN) {
    settleParameter(r, body.arg, target);
    // The parameter itself is of the type; a type modifier is then applied to it for each row, and can fail.
    const fitted = coercion(r.env.catalog, target, target, 'explicit', body.typeName?.typmods?.length ? 0 : -1);
    return { type: target, leakproof: coercionCannotLeak(fitted), constant: false, barrier: 'none' };
  }
  const way = coercion(r.env.catalog, arg.type, target, 'explicit', body.typeName?.typmods?.length ? 0 : -1);
  settleParameter(r, body.arg, target);
  noteCoercion(r, way, r.at(body.location));
  // The array of untyped literals is read by the element type's input function, while the statement is analyzed.
  const elements = as(body.arg, 'A_ArrayExpr')?.elements;
  // A domain's CHECKs are evaluated again for each row, on the elements or on the whole.
  const element = elementType(r.env.catalog, baseType(r.env.catalog, target));
  const literalArray =
    elements?.every((e) => r.marks.expressions.get(e)?.type === t.UNKNOWN && 'A_Const' in e) === true &&
    [target, element].every((type) => coercionCannotLeak(coercion(r.env.catalog, t.UNKNOWN, type, 'explicit')));
  const constant = arg.constant && (literalArray || isImmutable(way));
  return { type: target, leakproof: coercionCannotLeak(way) || literalArray, constant, barrier: 'none' };
}

/** CURRENT_DATE, CURRENT_USER and similar: leakproof, but not constant, as it differs from one run to the next. */
function resolveSqlValue(r: Resolver, body: Body<'SQLValueFunction'>): Expression {
  // CURRENT_TIMESTAMP is now(); the others move with the time zone or the session.
  if (!body.op?.startsWith('SVFOP_CURRENT_TIMESTAMP'))
    r.marks.unstable.push({ what: valueName(body.op), at: r.at(body.location) });
  return structure(SQL_VALUE_TYPES[body.op ?? ''] ?? t.UNTELLABLE, [UNTOLD]);
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
