/**
 * The server's statistics views of tables, indexes, sequences, sessions and the database: limited to granted objects, without counters, which change
 * with all rows.
 */
import { column, template, visibleDependent, visibleRelation } from './catalog-conditions.ts';
import type { CatalogRule } from './catalog-rules.ts';

const ofTables: CatalogRule = { rows: (v) => visibleRelation(v, column('relid')), empty: 'all others' };
const ofIndexes: CatalogRule = { rows: (v) => visibleDependent(v, 'index', column('indexrelid')), empty: 'all others' };
const ofSequences: CatalogRule = { rows: (v) => visibleDependent(v, 'sequence', column('relid')), empty: 'all others' };
const ofDatabase: CatalogRule = {
  rows: () => template`(${column('datname')} = pg_catalog.current_database())`,
  empty: 'all others',
};
/** The account is shared by everyone with the role, so only the own session is shown, without its rewritten text. */
const ofSession: CatalogRule = {
  rows: () => template`(${column('pid')} = pg_catalog.pg_backend_pid())`,
  empty: 'all others',
};

const TABLE = 'relid schemaname relname';
const INDEX = 'relid indexrelid schemaname relname indexrelname';
const SESSION =
  'datid datname pid usesysid usename application_name backend_start xact_start query_start state_change state backend_type';

/** By view: its rule, and the columns that are shown unchanged. */
const VIEWS: readonly (readonly [name: string, rule: CatalogRule, columns: string])[] = [
  ...['all', 'user'].flatMap((which) => [
    ...['stat', 'stat_xact', 'statio'].map((what) => [`pg_${what}_${which}_tables`, ofTables, TABLE] as const),
    ...['stat', 'statio'].map((what) => [`pg_${what}_${which}_indexes`, ofIndexes, INDEX] as const),
    [`pg_statio_${which}_sequences`, ofSequences, TABLE] as const,
  ]),
  ['pg_stat_activity', ofSession, SESSION],
  ['pg_stat_database', ofDatabase, 'datid datname'],
];

export const STATISTICS_RULES = Object.fromEntries(VIEWS.map(([name, rule]) => [name, rule]));
export const STATISTICS_COLUMNS: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  VIEWS.map(([name, , columns]) => [name, new Set(columns.split(' '))]),
);
