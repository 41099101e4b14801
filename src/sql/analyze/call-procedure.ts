/** Resolves CALL: the procedure that is meant, and its arguments. */
import type { Body } from '../parse/tree.ts';
import { kindOf, strings } from '../parse/tree.ts';
import { resolveFunction } from '../types/function.ts';
import * as t from '../types/oids.ts';
import { shownType } from '../types/shown-type.ts';
import { newLevel } from './levels.ts';
import type { QueryLevel } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { root } from './root.ts';
import { settleParameter } from './settle.ts';
import { noteStability } from './stability.ts';

/** The level of its arguments, which see no table. */
export function resolveProcedureCall(r: Resolver, body: Body<'CallStmt'>): QueryLevel {
  const level = newLevel(r, 'values', undefined, { outer: undefined, ctes: undefined });
  const call = body.funccall ?? {};
  r.read.add(call);
  const at = r.at(call.location);
  const parts = strings(call.funcname);
  const nodes = call.args ?? [];
  // What is given by name, or as one array, has a place of its own that is not the argument's.
  if (parts.length > 2 || call.func_variadic || nodes.some((node) => kindOf(node) === 'NamedArgExpr')) {
    r.unsupported('CALL with named or VARIADIC arguments', call.location);
    return level;
  }
  const scope = { level, entries: [], outer: undefined };
  const types = nodes.map((node) => root(r, node, 'row', scope).type);
  const name = parts.length === 2 ? { schema: parts[0]!, name: parts[1]! } : { name: parts[0] ?? '' };
  const { catalog, searchPath } = r.env;
  const resolved = resolveFunction(catalog, searchPath, name, types, { call: true });
  if (resolved.kind !== 'found') {
    const shown = types.map((type) => shownType(catalog, type)).join(', ');
    // Which procedure runs must be known: it is granted by name, and its CHECKs and casts with it.
    if (resolved.kind === 'untellable')
      r.unsupported('CALL with an argument of a type that cannot be told', call.location);
    else r.refuse('function-unknown', '42883', `procedure ${parts.join('.')}(${shown}) does not exist`, at);
    return level;
  }
  noteStability(r, resolved, at);
  r.uses.push({ kind: 'function', name: parts.join('.'), candidates: [resolved.fn], literals: () => [], at });
  if (parts.length === 1) r.marks.functions.push({ body: call, fn: resolved.fn });
  nodes.forEach((node, i) => {
    settleParameter(r, node, resolved.argTypes[i] ?? t.UNTELLABLE);
  });
  return level;
}
