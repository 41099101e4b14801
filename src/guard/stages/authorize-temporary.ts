/** Stage 4 for writes into the session's own tables: where they are allowed, and whether they store rows that were read elsewhere. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import type { Use } from '../../sql/analyze/analyze.ts';
import type { StatementKind } from '../decision.ts';
import type { DraftStatement } from '../draft.ts';
import { isTemporary, isTemporaryTarget } from '../rewrite/temporary.ts';

/** Says in the statement's kind what it does with a temporary table; the refusal where that could not be counted. */
export function authorizeTemporary(statement: DraftStatement): Refusal | undefined {
  const { analysis } = statement;
  const write = analysis?.marks.writes.find(({ target }) => target && isTemporaryTarget(target));
  if (!analysis || !write) return undefined;
  // Only of the statement itself the server tells how many rows it has put there.
  if (write.level !== analysis.level) {
    return refusal('unsupported', '0A000', 'a write into a temporary table in WITH is not supported', {
      hint: 'Send it as a statement of its own.',
    });
  }
  const temporary = write.command !== 'DeleteStmt' && analysis.uses.some(readsElsewhere) ? 'filled' : 'own';
  statement.kind = marked(statement.kind, temporary);
  return undefined;
}

/** A table, or code that could read one. */
function readsElsewhere(use: Use): boolean {
  switch (use.kind) {
    case 'relation':
      return use.action === 'select' && !isTemporary(use.relation);
    case 'function':
    case 'operator':
      return use.candidates.some(({ oid }) => oid >= FIRST_USER_OID);
    case 'column':
    case 'written':
    case 'type':
    case 'sample':
    case 'collects':
      return false;
  }
}

function marked(kind: StatementKind, temporary: 'filled' | 'own'): StatementKind {
  if (kind.kind === 'write') return { ...kind, temporary };
  if (kind.kind !== 'prepare') return kind;
  return { ...kind, inner: { ...kind.inner, kind: marked(kind.inner.kind, temporary) } };
}
