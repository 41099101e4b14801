/** Resolves one statement that reads or writes rows: names, types, functions, and the places where policy and rewriting must look. */
import type { Oid } from '../catalog/catalog.ts';
import type { ParsedText } from '../parse/parse.ts';
import type { Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import { UNKNOWN, UNTELLABLE } from '../types/oids.ts';
import { resolveProcedureCall } from './call-procedure.ts';
import { enter } from './entries.ts';
import { resolveExpression } from './expression.ts';
import type { Analysis } from './findings.ts';
import { newLevel } from './levels.ts';
import { resolveSelect } from './query.ts';
import type { Env, RelationView, Scope } from './range-table.ts';
import { Resolver, type Verbs } from './resolver.ts';
import { root } from './root.ts';
import { refuseUnread } from './unread.ts';
import { resolveWrite } from './write.ts';

export type { Analysis, Use } from './findings.ts';
export type { Env, RelationView } from './range-table.ts';

const VERBS: Verbs = { expression: resolveExpression, select: resolveSelect, write: resolveWrite };

const READ = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CallStmt'];

/** The types of parameters that the analysis rests on; 0 for each other. */
export function toldTypes({ parameters, parameterTypes }: Analysis): readonly Oid[] {
  return Array.from({ length: parameters }, (_, i) => {
    const type = parameterTypes[i] ?? 0;
    return type === UNKNOWN || type === UNTELLABLE ? 0 : type;
  });
}

/** True for the kinds of statement that `analyze` reads. */
export function isQuery(node: Node): boolean {
  return READ.some((kind) => kind in node);
}

/** Analyzes a SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE, MERGE or CALL of the parsed text. */
export function analyze(node: Node, parsed: ParsedText, env: Env): Analysis {
  const r = new Resolver(env, parsed, VERBS);
  const call = as(node, 'CallStmt');
  if (call) {
    const level = resolveProcedureCall(r, call);
    refuseUnread(r, node);
    return r.finish(level);
  }
  const place = { outer: undefined, ctes: undefined };
  const select = as(node, 'SelectStmt');
  const level = select ? r.select(select, place) : r.write(node, place);
  refuseUnread(r, node);
  return r.finish(level);
}

/** Analyzes an expression over the columns of one relation, which is visible as `name`: a policy's condition or mask. */
export function analyzeExpression(
  node: Node,
  parsed: ParsedText,
  env: Env,
  name: string,
  view: RelationView,
): { readonly analysis: Analysis; readonly scope: Scope } {
  const r = new Resolver(env, parsed, VERBS);
  const level = newLevel(r, 'select', undefined, { outer: undefined, ctes: undefined });
  const columns = view.columns.map((c) => ({
    name: c.column.name,
    type: c.column.type,
    leaky: c.leaky,
    access: c.access,
  }));
  const source = { kind: 'relation', view, node: {} as Node, use: 'target' } as const;
  enter(r, level, { name, schema: view.relation.schema, columns, source }, -1);
  const scope: Scope = { level, entries: level.entries, outer: undefined };
  root(r, node, 'row', scope);
  return { analysis: r.finish(level), scope };
}
