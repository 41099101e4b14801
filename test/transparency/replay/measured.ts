/** Which statements are measured: queries and writes, and what goes with them. Definitions, roles and maintenance are an owner's. */
import { isParsed, parse } from '../../../src/sql/parse/parse.ts';
import { as, type Kind, kindOf, type Node } from '../../../src/sql/parse/tree.ts';

const MEASURED: ReadonlySet<Kind> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'TransactionStmt',
  'ConstraintsSetStmt',
  'VariableSetStmt',
  'VariableShowStmt',
  'PrepareStmt',
  'ExecuteStmt',
  'DeallocateStmt',
  'DeclareCursorStmt',
  'FetchStmt',
  'ClosePortalStmt',
  'DiscardStmt',
  'ExplainStmt',
  'CopyStmt',
  'CallStmt',
]);
/** Of these, what no other session has to know of. */
const CHANGES: ReadonlySet<Kind> = new Set([
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'CopyStmt',
  'CallStmt',
  'SelectStmt',
]);
const LASTING: ReadonlySet<Kind> = new Set(['PrepareStmt', 'DeallocateStmt', 'DiscardStmt', 'TransactionStmt']);
const WHO_ONE_IS: ReadonlySet<string> = new Set(['role', 'session_authorization']);

export type Part =
  /** `changes`: it may have made rows on which later statements depend. `undone`: a rollback leaves nothing of it. */
  | { readonly kind: 'measured'; readonly changes: boolean; readonly undone: boolean }
  | { readonly kind: 'setting'; readonly undone: boolean }
  | { readonly kind: 'begin' | 'end' }
  /** For the owner alone. */
  | { readonly kind: 'definition' }
  /** Not run: it would make the sessions another role's. */
  | { readonly kind: 'left out' };

export function partOf(text: string): Part {
  const parsed = parse(text);
  // What is no SQL is to fail in the same way.
  if (!isParsed(parsed)) return { kind: 'measured', changes: false, undone: true };
  const parts = parsed.statements.map(({ node }) => partOfNode(node));
  return parts.length === 1 ? parts[0]! : { kind: 'left out' };
}

function partOfNode(node: Node): Part {
  const kind = kindOf(node);
  if (!MEASURED.has(kind)) return { kind: 'definition' };
  if (as(node, 'SelectStmt')?.intoClause) return { kind: 'definition' };
  const copy = as(node, 'CopyStmt');
  if (copy && (copy.filename || copy.is_program)) return { kind: 'definition' };
  if (as(as(node, 'ExplainStmt')?.query, 'CreateTableAsStmt')) return { kind: 'definition' };
  const set = as(node, 'VariableSetStmt');
  if (set) return WHO_ONE_IS.has(set.name ?? '') ? { kind: 'left out' } : { kind: 'setting', undone: true };
  const transaction = as(node, 'TransactionStmt')?.kind;
  if (transaction === 'TRANS_STMT_BEGIN' || transaction === 'TRANS_STMT_START') return { kind: 'begin' };
  if (transaction !== undefined && ENDS.has(transaction)) return { kind: 'end' };
  return { kind: 'measured', changes: CHANGES.has(kind), undone: !LASTING.has(kind) };
}

const ENDS: ReadonlySet<string> = new Set(['TRANS_STMT_COMMIT', 'TRANS_STMT_ROLLBACK', 'TRANS_STMT_PREPARE']);

/** Temporary tables are seen by one session alone: what the owner makes is to be there for the role as well. */
export function withoutTemporary(text: string): string {
  return text.replace(/^(\s*create\s+(?:or\s+replace\s+)?)(?:local\s+|global\s+)?temp(?:orary)?\s+/i, '$1');
}

/** So nothing is in that schema, by either way. */
export function withoutSchemaOfTemporary(text: string): string {
  return text.replace(/\bpg_temp\./gi, '');
}
