/** Functions that print definitions and comments by OID: they ask the server's catalogs past the filters, so only what the role finds there may be asked for. */
import type { RolePolicy } from '../../policy/policy.ts';
import type { Catalog, Relation } from '../../sql/catalog.ts';

/** In pg_catalog; the object is their first argument. */
const DEFINITIONS: ReadonlySet<string> = new Set([
  'col_description',
  'obj_description',
  'shobj_description',
  'pg_get_constraintdef',
  'pg_get_function_arg_default',
  'pg_get_function_arguments',
  'pg_get_function_identity_arguments',
  'pg_get_function_result',
  'pg_get_indexdef',
  'pg_get_partition_constraintdef',
  'pg_get_partkeydef',
  'pg_get_ruledef',
  'pg_get_serial_sequence',
  'pg_get_statisticsobjdef_columns',
  'pg_get_triggerdef',
  'pg_get_viewdef',
]);

export function isDefinition(schema: string, name: string): boolean {
  return schema === 'pg_catalog' && DEFINITIONS.has(name);
}

/** Whether a constant, an OID or a relation's name as regclass reads it, is a relation that the role was granted or the server's own. */
export function namesVisible(text: string, role: RolePolicy, catalog: Catalog, searchPath: readonly string[]): boolean {
  const relation = /^\d+$/.test(text)
    ? catalog.relationsByOid.get(Number(text))
    : relationNamed(text, catalog, searchPath);
  return relation !== undefined && role.relations.has(relation.oid);
}

/** `name`, `schema.name`, each perhaps quoted. */
function relationNamed(text: string, catalog: Catalog, searchPath: readonly string[]): Relation | undefined {
  const parts = text.match(/"(?:[^"]|"")+"|[^".\s]+/g) ?? [];
  const written = parts.join('.');
  if (written !== text || parts.length > 2) return undefined;
  const names = parts.map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase(),
  );
  const [first, second] = names;
  if (first === undefined) return undefined;
  if (second !== undefined) return catalog.relation(first, second);
  for (const schema of ['pg_catalog', ...searchPath]) {
    const found = catalog.relation(schema, first);
    if (found) return found;
  }
  return undefined;
}
