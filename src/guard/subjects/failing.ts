/** Whether an otherwise cheap statement can end in an error that depends on rows: in its conditions, or in constraints. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import { fieldsOf, type Node } from '../../sql/parse/tree.ts';
import { type ConstraintContext, failsByRows, moreSevere } from './constraints.ts';
import type { Disclosure, SubjectAccess } from './disclosure.ts';

/** `access`: of a pinned statement what is computed from the rows of the answer is about people who are counted before it runs. */
export function canFail(
  context: ConstraintContext,
  analysis: Analysis,
  top: QueryLevel,
  access: SubjectAccess['kind'],
): Disclosure['canFail'] {
  // INVARIANT 208: of a question too, whose values may use up the one that is set aside for it before the error comes.
  const fails =
    analysis.marks.relations.some(isView) ||
    computesInStar(analysis, access === 'pinned' ? top : undefined) ||
    (access === 'pinned' ? hasFallibleCondition(analysis, top) : hasFallibleExpression(analysis));
  const byConditions: Disclosure['canFail'] = fails ? 'at-once' : 'no';
  return analysis.marks.writes.map((write) => failsByRows(context, write)).reduce(moreSevere, byConditions);
}

/** INVARIANT 171: what a view computes, it may compute for rows of others, too, before they are left out. */
function isView({ entry: { source } }: Analysis['marks']['relations'][number]): boolean {
  return source.kind === 'relation' && source.view.relation.kind === 'v';
}

/** INVARIANT 240: a generated column may be computed as it is read, and in a star no expression says so. `late`: of this level rows of the answer alone are. */
function computesInStar({ marks }: Analysis, late: QueryLevel | undefined): boolean {
  return marks.stars.some(({ level, columns }) => level !== late && columns.some(({ column }) => column.leaky));
}

function hasFallibleExpression({ marks }: Analysis): boolean {
  if (marks.tellingMerges.length > 0 || marks.fallible.length > 0) return true;
  return [...marks.expressions.values()].some(({ leakproof, constant }) => !leakproof && !constant);
}

/**
 * An allow-list: whatever can fail counts, but what is computed from the rows of the answer alone (its list, new values of rows that were
 * found), and from nothing but what the client gives.
 */
function hasFallibleCondition({ marks, parsed }: Analysis, top: QueryLevel): boolean {
  if (marks.tellingMerges.length > 0) return true;
  if (marks.fallible.some(({ scope, afterRows }) => scope.level !== top || !afterRows)) return true;
  const harmless = new Set<Node>();
  const add = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    parsed.workLimit.spend();
    if (marks.expressions.has(part as Node)) harmless.add(part as Node);
    if (marks.sublinks.has(part as Node)) return;
    for (const [, inner] of fieldsOf(part)) add(inner);
  };
  const given = marks.writes.find(({ level }) => level === top)?.source;
  const isGiven = given?.kind === 'values' && given.subqueries.length === 0;
  for (const { node, target, scope } of top.roots) if (target || scope.late) add(node);
  if (isGiven) for (const { node } of given.roots) add(node);
  for (const [node, { leakproof, constant }] of marks.expressions)
    if (!leakproof && !constant && !harmless.has(node)) return true;
  return false;
}
