/** The server's statistics of tables, indexes, sequences, sessions and the database: of what is granted, without their counters, which move with all rows. */
import { column, template, visibleDependent, visibleRelation } from './catalog-conditions.ts';
import type { CatalogRule } from './catalog-rules.ts';

const ofTables: CatalogRule = { rows: (v) => visibleRelation(v, column('relid')), others: 'null' };
const ofIndexes: CatalogRule = { rows: (v) => visibleDependent(v, 'index', column('indexrelid')), others: 'null' };
const ofSequences: CatalogRule = { rows: (v) => visibleDependent(v, 'sequence', column('relid')), others: 'null' };
const ofDatabase: CatalogRule = {
  rows: () => template`(${column('datname')} = pg_catalog.current_database())`,
  others: 'null',
};
/** The account is that of all who have the role: only this very session is shown, without its text, which rewriting made. */
const ofSession: CatalogRule = {
  rows: () => template`(${column('pid')} = pg_catalog.pg_backend_pid())`,
  others: 'null',
};

const TABLE = 'relid schemaname relname';
const INDEX = 'relid indexrelid schemaname relname indexrelname';
const SESSION =
  'datid datname pid usesysid usename application_name backend_start xact_start query_start state_change state backend_type';

/** By view: its rule, and the columns that are shown as they are. */
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
