/**
 * For roles whose texts are sent unchanged: which texts may be prepared, and what each does to those that were. Nothing is refused or rewritten: a
 * text that cannot be resolved is always sent as a text, and may have done anything.
 */
import { SYSTEM_COLUMNS } from '../../policy/compile/names.ts';
import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import { type Analysis, analyze, isQuery, type RelationView } from '../../sql/analyze/analyze.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { type Steps, WorkLimit } from '../../sql/parse/work-limit.ts';
import { type Draft, type DraftStatement, eachStatement, type Stage } from '../draft.ts';
import { effectOnPlans } from './plan-effects.ts';
import { isReusable, plainLiterals } from './plan-reuse.ts';

export const openPlansStage: Stage = {
  name: 'open: plans',
  steps(whole: Draft): Steps<void> {
    // Of all its statements: what takes longer to read is sent as a text, and never given up.
    const workLimit = new WorkLimit(() => true);
    const draft: Draft = { ...whole, workLimit, parsed: { ...whole.parsed!, workLimit } };
    return eachStatement(whole, (statement) => {
      try {
        plan(draft, statement);
      } catch {
        // Nested too deeply, or a bug: nothing rests on this but speed.
      }
    });
  },
};

function plan(draft: Draft, statement: DraftStatement): void {
  const query = queryOf(statement.node);
  const analysis = query && resolved(draft, query);
  const runsUserCode = analysis === undefined || draft.userCode.runsIn(analysis, draft.role);
  statement.plans = effectOnPlans(draft, statement, analysis, runsUserCode);
  if (!analysis || query !== statement.node || draft.statements.length > 1) return;
  const seen: DraftStatement = { ...statement, query, analysis, runsUserCode };
  if (!isReusable(draft, seen) || !findsTheSame(draft, analysis)) return;
  statement.reusable = true;
  statement.literals = plainLiterals(seen);
  statement.parameters = analysis.parameters;
}

/** COPY and EXPLAIN are not looked into. */
function queryOf(node: Node): Node | undefined {
  const inside = as(node, 'PrepareStmt')?.query ?? as(node, 'DeclareCursorStmt')?.query ?? node;
  return isQuery(inside) ? inside : undefined;
}

function resolved(draft: Draft, query: Node): Analysis | undefined {
  const { catalog, searchPath, parsed, parameterTypes } = draft;
  const analysis = analyze(query, parsed!, { catalog, searchPath, viewOf, targetOf: viewOf, parameterTypes });
  return analysis.refusals.length === 0 ? analysis : undefined;
}

function viewOf(relation: Relation): RelationView {
  const columns = [...relation.columns, ...SYSTEM_COLUMNS].map((column) => {
    return { column, access: 'granted', masked: false, leaky: column.generated === 'v' } as const;
  });
  return { relation, columns, guarded: false, hides: 'no', system: relation.oid < FIRST_USER_OID };
}

/**
 * A name without a schema keeps its meaning as long as no other object can come before it in the path. Temporary tables can: after a statement that
 * may make one, no plan is run.
 */
function findsTheSame({ searchPath }: Draft, { marks }: Analysis): boolean {
  return marks.relations.every(({ node, entry }) => {
    const schema = as(node, 'RangeVar')?.schemaname;
    const { source } = entry;
    return schema !== undefined || (source.kind === 'relation' && source.view.relation.schema === searchPath[0]);
  });
}
