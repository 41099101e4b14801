/** Stage 5: the text in which what is withheld is out of scope. */
import { refusal } from '../../errors.ts';
import { as } from '../../sql/tree.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { qualifyNames, wrapSites } from '../rewrite/expressions.ts';
import { boundRead } from '../rewrite/limit.ts';
import { rewriteLists } from '../rewrite/lists.ts';
import { rewriteRelations } from '../rewrite/relations.ts';
import { NotRewritable, Rewriter } from '../rewrite/rewriter.ts';
import { findSites } from '../rewrite/sites.ts';

export const rewriteStage: Stage = {
  name: 'rewrite',
  run(draft: Draft): void {
    const rewriter = new Rewriter(draft.parsed!);
    for (const statement of draft.statements) {
      const before = rewriter.edits.size;
      try {
        rewrite(rewriter, draft, statement);
      } catch (error) {
        if (!(error instanceof NotRewritable)) throw error;
        statement.refusal = refusal(
          'unsupported',
          '0A000',
          `this form is not supported for restricted roles: ${error.message}`,
        );
        return;
      }
      statement.rewritten = rewriter.edits.size > before;
    }
    draft.edits = rewriter.edits.sorted();
    rewriter.applyToTree();
  },
};

function rewrite(w: Rewriter, draft: Draft, statement: DraftStatement): void {
  const { analysis, query } = statement;
  if (!analysis || !query) return;
  const sites = findSites(analysis);
  wrapSites(w, sites, analysis);
  rewriteRelations(w, analysis, draft.role);
  rewriteLists(w, analysis, sites, draft.catalog);
  qualifyNames(w, analysis);
  const select = as(query, 'SelectStmt');
  const most = draft.role.limits.rowsPerStatement;
  if (select && statement.bounded && most !== undefined) boundRead(w, select, statement.end, most);
  const [guarded] = analysis.marks.relations.filter(
    (m) => m.entry.source.kind === 'relation' && m.entry.source.view.guarded,
  );
  if (guarded?.entry.source.kind === 'relation') {
    const { oid } = guarded.entry.source.view.relation;
    statement.rule = draft.role.relations.get(oid)?.rule;
  }
}
