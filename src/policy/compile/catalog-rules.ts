/** The system catalogs that a role may read, and what it finds in each. A catalog that is not listed cannot be read. */
import type { Column } from '../../sql/catalog/catalog.ts';
import type { Template } from '../../sql/text/template.ts';
import type { Visible } from '../model/visible.ts';
import {
  column,
  dependentOids,
  functionOids,
  havingDependents,
  indexesAndSequences,
  literal,
  relationOids,
  type Sql,
  system,
  systemOr,
  systemOrMember,
  template,
  typeOids,
  visibleColumn,
  visibleDependent,
  visibleObject,
  visibleRelation,
  visibleSchema,
} from './catalog-conditions.ts';
import { sequenceNamed, viewText, visibleName } from './catalog-names.ts';
import { KNOWN_EXTENSIONS } from './known-extensions.ts';
import { SHOWN_SETTING_CONSTANTS } from './shown-settings.ts';

/** A rule for one catalog. Without `rows` every row is shown. Its columns are those in `catalog-columns.ts` and those masked here. */
export interface CatalogRule {
  readonly rows?: (visible: Visible) => Template;
  /** Columns that change with the data, quote it or name what is withheld; with the expression shown instead, in the same type. */
  readonly masks?: Readonly<Record<string, Template | ((visible: Visible, column: Column) => Template)>>;
  /** Columns that are NULL because they would reveal something. So are unlisted columns, until they have been reviewed. */
  readonly empty?: readonly string[] | 'all others';
}

export const nothing: CatalogRule = { rows: () => ['(false)'] };
export const open: CatalogRule = {};

const zero = (type: string): Template => [`'0'::pg_catalog.${type}`];
/** A NULL of that type: the column's value for the role. */
export const nullOf = (type: string): Template => [`NULL::pg_catalog.${type}`];

/** The column, for the server's own objects only. */
const systemOnly = (name: string): Template => template`CASE WHEN ${system(column('oid'))} THEN ${column(name)} END`;

/** A function's name, for the server's own functions only. */
const systemFunction = (name: string): Template =>
  template`CASE WHEN ${column(name)}::pg_catalog.oid < '16384' THEN ${column(name)} ELSE '0'::pg_catalog.regproc END`;

/** The column for the server's own objects; for users' objects the given value. */
const counted = (name: string, value: Template): Template =>
  template`CASE WHEN ${system(column('oid'))} THEN ${column(name)} ELSE ${value} END`;

/** Rights of the current account, of the owner and of PUBLIC: other rights would name roles. */
function ownRights(name: string, owner?: string): Template {
  const grantees = owner === undefined ? [`'0'`] : template`'0', ${column(owner)}`;
  return template`CASE WHEN ${column(name)} IS NOT NULL THEN ARRAY(SELECT rowgate_a.rowgate_item FROM pg_catalog.unnest(${column(name)}) AS rowgate_a(rowgate_item) WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(ARRAY[rowgate_a.rowgate_item]) AS rowgate_g WHERE rowgate_g.grantee IN (${grantees}) OR pg_catalog.pg_get_userbyid(rowgate_g.grantee) = CURRENT_USER)) END`;
}

/** Rows of the server's own objects and of known extensions. */
const ownOrExtension = (catalog: number): CatalogRule => ({
  rows: (v) => systemOrMember(v, catalog, column('oid')),
});
const ownOrSchemas = (catalog: number, schema: string): CatalogRule => ({
  rows: (v) =>
    template`(${systemOrMember(v, catalog, column('oid'))} OR ${column(schema)} IN (SELECT rowgate_n.oid FROM pg_catalog.pg_namespace AS rowgate_n WHERE ${visibleSchema(v, 'rowgate_n.nspname')}))`,
});
const ownOnly: CatalogRule = { rows: () => template`(${system(column('oid'))})` };

/** Types of counts: the grammar's names and the catalog's. */
const OWN: Readonly<Record<string, string>> = { smallint: 'int2', integer: 'int4' };

/** Of all that pg_class shows: tables, their indexes and sequences. */
const visibleInClass = (v: Visible, oid: Sql): Template =>
  systemOr(oid, [...relationOids(v), ...indexesAndSequences(v)]);

/** How many visible parent columns the column is inherited from. */
const attributeParents = (v: Visible): Template =>
  template`SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits AS rowgate_h JOIN pg_catalog.pg_attribute AS rowgate_p ON rowgate_p.attrelid = rowgate_h.inhparent AND rowgate_p.attname = ${column('attname')} WHERE ${column('attinhcount')} > 0 AND rowgate_h.inhrelid = ${column('attrelid')} AND ${visibleColumn(v, 'rowgate_p.attrelid', 'rowgate_p.attnum')}`;

const constraintParents = (v: Visible): Template =>
  template`SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits AS rowgate_h JOIN pg_catalog.pg_constraint AS rowgate_p ON rowgate_p.conrelid = rowgate_h.inhparent AND rowgate_p.conname = ${column('conname')} WHERE ${column('coninhcount')} > 0 AND rowgate_h.inhrelid = ${column('conrelid')} AND ${visibleDependent(v, 'constraint', 'rowgate_p.oid')}`;

const ownersOf = (v: Visible): Template =>
  [
    template`SELECT rowgate_o.relowner FROM pg_catalog.pg_class AS rowgate_o WHERE ${visibleInClass(v, 'rowgate_o.oid')}`,
    template`SELECT rowgate_o.nspowner FROM pg_catalog.pg_namespace AS rowgate_o WHERE ${system('rowgate_o.oid')} OR ${visibleSchema(v, 'rowgate_o.nspname')}`,
    template`SELECT rowgate_o.proowner FROM pg_catalog.pg_proc AS rowgate_o WHERE ${systemOr('rowgate_o.oid', functionOids(v))}`,
    template`SELECT rowgate_o.typowner FROM pg_catalog.pg_type AS rowgate_o WHERE ${systemOr('rowgate_o.oid', typeOids(v))}`,
  ].reduce((one, other) => template`${one} UNION ALL ${other}`);

/** Leaves out what Rowgate made, and the unnamed portal in which it runs simple queries. */
const ownNames = (): Template =>
  template`(NOT pg_catalog.starts_with(${column('name')}, 'rowgate_') AND ${column('name')} <> '')`;

/** INVARIANT 136: of the text that was sent the client's words alone, which stand behind it in a comment that no client can write. */
const ownWords: Template = template`pg_catalog.convert_from(pg_catalog.decode(pg_catalog.substring(${column('statement')}, E'\\n/\\\\*rowgate_words ([A-Za-z0-9+/=]*)\\\\*/$'), 'base64'), 'UTF8')`;

const RIGHTS_OF_ROLES = 'rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolbypassrls'.split(
  ' ',
);

/** The column, of the account in use alone. */
const ownAccount = (name: string): Template =>
  template`CASE WHEN ${column('rolname')} = CURRENT_USER THEN ${column(name)} END`;

export const PG_CATALOG: Readonly<Record<string, CatalogRule>> = {
  pg_class: {
    rows: (v) => visibleInClass(v, column('oid')),
    masks: {
      reltuples: ['(-1)::pg_catalog.float4'],
      relpages: zero('int4'),
      relallvisible: zero('int4'),
      relallfrozen: zero('int4'),
      relfilenode: zero('oid'),
      relfrozenxid: zero('xid'),
      relminmxid: zero('xid'),
      reltoastrelid: counted('reltoastrelid', zero('oid')),
      relacl: ownRights('relacl', 'relowner'),
      // These counts and notes may include withheld objects.
      relnatts: (v) =>
        counted(
          'relnatts',
          template`(CASE WHEN ${column('relkind')} IN ('i', 'I', 'S') THEN ${column('relnatts')} ELSE (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS rowgate_h WHERE rowgate_h.attrelid = ${column('oid')} AND ${visibleColumn(v, 'rowgate_h.attrelid', 'rowgate_h.attnum')}) END)::pg_catalog.int2`,
        ),
      relchecks: (v) =>
        counted(
          'relchecks',
          template`(SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint AS rowgate_h WHERE rowgate_h.conrelid = ${column('oid')} AND rowgate_h.contype = 'c' AND ${visibleDependent(v, 'constraint', 'rowgate_h.oid')})::pg_catalog.int2`,
        ),
      relhasindex: (v) =>
        template`${systemOr(column('oid'), havingDependents(v, 'index'))} AND ${column('relhasindex')}`,
      relhastriggers: (v) =>
        template`${systemOr(column('oid'), havingDependents(v, 'trigger'))} AND ${column('relhastriggers')}`,
      relhassubclass: (v) =>
        template`(${column('relhassubclass')} AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS rowgate_h WHERE rowgate_h.inhparent = ${column('oid')} AND ${visibleInClass(v, 'rowgate_h.inhrelid')}))`,
      relispartition: (v) =>
        template`(${column('relispartition')} AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS rowgate_h WHERE rowgate_h.inhrelid = ${column('oid')} AND ${visibleInClass(v, 'rowgate_h.inhparent')}))`,
      relhasrules: counted('relhasrules', template`${column('relkind')} IN ('v', 'm')`),
      relrowsecurity: counted('relrowsecurity', ['false']),
      relforcerowsecurity: counted('relforcerowsecurity', ['false']),
      relpartbound: (v) =>
        template`CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits AS rowgate_h WHERE rowgate_h.inhrelid = ${column('oid')} AND ${visibleDependent(v, 'partitioning', 'rowgate_h.inhparent')}) THEN ${column('relpartbound')} END`,
    },
  },
  pg_attribute: {
    rows: (v) =>
      template`(${systemOr(column('attrelid'), indexesAndSequences(v))} OR ${visibleColumn(v, column('attrelid'), column('attnum'))} OR (${column('attnum')} < 0 AND ${visibleRelation(v, column('attrelid'))}))`,
    masks: {
      attacl: ownRights('attacl'),
      atthasdef: (v) =>
        template`(${column('atthasdef')} AND (${system(column('attrelid'))} OR EXISTS (SELECT FROM pg_catalog.pg_attrdef AS rowgate_h WHERE rowgate_h.adrelid = ${column('attrelid')} AND rowgate_h.adnum = ${column('attnum')} AND ${visibleDependent(v, 'default', 'rowgate_h.oid')})))`,
      attinhcount: (v, { typeName }) => template`(${attributeParents(v)})::pg_catalog.${OWN[typeName]!}`,
      attislocal: (v) => template`(${column('attislocal')} OR (${attributeParents(v)}) = 0)`,
      // The value comes from the table's rows. A NULL of its pseudo-type can be written in no other way.
      attmissingval: template`CASE WHEN false THEN ${column('attmissingval')} END`,
    },
  },
  pg_attrdef: { rows: (v) => systemOr(column('oid'), dependentOids(v, 'default')) },
  pg_constraint: {
    rows: (v) => systemOr(column('oid'), dependentOids(v, 'constraint')),
    masks: {
      coninhcount: (v, { typeName }) => template`(${constraintParents(v)})::pg_catalog.${OWN[typeName]!}`,
      conislocal: (v) => template`(${column('conislocal')} OR (${constraintParents(v)}) = 0)`,
    },
  },
  pg_index: { rows: (v) => systemOr(column('indexrelid'), dependentOids(v, 'index')) },
  pg_type: {
    rows: (v) => systemOr(column('oid'), typeOids(v)),
    masks: {
      typacl: ownRights('typacl', 'typowner'),
      typdefault: systemOnly('typdefault'),
      typdefaultbin: systemOnly('typdefaultbin'),
    },
  },
  pg_enum: { rows: (v) => systemOr(column('enumtypid'), typeOids(v)) },
  pg_range: {
    rows: (v) => systemOr(column('rngtypid'), typeOids(v)),
    masks: { rngcanonical: systemFunction('rngcanonical'), rngsubdiff: systemFunction('rngsubdiff') },
  },
  pg_proc: {
    rows: (v) => systemOr(column('oid'), functionOids(v)),
    masks: {
      prosrc: systemOnly('prosrc'),
      probin: systemOnly('probin'),
      prosqlbody: systemOnly('prosqlbody'),
      proargdefaults: systemOnly('proargdefaults'),
      proconfig: systemOnly('proconfig'),
      prosupport: systemFunction('prosupport'),
      proacl: ownRights('proacl', 'proowner'),
    },
  },
  pg_aggregate: { rows: () => template`(${column('aggfnoid')}::pg_catalog.oid < '16384')` },
  pg_namespace: {
    rows: (v) => template`(${system(column('oid'))} OR ${visibleSchema(v, column('nspname'))})`,
    masks: { nspacl: ownRights('nspacl', 'nspowner') },
  },
  pg_depend: {
    rows: (v) =>
      template`(${visibleObject(v, column('classid'), column('objid'), column('objsubid'))} AND ${visibleObject(v, column('refclassid'), column('refobjid'), column('refobjsubid'))})`,
  },
  pg_description: {
    rows: (v) => visibleObject(v, column('classoid'), column('objoid'), column('objsubid')),
  },
  pg_inherits: {
    // Of partitioned indexes too.
    rows: (v) => template`(${visibleInClass(v, column('inhrelid'))} AND ${visibleInClass(v, column('inhparent'))})`,
  },
  pg_partitioned_table: { rows: (v) => visibleDependent(v, 'partitioning', column('partrelid')) },
  pg_sequence: {
    rows: (v) =>
      template`(${visibleRelation(v, column('seqrelid'))} OR ${visibleDependent(v, 'sequence', column('seqrelid'))})`,
  },
  pg_trigger: { rows: (v) => systemOr(column('oid'), dependentOids(v, 'trigger')) },
  pg_statistic_ext: { rows: (v) => visibleDependent(v, 'statistics', column('oid')) },
  pg_rewrite: {
    rows: (v) => systemOr(column('oid'), dependentOids(v, 'view')),
    masks: { ev_qual: systemOnly('ev_qual'), ev_action: systemOnly('ev_action') },
  },
  pg_database: {
    rows: () => template`(${column('datname')} = pg_catalog.current_database())`,
    masks: {
      datfrozenxid: zero('xid'),
      datminmxid: zero('xid'),
      datacl: ownRights('datacl', 'datdba'),
    },
  },
  // Owners of what is shown, whose names its catalogs give: pg_dump looks each up. What they may is theirs.
  pg_roles: {
    rows: (v) => template`(${column('rolname')} = CURRENT_USER OR ${column('oid')} IN (${ownersOf(v)}))`,
    masks: {
      ...Object.fromEntries(RIGHTS_OF_ROLES.map((name) => [name, ownAccount(name)])),
      // As NULL, psql takes it for none.
      rolconnlimit: template`CASE WHEN ${column('rolname')} = CURRENT_USER THEN ${column('rolconnlimit')} ELSE '-1' END`,
      rolconfig: nullOf('text[]'),
      rolvaliduntil: nullOf('timestamptz'),
    },
  },
  pg_user: {
    rows: () => template`(${column('usename')} = CURRENT_USER)`,
    masks: { useconfig: nullOf('text[]'), valuntil: nullOf('timestamptz') },
  },
  pg_settings: {
    rows: () => template`(pg_catalog.lower(${column('name')}) IN (${SHOWN_SETTING_CONSTANTS}))`,
    masks: { sourcefile: nullOf('text'), sourceline: nullOf('int4') },
  },
  // The session's own. What rewriting may have changed is hidden: of Parse the text, and the types of parameters.
  // INVARIANT 154: so is how often each kind of plan was taken: the planner decides it by statistics over hidden rows.
  pg_prepared_statements: {
    rows: ownNames,
    masks: { statement: ownWords },
    empty: ['parameter_types', 'result_types', 'generic_plans', 'custom_plans'],
  },
  // So is whether a plan can be read backwards.
  pg_cursors: { rows: ownNames, masks: { statement: ownWords }, empty: ['is_scrollable'] },
  pg_tables: {
    rows: (v) => visibleName(v, 'schemaname', 'tablename'),
    // As in pg_class.
    masks: {
      hasindexes: nullOf('bool'),
      hasrules: nullOf('bool'),
      hastriggers: nullOf('bool'),
      rowsecurity: nullOf('bool'),
    },
  },
  pg_views: {
    rows: (v) => visibleName(v, 'schemaname', 'viewname'),
    masks: { definition: viewText('schemaname', 'viewname', 'definition') },
  },
  pg_matviews: {
    rows: (v) => visibleName(v, 'schemaname', 'matviewname'),
    masks: { definition: viewText('schemaname', 'matviewname', 'definition'), hasindexes: nullOf('bool') },
  },
  pg_sequences: {
    rows: (v) => sequenceNamed(v, 'schemaname', 'sequencename'),
    masks: { last_value: nullOf('int8') },
  },
  pg_indexes: {
    rows: (v) =>
      template`EXISTS (SELECT FROM pg_catalog.pg_class AS rowgate_c JOIN pg_catalog.pg_namespace AS rowgate_n ON rowgate_n.oid = rowgate_c.relnamespace WHERE rowgate_c.relname = ${column('indexname')} AND rowgate_n.nspname = ${column('schemaname')} AND ${systemOr('rowgate_c.oid', dependentOids(v, 'index'))})`,
  },
  pg_am: ownOrExtension(2601),
  pg_amop: ownOrExtension(2602),
  pg_amproc: ownOrExtension(2603),
  pg_cast: {
    rows: (v) =>
      template`(${system(column('oid'))} OR (${systemOr(column('castfunc'), functionOids(v))} AND ${systemOr(column('castsource'), typeOids(v))} AND ${systemOr(column('casttarget'), typeOids(v))}))`,
  },
  pg_collation: { rows: (v) => systemOr(column('oid'), v.collations) },
  pg_conversion: ownOnly,
  pg_extension: {
    rows: () =>
      template`(${system(column('oid'))} OR ${column('extname')} IN (${[...KNOWN_EXTENSIONS].map(literal).join(', ')}))`,
    masks: { extconfig: nullOf('oid[]'), extcondition: nullOf('text[]') },
  },
  pg_available_extensions: {
    rows: () => template`(${column('name')} IN (${[...KNOWN_EXTENSIONS].map(literal).join(', ')}))`,
  },
  pg_language: { ...ownOnly, masks: { lanacl: ownRights('lanacl', 'lanowner') } },
  pg_opclass: ownOrExtension(2616),
  pg_operator: {
    rows: (v) => systemOr(column('oid'), v.operators),
    masks: { oprrest: systemFunction('oprrest'), oprjoin: systemFunction('oprjoin') },
  },
  pg_opfamily: ownOrExtension(2753),
  pg_tablespace: {
    rows: () =>
      template`(${system(column('oid'))} OR ${column('oid')} IN (SELECT rowgate_b.dattablespace FROM pg_catalog.pg_database AS rowgate_b WHERE rowgate_b.datname = pg_catalog.current_database()))`,
    masks: { spcacl: ownRights('spcacl', 'spcowner'), spcoptions: nullOf('text[]') },
  },
  pg_timezone_abbrevs: open,
  pg_timezone_names: open,
  pg_transform: ownOnly,
  // Those of visible schemas: the cast `'x'::regconfig` reveals whether one exists.
  pg_ts_config: ownOrSchemas(3602, 'cfgnamespace'),
  pg_ts_config_map: { rows: () => template`(${system(column('mapcfg'))} AND ${system(column('mapdict'))})` },
  pg_ts_dict: ownOrSchemas(3600, 'dictnamespace'),
  pg_ts_parser: ownOrExtension(3601),
  pg_ts_template: ownOrExtension(3764),
  // psql and administration tools read these, but their content concerns only the DBA.
  pg_auth_members: nothing,
  pg_db_role_setting: nothing,
  pg_default_acl: nothing,
  pg_event_trigger: nothing,
  pg_foreign_data_wrapper: { ...nothing, empty: 'all others' },
  pg_foreign_server: { ...nothing, empty: 'all others' },
  pg_foreign_table: { ...nothing, empty: 'all others' },
  pg_group: nothing,
  pg_init_privs: { ...nothing, empty: 'all others' },
  pg_largeobject_metadata: nothing,
  pg_parameter_acl: { ...nothing, empty: 'all others' },
  pg_policies: nothing,
  pg_policy: nothing,
  pg_publication: nothing,
  pg_publication_namespace: nothing,
  pg_publication_rel: nothing,
  pg_publication_tables: nothing,
  pg_replication_origin: nothing,
  pg_rules: nothing,
  pg_seclabel: nothing,
  pg_seclabels: nothing,
  pg_shdepend: nothing,
  pg_shdescription: nothing,
  pg_shseclabel: nothing,
  pg_stat_gssapi: nothing,
  // Those that fill granted tables: where from, with what password and how far names what was not granted, and moves as others write.
  pg_subscription: {
    rows: (v) =>
      template`${column('oid')} IN (SELECT rowgate_s.srsubid FROM pg_catalog.pg_subscription_rel AS rowgate_s WHERE ${visibleRelation(v, 'rowgate_s.srrelid')})`,
    empty: 'all others',
  },
  pg_subscription_rel: { rows: (v) => visibleRelation(v, column('srrelid')), empty: 'all others' },
};
