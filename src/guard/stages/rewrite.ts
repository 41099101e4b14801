/** Stage 5: the text in which what is withheld is out of scope. */

import { refusal } from '../../core/refusal.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import { as } from '../../sql/parse/tree.ts';
import type { Steps } from '../../sql/parse/work-limit.ts';
import { type Draft, type DraftStatement, eachStatement, type Stage } from '../draft.ts';
import { AddedColumns } from '../rewrite/added-columns.ts';
import { nameTwins, rewriteAliases } from '../rewrite/aliases.ts';
import { rewriteCopyFrom, rewriteCopyTo } from '../rewrite/copy.ts';
import { fixDirection } from '../rewrite/cursor-direction.ts';
import { declareParameters } from '../rewrite/declared-types.ts';
import { qualifyNames, wrapSites } from '../rewrite/expressions.ts';
import { hideGroups, hideInputs } from '../rewrite/groups.ts';
import { addHiddenKeys, findHiddenKeys } from '../rewrite/hidden-keys.ts';
import { findLeakyExpressions } from '../rewrite/leaky-expressions.ts';
import { boundRead } from '../rewrite/limit.ts';
import { rewriteLists } from '../rewrite/lists.ts';
import { rewriteMetadata } from '../rewrite/metadata.ts';
import { lookedUp } from '../rewrite/reg-casts.ts';
import { nameRelation, rewriteReferences, rewriteRelations } from '../rewrite/relations.ts';
import { NotRewritable, Rewriter } from '../rewrite/rewriter.ts';
import { Violations } from '../rewrite/row-check.ts';
import { targetKeys } from '../rewrite/target-keys.ts';
import { hideOrigins, sendInstead } from '../rewrite/temporary.ts';
import { checkWrites } from '../rewrite/write-checks.ts';
import { filterWrites } from '../rewrite/write-filters.ts';

const NONE: ReadonlySet<never> = new Set();

export const rewriteStage: Stage = {
  name: 'rewrite',
  *steps(draft: Draft): Steps<void> {
    const rewriter = new Rewriter(draft.parsed!);
    let isRewritable = true;
    yield* eachStatement(draft, (statement) => {
      if (!isRewritable) return;
      const before = rewriter.edits.size;
      try {
        rewrite(rewriter, draft, statement);
      } catch (error) {
        if (!(error instanceof NotRewritable)) throw error;
        isRewritable = false;
        statement.refusal = refusal(
          'unsupported',
          '0A000',
          `this form is not supported for restricted roles: ${error.message}`,
          { hint: 'Write it in another way.' },
        );
      }
      statement.rewritten = rewriter.edits.size > before;
    });
    if (!isRewritable) return;
    yield;
    draft.edits = rewriter.edits.sorted();
    draft.pieces = rewriter.pieces();
    rewriter.applyToTree();
  },
};

function rewrite(w: Rewriter, draft: Draft, statement: DraftStatement): void {
  const { analysis, query, copy, copied } = statement;
  sendInstead(w, statement);
  for (const { body, relation } of statement.named) nameRelation(w, body, relation);
  if (!analysis || !query) return;
  noteRule(draft, statement, analysis);
  fixDirection(w, statement, analysis);
  if (copy?.relation) {
    // INVARIANT 43: only the granted columns of a table are copied.
    if (!copied) throw new Error('a COPY that was not authorized');
    if (!copy.is_from) rewriteCopyTo(w, copy, copied, draft.role, statement.bounded);
    else {
      rewriteCopyFrom(w, copy, copied);
      if (copied.where) qualifyNames(w, copied.where, NONE, NONE, NONE);
    }
    return;
  }
  const sites = findLeakyExpressions(analysis, lookedUp(analysis, draft));
  const violations = new Violations();
  filterWrites(w, analysis, draft.role, violations);
  wrapSites(w, sites, analysis, draft.role);
  const hidden = statement.groups.flatMap((groups) => hideInputs(w, groups));
  const keys = findHiddenKeys(draft, statement);
  const plan = statement.keyPlan;
  // Before lists are rewritten: their stars must not show what is carried.
  for (const entry of plan?.carrying ?? []) entry.carries = true;
  nameTwins(analysis.marks);
  const added = new AddedColumns(statement.groups, keys, plan);
  rewriteRelations(w, analysis, draft.role, draft.catalog, added);
  const changed = rewriteLists(w, analysis, sites, draft.catalog, hidden);
  rewriteReferences(w, analysis, changed);
  rewriteAliases(w, analysis, added);
  for (const groups of statement.groups) hideGroups(w, groups);
  hideOrigins(w, analysis);
  const ofTarget = (write: Write) => targetKeys(draft, statement, write);
  const check = checkWrites(w, analysis, draft.role, draft.catalog, violations, ofTarget, plan);
  if (check?.added && copy)
    throw new NotRewritable('COPY of a statement with new rows that must be judged: run it by itself');
  // EXPLAIN shows the plan, and no row is written.
  if (check && statement.kind.kind !== 'explain') statement.check = check;
  if ((keys || plan) && analysis.level?.kind === 'select') {
    addHiddenKeys(w, analysis.level, keys, plan);
    statement.check = { added: 'last', violations: [], keys: keys?.keys ?? [], ...(plan && { names: plan.added }) };
  }
  const replaced = rewriteMetadata(w, analysis, draft, statement);
  qualifyNames(w, analysis, replaced, changed, sites.wrapped);
  if (statement.kind.kind === 'prepare') declareParameters(w, statement, analysis, draft.catalog);
  const select = as(query, 'SelectStmt');
  const most = draft.role.limits.rowsPerStatement;
  if (select && statement.bounded && most !== undefined) boundRead(w, select, endOfQuery(w, statement), most);
}

/** Of COPY (query) it is the bracket's; of anything else, the statement's. */
function endOfQuery(w: Rewriter, { copy, start, end }: DraftStatement): number {
  if (!copy) return end;
  const tokens = w.parsed.tokens();
  const first = tokens.findIndex((token) => token.start >= start);
  const close = tokens[tokens[first + 1]?.match ?? -1];
  if (tokens[first]?.word !== 'copy' || !close) throw new NotRewritable('no place for the query of COPY');
  return close.start;
}

/** The line of the first guarded relation. */
function noteRule(draft: Draft, statement: DraftStatement, analysis: Analysis): void {
  const [guarded] = analysis.marks.relations.filter(
    (m) => m.entry.source.kind === 'relation' && m.entry.source.view.guarded,
  );
  if (guarded?.entry.source.kind === 'relation') {
    const { oid } = guarded.entry.source.view.relation;
    statement.rule = draft.role.relations.get(oid)?.rule;
  }
}
