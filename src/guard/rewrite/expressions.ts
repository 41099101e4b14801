/** Guards the expressions that can tell, and qualifies function and type names. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { RowGuard } from '../../sql/analyze/range-table.ts';
import { quoteName } from '../../sql/parse/tree.ts';
import { nameExtent } from '../../sql/text/extent.ts';
import type { Template } from '../../sql/text/template.ts';
import { guardsOf } from './guard-demand.ts';
import type { LeakyExpression, LeakyExpressions } from './leaky-expressions.ts';
import { detached, NotRewritable, type Rewriter, replaceInPlace } from './rewriter.ts';
import { okOfTarget } from './write-filters.ts';

/** `CASE WHEN (ok AND …) IS NOT FALSE THEN expression END` around each site. */
export function wrapSites(w: Rewriter, sites: LeakyExpressions, analysis: Analysis, role: RolePolicy): void {
  const merge = analysis.marks.tellingMerges.find((m) => guardsOf(m.level.entries).length > 0);
  if (merge)
    throw new NotRewritable(`USING or NATURAL on "${merge.name}": its comparison cannot be guarded there; write ON`);
  for (const site of sites.sites) {
    const range = w.range(site.node);
    const condition: Template = [...conditionOf(site, (guard) => okOfTarget(guard, analysis, role)), ' IS NOT FALSE'];
    w.edits.wrap(range.start, range.end, ['CASE WHEN ', ...condition, ' THEN '], [' END']);
    const expr = w.sharedExpression(condition);
    w.mutate(() => {
      const result = detached(site.node);
      replaceInPlace(site.node, { CaseExpr: { args: [{ CaseWhen: { expr, result } }] } });
    });
  }
}

/** `okOf`: of a guard that exports no column of that name. */
function conditionOf(site: LeakyExpression, okOf: (guard: RowGuard) => Template | undefined): Template {
  const terms: Template[] = [
    ...site.plain.map((guard) => okOf(guard) ?? [guard.name]),
    ...site.grouped.map((guard) => [`pg_catalog.bool_and(${guard.name})`]),
  ];
  if (terms.length === 1) return terms[0]!;
  return ['(', ...terms.flatMap((term, i) => [...(i > 0 ? [' AND '] : []), ...term]), ')'];
}

/** Puts the schema that was found in front of functions and types that were written without; `replaced`: bodies that went with what they named. */
export function qualifyNames(w: Rewriter, analysis: Analysis, replaced: ReadonlySet<object>): void {
  for (const { body, fn } of analysis.marks.functions) {
    if (replaced.has(body)) continue;
    const extent = nameExtent(body.location, w.parsed);
    if (!extent) throw new NotRewritable(`no place for the function ${fn.name}`);
    w.edits.replace(extent.start, extent.start, [`${quoteName(fn.schema)}.`]);
    w.mutate(() => {
      body.funcname = [{ String: { sval: fn.schema } }, ...(body.funcname ?? [])];
    });
  }
  for (const { body, type } of analysis.marks.types) {
    if (body.names?.length !== 1 || replaced.has(body)) continue;
    const extent = nameExtent(body.location, w.parsed);
    if (!extent) throw new NotRewritable(`no place for the type ${type.name}`);
    w.edits.replace(extent.start, extent.start, [`${quoteName(type.schema)}.`]);
    w.mutate(() => {
      body.names = [{ String: { sval: type.schema } }, ...(body.names ?? [])];
    });
  }
}
