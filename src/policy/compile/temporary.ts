/** `temporary` of a role, compiled against the catalog: temporary tables that its sessions may create, each with its name at the server. */
import { createHash } from 'node:crypto';
import type { Catalog, Column, Relation } from '../../sql/catalog/catalog.ts';
import { isParsed, parse } from '../../sql/parse/parse.ts';
import { as } from '../../sql/parse/tree.ts';
import { type WrittenType, writtenType } from '../../sql/types/written-type.ts';
import type { AttributeType, RelationGrant, TemporaryTable } from '../model/policy.ts';
import type { RoleFile } from '../schema/role-schema.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';
import type { RuleRef } from '../source/rule.ts';
import type { PolicyEnvironment } from '../source/sql-source.ts';

/** The schema by which a statement may qualify a temporary table. */
const TEMPORARY_SCHEMA = 'pg_temp';

/** The server's OIDs are smaller, so catalog entries can never refer to one of these tables. */
const FIRST_OID = 2 ** 32;

/** The server cuts names at 63 bytes, and its names for a table's keys are longer than the table's. */
const LONGEST_NAME = 36;

/**
 * Types with values that can be stored and shown again. Types that display a number as the name of an object (`regclass`) are left out: those names
 * are looked up without the catalogs' filters.
 */
const TYPES = new Set(
  `bool int2 int4 int8 float4 float8 numeric text varchar bpchar bytea date time timetz timestamp timestamptz interval uuid
json jsonb inet cidr macaddr macaddr8 bit varbit tsvector tsquery int4range int8range numrange daterange tsrange tstzrange`.split(
    /\s+/,
  ),
);

const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['ctid', 'xmin', 'cmin', 'xmax', 'cmax', 'tableoid']);

/** By name; a table with an error is withheld. */
export function compileTemporary(
  file: RoleFile,
  document: PolicyDocument,
  attributes: ReadonlyMap<string, AttributeType>,
  env: PolicyEnvironment,
  report: DiagnosticReport,
): Map<string, TemporaryTable> {
  const tables = new Map<string, TemporaryTable>();
  const declared = Object.entries(file.temporary ?? {});
  if (declared.length > 0 && file.min_group !== undefined) {
    // A row copied into a temporary table has no subject that could be counted.
    report.error(document.place(['temporary']), '"temporary" does not go with "min_group"');
    return tables;
  }
  if (declared.length > 0 && [...attributes.values()].some(({ fromToken }) => fromToken)) {
    // Temporary tables last as long as the session: the next end user could read the rows of the one before.
    report.error(document.place(['temporary']), '"temporary" does not go with attributes "from token"');
    return tables;
  }
  for (const [name, columns] of declared) {
    const path = ['temporary', name];
    const made = report.ofPart((own) => {
      const problem = nameProblem(name, env);
      if (problem === undefined) return compileColumns(columns, path, document, env, own);
      own.error(document.place(path), problem);
      return undefined;
    });
    if (made) tables.set(name, tableOf(file.role, name, made, FIRST_OID + tables.size, document.rule(path)));
  }
  return tables;
}

/** The grant for reading and writing each of them. */
export function temporaryGrant({ relation, rule }: TemporaryTable): RelationGrant {
  // Not `whole`: then the relation would be named directly, and its result columns would have an origin that the policy does not know.
  const write = { columns: new Set(relation.columns.map(({ name }) => name)), conditions: [], whole: false, rule };
  const columns = new Map(relation.columns.map((column) => [column.name, { column, rule }]));
  const select = { columns, conditions: [], whole: false, rule };
  return { relation, select, insert: write, update: write, delete: write, rule, system: false };
}

/**
 * The name must differ from every relation that an unqualified name could mean: if the catalog changes, the role is compiled again and then loses the
 * temporary table.
 */
function nameProblem(name: string, { catalog, searchPath }: PolicyEnvironment): string | undefined {
  if (!/^[a-z_][a-z0-9_]*$/.test(name))
    return `"${name}" is not the name of a temporary table (small letters, digits and _)`;
  if (name.length > LONGEST_NAME) return `the name of a temporary table has at most ${LONGEST_NAME} letters`;
  if (/^(rowgate_|pg_)/.test(name)) return `"${name}" begins like names that are reserved`;
  const other = [...searchPath, 'pg_catalog', 'information_schema']
    .map((schema) => catalog.relation(schema, name))
    .find((relation) => relation !== undefined);
  if (!other) return undefined;
  return `temporary table "${name}" has the name of relation "${other.schema}.${other.name}", and may not stand in its place`;
}

type DeclaredColumn = WrittenType & { readonly name: string };

function compileColumns(
  columns: Readonly<Record<string, string>>,
  path: Path,
  document: PolicyDocument,
  env: PolicyEnvironment,
  report: DiagnosticReport,
): DeclaredColumn[] | undefined {
  const found: DeclaredColumn[] = [];
  const names = Object.keys(columns);
  if (names.length === 0) report.error(document.placeOfValue(path), 'expected at least one column');
  for (const name of names) {
    const at = [...path, name];
    const text = document.written(at) ?? columns[name] ?? '';
    const type = typeOf(text, env.catalog, env.searchPath);
    if (SYSTEM_COLUMNS.has(name) || name.includes('rowgate_'))
      report.error(document.place(at), `"${name}" cannot be the name of a column`);
    else if (!type)
      report.error(document.placeOfValue(at), `type "${text}" does not exist, or not with such modifiers`);
    else if (!isAllowed(type, env.catalog))
      report.error(document.placeOfValue(at), `type "${text}" cannot be that of a column of a temporary table`);
    else found.push({ name, ...type });
  }
  return names.length > 0 && found.length === names.length ? found : undefined;
}

/** Parses one type; undefined if the text holds anything more. */
function typeOf(text: string, catalog: Catalog, searchPath: readonly string[]): WrittenType | undefined {
  const parsed = parse(`SELECT NULL::${text}`);
  const select =
    isParsed(parsed) && parsed.statements.length === 1 ? as(parsed.statements[0]?.node, 'SelectStmt') : undefined;
  if (select?.targetList?.length !== 1) return undefined;
  const { targetList, limitOption: _limit, op: _op, ...rest } = select;
  const target = as(targetList[0], 'ResTarget');
  const cast = as(target?.val, 'TypeCast');
  if (Object.keys(rest).length > 0 || target?.name !== undefined || !as(cast?.arg, 'A_Const')?.isnull) return undefined;
  return cast?.typeName && writtenType(catalog, searchPath, cast.typeName);
}

function isAllowed({ type }: WrittenType, catalog: Catalog): boolean {
  const element = type.element === 0 ? type : catalog.typesByOid.get(type.element);
  if (!element) return false;
  return element.kind === 'e' || (element.schema === 'pg_catalog' && TYPES.has(element.name));
}

function tableOf(
  role: string,
  name: string,
  columns: readonly DeclaredColumn[],
  oid: number,
  rule: RuleRef,
): TemporaryTable {
  const made = columns.map((column, at) => columnOf(column, at + 1));
  // The server's code never uses this name, and a table with other columns, or of another role, gets another name.
  const hash = createHash('sha256')
    .update(JSON.stringify([role, name, columns.map((column) => [column.name, column.text])]))
    .digest('hex');
  const relation: Relation = {
    oid,
    schema: TEMPORARY_SCHEMA,
    name,
    sentName: `rowgate_temp_${hash.slice(0, 8)}_${name}`,
    kind: 'r',
    persistence: 't',
    rowType: 0,
    columns: made,
    primaryKey: [],
    parents: [],
    ofType: 0,
    rowSecurity: false,
    ownedBy: null,
    rowTriggers: [],
    rules: [],
    constraints: [],
    uniqueIndexes: [],
    foreignKeys: [],
  };
  return { relation, rule };
}

function columnOf({ name, type, typmod, text }: DeclaredColumn, attnum: number): Column {
  return {
    attnum,
    name,
    type: type.oid,
    typmod,
    typeName: text,
    collation: 0,
    notNull: false,
    generated: '',
    identity: '',
  };
}
