/** Temporary tables in the text that is sent: the server does not tell that a column is theirs, for it would by an OID that no policy knows. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import type { Node } from '../../sql/parse/tree.ts';
import { as, type Body, quoteName, replaceInPlace } from '../../sql/parse/tree.ts';
import { columnName } from '../../sql/text/column-name.ts';
import type { DraftStatement } from '../draft.ts';
import { detached, type Rewriter, statementTree } from './rewriter.ts';

/** A declared temporary table of the policy, not one of the database. */
export function isTemporary({ persistence, sentName }: Relation): boolean {
  return persistence === 't' && sentName !== undefined;
}

/** An expression of one column that gives its value and modifier, and keeps its index: the planner takes it away again. */
export function withoutOrigin(column: string): string {
  return `coalesce(${column})`;
}

/** Whether its columns are those of a temporary table that is sent as itself: a target, or `old`, `new` and `excluded` of one. */
export function isTemporaryTarget({ source }: RangeTableEntry): boolean {
  if (source.kind === 'excluded') return isTemporaryTarget(source.of);
  return source.kind === 'relation' && source.use === 'target' && isTemporary(source.view.relation);
}

/** Columns and fields of whole rows that RETURNING names alone. Stars are written out elsewhere, in the same form. */
export function hideOrigins(w: Rewriter, analysis: Analysis): void {
  for (const { node, command, target } of analysis.marks.writes) {
    if (!target || !isTemporaryTarget(target)) continue;
    const { returningClause } = (as(node, command) ?? {}) as { returningClause?: Body<'ReturningClause'> };
    for (const item of returningClause?.exprs ?? []) {
      const listed = as(item, 'ResTarget');
      if (!listed?.val) continue;
      const { val } = listed;
      const field = analysis.marks.rowFields.find((found) => found.node === val);
      const named = field ?? analysis.marks.references.get(val);
      if (named && isTemporaryTarget(named.entry)) hideOrigin(w, listed, val);
    }
  }
}

function hideOrigin(w: Rewriter, target: Body<'ResTarget'>, node: Node): void {
  const range = w.outerRange(node);
  const name = target.name ?? columnName(node);
  w.edits.wrap(
    range.start,
    range.end,
    ['coalesce('],
    [`)${target.name === undefined ? ` AS ${quoteName(name)}` : ''}`],
  );
  w.mutate(() => {
    target.name = name;
    replaceInPlace(node, { CoalesceExpr: { args: [detached(node)] } });
  });
}

/** Puts Rowgate's own statement into the place of the client's. */
export function sendInstead(w: Rewriter, { node, start, end, instead }: DraftStatement): void {
  if (instead === undefined) return;
  w.edits.replace(start, end, [instead]);
  const tree = statementTree(instead);
  w.mutate(() => replaceInPlace(node, tree));
}
