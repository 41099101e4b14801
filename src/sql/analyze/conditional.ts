/** Resolves the forms whose parts must share one type: CASE, COALESCE, GREATEST and LEAST, ARRAY (manual, section 10.5). */
import type { Body, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import { coercion } from '../types/coercion.ts';
import { commonType } from '../types/common-type.ts';
import * as t from '../types/oids.ts';
import { arrayType, elementType } from '../types/type.ts';
import { noteRows } from './fallible.ts';
import { coercionCannotLeak, comparisonCannotLeak } from './leakproof-expressions.ts';
import { compareWhole, EQUAL } from './operator.ts';
import type { Expression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { asBoolean, settleParameter } from './settle.ts';
import { isImmutable, noteCoercion } from './stability.ts';

/** CASE, with an expression to compare or with conditions. */
export function resolveCase(r: Resolver, body: Body<'CaseExpr'>, scope: Scope): Expression {
  const whens = (body.args ?? []).map((n) => as(n, 'CaseWhen')!);
  const conditions: Expression[] = [];
  let leakproof = true;
  const parameter = as(body.arg, 'ParamRef')?.number;
  // What is compared and has no type is a text.
  if (parameter !== undefined && r.parameterType(parameter) === t.UNKNOWN) r.settle(parameter, t.TEXT);
  const values: Expression[] = [];
  for (const when of whens) {
    if (body.arg) {
      // CASE x WHEN y: each pair is compared by `=`.
      const equal = compareWhole(r, { kind: 'AEXPR_OP', name: EQUAL }, { name: '=' }, body.arg, when.expr!, scope);
      leakproof &&= equal.leakproof;
      conditions.push(equal);
    } else {
      const found = r.expression(when.expr!, scope);
      asBoolean(r, when.expr!, found, 'CASE/WHEN');
      conditions.push(found);
    }
    values.push(r.expression(when.result!, scope));
  }
  // The ELSE is read last, and counts first where the common type is chosen.
  const last = body.defresult && { node: body.defresult, value: r.expression(body.defresult, scope) };
  const results = [...(last ? [last.node] : []), ...whens.map((w) => w.result!)];
  const found = unified(r, results, [...(last ? [last.value] : []), ...values], scope);
  return {
    ...found,
    leakproof: found.leakproof && leakproof,
    constant: found.constant && conditions.every((c) => c.constant),
  };
}

export function resolveCoalesce(r: Resolver, body: Body<'CoalesceExpr'>, scope: Scope): Expression {
  const parts = r.expressions(body.args, scope);
  return unified(r, body.args ?? [], parts, scope);
}

/** GREATEST and LEAST, which compare their parts. */
export function resolveMinMax(r: Resolver, body: Body<'MinMaxExpr'>, scope: Scope): Expression {
  const parts = r.expressions(body.args, scope);
  const found = unified(r, body.args ?? [], parts, scope);
  return { ...found, leakproof: found.leakproof && comparisonCannotLeak(r, found.type) };
}

export function resolveArray(r: Resolver, body: Body<'A_ArrayExpr'>, scope: Scope): Expression {
  const parts = r.expressions(body.elements, scope);
  const found = unified(r, body.elements ?? [], parts, scope);
  const element = found.type === t.UNKNOWN ? t.TEXT : found.type;
  const nested = elementType(r.env.catalog, element) !== 0;
  const type = element === t.UNTELLABLE ? t.UNTELLABLE : nested ? element : arrayType(r.env.catalog, element);
  // Arrays of arrays must agree in their dimensions: that can fail.
  return {
    ...found,
    type: parts.length === 0 ? t.UNKNOWN : type,
    leakproof: parts.length === 0 || (found.leakproof && !nested),
  };
}

/** The parts' common type; leakproof if no part needs a coercion that can fail. */
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
  const leakproof = ways.every(coercionCannotLeak);
  const constant = parts.every((p) => p.constant) && ways.every(isImmutable);
  return { type, leakproof: leakproof && type !== t.UNTELLABLE, constant, barrier: 'none' };
}
