/** Grants on the system catalogs: every restricted role may read the listed ones, and finds in them what it was granted. */

import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import type { ColumnGrant, Condition, RelationGrant } from '../model/policy.ts';
import type { Visible } from '../model/visible.ts';
import type { RuleRef } from '../source/rule.ts';
import { INFORMATION_SCHEMA_COLUMNS, PG_CATALOG_COLUMNS } from './catalog-columns.ts';
import { type CatalogRule, nothing, PG_CATALOG } from './catalog-rules.ts';
import { INFORMATION_SCHEMA } from './information-schema-rules.ts';
import { SYSTEM_COLUMNS, splitName, TABLEOID } from './names.ts';
import { STATISTICS_COLUMNS, STATISTICS_RULES } from './statistics-rules.ts';
import { FIRST_USER_OID } from './visible-types.ts';
import { namesOf } from './writes-through-views.ts';

const SCHEMAS: ReadonlySet<string> = new Set(['pg_catalog', 'information_schema']);

/** Views that PostgreSQL keeps from unprivileged accounts: they are refused in the same way, whatever the guard's own account may read. */
const KEPT_BY_SERVER: ReadonlySet<string> = new Set([
  'pg_aios',
  'pg_backend_memory_contexts',
  'pg_config',
  'pg_dsm_registry_allocations',
  'pg_file_settings',
  'pg_hba_file_rules',
  'pg_ident_file_mappings',
  'pg_replication_origin_status',
  'pg_shadow',
  'pg_shmem_allocations',
  'pg_shmem_allocations_numa',
]);

/** The session's own are in the guard's words, settings go by the list, and files of the server's configuration hold passwords: no grant shows them. */
const NEVER: ReadonlySet<string> = new Set(
  'pg_cursors pg_prepared_statements pg_settings pg_file_settings pg_hba_file_rules pg_ident_file_mappings'.split(' '),
);
/** INVARIANT 197: columns with verifiers of passwords, and with what may hold passwords for other servers, no grant shows, in whatever catalog they are. */
const SECRETS: ReadonlySet<string> = new Set(
  'rolpassword passwd subconninfo fdwoptions srvoptions ftoptions umoptions attfdwoptions option_value'.split(' '),
);

/** The relation that an entry of `catalogs` means, or why it cannot be granted. Without a schema: of pg_catalog. */
export function namedCatalog(catalog: Catalog, text: string): Relation | string {
  const [name = '', schema = 'pg_catalog', ...more] = [...(splitName(text) ?? [])].reverse();
  const relation = more.length === 0 && SCHEMAS.has(schema) ? catalog.relation(schema, name) : undefined;
  // A table that someone has put beside the server's own holds data.
  if (!relation || !'rv'.includes(relation.kind) || relation.oid >= FIRST_USER_OID)
    return `"${text}" is no system catalog`;
  if (NEVER.has(name)) return `"${text}" cannot be granted: sessions find there what is their own`;
  return relation;
}

/** The grants on system catalogs that match what the role finds there. `named`: those of `catalogs`. */
export function systemCatalogGrants(
  catalog: Catalog,
  visible: Visible,
  rule: RuleRef,
  named: ReadonlyMap<Relation, RuleRef>,
): RelationGrant[] {
  const of = (
    schema: string,
    rules: Readonly<Record<string, CatalogRule>>,
    known: Readonly<Record<string, ReadonlySet<string>>>,
  ): RelationGrant[] =>
    Object.entries(rules).flatMap(([name, entry]) => {
      const relation = catalog.relation(schema, name); // some are newer than the server
      return relation ? [systemGrant(relation, entry, known[name] ?? new Set(), visible, rule)] : [];
    });
  const listed = [
    ...of('pg_catalog', PG_CATALOG, PG_CATALOG_COLUMNS),
    ...of('pg_catalog', STATISTICS_RULES, STATISTICS_COLUMNS),
    ...of('information_schema', INFORMATION_SCHEMA, INFORMATION_SCHEMA_COLUMNS),
  ];
  // An unlisted view exists but has no rows, so that tools that query it go on. Unlisted tables are refused.
  const known = new Set(listed.map(({ relation }) => relation));
  const others = catalog.data.relations.filter(
    (relation) =>
      relation.kind === 'v' &&
      SCHEMAS.has(relation.schema) &&
      !KEPT_BY_SERVER.has(relation.name) &&
      !known.has(relation),
  );
  const found = [
    ...listed,
    ...others.map((relation) => systemGrant(relation, nothing, namesOf(relation), visible, rule)),
  ];
  const grants = new Map(found.map((grant) => [grant.relation, grant]));
  for (const [relation, own] of named) grants.set(relation, wholeGrant(relation, own));
  return [...grants.values()];
}

function wholeGrant(relation: Relation, rule: RuleRef): RelationGrant {
  const columns = relation.columns.map((column): [string, ColumnGrant] => {
    const mask = [`NULL::${column.typeName}`];
    return [column.name, { column, ...(SECRETS.has(column.name) && { mask }), rule }];
  });
  const system = systemColumns(relation, rule);
  const select = { columns: new Map([...columns, ...system]), conditions: [], whole: false, rule };
  return { relation, select, rule, system: true, named: true };
}

function systemGrant(
  relation: Relation,
  entry: CatalogRule,
  known: ReadonlySet<string>,
  visible: Visible,
  rule: RuleRef,
): RelationGrant {
  const columns = new Map<string, ColumnGrant>();
  for (const column of relation.columns) {
    const masked = entry.masks?.[column.name];
    // INVARIANT 42: a column that has not been reviewed is NULL, like one that reveals something.
    const empty = !masked && !known.has(column.name) ? [`NULL::${column.typeName}`] : undefined;
    const mask = (typeof masked === 'function' ? masked(visible, column) : masked) ?? empty;
    columns.set(column.name, { column, ...(mask && { mask }), rule });
  }
  const conditions = entry.rows ? [condition(relation, entry.rows(visible), rule)] : [];
  for (const [name, grant] of systemColumns(relation, rule)) columns.set(name, grant);
  const whole = conditions.length === 0 && [...columns.values()].every(({ mask }) => mask === undefined);
  return { relation, select: { columns, conditions, whole, rule }, rule, system: true };
}

/**
 * INVARIANT 123: which transaction wrote a row of a catalog, and where it is stored, would reveal what others do. Which catalog it is in reveals
 * nothing.
 */
function systemColumns(relation: Relation, rule: RuleRef): [string, ColumnGrant][] {
  return (relation.kind === 'r' ? SYSTEM_COLUMNS : []).map((column) => {
    const mask = column === TABLEOID ? undefined : [`NULL::${column.typeName}`];
    return [column.name, { column, ...(mask && { mask }), rule }];
  });
}

function condition(relation: Relation, filter: Condition['filter'], rule: RuleRef): Condition {
  const after = filter.filter((piece, index) => typeof piece === 'string' && typeof filter[index - 1] === 'object');
  const read = new Set(after.map((piece) => /^\.(\w+)/.exec(String(piece))?.[1]));
  return {
    filter,
    ok: filter,
    // Subqueries in these conditions are inside OR or CASE, which the planner never turns into a join.
    evaluated: 'scan',
    rule,
    reads: relation.columns.map((column) => column.name).filter((name) => read.has(name)),
  };
}
