/** A type's name as PostgreSQL's messages have it: `integer[]` rather than `_int4` (`format_type`; the manual, "Data Types"). */
import type { Catalog, Oid } from '../catalog/catalog.ts';

/** Names of SQL that differ from those in pg_type. */
const SQL_NAMES: ReadonlyMap<string, string> = new Map([
  ['any', '"any"'],
  ['bit', 'bit'],
  ['bool', 'boolean'],
  ['bpchar', 'character'],
  ['char', '"char"'],
  ['float4', 'real'],
  ['float8', 'double precision'],
  ['int2', 'smallint'],
  ['int4', 'integer'],
  ['int8', 'bigint'],
  ['time', 'time without time zone'],
  ['timestamp', 'timestamp without time zone'],
  ['timestamptz', 'timestamp with time zone'],
  ['timetz', 'time with time zone'],
  ['varbit', 'bit varying'],
  ['varchar', 'character varying'],
]);

/** Without schema and modifier; `unknown` where the type cannot be told. */
export function shownType(catalog: Catalog, oid: Oid): string {
  const type = catalog.typesByOid.get(oid);
  if (!type) return 'unknown';
  // int2vector and oidvector have elements as well, but names of their own.
  if (catalog.typesByOid.get(type.element)?.array === oid) return `${shownType(catalog, type.element)}[]`;
  const ofSql = type.schema === 'pg_catalog' ? SQL_NAMES.get(type.name) : undefined;
  return ofSql ?? (/^[a-z_][a-z0-9_$]*$/.test(type.name) ? type.name : `"${type.name.replaceAll('"', '""')}"`);
}
