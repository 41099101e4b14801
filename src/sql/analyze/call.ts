/** Resolves function calls: plain, aggregate, window, set-returning; and what is written as a call but is a cast. */
import type { Fn, Oid, Type } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as, kindOf, strings } from '../parse/tree.ts';
import type { CallForm } from '../types/call.ts';
import { resolveFunction } from '../types/function.ts';
import * as t from '../types/oids.ts';
import type { QualifiedName } from '../types/path.ts';
import type { Found, Resolved } from '../types/resolved.ts';
import { shownType } from '../types/shown-type.ts';
import { rowRelation } from '../types/type.ts';
import { BoundedNumbers } from './bounded-numbers.ts';
import { collects, summaryOf } from './collects.ts';
import { noteSummary } from './fallible.ts';
import { readAsField } from './field-notation.ts';
import { type CallAsField, type LookedUpObject, PARAMETER } from './findings.ts';
import { hasField } from './indirection.ts';
import { cannotLeak, coercionCannotLeak, isPlainSeries } from './leakproof-expressions.ts';
import { inPhase } from './levels.ts';
import type { Expression, QueryLevel, RangeTableEntry, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { asBoolean, settleParameter } from './settle.ts';
import { isImmutable, isImmutableCall, noteStability } from './stability.ts';
import { UNTOLD } from './structure.ts';
import { checkOrder, laterWindow, sortKey } from './window.ts';

/** What a call was found to be: for FROM, which needs its columns. */
export interface CallFinding {
  readonly expression: Expression;
  readonly resolved: Resolved | undefined;
}

/** A function call: the function is recorded as a use, refused if it does not exist or is ambiguous (manual, section 10.3). */
export function resolveCall(r: Resolver, body: Body<'FuncCall'>, scope: Scope, node: Node): Expression {
  return findCall(r, body, scope, node).expression;
}

/** `node`: the call's own, where it may turn out to be a field; absent in FROM. */
export function findCall(r: Resolver, body: Body<'FuncCall'>, scope: Scope, node?: Node): CallFinding {
  r.read.add(body);
  const at = r.at(body.location);
  const parts = strings(body.funcname);
  if (parts.length > 2) {
    r.unsupported('a function name with a database', body.location, 'Leave the database out.');
    return { expression: UNTOLD, resolved: undefined };
  }
  const name: QualifiedName = parts.length === 2 ? { schema: parts[0]!, name: parts[1]! } : { name: parts[0] ?? '' };
  const asField = r.marks.callsAsFields.get(body);
  const before = asField?.before?.touched ?? r.touched.length;
  const rowsBefore = asField?.before?.wholeRows ?? r.marks.wholeRows.length;
  const inside = argumentScope(r, body, name, scope);
  const keys = (body.agg_order ?? []).map(sortKey);
  const nodes = [...(body.args ?? []), ...(body.agg_within_group ? keys : [])].map(unnamed);
  const known = asField?.before && r.marks.expressions;
  const args = nodes.map((one) => known?.get(one) ?? r.expression(one, inside));
  if (body.agg_filter) asBoolean(r, body.agg_filter, r.expression(body.agg_filter, inside), 'FILTER');
  if (body.over) laterWindow(r, body.over, scope);
  const { catalog, searchPath } = r.env;
  const form = formOf(body, args.length);
  const { resolved, types, withheld } = withRowTypes(
    r,
    nodes,
    args.map((a) => a.type),
    rowsBefore,
    (taken) => resolveFunction(catalog, searchPath, name, taken, form),
  );
  if (resolved.kind === 'found')
    nodes.forEach((node, i) => {
      settleParameter(r, node, resolved.argTypes[i] ?? t.UNTELLABLE);
    });
  if (!body.agg_within_group) for (const key of keys) r.expression(key, inside);
  for (const sort of body.agg_order ?? [])
    checkOrder(r, sort, r.marks.expressions.get(sortKey(sort))?.type ?? t.UNTELLABLE);
  const touched = new Set(r.touched.slice(before));
  const use = (candidates: readonly Fn[]): void => {
    // A named argument may be any of them: it is not a literal that could be judged by its place.
    const literals = () =>
      (body.args ?? []).map((n) => as(n, 'A_Const')?.sval?.sval ?? (as(n, 'ParamRef') && PARAMETER));
    const subject = () => subjectOf(r, nodes[0]);
    r.uses.push({ kind: 'function', name: parts.join('.'), candidates, literals, subject, at });
  };
  noteStability(r, resolved, at);
  if (asField && (resolved.kind !== 'found' || !isCallable(r, asField, resolved.fn))) {
    if (resolved.kind === 'found') r.unsupported(`.${name.name} as a call`, body.location, `Write ${name.name}(…).`);
    else r.refuse('column-unknown', '42703', asField.otherwise, at);
    return { expression: UNTOLD, resolved };
  }
  switch (resolved.kind) {
    case 'found': {
      use([resolved.fn]);
      // A row with withheld columns is sent with NULL or another column in their place: it must not have its table's row type.
      for (const type of withheld) r.uses.push({ kind: 'type', type, at });
      r.marks.calls.set(body, resolved);
      if (parts.length === 1 && body.funcformat !== 'COERCE_SQL_SYNTAX')
        r.marks.functions.push({ body, fn: resolved.fn });
      return { expression: judged(r, body, resolved, args, nodes, touched, scope, at), resolved };
    }
    case 'cast': {
      const type = catalog.typesByOid.get(resolved.result);
      if (type) r.uses.push({ kind: 'type', type, at });
      const constant = isImmutable(resolved.coercion) && args.every((a) => a.constant);
      return {
        expression: {
          type: resolved.result,
          leakproof: coercionCannotLeak(resolved.coercion),
          constant,
          barrier: 'none',
        },
        resolved,
      };
    }
    case 'untellable': {
      use(resolved.candidates);
      const kinds = new Set(resolved.candidates.map((fn) => `${fn.kind}${fn.returnsSet}`));
      const results = new Set(resolved.candidates.map((fn) => fn.result));
      const first = resolved.candidates[0];
      if (first && kinds.size === 1 && (first.kind === 'a' || first.returnsSet || first.kind === 'w')) {
        const type = results.size === 1 ? first.result : t.UNTELLABLE;
        const pretend: Found = {
          kind: 'found',
          fn: { ...first, result: type },
          result: type,
          outColumns: [],
          argTypes: [],
          coercions: [],
        };
        return {
          expression: { ...judged(r, body, pretend, args, nodes, touched, scope, at), leakproof: false },
          resolved,
        };
      }
      if (kinds.size > 1)
        r.unsupported(
          `the call of "${name.name}" with arguments of which the types cannot be told`,
          body.location,
          'Write casts around them.',
        );
      const single = results.size === 1 && resolved.castTo === undefined ? [...results][0]! : t.UNTELLABLE;
      return { expression: { ...UNTOLD, type: single }, resolved };
    }
    case 'column': {
      // `ine(p)` is the column `ine` of the row p, withheld or not.
      const [arg] = nodes;
      if (node && arg && hasField(r, arg, args[0]!.type, name.name)) {
        const field = { name: name.name, arg, location: body.location };
        return { expression: readAsField(r, node, field, scope), resolved };
      }
      if (node) r.refuse('function-unknown', '42883', `function ${signature(r, parts, types)} does not exist`, at);
      else r.unsupported(`column "${name.name}" as a call in FROM`, body.location, `Write alias.${name.name}.`);
      return { expression: UNTOLD, resolved };
    }
    case 'ambiguous':
      r.refuse('function-unknown', '42725', `function ${signature(r, parts, types)} is not unique`, at);
      return { expression: UNTOLD, resolved };
    case 'none': {
      const [sqlstate, problem] = PROBLEMS[resolved.why];
      r.refuse('function-unknown', sqlstate, `function ${signature(r, parts, types)} ${problem}`, at);
      return { expression: UNTOLD, resolved };
    }
  }
}

/**
 * Whether a field can be written for a call of it. INVARIANT 204: an aggregate reads its row before grouping; one that was read already, as if behind it,
 * must hold no query, whose guards would ask of groups.
 */
function isCallable(r: Resolver, { before }: CallAsField, { kind }: Fn): boolean {
  return kind === 'f' || (kind === 'a' && (before === undefined || before.sublinks === r.marks.sublinks.size));
}

/** With PostgreSQL's own SQLSTATE. */
const PROBLEMS: Readonly<
  Record<Extract<Resolved, { kind: 'none' }>['why'], readonly [sqlstate: string, problem: string]>
> = {
  'no candidate': ['42883', 'does not exist'],
  'polymorphic type not settled': ['42804', 'does not take these types together'],
  'called in the wrong form': ['42809', 'cannot be called in this form'],
};

/**
 * Resolves a call whose arguments are whole rows of guarded tables, which are sent as `record`. If a function takes a row type by name, the server
 * would convert any record with fitting columns: so the call is resolved with the tables' own row types, and the rows are sent with these types.
 * `withheld`: types that cannot be sent.
 */
function withRowTypes(
  r: Resolver,
  nodes: readonly Node[],
  types: readonly Oid[],
  rowsBefore: number,
  resolve: (types: readonly Oid[]) => Resolved,
): { readonly resolved: Resolved; readonly types: readonly Oid[]; readonly withheld: readonly Type[] } {
  const resolved = resolve(types);
  const rows = r.marks.wholeRows.slice(rowsBefore).filter(({ node }) => types[nodes.indexOf(node)] === t.RECORD);
  if (rows.length === 0) return { resolved, types, withheld: [] };
  const { catalog } = r.env;
  const takesRecords =
    resolved.kind === 'found' &&
    rows.every(({ node }) => rowRelation(catalog, resolved.argTypes[nodes.indexOf(node)] ?? 0) === undefined);
  if (takesRecords || resolved.kind === 'column') return { resolved, types, withheld: [] };
  const relations = rows.map(({ entry }) =>
    entry.source.kind === 'relation' ? entry.source.view.relation : undefined,
  );
  const ownTypes = types.map((type, i) => relations[rows.findIndex(({ node }) => node === nodes[i])]?.rowType ?? type);
  const own = resolve(ownTypes);
  if (own.kind !== 'found') return { resolved: own, types: ownTypes, withheld: [] };
  const withheld: Type[] = [];
  for (const [i, row] of rows.entries()) {
    const type = catalog.typesByOid.get(relations[i]?.rowType ?? 0);
    if (!type) continue;
    if (isComplete(row.entry)) row.ownType = true;
    else withheld.push(type);
  }
  return { resolved: own, types: ownTypes, withheld };
}

/** Whether every column of the table is there, by its own value or masked. */
function isComplete({ source }: RangeTableEntry): boolean {
  return source.kind === 'relation' && source.view.columns.every(({ access }) => access === 'granted');
}

function judged(
  r: Resolver,
  body: Body<'FuncCall'>,
  resolved: Found,
  args: readonly Expression[],
  nodes: readonly Node[],
  touched: ReadonlySet<Scope['level']>,
  scope: Scope,
  at: number,
): Expression {
  const { fn, result: type } = resolved;
  const computedBy = fn.kind === 'a' && !body.over ? aggregating(touched, scope) : scope.level;
  const what = collects(fn) ?? (isUnbounded(r, fn, nodes) ? `${fn.name} of numbers of any length` : undefined);
  if (what) for (const level of new Set([scope.level, computedBy])) r.uses.push({ kind: 'collects', what, level, at });
  if (fn.kind === 'a' || fn.kind === 'w') noteSummary(r, fn, computedBy);
  if (body.over || fn.kind === 'w') return { type, leakproof: true, constant: false, barrier: 'window' };
  if (fn.kind === 'a') {
    if (touched.size > 0 && !touched.has(scope.level)) r.marks.outerAggregates.push(at);
    computedBy.aggregated = true;
    return { type, leakproof: true, constant: false, barrier: 'aggregate', namesOwn: touched.has(scope.level) };
  }
  const constant = isImmutableCall(resolved) && args.every((a) => a.constant);
  // Named arguments may be in another order than the function's own.
  const named = body.args?.some((n) => kindOf(n) === 'NamedArgExpr');
  const leakproof = cannotLeak(r, resolved, named ? [] : nodes);
  if (fn.returnsSet)
    return {
      type,
      leakproof: leakproof || isPlainSeries(fn, nodes),
      constant: false,
      barrier: 'set-returning',
      strict: fn.strict,
    };
  return { type, leakproof, constant, barrier: 'none', strict: fn.strict };
}

/** Which query computes an aggregate: the innermost enclosing query whose column it names, else its own (manual, section 4.2.7). */
function aggregating(touched: ReadonlySet<QueryLevel>, { level, outer }: Scope): QueryLevel {
  for (let scope: Scope | undefined = { level, entries: [], outer }; scope; scope = scope.outer)
    if (touched.has(scope.level)) return scope.level;
  return level;
}

/** Whether each row could have its own digits in the sum: numerics of unknown length. */
function isUnbounded(r: Resolver, fn: Fn, nodes: readonly Node[]): boolean {
  if (fn.kind !== 'a' || summaryOf(fn) !== 'sum') return false;
  const untold = nodes.some((node) => r.marks.expressions.get(node)?.type === t.UNTELLABLE);
  if (!untold && fn.args[0] !== t.NUMERIC) return false;
  const numbers = new BoundedNumbers(r.marks, r.env.catalog, () => r.parsed.workLimit.spend());
  return !nodes.every((node) => numbers.canBeSummed(node));
}

/** The arguments of an aggregate are computed from rows before they are grouped, wherever the call is. */
function argumentScope(r: Resolver, body: Body<'FuncCall'>, { name }: QualifiedName, scope: Scope): Scope {
  const aggregate = !body.over && r.env.catalog.functionsNamed(name).some((fn) => fn.kind === 'a');
  return aggregate ? inPhase(scope, 'row') : scope;
}

/** What a function that asks the catalogs by OID or name is asked about. */
function subjectOf(r: Resolver, node: Node | undefined): LookedUpObject {
  const inner = as(node, 'TypeCast')?.arg;
  if (inner) return subjectOf(r, inner);
  const constant = as(node, 'A_Const');
  const text = constant?.sval
    ? (constant.sval.sval ?? '')
    : constant?.ival
      ? String(constant.ival.ival ?? 0)
      : undefined;
  const serial = serialOf(as(node, 'FuncCall'));
  return {
    catalog: node !== undefined && r.marks.references.get(node)?.column.catalog === true,
    text,
    ...(serial && { serial }),
  };
}

function serialOf(call: Body<'FuncCall'> | undefined): LookedUpObject['serial'] {
  const names = strings(call?.funcname);
  if (names.at(-1) !== 'pg_get_serial_sequence' || (names.length > 1 && names[0] !== 'pg_catalog')) return undefined;
  const [table, column] = (call?.args ?? []).map((arg) => as(arg, 'A_Const')?.sval?.sval);
  return table === undefined || column === undefined ? undefined : { table, column };
}

/** Of an argument that is given by name its value. */
export function unnamed(node: Node): Node {
  return kindOf(node) === 'NamedArgExpr' ? as(node, 'NamedArgExpr')!.arg! : node;
}

export function formOf(body: Body<'FuncCall'>, count: number): CallForm {
  const argNames = (body.args ?? []).flatMap((n) => as(n, 'NamedArgExpr')?.name ?? []);
  return {
    ...(argNames.length > 0 && { argNames }),
    ...(body.func_variadic && { variadic: true }),
    ...(body.agg_star && { star: true }),
    ...(body.agg_distinct && { distinct: true }),
    ...(body.agg_order?.length && !body.agg_within_group && { orderBy: true }),
    ...(body.agg_filter && { filter: true }),
    ...(body.over && { over: true }),
    ...(body.agg_within_group && { withinGroup: Math.min(body.agg_order?.length ?? 0, count) }),
  };
}

function signature(r: Resolver, parts: readonly string[], types: readonly Oid[]): string {
  return `${parts.join('.')}(${types.map((type) => shownType(r.env.catalog, type)).join(', ')})`;
}
