/** The one stage of an unrestricted role after parsing: what must be known to follow, meter and record its statements. Refused is what would have texts read differently. */
import { as, type Body, fieldsOf, kindOf, type Node } from '../../sql/parse/tree.ts';
import { copyFormatOf } from '../copy-options.ts';
import type { StatementKind } from '../decision.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { commandOf } from './classify.ts';
import { lexerVerdict } from './classify-settings.ts';
import { cursorKind, fetchKind } from './cursor.ts';
import { aboutIn, disclosuresOfCopy, relationOf } from './open-copy.ts';
import { transactionControl, transactionKind } from './transaction.ts';
import { writeKind, writesInside } from './writes-inside.ts';

/** Tokens end here, whatever the role. */
export const openEditsStage: Stage = {
  name: 'open: edits',
  run(draft: Draft): void {
    draft.edits = draft.statements.flatMap(({ start, end, instead }) =>
      instead === undefined ? [] : [{ start, end, text: [instead], order: 0 }],
    );
  },
};

export const openStage: Stage = {
  name: 'open',
  each(draft: Draft, statement: DraftStatement): void {
    if (statement.token) {
      statement.rewritten = true;
      return;
    }
    statement.command = commandOf(statement.node);
    statement.refusal = lexerVerdict(draft, statement);
    const about = aboutIn(draft, statement.node);
    if (about.length > 0) statement.about = about;
    statement.kind = kindOfStatement(draft, statement, statement.node);
    collectTables(draft, statement, statement.node);
    const copy = as(statement.node, 'CopyStmt');
    if (copy && statement.kind.kind === 'copy-out') statement.disclosures = disclosuresOfCopy(draft, copy);
  },
};

function kindOfStatement(draft: Draft, statement: DraftStatement, node: Node): StatementKind {
  const kind = kindOf(node);
  switch (kind) {
    case 'SelectStmt': {
      const body = as(node, 'SelectStmt')!;
      if (body.intoClause) return { kind: 'other' };
      return writesInside(body) ? writeKind(draft, body, true) : { kind: 'read' };
    }
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt': {
      const body = as(node, kind) as unknown as Body<'InsertStmt'>;
      return writeKind(draft, body, body.returningClause !== undefined);
    }
    case 'TransactionStmt': {
      const found = transactionKind(as(node, 'TransactionStmt')!);
      if (found) statement.command = found.command;
      return transactionControl(as(node, 'TransactionStmt')!);
    }
    case 'PrepareStmt': {
      const body = as(node, 'PrepareStmt')!;
      return { kind: 'prepare', name: body.name ?? '', inner: inner(draft, statement, body.query) };
    }
    case 'ExecuteStmt':
      return { kind: 'execute', name: as(node, 'ExecuteStmt')?.name ?? '' };
    case 'DeallocateStmt':
      return { kind: 'deallocate', name: as(node, 'DeallocateStmt')?.name };
    case 'DeclareCursorStmt': {
      const body = as(node, 'DeclareCursorStmt')!;
      statement.command = 'DECLARE CURSOR';
      return cursorKind(body, inner(draft, statement, body.query));
    }
    case 'FetchStmt':
      return fetchKind(as(node, 'FetchStmt')!);
    case 'ClosePortalStmt':
      return { kind: 'close', name: as(node, 'ClosePortalStmt')?.portalname };
    case 'DiscardStmt':
      return { kind: 'discard', all: as(node, 'DiscardStmt')?.target === 'DISCARD_ALL' };
    case 'VariableSetStmt':
      statement.command = 'SET';
      return as(node, kind)?.kind === 'VAR_RESET_ALL'
        ? { kind: 'set', token: { local: false, to: 'default' } }
        : { kind: 'set' };
    case 'VariableShowStmt':
      statement.command = 'SHOW';
      return { kind: 'set' };
    case 'ExplainStmt':
      return { kind: 'explain' };
    case 'CopyStmt': {
      const body = as(node, 'CopyStmt')!;
      if (body.filename) return { kind: 'other' };
      return { kind: body.is_from ? 'copy-in' : 'copy-out', format: copyFormatOf(body) };
    }
    case 'ListenStmt':
    case 'UnlistenStmt':
    case 'NotifyStmt':
      return { kind: 'listen' };
    default:
      return { kind: 'other' };
  }
}

function inner(draft: Draft, statement: DraftStatement, query: Node | undefined) {
  const copy: DraftStatement = { ...statement };
  const kind: StatementKind = query ? kindOfStatement(draft, copy, query) : { kind: 'other' };
  return {
    effect: 'allow' as const,
    kind,
    command: query ? commandOf(query) : '',
    fingerprint: '',
    normalized: '',
    tables: [],
    columns: [],
    ...(statement.about && { about: statement.about }),
  };
}

/** Every relation that the text names, for the record; a CTE's name may be among them. */
function collectTables(draft: Draft, statement: DraftStatement, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of fieldsOf(value)) {
    if (key === 'RangeVar' || key === 'relation') {
      const found = relationOf(draft, inner as { relname?: string; schemaname?: string });
      if (found) statement.tables.add(`${found.schema}.${found.name}`);
    }
    collectTables(draft, statement, inner);
  }
}
