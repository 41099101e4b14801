/**
 * What cannot work with a pooler that passes one connection of the server from client to client, transaction by transaction: everything that would
 * stay behind in the connection. Refused by name, for every role: it would be lost, or seen by another client.
 */

import { type Refusal, refusal } from '../../core/refusal.ts';
import { as, type Body, kindOf, type Node } from '../../sql/parse/tree.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { QUERIES } from './classify.ts';

export const pooledStage: Stage = {
  name: 'pooled',
  each(_draft: Draft, statement: DraftStatement): void {
    // The guard keeps the end user itself.
    if (!statement.token) statement.refusal ??= leavesSomething(statement);
  },
};

/** What PgBouncer sets again for each client, so that SET holds; for pinned settings, the pinned value. */
const KEPT_BY_POOLER: ReadonlyMap<string, RegExp> = new Map([
  ['application_name', /^/],
  ['datestyle', /^/],
  ['timezone', /^/],
  ['client_encoding', /^(utf-?8|unicode)$/i],
  ['standard_conforming_strings', /^(on|true)$/i],
  // If it is lost or seen by another client, no result changes. asyncpg switches it off while it reads types.
  ['jit', /^/],
]);

/** Functions that leave something in the session, or read what only the session has. */
const OF_SESSION: ReadonlyMap<string, string> = new Map([
  ['pg_advisory_lock', 'pg_advisory_xact_lock holds a lock to the end of the transaction.'],
  ['pg_advisory_lock_shared', 'pg_advisory_xact_lock_shared holds a lock to the end of the transaction.'],
  ['pg_try_advisory_lock', 'pg_try_advisory_xact_lock holds a lock to the end of the transaction.'],
  ['pg_try_advisory_lock_shared', 'pg_try_advisory_xact_lock_shared holds a lock to the end of the transaction.'],
  ['pg_advisory_unlock', 'A lock of pg_advisory_xact_lock ends with its transaction.'],
  ['pg_advisory_unlock_shared', 'A lock of pg_advisory_xact_lock_shared ends with its transaction.'],
  ['currval', 'INSERT … RETURNING gives the value.'],
  ['lastval', 'INSERT … RETURNING gives the value.'],
  ['setseed', 'The seed would be the next client’s.'],
]);

function leavesSomething({ node, command }: DraftStatement): Refusal | undefined {
  return ofStatement(node, command) ?? insideOf(node);
}

function ofStatement(node: Node, command: string): Refusal | undefined {
  const kind = kindOf(node);
  switch (kind) {
    case 'VariableSetStmt':
      return ofSet(as(node, kind)!, command);
    case 'DeallocateStmt':
      // PgBouncer knows DEALLOCATE ALL, and forgets the client's prepared statements.
      if (as(node, kind)?.isall) return undefined;
      return cannot(command, 'DEALLOCATE ALL works.');
    case 'PrepareStmt':
    case 'ExecuteStmt':
      return cannot(command, 'Statements prepared through the protocol work, as drivers do it.');
    case 'ListenStmt':
      return cannot(command, 'LISTEN needs a connection of its own, past the pooler.');
    case 'DiscardStmt':
      return cannot(command, 'There is nothing of this session to discard.');
    case 'LoadStmt':
      return cannot(command);
    case 'DeclareCursorStmt':
      // Bit 5 of the options: WITH HOLD.
      return ((as(node, kind)?.options ?? 0) & HOLD) === 0
        ? undefined
        : cannot('DECLARE … WITH HOLD', 'A cursor without HOLD works inside a transaction.');
    default:
      return makesTemporary(node) ? cannot('a temporary object', 'ON COMMIT DROP works.') : undefined;
  }
}

/** CURSOR_OPT_HOLD of PostgreSQL's parsenodes.h. */
const HOLD = 0x20;

/** SET LOCAL and SET TRANSACTION end with the transaction; the rest would stay, or be gone. */
function ofSet(body: Body<'VariableSetStmt'>, command: string): Refusal | undefined {
  const name = body.name ?? '';
  if (body.is_local) return undefined;
  if (body.kind === 'VAR_SET_MULTI') return name === 'SESSION CHARACTERISTICS' ? cannot(`SET ${name}`) : undefined;
  if (body.kind === 'VAR_SET_VALUE' && KEPT_BY_POOLER.get(name.toLowerCase())?.test(firstValue(body))) return undefined;
  const what = body.kind === 'VAR_RESET_ALL' ? 'RESET ALL' : `${command} of parameter "${name}"`;
  return cannot(what, 'SET LOCAL works inside a transaction.');
}

function firstValue({ args }: Body<'VariableSetStmt'>): string {
  const constant = as(args?.[0] ?? ({} as Node), 'A_Const');
  return constant?.sval?.sval ?? String(constant?.boolval?.boolval ?? '');
}

/** Temporary relations that outlive their transaction, and whatever is made in the session's own schema. */
function makesTemporary(node: Node): boolean {
  const kind = kindOf(node);
  const create = as(node, 'CreateStmt');
  if (create) return isTemporary(create.relation) && create.oncommit !== 'ONCOMMIT_DROP';
  const into = as(node, 'CreateTableAsStmt')?.into ?? as(node, 'SelectStmt')?.intoClause;
  if (into) return isTemporary(into.rel) && into.onCommit !== 'ONCOMMIT_DROP';
  if (QUERIES.has(kind)) return false;
  return some(node, (key, value) => {
    if (
      key === 'RangeVar' ||
      key === 'view' ||
      key === 'sequence' ||
      key === 'relation' ||
      key === 'typevar' ||
      key === 'rel'
    ) {
      return isTemporary(value as { relpersistence?: string; schemaname?: string });
    }
    // A name of a function, type, operator …: a list of strings whose first is the schema.
    return key === 'sval' && typeof value === 'string' && /^pg_temp(_[0-9]+)?$/.test(value);
  });
}

function isTemporary(relation: { relpersistence?: string; schemaname?: string } | null | undefined): boolean {
  return relation?.relpersistence === 't' || /^pg_temp(_[0-9]+)?$/.test(relation?.schemaname ?? '');
}

/** Calls, anywhere in the statement. */
function insideOf(node: Node): Refusal | undefined {
  let found: Refusal | undefined;
  some(node, (key, value) => {
    if (key !== 'FuncCall') return false;
    const call = value as Body<'FuncCall'>;
    const name = (as(call.funcname?.at(-1) ?? ({} as Node), 'String')?.sval ?? '').toLowerCase();
    const hint = OF_SESSION.get(name);
    if (hint !== undefined) found = cannot(`function ${name}`, hint);
    else if (name === 'set_config' && !setsLocally(call) && !setsWhatIsKept(call)) {
      found = cannot('set_config beyond the transaction', 'Its third argument must be the constant true.');
    }
    return found !== undefined;
  });
  return found;
}

/** The third argument by its place, and nothing but the constant true. */
function setsLocally({ args }: Body<'FuncCall'>): boolean {
  const local = args?.[2];
  if (args?.length !== 3 || !local || args.some((arg) => kindOf(arg) === 'NamedArgExpr')) return false;
  const cast = as(local, 'TypeCast');
  const constant = as(cast?.arg ?? local, 'A_Const');
  return constant?.boolval?.boolval === true || constant?.sval?.sval === 't' || constant?.sval?.sval === 'true';
}

/** The same settings as by SET; pinned settings must get their pinned value. */
function setsWhatIsKept({ args }: Body<'FuncCall'>): boolean {
  const [name, value] = (args ?? []).map((arg) => as(arg, 'A_Const')?.sval?.sval);
  if (name === undefined) return false;
  return KEPT_BY_POOLER.get(name.toLowerCase())?.test(value ?? '') ?? false;
}

function some(value: unknown, found: (key: string, value: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => found(key, inner) || some(inner, found));
}

function cannot(what: string, hint?: string): Refusal {
  return refusal('pooled', '0A000', `${what} does not work through a pooler of transactions`, {
    hint: hint ?? 'It would stay behind in a connection that the next client gets.',
  });
}
