/** Resolves the query functions of SQL/JSON: JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_SERIALIZE, and what they share with JSON_TABLE. */
import type { Catalog, Oid, Type } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import { coercion } from '../types/coercion.ts';
import * as t from '../types/oids.ts';
import { baseType, elementType, rowRelation } from '../types/type.ts';
import type { Expression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { noteCoercion } from './stability.ts';
import { UNTOLD } from './structure.ts';
import { resolveTypeName } from './type-name.ts';

type Value = NonNullable<Body<'JsonFuncExpr'>['context_item']>;
type Behavior = NonNullable<Body<'JsonFuncExpr'>['on_empty']>;
type Output = NonNullable<Body<'JsonFuncExpr'>['output']>;

/** What is a JSON document, or is read as one by the server's own functions. */
const DOCUMENTS: ReadonlySet<Oid> = new Set([
  t.JSON_TYPE,
  t.JSONB,
  t.TEXT,
  1043 /* varchar */,
  t.BPCHAR,
  t.BYTEA,
  t.UNKNOWN,
]);

const RESULTS: Readonly<Record<string, Oid>> = {
  JSON_EXISTS_OP: t.BOOL,
  JSON_QUERY_OP: t.JSONB,
  JSON_VALUE_OP: t.TEXT,
};

/** JSON_VALUE, JSON_QUERY and JSON_EXISTS. */
export function resolveJsonQuery(r: Resolver, body: Body<'JsonFuncExpr'>, scope: Scope): Expression {
  resolveDocument(r, body.context_item, scope);
  if (body.pathspec) r.expression(body.pathspec, scope);
  resolvePassing(r, body.passing, scope);
  const type = body.output ? resolveOutput(r, body.output) : (RESULTS[body.op ?? ''] ?? t.UNTELLABLE);
  for (const behavior of [body.on_empty, body.on_error]) resolveBehavior(r, behavior, type, scope);
  return { ...UNTOLD, type };
}

export function resolveJsonSerialize(r: Resolver, body: Body<'JsonSerializeExpr'>, scope: Scope): Expression {
  resolveDocument(r, body.expr, scope);
  return { ...UNTOLD, type: body.output ? resolveOutput(r, body.output) : t.TEXT };
}

/** The document of a query. Another type would be converted by a cast that a user may have defined. */
export function resolveDocument(r: Resolver, value: Value | undefined, scope: Scope): void {
  const node = value?.raw_expr;
  if (!node) return;
  const { type } = r.expression(node, scope);
  if (!DOCUMENTS.has(baseType(r.env.catalog, type)))
    r.unsupported('a JSON document of another type than json, jsonb, text or bytea', undefined, 'Cast it to jsonb.');
}

/** PASSING value AS name. */
export function resolvePassing(r: Resolver, passing: readonly Node[] | undefined, scope: Scope): void {
  for (const node of passing ?? []) {
    const value = as(node, 'JsonArgument')?.val?.raw_expr;
    if (value) r.expression(value, scope);
  }
}

/** DEFAULT expression ON EMPTY or ON ERROR, of the type that the query gives. */
export function resolveBehavior(r: Resolver, behavior: Behavior | undefined, type: Oid, scope: Scope): void {
  if (!behavior?.expr) return;
  const found = r.expression(behavior.expr, scope);
  noteCoercion(r, coercion(r.env.catalog, found.type, type, 'assignment'), -1);
}

/** The type of RETURNING; UNTELLABLE without one. */
export function resolveOutput(r: Resolver, output: Output): Oid {
  return output.typeName ? resolveResultType(r, output.typeName) : t.UNTELLABLE;
}

/** What the type's own input function makes of the text, and then a domain's CHECK: as in a cast from text, for which the type must be granted. */
export function resolveResultType(r: Resolver, name: Body<'TypeName'>): Oid {
  const oid = resolveTypeName(r, name);
  const type = r.env.catalog.typesByOid.get(oid);
  if (type && !isReadByServer(r.env.catalog, type))
    r.unsupported(`a value of type "${type.name}" from JSON`, name.location);
  return oid;
}

/** Whether the server's own functions make a value of it: no user's input function, and no user's cast. */
function isReadByServer(catalog: Catalog, type: Type): boolean {
  if (type.schema === 'pg_catalog') return true;
  const base = catalog.typesByOid.get(baseType(catalog, type.oid));
  if (!base) return false;
  if (base.oid !== type.oid) return isReadByServer(catalog, base);
  const element = catalog.typesByOid.get(elementType(catalog, type.oid));
  const parts = element ? [element.oid] : (rowRelation(catalog, type.oid)?.columns.map((column) => column.type) ?? []);
  const isMadeOfParts = type.kind === 'e' || parts.length > 0;
  const isCast = catalog.data.casts.some(({ target }) => target === type.oid);
  return (
    isMadeOfParts &&
    !isCast &&
    parts.every((oid) => {
      const part = catalog.typesByOid.get(oid);
      return part !== undefined && isReadByServer(catalog, part);
    })
  );
}
