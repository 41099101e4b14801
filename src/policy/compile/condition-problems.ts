/** What a policy's condition or mask may not hold: what is not immutable, and what does not speak of one row. Each with its place. */
import type { Refusal } from '../../core/refusal.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Expression } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { BOOL, UNKNOWN } from '../../sql/types/oids.ts';
import { movedBySettings } from '../source/moved-literals.ts';
import type { SqlProblem } from '../source/sql-source.ts';

/** Problems of the expression at `node`, by their offset in the parsed text. */
export function problemsOf(
  analysis: Analysis,
  node: Node,
  catalog: Catalog,
  what: 'condition' | 'mask',
): readonly SqlProblem[] {
  const problems: SqlProblem[] = analysis.refusals.map((r: Refusal) => ({
    message: r.message,
    offset: (r.position ?? 1) - 1,
  }));
  for (const { what: thing, at } of analysis.marks.unstable) {
    problems.push({
      message: `${thing} is not immutable: its result moves with the session's settings or with time; only attributes and now() may`,
      offset: at,
    });
  }
  for (const [literal, type] of analysis.marks.literals) {
    const body = as(literal, 'A_Const');
    const moved = movedBySettings(body?.sval?.sval ?? '', type, catalog);
    if (moved) problems.push({ message: moved, offset: placeOf(analysis, body?.location) });
  }
  if (analysis.marks.wholeRows.length > 0)
    problems.push({ message: 'a whole row cannot stand here: name its columns', offset: 0 });
  const type = analysis.marks.expressions.get(node)?.type;
  if (what === 'condition' && problems.length === 0 && type !== BOOL && type !== UNKNOWN) {
    problems.push({ message: 'expected a boolean condition', offset: 0 });
  }
  problems.push(...callsOfSeveralRows(analysis, node));
  return problems;
}

/** What a call is that does not stand for one value of one row. */
const SEVERAL_ROWS: Readonly<Record<Expression['barrier'], string | undefined>> = {
  none: undefined,
  subquery: undefined,
  aggregate: 'an aggregate',
  window: 'a window function',
  'set-returning': 'a set-returning function',
};

/**
 * Where the server takes such a call, in a mask, it would be computed from rows that the role may not see, or would make several rows of one.
 */
function callsOfSeveralRows(analysis: Analysis, root: Node): SqlProblem[] {
  const problems = ownCalls(root).flatMap((node): SqlProblem[] => {
    const what = SEVERAL_ROWS[analysis.marks.expressions.get(node)?.barrier ?? 'none'];
    const offset = placeOf(analysis, as(node, 'FuncCall')?.location);
    return what === undefined ? [] : [{ message: `${what} cannot stand here`, offset }];
  });
  // GROUPING is no call to the grammar.
  if (problems.length === 0 && analysis.level?.aggregated)
    problems.push({ message: 'an aggregate cannot stand here', offset: 0 });
  return problems;
}

/** Calls in the expression, but for those in its subqueries, which have rows of their own. */
function ownCalls(value: unknown): Node[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(ownCalls);
  const node = value as Node;
  const link = as(node, 'SubLink');
  if (link) return ownCalls(link.testexpr);
  const inner = Object.values(value).flatMap(ownCalls);
  return as(node, 'FuncCall') ? [node, ...inner] : inner;
}

function placeOf(analysis: Analysis, location: number | undefined): number {
  return Math.max(0, analysis.parsed.toChar(location ?? 0));
}
