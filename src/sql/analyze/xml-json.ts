/** Resolves the grammar's own forms of XML and SQL/JSON. None of them is leakproof: each parses or builds text, and can fail. */
import type { Body, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import type { Expression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { resolveOutput } from './sql-json.ts';
import { UNTOLD } from './structure.ts';
import { resolveTypeName } from './type-name.ts';

/** XMLELEMENT, XMLFOREST, XMLCONCAT, XMLPARSE, XMLPI, XMLROOT and IS DOCUMENT. */
export function resolveXml(r: Resolver, body: Body<'XmlExpr'>, scope: Scope): Expression {
  r.expressions([...(body.named_args ?? []).map(unwrapTarget), ...(body.args ?? [])], scope);
  return { ...UNTOLD, type: body.op === 'IS_DOCUMENT' ? t.BOOL : t.XML };
}

function unwrapTarget(node: Node): Node {
  return as(node, 'ResTarget')?.val ?? node;
}

/** XMLSERIALIZE. */
export function resolveXmlSerialize(r: Resolver, body: Body<'XmlSerialize'>, scope: Scope): Expression {
  r.expression(body.expr!, scope);
  return { ...UNTOLD, type: body.typeName ? resolveTypeName(r, body.typeName) : t.TEXT };
}

export function resolveIsJson(r: Resolver, body: Body<'JsonIsPredicate'>, scope: Scope): Expression {
  r.expression(body.expr!, scope);
  return { ...UNTOLD, type: t.BOOL };
}

export function resolveJsonScalar(r: Resolver, body: Body<'JsonScalarExpr'>, scope: Scope): Expression {
  r.expression(body.expr!, scope);
  return { ...UNTOLD, type: t.JSON_TYPE };
}

export function resolveJsonParse(r: Resolver, body: Body<'JsonParseExpr'>, scope: Scope): Expression {
  r.expression((body.expr as { raw_expr?: Node } | undefined)!.raw_expr!, scope);
  return { ...UNTOLD, type: t.JSON_TYPE };
}

/** JSON_OBJECT of keys and values. */
export function resolveJsonObject(r: Resolver, body: Body<'JsonObjectConstructor'>, scope: Scope): Expression {
  for (const item of body.exprs ?? []) {
    const pair = as(item, 'JsonKeyValue');
    r.expression(pair?.key as Node, scope);
    r.expression(pair?.value?.raw_expr as Node, scope);
  }
  return { ...UNTOLD, type: body.output ? resolveOutput(r, body.output) : t.JSON_TYPE };
}

/** JSON_ARRAY of values. */
export function resolveJsonArray(r: Resolver, body: Body<'JsonArrayConstructor'>, scope: Scope): Expression {
  for (const item of body.exprs ?? []) r.expression(as(item, 'JsonValueExpr')?.raw_expr as Node, scope);
  return { ...UNTOLD, type: body.output ? resolveOutput(r, body.output) : t.JSON_TYPE };
}
