/** Guards the expressions that can tell, and qualifies function and type names. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { RowGuard } from '../../sql/analyze/range-table.ts';
import type { Fn } from '../../sql/catalog/catalog.ts';
import { as, type Body, type Node, qualifiedName, quoteName, replaceInPlace } from '../../sql/parse/tree.ts';
import { nameExtent } from '../../sql/text/extent.ts';
import type { Template } from '../../sql/text/template.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { guardsOf } from './guard-demand.ts';
import type { LeakyExpression, LeakyExpressions } from './leaky-expressions.ts';
import { detached, NotRewritable, type Rewriter } from './rewriter.ts';
import { okOfTarget } from './write-filters.ts';

/** `CASE WHEN (ok AND …) IS NOT FALSE THEN expression END` around each site. */
export function wrapSites(w: Rewriter, sites: LeakyExpressions, analysis: Analysis, role: RolePolicy): void {
  const merge = analysis.marks.tellingMerges.find((m) => guardsOf(m.level.entries).length > 0);
  if (merge)
    throw new NotRewritable(`USING or NATURAL on "${merge.name}": its comparison cannot be guarded there; write ON`);
  const called = calledByRows(analysis);
  for (const site of sites.sites) {
    const range = w.range(site.node);
    const fn = called.get(site.node);
    if (fn) w.edits.wrap(range.start, range.end, [`${qualifiedName(fn.schema, fn.name)}(`], [')']);
    const condition: Template = [...conditionOf(site, (guard) => okOfTarget(guard, analysis, role)), ' IS NOT FALSE'];
    w.edits.wrap(range.start, range.end, ['CASE WHEN ', ...condition, ' THEN '], [' END']);
    const expr = w.sharedExpression(condition);
    w.mutate(() => {
      const result = detached(site.node);
      replaceInPlace(site.node, { CaseExpr: { args: [{ CaseWhen: { expr, result } }] } });
    });
  }
}

/** By its row: the function of each `row.f`, whose row is in the text where the call is. */
function calledByRows({ marks }: Analysis): ReadonlyMap<Node, Fn> {
  return new Map(
    marks.functions.flatMap(({ body, fn }) => {
      const row = marks.callsAsFields.has(body) ? body.args![0]! : undefined;
      return as(row, 'ColumnRef')?.location === body.location ? [[row!, fn] as const] : [];
    }),
  );
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

/**
 * Puts the schema that was found in front of functions and types that were written without; `replaced`: bodies that went with what they named, `rows`:
 * references that became something else, `wrapped`: those with their call, where it is written as a field.
 */
export function qualifyNames(
  w: Rewriter,
  analysis: Analysis,
  replaced: ReadonlySet<object>,
  rows: ReadonlySet<object | undefined>,
  wrapped: ReadonlySet<Node>,
): void {
  for (const { body, fn } of analysis.marks.functions) {
    if (replaced.has(body)) continue;
    if (analysis.marks.callsAsFields.has(body)) writeAsCall(w, body, fn, rows, wrapped);
    else {
      const extent = nameExtent(body.location, w.parsed);
      if (!extent) throw new NotRewritable(`no place for the function ${fn.name}`);
      w.edits.replace(extent.start, extent.start, [`${quoteName(fn.schema)}.`]);
    }
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

/** INVARIANT 152: `row.f` and `(row).f` become `schema.f(row)`: behind a dot no schema could stand, and the server would look for a column first. */
function writeAsCall(
  w: Rewriter,
  body: Body<'FuncCall'>,
  fn: Fn,
  rows: ReadonlySet<object | undefined>,
  wrapped: ReadonlySet<Node>,
): void {
  const range = w.range({ FuncCall: body });
  const [arg] = body.args!;
  const row = as(arg, 'ColumnRef');
  const isThere = row?.location === body.location;
  const before: Template = [`${qualifiedName(fn.schema, fn.name)}(`];
  if (!isThere) {
    w.edits.open(range.start, range.end, before);
    w.edits.replace(w.outerRange(arg!).end, range.end, [')']);
    return;
  }
  if (!rows.has(row)) w.edits.replace(lastPart(w, range), range.end, ['*']);
  if (wrapped.has(arg!)) return;
  w.edits.open(range.start, range.end, before);
  w.edits.close(range.end, [')']);
}

/** Where the part of a name behind its last dot begins. */
function lastPart(w: Rewriter, { start, end }: { start: number; end: number }): number {
  const tokens = w.parsed.tokens();
  let at = tokenAt(tokens, end - 1);
  while (tokens[at]!.word !== '.' && tokens[at]!.start > start) at -= 1;
  return tokens[at + 1]!.start;
}
