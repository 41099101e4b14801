/** Whether an otherwise cheap statement can end in an error that depends on rows: in its conditions, or in constraints. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import { fieldsOf, type Node } from '../../sql/parse/tree.ts';
import { type ConstraintContext, failsByRows, moreSevere } from './constraints.ts';
import type { Disclosure, SubjectAccess } from './disclosure.ts';

/**
 * `access`: of a question one is set aside whatever it is made of, so that its constraints alone are to be told. Of a pinned statement what is computed
 * from the rows of the answer is about people who are counted before it runs.
 */
export function canFail(
  context: ConstraintContext,
  analysis: Analysis,
  top: QueryLevel,
  access: SubjectAccess['kind'],
): Disclosure['canFail'] {
  const fails =
    access !== 'question' &&
    (readsFallibleView(context, analysis) ||
      (access === 'pinned' ? hasFallibleCondition(analysis, top) : hasFallibleExpression(analysis)));
  const byConditions: Disclosure['canFail'] = fails ? 'at-once' : 'no';
  return analysis.marks.writes.map((write) => failsByRows(context, write)).reduce(moreSevere, byConditions);
}

/** INVARIANT 171: what a view computes, it may compute for rows of others, too, before they are left out. */
function readsFallibleView({ catalog }: ConstraintContext, { marks }: Analysis): boolean {
  const seen = new Set<Relation>();
  const isSound = (relation: Relation | undefined): boolean => {
    if (!relation) return false;
    if (seen.has(relation)) return true;
    seen.add(relation);
    if (relation.kind !== 'v') return relation.columns.every(({ generated }) => generated !== 'v');
    const { view } = relation;
    if (!view?.nodes.every((node) => SOUND_NODES.has(node)) || view.functions?.length !== 0) return false;
    const functions = view.operators.map((oid) => catalog.functionsByOid.get(catalog.operatorsByOid.get(oid)?.fn ?? 0));
    if (!functions.every((fn) => fn?.leakproof === true)) return false;
    return view.relations.every((oid) => oid === 0 || isSound(catalog.relationsByOid.get(oid)));
  };
  return marks.relations.some(({ entry: { source } }) => {
    return source.kind === 'relation' && source.view.relation.kind === 'v' && !isSound(source.view.relation);
  });
}

/** Of a view's query, as the server keeps it: columns, constants, joins and comparisons. */
const SOUND_NODES: ReadonlySet<string> = new Set([
  ...[
    'QUERY',
    'FROMEXPR',
    'RANGETBLREF',
    'RANGETBLENTRY',
    'RTE',
    'RTEPERMISSIONINFO',
    'JOINEXPR',
    'ALIAS',
    'TARGETENTRY',
  ],
  ...['VAR', 'CONST', 'RELABELTYPE', 'OPEXPR', 'BOOLEXPR', 'NULLTEST', 'BOOLEANTEST', 'CASE', 'WHEN', 'COALESCE'],
]);

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
