/** Names of tables and columns in a policy: exactly as in the catalog, with `"…"` around a name that contains a dot. */
import type { Catalog, Column, Relation } from '../../sql/catalog/catalog.ts';
import type { ColumnRef } from '../model/policy.ts';
import { suggestion } from '../source/suggestion.ts';
import { ambiguity } from './fixed-names.ts';

/** The object that a name refers to, or why there is none. `missing`: the database does not have it now, but may have it later. */
export type ResolvedName<T> = { readonly value: T } | { readonly problem: string; readonly missing: boolean };

/** Kinds of relation (pg_class.relkind) that a policy can grant, with PostgreSQL's words. */
const GRANTABLE: Readonly<Record<string, string>> = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  S: 'sequence',
};

const SYSTEM_SCHEMAS: readonly string[] = ['pg_catalog', 'information_schema', 'pg_toast'];

/** The OID of the table that a row is in. */
export const TABLEOID = systemColumn(-6, 'tableoid', 26, 'oid');

/** System columns (manual, section 5.6): restricted roles get them only by name. */
export const SYSTEM_COLUMNS: readonly Column[] = [
  systemColumn(-1, 'ctid', 27, 'tid'),
  systemColumn(-2, 'xmin', 28, 'xid'),
  systemColumn(-3, 'cmin', 29, 'cid'),
  systemColumn(-4, 'xmax', 28, 'xid'),
  systemColumn(-5, 'cmax', 29, 'cid'),
  TABLEOID,
];

/** Splits `public.students` or `public."a.b"` at its dots; undefined if it is not a name. */
export function splitName(text: string): string[] | undefined {
  const parts: string[] = [];
  const pattern = /(?:"((?:[^"]|"")+)"|([^".\s][^".]*))(\.|$)/y;
  for (;;) {
    const match = pattern.exec(text);
    if (!match) return undefined;
    parts.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
    if (match[3] === '') return parts;
  }
}

/** The name as an SQL identifier, always quoted, so that keywords and capitals need no care. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `schema.name`, quoted if needed. */
export function qualifiedName(relation: Relation): string {
  return `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
}

/** Finds a relation that can be granted. Without a schema, exactly one schema of `searchPath` must have it. */
export function resolveRelation(catalog: Catalog, searchPath: readonly string[], text: string): ResolvedName<Relation> {
  const parts = splitName(text);
  if (!parts || parts.length > 2) return { problem: `"${text}" is not the name of a table`, missing: false };
  const name = parts.at(-1) ?? '';
  const schemas = parts.length === 2 ? [parts[0] ?? ''] : searchPath;
  const schema = parts.length === 2 ? parts[0] : undefined;
  if (schema !== undefined && !catalog.hasSchema(schema)) {
    return { problem: `schema "${schema}" does not exist${suggestion(schema, catalog.data.schemas)}`, missing: true };
  }
  if (schema !== undefined && SYSTEM_SCHEMAS.includes(schema)) {
    return { problem: `"${text}" is a system catalog; Rowgate grants the harmless ones itself`, missing: false };
  }
  for (const candidate of schemas) {
    const relation = catalog.relation(candidate, name);
    if (!relation) continue;
    if (GRANTABLE[relation.kind] === undefined) {
      return { problem: `"${text}" is not a table or view`, missing: true };
    }
    const has = (other: string) => catalog.relation(other, name) !== undefined;
    const problem = schema === undefined ? ambiguity('relation', relation, searchPath, has) : undefined;
    return problem === undefined ? { value: relation } : { problem, missing: true };
  }
  const known = catalog.data.relations.filter((r) => schemas.includes(r.schema) && GRANTABLE[r.kind] !== undefined);
  return {
    problem: `relation "${text}" does not exist${suggestion(
      name,
      known.map((r) => r.name),
    )}`,
    missing: true,
  };
}

/** Finds a column of a relation; also system columns if `system` is true. */
export function resolveColumn(relation: Relation, name: string, system = false): ResolvedName<Column> {
  const columns = system ? [...relation.columns, ...SYSTEM_COLUMNS] : relation.columns;
  const column = columns.find((candidate) => candidate.name === name);
  if (column) return { value: column };
  const near = suggestion(
    name,
    relation.columns.map((candidate) => candidate.name),
  );
  return { problem: `column "${name}" of relation "${relation.name}" does not exist${near}`, missing: true };
}

/** Finds `students.id` or `public.students.id`. */
export function resolveColumnRef(
  catalog: Catalog,
  searchPath: readonly string[],
  text: string,
): ResolvedName<ColumnRef> {
  const parts = splitName(text);
  if (!parts || parts.length < 2 || parts.length > 3) {
    return { problem: `expected a column as table.column, found "${text}"`, missing: false };
  }
  const table = parts.slice(0, -1).map(quoteIdentifier).join('.');
  const relation = resolveRelation(catalog, searchPath, table);
  if ('problem' in relation) {
    return { ...relation, problem: relation.problem.replace(table, parts.slice(0, -1).join('.')) };
  }
  const column = resolveColumn(relation.value, parts.at(-1) ?? '');
  return 'problem' in column ? column : { value: { relation: relation.value, column: column.value } };
}

/** Relations that share rows with this one by inheritance or partitioning: its ancestors and descendants, and theirs. */
export function inheritanceRelatives(catalog: Catalog, relation: Relation): Relation[] {
  const found = new Set<Relation>();
  const climb = (from: Relation): void => {
    for (const oid of from.parents) {
      const parent = catalog.relationsByOid.get(oid);
      if (parent && !found.has(parent)) {
        found.add(parent);
        climb(parent);
      }
    }
  };
  climb(relation);
  for (const descendant of descendants(catalog, relation)) found.add(descendant);
  found.delete(relation);
  return [...found];
}

/** All partitions and inheritance children, at any depth. */
export function descendants(catalog: Catalog, relation: Relation): Relation[] {
  const found = new Set<Relation>();
  const queue = [relation.oid];
  for (let oid = queue.pop(); oid !== undefined; oid = queue.pop()) {
    const parent = oid;
    for (const child of catalog.data.relations) {
      if (!child.parents.includes(parent) || found.has(child)) continue;
      found.add(child);
      queue.push(child.oid);
    }
  }
  found.delete(relation);
  return [...found];
}

function systemColumn(attnum: number, name: string, type: number, typeName: string): Column {
  return {
    attnum,
    name,
    type,
    typmod: -1,
    typeName: `pg_catalog.${typeName}`,
    collation: 0,
    notNull: true,
    generated: '',
    identity: '',
  };
}
