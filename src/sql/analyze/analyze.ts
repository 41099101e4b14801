/** Resolves one statement that reads or writes rows: names, types, functions, and the places where policy and rewriting must look. */
import type { Oid } from '../catalog/catalog.ts';
import type { ParsedText } from '../parse/parse.ts';
import { as, type Body, fieldsOf, type Kind, type Node, strings } from '../parse/tree.ts';
import { resolveFunction } from '../types/function.ts';
import * as t from '../types/oids.ts';
import { UNKNOWN, UNTELLABLE } from '../types/oids.ts';
import { shownType } from '../types/shown-type.ts';
import { formOf, unnamed } from './call.ts';
import { enter } from './entries.ts';
import { resolveExpression } from './expression.ts';
import type { Analysis } from './findings.ts';
import { newLevel } from './levels.ts';
import { resolveSelect } from './query.ts';
import type { Env, QueryLevel, RelationView, Scope } from './range-table.ts';
import { Resolver, type Verbs } from './resolver.ts';
import { root } from './root.ts';
import { settleParameter } from './settle.ts';
import { FIRST_USER_OID, noteStability } from './stability.ts';
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

/** CALL: finds the procedure. Returns the level of its arguments, which see no table. */
function resolveProcedureCall(r: Resolver, body: Body<'CallStmt'>): QueryLevel {
  const level = newLevel(r, 'values', undefined, { outer: undefined, ctes: undefined });
  const call = body.funccall ?? {};
  r.read.add(call);
  const at = r.at(call.location);
  const parts = strings(call.funcname);
  const nodes = (call.args ?? []).map(unnamed);
  if (parts.length > 2) {
    r.unsupported('CALL of another database', call.location, 'Leave the name of the database out.');
    return level;
  }
  const scope = { level, entries: [], outer: undefined };
  const types = nodes.map((node) => root(r, node, 'row', scope).type);
  const name = parts.length === 2 ? { schema: parts[0]!, name: parts[1]! } : { name: parts[0] ?? '' };
  const { catalog, searchPath } = r.env;
  const form = formOf(call, nodes.length);
  const resolved = resolveFunction(catalog, searchPath, name, types, { ...form, call: true });
  if (resolved.kind !== 'found') {
    const shown = types.map((type) => shownType(catalog, type)).join(', ');
    // Which procedure runs must be known: it is granted by name, and its CHECKs and casts with it.
    if (resolved.kind === 'untellable')
      r.unsupported('CALL with an argument of a type that cannot be told', call.location, 'Write a cast around it.');
    else if (isOwnFunction(resolveFunction(catalog, searchPath, name, types, form)))
      r.refuse('function-unknown', '42809', `${parts.join('.')}(${shown}) is not a procedure`, at);
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

/** Of the server, which everyone knows of. */
function isOwnFunction(resolved: ReturnType<typeof resolveFunction>): boolean {
  return resolved.kind === 'found' && resolved.fn.oid < FIRST_USER_OID;
}

/** The nodes that can read data: relations, columns, calls, operators, casts, types, subqueries. */
const SENSITIVE: ReadonlySet<string> = new Set<Kind>([
  'ColumnRef',
  'FuncCall',
  'A_Expr',
  'TypeCast',
  'SubLink',
  'A_Indirection',
  'RangeVar',
  'ParamRef',
]);

/** Fields that hold such a body without its kind around it. */
const INLINE: ReadonlySet<string> = new Set(['typeName', 'relation']);

/** INVARIANT 3: nothing that PostgreSQL would analyze escapes resolution: a field that the grammar has and no rule visits is found here. */
function refuseUnread(r: Resolver, node: Node): void {
  if (r.refusals.length === 0) visit(r, node);
}

function visit(r: Resolver, value: unknown): void {
  if (typeof value !== 'object' || value === null || r.refusals.length > 0) return;
  r.parsed.workLimit.spend();
  // A list of parts has no fields of its own; most of a tree is lists.
  if (Array.isArray(value)) {
    for (const inner of value) visit(r, inner);
    return;
  }
  for (const [field, inner] of fieldsOf(value)) {
    // (a, b) = (SELECT …): the parser repeats one source for every column.
    if (field === 'MultiAssignRef' && (inner as { colno?: number }).colno !== 1) continue;
    const bare = INLINE.has(field) && !Object.keys(inner).some((key) => /^[A-Z]/.test(key));
    if ((SENSITIVE.has(field) || bare) && !r.read.has(inner)) {
      r.unsupported(`this place for ${NAMES[field] ?? 'an expression'}`, (inner as { location?: number }).location);
      return;
    }
    visit(r, inner);
  }
}

const NAMES: Readonly<Record<string, string>> = {
  ColumnRef: 'a column',
  FuncCall: 'a function',
  TypeCast: 'a cast',
  SubLink: 'a subquery',
  RangeVar: 'a relation',
  relation: 'a relation',
  typeName: 'a type',
};
