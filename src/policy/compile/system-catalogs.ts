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
/** INVARIANT 196: these hold values of rows, tell which rows there are or what others ask, so no role has them from which anything is withheld or whose people are counted. */
const OF_ROWS: ReadonlySet<string> = new Set(
  'pg_largeobject pg_locks pg_statistic pg_statistic_ext_data pg_stats pg_stats_ext pg_stats_ext_exprs'.split(' '),
);
const COUNTERS = /^pg_stat(io)?_/;
/** Columns of other catalogs that do so. */
const COLUMNS_OF_ROWS: ReadonlySet<string> = new Set([
  ...'relfilenode relpages reltuples relallvisible relallfrozen relfrozenxid relminmxid'
    .split(' ')
    .map((name) => `pg_class.${name}`),
  'pg_attribute.attmissingval',
  'pg_database.datfrozenxid',
  'pg_database.datminmxid',
  'pg_sequences.last_value',
]);
/** INVARIANT 197: verifiers of passwords, and what may hold passwords for other servers, no grant shows. */
const SECRETS: ReadonlySet<string> = new Set([
  'pg_authid.rolpassword',
  'pg_shadow.passwd',
  'pg_subscription.subconninfo',
  'pg_foreign_data_wrapper.fdwoptions',
  'pg_foreign_server.srvoptions',
  'pg_foreign_table.ftoptions',
  'pg_user_mapping.umoptions',
  'pg_user_mappings.umoptions',
]);

/** The relation that an entry of `catalogs` means, or why it cannot be granted. Without a schema: of pg_catalog. */
export function namedCatalog(catalog: Catalog, text: string, holdsAll: boolean): Relation | string {
  const [name = '', schema = 'pg_catalog', ...more] = [...(splitName(text) ?? [])].reverse();
  const relation = more.length === 0 && SCHEMAS.has(schema) ? catalog.relation(schema, name) : undefined;
  // A table that someone has put beside the server's own holds data.
  if (!relation || !'rv'.includes(relation.kind) || relation.oid >= FIRST_USER_OID)
    return `"${text}" is no system catalog`;
  if (NEVER.has(name)) return `"${text}" cannot be granted: sessions find there what is their own`;
  if (!holdsAll && (OF_ROWS.has(name) || COUNTERS.test(name)))
    return `"${text}" tells of rows: for a role that reads every table whole, where there are no subjects`;
  return relation;
}

/** The grants on system catalogs that match what the role finds there. `named`: those of `catalogs`. */
export function systemCatalogGrants(
  catalog: Catalog,
  visible: Visible,
  rule: RuleRef,
  { named, holdsAll }: { readonly named: ReadonlyMap<Relation, RuleRef>; readonly holdsAll: boolean },
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
  for (const [relation, own] of named) grants.set(relation, wholeGrant(relation, grants.get(relation), holdsAll, own));
  return [...grants.values()];
}

/** `filtered`: what the role finds without this grant; absent: nothing. */
function wholeGrant(
  relation: Relation,
  filtered: RelationGrant | undefined,
  holdsAll: boolean,
  rule: RuleRef,
): RelationGrant {
  const isHidden = (name: string): boolean =>
    SECRETS.has(`${relation.name}.${name}`) || (!holdsAll && COLUMNS_OF_ROWS.has(`${relation.name}.${name}`));
  const columns = relation.columns.map((column): [string, ColumnGrant] => {
    const mask = filtered?.select?.columns.get(column.name)?.mask ?? [`NULL::${column.typeName}`];
    return [column.name, { column, ...(isHidden(column.name) && { mask }), rule }];
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
