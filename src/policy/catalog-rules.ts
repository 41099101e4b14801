/** Which system catalogs a role may read, and what it finds in each: a list. What does not stand here cannot be read. */
import type { Template } from '../sql/template.ts';
import {
  belongings,
  column,
  literal,
  oids,
  ownedSequences,
  system,
  systemSchema,
  template,
  visibleColumn,
  visibleColumnName,
  visibleConstraint,
  visibleIndex,
  visibleName,
  visibleRelation,
} from './catalog-conditions.ts';
import type { Visible } from './visible.ts';

/** A rule for one catalog. Without `rows` every row is shown. */
export interface CatalogRule {
  readonly rows?: (visible: Visible) => Template;
  /** Columns that move with the data or quote it, and what is shown in their place, in their own type. */
  readonly masks?: Readonly<Record<string, Template>>;
  /** Columns that are not there. */
  readonly withheld?: readonly string[];
  /** Its system column `tableoid` is there as well. */
  readonly tableoid?: true;
}

const nothing: CatalogRule = { rows: () => ['(false)'] };
const open: CatalogRule = {};
const openTable: CatalogRule = { tableoid: true };

const zero = (type: string): Template => [`'0'::pg_catalog.${type}`];
const nullOf = (type: string): Template => [`NULL::pg_catalog.${type}`];
/** Of the server's own objects only. */
const systemOnly = (name: string): Template => template`CASE WHEN ${system(column('oid'))} THEN ${column(name)} END`;

/** Not of Rowgate's making, nor the unnamed portal in which it runs what came as a Query. */
const ownNames = (): Template =>
  template`(NOT pg_catalog.starts_with(${column('name')}, 'rowgate_') AND ${column('name')} <> '')`;

/** Settings that clients and drivers ask for. */
const SETTINGS = [
  'server_version',
  'server_version_num',
  'server_encoding',
  'max_identifier_length',
  'max_index_keys',
  'block_size',
];

const byTable = (schema: string, table: string): CatalogRule => ({ rows: (v) => visibleName(v, schema, table) });
const byColumn = (schema: string, table: string, attribute: string): CatalogRule => ({
  rows: (v) => visibleColumnName(v, schema, table, attribute),
});

/** The constraint has the name of a visible one: these views do not say of which table it is. */
const constraintNamed = (v: Visible, name: string): Template =>
  template`EXISTS (SELECT FROM pg_catalog.pg_constraint AS rowgate_c WHERE rowgate_c.conname = ${column(name)} AND ${visibleConstraint(v, 'rowgate_c')})`;

/** The sequence has the name of a visible one. */
const sequenceNamed = (v: Visible, name: string): Template =>
  template`(${column(name)} IN (SELECT rowgate_r.relname FROM pg_catalog.pg_class AS rowgate_r WHERE rowgate_r.relkind = 'S' AND (${visibleRelation(v, 'rowgate_r.oid')} OR rowgate_r.oid IN (${ownedSequences(v)}))))`;

const constraintAnd = (rows: (visible: Visible) => Template): CatalogRule => ({
  rows: (v) => template`(${rows(v)} AND ${constraintNamed(v, 'constraint_name')})`,
});

export const PG_CATALOG: Readonly<Record<string, CatalogRule>> = {
  pg_class: {
    rows: (v) =>
      template`(${system(column('oid'))} OR ${visibleRelation(v, column('oid'))} OR ${column('oid')} IN ${belongings(v)})`,
    masks: {
      reltuples: ['(-1)::pg_catalog.float4'],
      relpages: zero('int4'),
      relallvisible: zero('int4'),
      relallfrozen: zero('int4'),
      relfilenode: zero('oid'),
      relfrozenxid: zero('xid'),
      relminmxid: zero('xid'),
    },
    tableoid: true,
  },
  pg_attribute: {
    rows: (v) =>
      template`(${system(column('attrelid'))} OR ${visibleColumn(v, column('attrelid'), column('attnum'))} OR (${column('attnum')} < 0 AND ${visibleRelation(v, column('attrelid'))}) OR ${column('attrelid')} IN ${belongings(v)})`,
    withheld: ['attmissingval'], // holds a value of the table's rows
  },
  pg_attrdef: {
    rows: (v) => template`(${system(column('adrelid'))} OR ${visibleColumn(v, column('adrelid'), column('adnum'))})`,
  },
  pg_constraint: { rows: (v) => visibleConstraint(v, [{ kind: 'row' }]), tableoid: true },
  pg_index: {
    rows: (v) => template`(${system(column('indrelid'))} OR ${visibleIndex(v, [{ kind: 'row' }])})`,
  },
  pg_type: {
    rows: (v) => template`(${system(column('oid'))} OR ${column('oid')} = ${oids(v.types)})`,
    tableoid: true,
  },
  pg_enum: { rows: (v) => template`(${column('enumtypid')} = ${oids(v.types)})` },
  pg_range: {
    rows: (v) => template`(${system(column('rngtypid'))} OR ${column('rngtypid')} = ${oids(v.types)})`,
  },
  pg_proc: {
    rows: (v) => template`(${system(column('oid'))} OR ${column('oid')} = ${oids(v.functions.map((fn) => fn.oid))})`,
    masks: { prosrc: systemOnly('prosrc'), probin: systemOnly('probin'), prosqlbody: systemOnly('prosqlbody') },
    tableoid: true,
  },
  pg_namespace: {
    rows: (v) => template`(${system(column('oid'))} OR ${column('nspname')} IN (${v.schemas.map(literal).join(', ')}))`,
    tableoid: true,
  },
  pg_depend: {
    rows: (v) =>
      template`((${system(column('objid'))} AND ${system(column('refobjid'))}) OR (${column('refclassid')} = 1259 AND ${column('classid')} IN (1259, 2604) AND ${visibleColumn(v, column('refobjid'), column('refobjsubid'))}))`,
  },
  pg_description: {
    rows: (v) =>
      template`(${system(column('objoid'))} OR (${column('classoid')} = 1259 AND (${visibleColumn(v, column('objoid'), column('objsubid'))} OR (${column('objsubid')} = 0 AND ${visibleRelation(v, column('objoid'))}))) OR (${column('classoid')} = 1247 AND ${column('objoid')} = ${oids(v.types)}) OR (${column('classoid')} = 1255 AND ${column('objoid')} = ${oids(v.functions.map((fn) => fn.oid))}))`,
  },
  pg_inherits: {
    rows: (v) => template`(${visibleRelation(v, column('inhrelid'))} AND ${visibleRelation(v, column('inhparent'))})`,
  },
  pg_partitioned_table: { rows: (v) => visibleColumnsOf(v, 'partrelid') },
  pg_sequence: {
    rows: (v) =>
      template`(${visibleRelation(v, column('seqrelid'))} OR ${column('seqrelid')} IN (${ownedSequences(v)}))`,
  },
  pg_trigger: { rows: (v) => visibleColumnsOf(v, 'tgrelid'), tableoid: true },
  pg_statistic_ext: { rows: (v) => visibleColumnsOf(v, 'stxrelid') },
  pg_rewrite: { rows: () => template`(${system(column('oid'))})`, tableoid: true },
  pg_database: {
    rows: () => template`(${column('datname')} = pg_catalog.current_database())`,
    masks: { datfrozenxid: zero('xid'), datminmxid: zero('xid') },
  },
  pg_roles: { rows: () => template`(${column('rolname')} = CURRENT_USER)` },
  pg_settings: {
    rows: () =>
      template`(${column('category')} LIKE 'Client Connection Defaults%' OR ${column('name')} IN (${SETTINGS.map(literal).join(', ')}))`,
  },
  // The session's own; their texts and parameters are as rewriting made them.
  pg_prepared_statements: { rows: ownNames, withheld: ['statement', 'parameter_types', 'result_types'] },
  pg_cursors: { rows: ownNames, withheld: ['statement'] },
  pg_tables: byTable('schemaname', 'tablename'),
  pg_views: { ...byTable('schemaname', 'viewname'), masks: { definition: nullOf('text') } },
  pg_matviews: { ...byTable('schemaname', 'matviewname'), masks: { definition: nullOf('text') } },
  pg_sequences: { rows: (v) => sequenceNamed(v, 'sequencename'), masks: { last_value: nullOf('int8') } },
  pg_indexes: {
    rows: (v) =>
      template`EXISTS (SELECT FROM pg_catalog.pg_index AS rowgate_i JOIN pg_catalog.pg_class AS rowgate_c ON rowgate_c.oid = rowgate_i.indexrelid JOIN pg_catalog.pg_namespace AS rowgate_n ON rowgate_n.oid = rowgate_c.relnamespace WHERE rowgate_c.relname = ${column('indexname')} AND rowgate_n.nspname = ${column('schemaname')} AND (${system('rowgate_c.oid')} OR ${visibleIndex(v, 'rowgate_i')}))`,
  },
  pg_am: openTable,
  pg_amop: openTable,
  pg_amproc: openTable,
  pg_cast: openTable,
  pg_collation: openTable,
  pg_conversion: openTable,
  pg_extension: openTable,
  pg_language: openTable,
  pg_opclass: openTable,
  pg_operator: openTable,
  pg_opfamily: openTable,
  pg_tablespace: openTable,
  pg_timezone_abbrevs: open,
  pg_timezone_names: open,
  pg_ts_config: openTable,
  pg_ts_dict: openTable,
  pg_ts_parser: openTable,
  pg_ts_template: openTable,
  // Read by psql; what they hold is the DBA's business.
  pg_auth_members: nothing,
  pg_db_role_setting: nothing,
  pg_default_acl: nothing,
  pg_event_trigger: nothing,
  pg_foreign_data_wrapper: { ...nothing, withheld: ['fdwoptions'] },
  pg_foreign_server: { ...nothing, withheld: ['srvoptions'] },
  pg_foreign_table: { ...nothing, withheld: ['ftoptions'] },
  pg_largeobject_metadata: nothing,
  pg_policy: nothing,
  pg_publication: nothing,
  pg_publication_namespace: nothing,
  pg_publication_rel: nothing,
  pg_shdescription: nothing,
  pg_subscription: { ...nothing, withheld: ['subconninfo'] },
};

export const INFORMATION_SCHEMA: Readonly<Record<string, CatalogRule>> = {
  information_schema_catalog_name: open,
  character_sets: open,
  collations: open,
  enabled_roles: nothing,
  applicable_roles: nothing,
  schemata: {
    rows: (v) =>
      template`(${systemSchema('schema_name')} OR ${column('schema_name')} IN (${v.schemas.map(literal).join(', ')}))`,
  },
  tables: byTable('table_schema', 'table_name'),
  columns: byColumn('table_schema', 'table_name', 'column_name'),
  views: { ...byTable('table_schema', 'table_name'), masks: { view_definition: nullOf('varchar') } },
  table_privileges: byTable('table_schema', 'table_name'),
  role_table_grants: byTable('table_schema', 'table_name'),
  column_privileges: byColumn('table_schema', 'table_name', 'column_name'),
  role_column_grants: byColumn('table_schema', 'table_name', 'column_name'),
  table_constraints: constraintAnd((v) => visibleName(v, 'table_schema', 'table_name')),
  key_column_usage: constraintAnd((v) => visibleColumnName(v, 'table_schema', 'table_name', 'column_name')),
  constraint_column_usage: constraintAnd((v) => visibleColumnName(v, 'table_schema', 'table_name', 'column_name')),
  constraint_table_usage: constraintAnd((v) => visibleName(v, 'table_schema', 'table_name')),
  referential_constraints: { rows: (v) => constraintNamed(v, 'constraint_name') },
  check_constraints: { rows: (v) => constraintNamed(v, 'constraint_name') },
  sequences: { rows: (v) => sequenceNamed(v, 'sequence_name') },
  domains: open,
  domain_constraints: open,
  user_defined_types: byTable('user_defined_type_schema', 'user_defined_type_name'),
  attributes: byTable('udt_schema', 'udt_name'),
  element_types: byTable('object_schema', 'object_name'),
  routines: {
    rows: (v) => specificName(v),
    masks: { routine_definition: nullOf('varchar') },
  },
  parameters: { rows: (v) => specificName(v) },
  triggers: nothing,
};

/** Rows about a relation of which every column is granted. */
function visibleColumnsOf(v: Visible, relation: string): Template {
  const whole = v.relations.filter((entry) => entry.whole).map((entry) => entry.relation.oid);
  return template`(${system(column(relation))} OR ${column(relation)} = ${oids(whole)})`;
}

/** `routines.specific_name` is the function's name and OID. */
function specificName(v: Visible): Template {
  const names = v.functions.map((fn) => literal(`${fn.name}_${fn.oid}`));
  const own = names.length === 0 ? 'false' : template`${column('specific_name')} IN (${names.join(', ')})`;
  return template`(${systemSchema('specific_schema')} OR ${own})`;
}
