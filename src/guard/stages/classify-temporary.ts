/** Stage 2 for tables of the session's own: CREATE, DROP and TRUNCATE of those that the policy declares, each sent in Rowgate's own words. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { TemporaryTable } from '../../policy/model/policy.ts';
import type { Body } from '../../sql/parse/tree.ts';
import { as, quoteName, strings } from '../../sql/parse/tree.ts';
import { isSameType, writtenType } from '../../sql/types/written-type.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import { sentName } from '../rewrite/sent-name.ts';

/** `CREATE TEMP TABLE`. undefined: it is the declared one. */
export function classifyCreate(draft: Draft, statement: DraftStatement, body: Body<'CreateStmt'>): Refusal | undefined {
  statement.command = 'CREATE TABLE';
  const { relation, tableElts, oncommit, if_not_exists: exists, ...rest } = body;
  const isTemporary = relation?.relpersistence === 't' || relation?.schemaname === 'pg_temp';
  const table = isTemporary ? tableNamed(draft, relation) : undefined;
  if (!table) return notDeclared(draft, isTemporary ? 'CREATE TEMPORARY TABLE' : 'CREATE TABLE');
  if (relation?.relpersistence === 'u' || Object.keys(rest).length > 0)
    return unsupported(table, 'INHERITS, PARTITION, OF, WITH, USING and TABLESPACE');
  const columns: Body<'ColumnDef'>[] = [];
  const keys: string[] = [];
  for (const element of tableElts ?? []) {
    const column = as(element, 'ColumnDef');
    const key = as(element, 'Constraint');
    if (column) columns.push(column);
    else if (!key || !isKey(key)) return unsupported(table, 'CHECK, FOREIGN KEY, EXCLUDE and LIKE');
    else keys.push(`${wordsOf(key)} (${strings(key.keys).map(quoteName).join(', ')})`);
  }
  const written = columns.map((column, at) => definition(draft, table, column, at));
  if (written.length !== table.relation.columns.length || written.includes(undefined))
    return declaredOtherwise(draft, table);
  const list = [...written, ...keys].join(', ');
  const ends = ON_COMMIT[oncommit ?? 'ONCOMMIT_NOOP'];
  if (ends === undefined) return unsupported(table, 'this ON COMMIT');
  return sendInstead(
    statement,
    [table],
    `CREATE TEMPORARY TABLE ${exists ? 'IF NOT EXISTS ' : ''}${sentName(table.relation)} (${list})${ends}`,
  );
}

const ON_COMMIT: Readonly<Record<string, string>> = {
  ONCOMMIT_NOOP: '',
  ONCOMMIT_PRESERVE_ROWS: ' ON COMMIT PRESERVE ROWS',
  ONCOMMIT_DELETE_ROWS: ' ON COMMIT DELETE ROWS',
  ONCOMMIT_DROP: ' ON COMMIT DROP',
};

/** `DROP TABLE` of tables of the session's own alone. */
export function classifyDrop(draft: Draft, statement: DraftStatement, body: Body<'DropStmt'>): Refusal | undefined {
  statement.command = 'DROP';
  if (body.removeType !== 'OBJECT_TABLE') return notDeclared(draft, 'DROP');
  const tables = all(
    (body.objects ?? []).map((object) => {
      const names = strings(as(object, 'List')?.items);
      const [relname = '', schemaname, catalogname] = names.reverse();
      return tableNamed(draft, { relname, ...(schemaname && { schemaname }), ...(catalogname && { catalogname }) });
    }),
  );
  // One name that means another table, and nothing is dropped.
  if (!tables) return notDeclared(draft, 'DROP TABLE');
  if (body.behavior === 'DROP_CASCADE') return unsupported(tables[0]!, 'CASCADE');
  const names = tables.map(({ relation }) => sentName(relation)).join(', ');
  statement.command = 'DROP TABLE';
  return sendInstead(statement, tables, `DROP TABLE ${body.missing_ok ? 'IF EXISTS ' : ''}${names}`);
}

/** `TRUNCATE` of tables of the session's own alone. */
export function classifyTruncate(
  draft: Draft,
  statement: DraftStatement,
  body: Body<'TruncateStmt'>,
): Refusal | undefined {
  statement.command = 'TRUNCATE';
  const tables = all((body.relations ?? []).map((node) => tableNamed(draft, as(node, 'RangeVar'))));
  if (!tables) return notDeclared(draft, 'TRUNCATE');
  if (body.behavior === 'DROP_CASCADE') return unsupported(tables[0]!, 'CASCADE');
  statement.command = 'TRUNCATE TABLE';
  return sendInstead(
    statement,
    tables,
    `TRUNCATE TABLE ${tables.map(({ relation }) => sentName(relation)).join(', ')}`,
  );
}

/** The declared table that a name means: bare, or in `pg_temp`. */
function tableNamed(draft: Draft, name: Partial<Body<'RangeVar'>> | undefined): TemporaryTable | undefined {
  if (!name || (name.schemaname !== undefined && name.schemaname !== 'pg_temp')) return undefined;
  if (name.catalogname !== undefined) return undefined;
  return draft.role.temporary?.get(name.relname ?? '');
}

/** undefined if any of them is not known. */
function all(tables: readonly (TemporaryTable | undefined)[]): TemporaryTable[] | undefined {
  const known = tables.filter((table) => table !== undefined);
  return known.length > 0 && known.length === tables.length ? known : undefined;
}

/** What is sent is made of the policy alone, and of the keys over columns that it names. */
function sendInstead(statement: DraftStatement, tables: readonly TemporaryTable[], text: string): undefined {
  statement.kind = { kind: 'temporary' };
  statement.instead = text;
  for (const { relation } of tables) statement.tables.add(`${relation.schema}.${relation.name}`);
  statement.rule = tables[0]?.rule;
  return undefined;
}

/** The column as it is sent; undefined if it differs from the declared one at its place, or has more than NOT NULL, PRIMARY KEY or UNIQUE. */
function definition(draft: Draft, table: TemporaryTable, written: Body<'ColumnDef'>, at: number): string | undefined {
  const { colname, typeName, constraints, is_local: _local, location: _at, ...rest } = written;
  const column = table.relation.columns[at];
  const type = typeName && writtenType(draft.catalog, draft.searchPath, typeName);
  if (!column || column.name !== colname || !type || !isSameType(type, column)) return undefined;
  const words = (constraints ?? []).map((node) => {
    const constraint = as(node, 'Constraint');
    return constraint && isPlain(constraint) ? wordsOf(constraint) : undefined;
  });
  if (Object.keys(rest).length > 0 || words.includes(undefined)) return undefined;
  return [quoteName(column.name), column.typeName, ...words].join(' ');
}

const WORDS: Readonly<Record<string, string>> = {
  CONSTR_NULL: 'NULL',
  CONSTR_NOTNULL: 'NOT NULL',
  CONSTR_PRIMARY: 'PRIMARY KEY',
  CONSTR_UNIQUE: 'UNIQUE',
};

function wordsOf({ contype }: Body<'Constraint'>): string | undefined {
  return WORDS[contype ?? ''];
}

/** It has only its kind and perhaps a name, which is not kept. */
function isPlain(constraint: Body<'Constraint'>): boolean {
  const {
    contype,
    conname: _name,
    keys: _keys,
    location: _at,
    is_enforced: _enforced,
    initially_valid: _valid,
    ...rest
  } = constraint;
  return WORDS[contype ?? ''] !== undefined && Object.keys(rest).length === 0;
}

function isKey(constraint: Body<'Constraint'>): boolean {
  const { contype, keys } = constraint;
  return (
    isPlain(constraint) && (contype === 'CONSTR_PRIMARY' || contype === 'CONSTR_UNIQUE') && (keys?.length ?? 0) > 0
  );
}

function notDeclared({ role }: Draft, what: string): Refusal {
  const names = [...(role.temporary?.keys() ?? [])];
  return refusal('statement-not-allowed', '42501', `permission denied for ${what}`, {
    hint:
      names.length > 0
        ? `Of its own the role may have temporary tables that its policy declares: ${names.join(', ')}.`
        : 'A restricted role may read and write rows; it may not change definitions, roles or files.',
    rule: names.length > 0 ? role.rule : undefined,
  });
}

function declaredOtherwise({ catalog }: Draft, { relation, rule }: TemporaryTable): Refusal {
  const columns = relation.columns.map(({ name, typeName, type }) => {
    const plain =
      catalog.typesByOid.get(type)?.schema === 'pg_catalog' ? typeName.replace(/^pg_catalog\./, '') : typeName;
    return `${name} ${plain}`;
  });
  return refusal('unsupported', '0A000', `temporary table "${relation.name}" is declared otherwise`, {
    hint: `Its columns are (${columns.join(', ')}), with NOT NULL, PRIMARY KEY and UNIQUE where you like.`,
    rule,
  });
}

function unsupported({ relation, rule }: TemporaryTable, what: string): Refusal {
  return refusal('unsupported', '0A000', `${what} is not supported for temporary table "${relation.name}"`, {
    hint: 'It may have NOT NULL, PRIMARY KEY, UNIQUE and ON COMMIT.',
    rule,
  });
}
