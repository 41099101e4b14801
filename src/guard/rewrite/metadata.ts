/**
 * Calls and casts that look into the server's catalogs by OID or name are asked only about what the role finds there: each becomes a
 * subquery that first looks its object up in the filtered catalog, and gives NULL where it is not there.
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Fn } from '../../sql/catalog/catalog.ts';
import { as, type Body, type Node, partsOf, quoteName, replaceInPlace, strings } from '../../sql/parse/tree.ts';
import type { Template } from '../../sql/text/template.ts';
import { givesNothing } from '../function-class.ts';
import { isOfMore, mayBeMetadata } from '../metadata/functions.ts';
import { guardedRelation } from './guarded-relation.ts';
import { passSequences, rewriteCall } from './metadata-calls.ts';
import { type MetadataContext, MetadataWork, type Parameters } from './metadata-work.ts';
import { rewriteCast, rewriteCastCall, rewriteUncast } from './reg-casts.ts';
import { refuseUnfiltered } from './reg-values.ts';
import { NotRewritable, type Rewriter } from './rewriter.ts';

/** Gives the bodies of calls that were replaced and of types that went with their casts: no schema is put in front of those. */
export function rewriteMetadata(
  w: Rewriter,
  analysis: Analysis,
  context: MetadataContext,
  parameters: Parameters,
): ReadonlySet<object> {
  const work = new MetadataWork(w, analysis, context, parameters);
  passSequences(work);
  replaceInFrom(work);
  rewriteCallsAndCasts(work);
  rewriteUncast(work);
  keepNames(w, analysis, work.nodes);
  refuseUnfiltered(analysis, work);
  return work.replaced;
}

function rewriteCallsAndCasts(work: MetadataWork): void {
  const nodes = [...work.analysis.marks.expressions.keys()];
  const ranged = nodes.filter((node) => isConcerned(work, node)).map((node) => ({ node, range: work.w.range(node) }));
  // An enclosing text comes first, as it is outside.
  ranged.sort((a, b) => a.range.start - b.range.start || b.range.end - a.range.end);
  for (const { node } of ranged) {
    if (work.nodes.has(node)) continue; // left out together with an enclosing node
    const call = as(node, 'FuncCall');
    if (!call) rewriteCast(work, node, as(node, 'TypeCast')!);
    else if (!rewriteCastCall(work, node, call) && isMetadata(call)) rewriteCall(work, node, call);
  }
}

function isConcerned(work: MetadataWork, node: Node): boolean {
  if ('TypeCast' in node) return work.regKind(work.typeOf(node)).kind !== 'no';
  const call = as(node, 'FuncCall');
  if (call === undefined) return false;
  if (work.knowsObjects) return isAskedOfAll(work, call);
  return isMetadata(call) || work.regKind(work.typeOf(node)).kind === 'reg';
}

function isAskedOfAll(work: MetadataWork, call: Body<'FuncCall'>): boolean {
  const fn = work.analysis.marks.calls.get(call)?.fn;
  return fn !== undefined && isOfMore(fn);
}

function isMetadata(call: Body<'FuncCall'>): boolean {
  return mayBeMetadata(strings(call.funcname).at(-1) ?? '');
}

/** A target without AS takes its name from the expression, also from inside CASE or a cast: a subquery there would be another name. */
function keepNames(w: Rewriter, { marks }: Analysis, changed: ReadonlySet<Node>): void {
  const holds = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && (changed.has(value as Node) || partsOf(value).some(holds));
  for (const { node, target } of marks.levels.flatMap((level) => level.roots)) {
    if (!target || changed.has(node)) continue;
    if (('CaseExpr' in node || 'TypeCast' in node || 'CollateClause' in node) && holds(node)) w.keepName(target, node);
  }
}

const SETTINGS = 'pg_show_all_settings';

/**
 * Functions of the server's that stand in FROM and tell too much: `pg_show_all_settings()`, as administration tools call it, is read as pg_settings,
 * which has the same columns, by the role's grant on that view; one of the class `nothing` as its columns, without a row or with NULL in each.
 * INVARIANT 98: fenced, since a condition that fails must not run on a setting that is hidden. In other forms (ROWS FROM, ORDINALITY, a select list)
 * the call is refused.
 */
function replaceInFrom(work: MetadataWork): void {
  const { w, analysis } = work;
  for (const { source } of analysis.marks.levels.flatMap(({ entries }) => entries)) {
    const node = source.kind === 'function' ? source.node : undefined;
    const body = as(node, 'RangeFunction');
    const [called, another] = (body?.functions ?? []).map((item) => as(item, 'List')?.items?.[0]);
    const call = as(called, 'FuncCall');
    const fn = call && analysis.marks.calls.get(call)?.fn;
    if (!node || !body || !called || another || body.is_rowsfrom || body.ordinality || body.coldeflist) continue;
    if (fn?.schema !== 'pg_catalog') continue;
    const { alias = { aliasname: fn.name }, lateral } = body;
    const subquery =
      fn.name === SETTINGS
        ? settings(work, fn)
        : givesNothing(fn) && !work.isGranted(fn)
          ? nothing(work, fn, call!, alias.aliasname ?? fn.name)
          : undefined;
    if (!subquery) continue;
    work.leaveOut(called);
    const tree = w.replaceBySubquery(w.range(called), subquery, body.alias ? '' : ` AS ${fn.name}`);
    w.mutate(() => replaceInPlace(node, { RangeSubselect: { subquery: tree, alias, ...(lateral && { lateral }) } }));
  }
}

function settings({ context }: MetadataWork, fn: Fn): Template {
  const view = context.catalog.relation('pg_catalog', 'pg_settings');
  const select = view && context.role.relations.get(view.oid)?.select;
  const columns = [...(select?.columns.keys() ?? [])];
  if (!view || !select || columns.join() !== fn.outColumns.map(({ name }) => name).join())
    throw new NotRewritable(`${SETTINGS} of this server`);
  return guardedRelation(view, select, { needed: false, name: '', fenced: true }, false);
}

/** Its arguments go with it: they must be constants, of which nothing depends, or the session's own process ID. Undefined where they are not. */
function nothing(
  { context: { catalog }, analysis }: MetadataWork,
  fn: Fn,
  call: Body<'FuncCall'>,
  alias: string,
): Template | undefined {
  if (!(call.args ?? []).every((arg) => isConstant(arg) || isOwnProcess(analysis, arg))) return undefined;
  const columns = fn.outColumns.length > 0 ? fn.outColumns : [{ name: alias, type: fn.result }];
  const typed = columns.map(({ name, type }) => {
    const found = catalog.typesByOid.get(type);
    return found?.kind === 'p' || !found
      ? undefined
      : `NULL::${quoteName(found.schema)}.${quoteName(found.name)} AS ${quoteName(name)}`;
  });
  if (typed.includes(undefined)) return undefined;
  return [`(SELECT ${typed.join(', ')}${fn.returnsSet ? ' WHERE false' : ''})`];
}

function isOwnProcess({ marks }: Analysis, node: Node): boolean {
  const call = as(node, 'FuncCall');
  const fn = call && marks.calls.get(call)?.fn;
  return fn?.schema === 'pg_catalog' && fn.name === 'pg_backend_pid';
}

function isConstant(node: Node | undefined): boolean {
  return node !== undefined && ('A_Const' in node || isConstant(as(node, 'TypeCast')?.arg));
}
