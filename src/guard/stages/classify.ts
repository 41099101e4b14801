/** Stage 2: what kind of statement each is, and whether a restricted role may send that kind at all. An allow-list. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Body, Kind, Node } from '../../sql/parse/tree.ts';
import { as, kindOf, strings } from '../../sql/parse/tree.ts';
import type { Token } from '../../sql/text/tokens.ts';
import { typeByName } from '../../sql/types/type-name.ts';
import { copyFormatOf, optionRefusal } from '../copy-options.ts';
import type { StatementKind } from '../decision.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { regKind } from '../metadata/reg-types.ts';
import { classifyConstraints } from './classify-constraints.ts';
import { classifyLock } from './classify-lock.ts';
import { classifyPathCall, classifySet, classifyShow, judgeModes } from './classify-settings.ts';
import { classifyCreate, classifyDrop, classifyTruncate } from './classify-temporary.ts';
import { cursorKind, fetchKind } from './cursor.ts';
import { relationOf } from './open-copy.ts';
import { transactionControl, transactionKind } from './transaction.ts';
import { uncountedIn, writeKind, writesInside } from './writes-inside.ts';

export const classifyStage: Stage = {
  name: 'classify',
  each(draft: Draft, statement: DraftStatement): void {
    if (!statement.token && classifyPathCall(draft, statement)) return;
    classify(draft, statement, statement.node);
  },
};

type Classifier<K extends Kind> = (
  draft: Draft,
  statement: DraftStatement,
  body: Body<K>,
  node: Node,
) => Refusal | undefined;

// INVARIANT 1: a statement kind that is not in this table is refused.
const CLASSIFIERS: { readonly [K in Kind]?: Classifier<K> } = {
  SelectStmt: (draft, statement, body, node) => {
    set(statement, 'SELECT', writesInside(body) ? writeKind(draft, body, true) : { kind: 'read' }, node);
    statement.bounded = draft.role.limits.rowsPerStatement !== undefined;
    return undefined;
  },
  InsertStmt: (draft, statement, body, node) => write(draft, statement, 'INSERT', body, node),
  UpdateStmt: (draft, statement, body, node) => write(draft, statement, 'UPDATE', body, node),
  DeleteStmt: (draft, statement, body, node) => write(draft, statement, 'DELETE', body, node),
  MergeStmt: (draft, statement, body, node) => write(draft, statement, 'MERGE', body, node),
  TransactionStmt: (draft, statement, body) => {
    const found = transactionKind(body);
    if (!found) return denied(statement, 'PREPARE TRANSACTION', 'End the transaction by COMMIT.');
    set(statement, found.command, transactionControl(body));
    return judgeModes(draft, body.options);
  },
  ConstraintsSetStmt: (draft, statement, body) => classifyConstraints(draft, statement, body),
  VariableSetStmt: (draft, statement, body) => classifySet(draft, statement, body),
  VariableShowStmt: (draft, statement, body) => classifyShow(draft, statement, body),
  PrepareStmt: (draft, statement, body) => {
    if (!body.query || !QUERIES.has(kindOf(body.query)))
      return denied(statement, 'PREPARE of this statement', 'PREPARE takes queries and writes.');
    set(statement, 'PREPARE', { kind: 'other' }, body.query);
    statement.declaredTypes = body.argtypes ?? [];
    statement.kind = { kind: 'prepare', name: body.name ?? '', inner: innerOf(draft, statement, body.query) };
    return undefined;
  },
  ExecuteStmt: (draft, statement, body) => {
    const executed = executedBy(draft, statement, body);
    return 'severity' in executed ? executed : set(statement, 'EXECUTE', { kind: 'execute', ...executed });
  },
  DeallocateStmt: (_d, statement, body) => set(statement, 'DEALLOCATE', { kind: 'deallocate', name: body.name }),
  DeclareCursorStmt: (draft, statement, body) => {
    if (!body.query || kindOf(body.query) !== 'SelectStmt')
      return denied(statement, 'DECLARE CURSOR of this statement', 'A cursor is of a query: send a write by itself.');
    set(statement, 'DECLARE CURSOR', { kind: 'other' }, body.query);
    statement.kind = cursorKind(body, innerOf(draft, statement, body.query));
    return undefined;
  },
  FetchStmt: (_d, statement, body) => set(statement, body.ismove ? 'MOVE' : 'FETCH', fetchKind(body)),
  ClosePortalStmt: (_d, statement, body) => set(statement, 'CLOSE CURSOR', { kind: 'close', name: body.portalname }),
  DiscardStmt: (_d, statement, body) => {
    const all = body.target === 'DISCARD_ALL';
    return set(statement, all ? 'DISCARD ALL' : 'DISCARD', { kind: 'discard', all });
  },
  ExplainStmt: (draft, statement, body) => explain(draft, statement, body),
  CopyStmt: (draft, statement, body) => {
    statement.command = 'COPY';
    if (body.filename || body.is_program)
      return denied(
        statement,
        'COPY to or from a file or program',
        'COPY TO STDOUT or FROM STDIN, as psql’s \\copy does.',
      );
    return classifyCopy(draft, statement, body);
  },
  ListenStmt: (draft, statement) => onRequest(draft.role, statement, 'LISTEN', 'listen'),
  UnlistenStmt: (_d, statement) => set(statement, 'UNLISTEN', { kind: 'listen' }),
  NotifyStmt: (draft, statement) => onRequest(draft.role, statement, 'NOTIFY', 'notify'),
  LockStmt: (draft, statement, body) => classifyLock(draft, statement, body),
  CreateStmt: (draft, statement, body) => classifyCreate(draft, statement, body),
  DropStmt: (draft, statement, body) => classifyDrop(draft, statement, body),
  TruncateStmt: (draft, statement, body) => classifyTruncate(draft, statement, body),
  CallStmt: (draft, statement, _body, node) => {
    set(statement, 'CALL', { kind: 'other' }, node);
    if (draft.role.statements.has('call')) return undefined;
    return refusal('statement-not-allowed', '42501', 'permission denied for CALL', {
      hint: 'It is granted by statements: [call].',
      rule: draft.role.rule,
    });
  },
};

type Written = Pick<Body<'InsertStmt'>, 'relation' | 'withClause' | 'returningClause'>;

/** Statements that read or write rows. */
export const QUERIES: ReadonlySet<string> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
]);

function classify(draft: Draft, statement: DraftStatement, node: Node): void {
  if (statement.token) return;
  const kind = kindOf(node);
  statement.command = commandOf(node);
  const classifier = CLASSIFIERS[kind] as Classifier<Kind> | undefined;
  statement.refusal = classifier
    ? classifier(draft, statement, as(node, kind) as Body<Kind>, node)
    : denied(statement, statement.command, INSTEAD[kind]);
}

function set(statement: DraftStatement, command: string, kind: StatementKind, query?: Node): undefined {
  statement.command = command;
  statement.kind = kind;
  statement.query = query;
  return undefined;
}

function write(draft: Draft, statement: DraftStatement, command: string, body: Written, node: Node): undefined {
  return set(statement, command, writeKind(draft, body, body.returningClause !== undefined), node);
}

/** What a PREPARE or DECLARE carries: filled in when the whole statement is judged. */
function innerOf(draft: Draft, statement: DraftStatement, query: Node) {
  const inner: DraftStatement = { ...statement };
  classify(draft, inner, query);
  return {
    effect: 'allow' as const,
    kind: inner.kind,
    command: inner.command,
    fingerprint: '',
    normalized: '',
    tables: [],
    columns: [],
  };
}

/**
 * A literal, perhaps with its type. The type must be the server's own: a domain's CHECK is code that was not granted. And its text must not be looked up:
 * that would tell of what is withheld.
 */
function isConstant(draft: Draft, node: Node): boolean {
  const cast = as(node, 'TypeCast');
  if (!cast?.arg) return 'A_Const' in node || 'ParamRef' in node;
  const type = typeByName(draft.catalog, draft.searchPath, strings(cast.typeName?.names));
  const isPlain = type?.schema === 'pg_catalog' && regKind(draft.catalog, type.oid).kind === 'no';
  return isPlain && isConstant(draft, cast.arg);
}

/** What a constant is as a text, NULL included; undefined for one that is of another type, or not known. */
function textOf(draft: Draft, node: Node): string | null | undefined {
  const constant = as(node, 'A_Const');
  if (constant?.isnull) return null;
  if (constant) return constant.sval && (constant.sval.sval ?? '');
  const cast = as(node, 'TypeCast');
  if (!cast?.arg || cast.typeName?.typmods || cast.typeName?.arrayBounds) return undefined;
  const type = typeByName(draft.catalog, draft.searchPath, strings(cast.typeName?.names));
  // A cast that keeps every character: others cut at a length, or take blanks from the end.
  const keeps = type?.schema === 'pg_catalog' && (type.name === 'text' || type.name === 'varchar');
  return keeps ? textOf(draft, cast.arg) : undefined;
}

function executedBy(draft: Draft, { end }: DraftStatement, { name = '', params = [] }: Body<'ExecuteStmt'>) {
  if (params.every((param) => isConstant(draft, param))) {
    // Its arguments are the last of it.
    const last = lastTokenOf(draft.parsed!.tokens(), end);
    const behind = params.length > 0;
    const room = { before: end - (behind ? last.start : last.end), behind };
    return { name, texts: params.map((param) => textOf(draft, param)), room };
  }
  return refusal('unsupported', '0A000', 'EXECUTE takes constants only for restricted roles', {
    hint: 'Send values as parameters of Bind, or as constants with types of pg_catalog.',
  });
}

/** The last one that ends there or before. */
function lastTokenOf(tokens: readonly Token[], end: number): Token {
  let [low, high] = [0, tokens.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tokens[middle]!.end <= end) low = middle;
    else high = middle - 1;
  }
  return tokens[low]!;
}

/** INVARIANT 132: what is prepared is judged as it was prepared; its plan tells of rows that are withheld, so it needs the grant always. */
function explainExecute(
  draft: Draft,
  statement: DraftStatement,
  body: Body<'ExecuteStmt'>,
  analyzes: boolean,
): Refusal | undefined {
  statement.command = 'EXPLAIN';
  const grant = analyzes ? 'explain_analyze' : 'explain';
  const what = `EXPLAIN ${analyzes ? 'ANALYZE ' : ''}of EXECUTE`;
  if (!draft.role.statements.has(grant))
    return refusal('statement-not-allowed', '42501', `permission denied for ${what}`, {
      hint: `It is granted by statements: [${grant}].`,
      rule: draft.role.rule,
    });
  const executed = executedBy(draft, statement, body);
  if ('severity' in executed) return executed;
  return set(statement, 'EXPLAIN', { kind: 'explain', execute: executed, ...(analyzes && { analyzes }) });
}

function explain(draft: Draft, statement: DraftStatement, body: Body<'ExplainStmt'>): Refusal | undefined {
  // Of DECLARE the plan of its query is shown, and no cursor is made: it tells what EXPLAIN of the query would.
  const declared = as(body.query, 'DeclareCursorStmt')?.query;
  const query = declared && kindOf(declared) === 'SelectStmt' ? declared : body.query;
  const options = (body.options ?? []).map((o) => as(o, 'DefElem')!);
  const analyzes = options.some((o) => o.defname === 'analyze' && !isOff(o.arg));
  const executed = as(query, 'ExecuteStmt');
  if (executed) return explainExecute(draft, statement, executed, analyzes);
  if (!query || !QUERIES.has(kindOf(query)))
    return denied(statement, 'EXPLAIN of this statement', 'EXPLAIN takes queries and writes, DECLARE and EXECUTE.');
  set(statement, 'EXPLAIN', { kind: 'explain' }, query);
  if (analyzes && !draft.role.statements.has('explain_analyze')) {
    return refusal('statement-not-allowed', '42501', 'permission denied for EXPLAIN ANALYZE', {
      hint: 'It is granted by statements: [explain_analyze].',
      rule: draft.role.rule,
    });
  }
  const select = as(query, 'SelectStmt');
  if (analyzes && (!select || writesInside(select)))
    return denied(statement, 'EXPLAIN ANALYZE of a write', 'EXPLAIN it without ANALYZE.');
  statement.explains = !analyzes;
  return undefined;
}

function isOff(node: Node | undefined): boolean {
  const value =
    as(node, 'String')?.sval ??
    as(node, 'Integer')?.ival ??
    (as(node, 'Boolean') ? as(node, 'Boolean')?.boolval : undefined);
  return value === 'off' || value === 'false' || value === 0 || value === false;
}

function onRequest(
  role: RolePolicy,
  statement: DraftStatement,
  command: string,
  option: 'listen' | 'notify',
): Refusal | undefined {
  set(statement, command, { kind: 'listen' });
  if (role.statements.has(option)) return undefined;
  return refusal('statement-not-allowed', '42501', `permission denied for ${command}`, {
    hint: `It is granted by statements: [${option}].`,
    rule: role.rule,
  });
}

function denied(
  statement: DraftStatement,
  what: string,
  hint = 'A restricted role may read and write rows; it may not change definitions, roles or files.',
): Refusal {
  statement.query = undefined;
  return refusal('statement-not-allowed', '42501', `permission denied for ${what}`, { hint });
}

const MAINTENANCE = 'Maintenance is for an unrestricted role, or the owner at the server.';

/** What to do where no other statement does the same. */
const INSTEAD: Partial<Record<string, string>> = {
  CheckPointStmt: MAINTENANCE,
  ClusterStmt: MAINTENANCE,
  DoStmt: 'Send the statements in it, or CALL a procedure that is granted.',
  RefreshMatViewStmt: MAINTENANCE,
  ReindexStmt: MAINTENANCE,
  VacuumStmt: MAINTENANCE,
};

/** Statements that the grammar does not name as their command does. */
const COMMANDS: Partial<Record<string, string>> = {
  AlterSeqStmt: 'ALTER SEQUENCE',
  CheckPointStmt: 'CHECKPOINT',
  CreateExtensionStmt: 'CREATE EXTENSION',
  CreateSeqStmt: 'CREATE SEQUENCE',
  CreateStmt: 'CREATE TABLE',
  CreateTrigStmt: 'CREATE TRIGGER',
  IndexStmt: 'CREATE INDEX',
  RefreshMatViewStmt: 'REFRESH MATERIALIZED VIEW',
  RenameStmt: 'ALTER … RENAME',
  RuleStmt: 'CREATE RULE',
  ViewStmt: 'CREATE VIEW',
};

/** `CreateTableAsStmt` → `CREATE TABLE AS`. */
export function commandOf(node: Node): string {
  const kind: string = kindOf(node);
  const vacuum = as(node, 'VacuumStmt');
  if (vacuum && !vacuum.is_vacuumcmd) return 'ANALYZE';
  const named = COMMANDS[kind];
  if (named !== undefined) return named;
  return kind
    .replace(/Stmt$/, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase();
}

/** Stage 2 for COPY: whether the role may copy at all, and the SELECT or INSERT as which it is then judged. */
type Copy = Body<'CopyStmt'>;

/** Of COPY to and from the client. */
function classifyCopy(draft: Draft, statement: DraftStatement, copy: Copy): Refusal | undefined {
  const { role } = draft;
  const from = copy.is_from === true;
  const format = copyFormatOf(copy);
  const uncounted = from && copy.relation && uncountedIn(relationOf(draft, copy.relation), draft.catalog);
  statement.kind = from ? { kind: 'copy-in', format, ...(uncounted && { uncounted }) } : { kind: 'copy-out', format };
  statement.copy = copy;
  const option = from ? 'copy_from' : 'copy_to';
  if (!role.statements.has(option)) {
    return refusal('statement-not-allowed', '42501', `permission denied for COPY ${from ? 'FROM' : 'TO'}`, {
      hint: `It is granted by statements: [${option}].`,
      rule: role.rule,
    });
  }
  const refused = formRefusal(copy) ?? optionRefusal(copy);
  if (refused) return refused;
  statement.query = copy.query ?? (from ? insertInto(copy) : selectFrom(copy));
  statement.bounded = !from && role.limits.rowsPerStatement !== undefined;
  return undefined;
}

function formRefusal({ query }: Copy): Refusal | undefined {
  if (!query) return undefined;
  const select = as(query, 'SelectStmt');
  if (select && !writesInside(select)) return undefined;
  return unsupported('COPY of a write', 'Send the write by itself, with RETURNING.');
}

function unsupported(what: string, hint: string): Refusal {
  return refusal('unsupported', '0A000', `${what} is not supported for restricted roles`, { hint });
}

/** Finds and judges only the relation: its columns are judged afterwards, as COPY names them. */
function selectFrom({ relation }: Copy): Node {
  const fromClause = relation ? [{ RangeVar: relation }] : [];
  return { SelectStmt: { fromClause, limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE' } };
}

function insertInto({ relation }: Copy): Node {
  return { InsertStmt: { ...(relation && { relation }), override: 'OVERRIDING_NOT_SET' } };
}
