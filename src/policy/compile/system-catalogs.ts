/** Grants on the system catalogs: every restricted role may read the listed ones, and finds in them what it was granted. */

import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import type { ColumnGrant, Condition, RelationGrant } from '../model/policy.ts';
import type { Visible } from '../model/visible.ts';
import type { RuleRef } from '../source/rule.ts';
import { INFORMATION_SCHEMA_COLUMNS, PG_CATALOG_COLUMNS } from './catalog-columns.ts';
import { type CatalogRule, nothing, PG_CATALOG } from './catalog-rules.ts';
import { INFORMATION_SCHEMA } from './information-schema-rules.ts';
import { SYSTEM_COLUMNS, TABLEOID } from './names.ts';
import { STATISTICS_COLUMNS, STATISTICS_RULES } from './statistics-rules.ts';
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

/** The grants on system catalogs that match what the role finds there. */
export function systemCatalogGrants(catalog: Catalog, visible: Visible, rule: RuleRef): RelationGrant[] {
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
  return [...listed, ...others.map((relation) => systemGrant(relation, nothing, namesOf(relation), visible, rule))];
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
  // INVARIANT 123: which transaction wrote a row of a catalog, and where it is stored, would reveal what others do. Which catalog it is in reveals
  // nothing.
  for (const column of relation.kind === 'r' ? SYSTEM_COLUMNS : []) {
    const mask = column === TABLEOID ? undefined : [`NULL::${column.typeName}`];
    columns.set(column.name, { column, ...(mask && { mask }), rule });
  }
  const whole = conditions.length === 0 && [...columns.values()].every(({ mask }) => mask === undefined);
  return { relation, select: { columns, conditions, whole, rule }, rule, system: true };
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
