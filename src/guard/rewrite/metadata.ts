/**
 * Calls and casts that look into the server's catalogs by OID or name are asked only about what the role finds there: each becomes a
 * subquery that first looks its object up in the filtered catalog, and gives NULL where it is not there.
 */

import type { Analysis } from '../../sql/analyze/analyze.ts';
import { as, type Node, partsOf, strings } from '../../sql/parse/tree.ts';
import { mayBeMetadata } from '../metadata/functions.ts';
import { guardedRelation } from './guarded-relation.ts';
import { passSequences, rewriteCall } from './metadata-calls.ts';
import { type MetadataContext, MetadataWork, type Parameters } from './metadata-work.ts';
import { rewriteCast, rewriteUncast } from './reg-casts.ts';
import { refuseUnfiltered } from './reg-values.ts';
import { NotRewritable, type Rewriter, replaceInPlace } from './rewriter.ts';

/** Gives the bodies of calls that were replaced and of types that went with their casts: no schema is put in front of those. */
export function rewriteMetadata(
  w: Rewriter,
  analysis: Analysis,
  context: MetadataContext,
  parameters: Parameters,
): ReadonlySet<object> {
  const work = new MetadataWork(w, analysis, context, parameters);
  passSequences(work);
  readSettingsByView(work);
  rewriteCallsAndCasts(work);
  rewriteUncast(work);
  keepNames(w, analysis, work.nodes);
  refuseUnfiltered(analysis, context.catalog, work);
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
    if (call) rewriteCall(work, node, call);
    else rewriteCast(work, node, as(node, 'TypeCast')!);
  }
}

function isConcerned(work: MetadataWork, node: Node): boolean {
  if ('TypeCast' in node) return work.regKind(work.typeOf(node)).kind !== 'no';
  const name = strings(as(node, 'FuncCall')?.funcname).at(-1) ?? '';
  return mayBeMetadata(name);
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

const FUNCTION = 'pg_show_all_settings';

/**
 * `pg_show_all_settings()` in FROM, as administration tools call it, is read as pg_settings, which has the same columns: by the role's grant on
 * that view. In other forms (ROWS FROM, ORDINALITY, a select list) the call is refused. INVARIANT 98: fenced, since a condition that fails must
 * not run on a setting that is hidden.
 */
function readSettingsByView(work: MetadataWork): void {
  const { w, analysis, context } = work;
  for (const { source } of analysis.marks.levels.flatMap(({ entries }) => entries)) {
    const node = source.kind === 'function' ? source.node : undefined;
    const body = as(node, 'RangeFunction');
    const [called, another] = (body?.functions ?? []).map((item) => as(item, 'List')?.items?.[0]);
    const call = as(called, 'FuncCall');
    const fn = call && analysis.marks.calls.get(call)?.fn;
    if (!node || !body || !called || another || body.is_rowsfrom || body.ordinality || body.coldeflist) continue;
    if (fn?.schema !== 'pg_catalog' || fn.name !== FUNCTION) continue;
    const view = context.catalog.relation('pg_catalog', 'pg_settings');
    const select = view && context.role.relations.get(view.oid)?.select;
    const columns = [...(select?.columns.keys() ?? [])];
    if (!view || !select || columns.join() !== fn.outColumns.map(({ name }) => name).join())
      throw new NotRewritable(`${FUNCTION} of this server`);
    work.leaveOut(called);
    const { alias = { aliasname: FUNCTION }, lateral } = body;
    const subquery = guardedRelation(view, select, { needed: false, name: '', fenced: true }, false);
    const tree = w.replaceBySubquery(w.range(called), subquery, body.alias ? '' : ` AS ${FUNCTION}`);
    w.mutate(() => replaceInPlace(node, { RangeSubselect: { subquery: tree, alias, ...(lateral && { lateral }) } }));
  }
}
