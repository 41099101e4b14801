/**
 * Calls and casts that look into the server's catalogs by OID or name are asked only about what the role finds there: each becomes a
 * subquery that first looks its object up in the filtered catalog, and gives NULL where it is not there.
 */

import type { Analysis } from '../../sql/analyze/analyze.ts';
import { as, type Body, type Node, partsOf, strings } from '../../sql/parse/tree.ts';
import { mayBeMetadata } from '../metadata/functions.ts';
import { passSequences, rewriteCall } from './metadata-calls.ts';
import { type MetadataContext, MetadataWork, type Parameters } from './metadata-work.ts';
import { rewriteCast, rewriteCastCall, rewriteUncast } from './reg-casts.ts';
import { refuseUnfiltered } from './reg-values.ts';
import { replaceInFrom } from './replaced-in-from.ts';
import type { Rewriter } from './rewriter.ts';

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
    if (!call) rewriteCast(work, node, as(node, 'TypeCast')!);
    else if (!rewriteCastCall(work, node, call) && isMetadata(call)) rewriteCall(work, node, call);
  }
}

function isConcerned(work: MetadataWork, node: Node): boolean {
  if ('TypeCast' in node) return work.regKind(work.typeOf(node)).kind !== 'no';
  const call = as(node, 'FuncCall');
  return call !== undefined && (isMetadata(call) || work.regKind(work.typeOf(node)).kind === 'reg');
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
