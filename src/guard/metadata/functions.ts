/**
 * Functions that read the server's catalogs by OID or name, past their row filters, and what must be found there before such a call is made:
 * otherwise its result is NULL, whether there is no such object or the role may not know of it.
 */
import type { Fn } from '../../sql/catalog/catalog.ts';
import * as t from '../../sql/types/oids.ts';
import { givesNothing, mayGiveNothing } from '../function-class.ts';
import { ROW } from '../rewrite/names.ts';
import { type Finder, roleFound } from './found.ts';

/** The call: `args[i]` is the SQL of an argument, already evaluated, and `fn` the resolved function. */
export interface MetadataQuestion {
  readonly fn: Fn;
  readonly args: readonly string[];
}

export interface MetadataFunction {
  /** The catalog whose key the first argument is. A column that contains only such keys needs no check. */
  readonly key?: string;
  /** SQL that must hold; one for several is their conjunction. */
  readonly condition: (f: Finder, asked: MetadataQuestion) => string;
  /** SQL that replaces the first argument; a constant there was judged by itself, and is passed unchanged. */
  readonly first?: (f: Finder, arg: string) => string;
}

const keyed = (catalog: string, column = 'oid', zero = false): MetadataFunction => ({
  key: catalog,
  condition: (f, { fn, args: [arg] }) => {
    const oid = asOid(fn.args[0]!, arg!);
    const found = f.found(catalog, `${ROW}.${column} = ${oid}`);
    return zero ? `(${oid} = '0'::pg_catalog.oid OR ${found})` : found;
  },
});

/** A relation by OID, regclass or name. */
function relation(f: Finder, { fn, args }: MetadataQuestion, at: number, more = ''): string {
  return f.found('pg_class', `${ROW}.oid = ${relationOid(f, fn.args[at]!, args[at]!)}${more}`);
}

function relationOid(f: Finder, type: number, arg: string): string {
  return isName(type) ? namedOid(f, 'to_regclass', `${arg}::pg_catalog.text`) : asOid(type, arg);
}

/** Of a value of the regclass family the number: an operator on that type could be another schema's. */
function asOid(type: number, arg: string): string {
  return type === t.OID ? arg : `${arg}::pg_catalog.oid`;
}

function namedOid(f: Finder, lookup: string, text: string): string {
  return `(${f.named(lookup, text)})::pg_catalog.oid`;
}

function isName(type: number): boolean {
  return type === t.TEXT || type === NAME;
}
const NAME = 19;

const ofRelation: MetadataFunction = { condition: (f, asked) => relation(f, asked, 0) };

/** What of a view is written in its definition is all visible: pg_rewrite shows only such rules. */
const view: MetadataFunction = {
  condition: (f, asked) => {
    const oid = relationOid(f, asked.fn.args[0]!, asked.args[0]!);
    return `${relation(f, asked, 0)} AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite AS rowgate_w WHERE rowgate_w.ev_class = ${oid} AND rowgate_w.rulename = '_RETURN' AND NOT ${f.found('pg_rewrite', `${ROW}.oid = rowgate_w.oid`)})`;
  },
};

/** Defaults of arguments are expressions: they are shown where everything that the function depends on is visible. */
const ofFunction = (defaults: boolean): MetadataFunction => ({
  ...(!defaults && { key: 'pg_proc' }),
  condition: (f, { args: [oid] }) => {
    const known = f.found(
      'pg_depend',
      `(${ROW}.classid, ${ROW}.objid, ${ROW}.refclassid, ${ROW}.refobjid, ${ROW}.refobjsubid) = (rowgate_w.classid, rowgate_w.objid, rowgate_w.refclassid, rowgate_w.refobjid, rowgate_w.refobjsubid)`,
    );
    const all = `NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS rowgate_w WHERE rowgate_w.classid = '1255' AND rowgate_w.objid = ${oid} AND rowgate_w.deptype = 'n' AND NOT ${known})`;
    const more = defaults ? ` AND (${ROW}.oid < '16384' OR ${ROW}.pronargdefaults = 0 OR ${all})` : '';
    return f.found('pg_proc', `${ROW}.oid = ${oid}${more}`);
  },
});

const column = (number: (asked: MetadataQuestion) => string): MetadataFunction => ({
  condition: (f, asked) =>
    f.found(
      'pg_attribute',
      `${ROW}.attrelid = ${relationOid(f, asked.fn.args[0]!, asked.args[0]!)} AND ${number(asked)}`,
    ),
});
const columnByNumber = column(({ args }) => `${ROW}.attnum = ${args[1]}`);
const columnByName = column(({ args }) => `${ROW}.attname = ${args[1]}::pg_catalog.text`);

/** `has_…_privilege([user,] object [, column], privilege)`. */
function privilege(
  columns: boolean,
  object: (f: Finder, asked: MetadataQuestion, at: number) => string,
): MetadataFunction {
  return {
    condition: (f, asked) => {
      const at = asked.args.length === (columns ? 4 : 3) ? 1 : 0;
      const user = at === 1 ? `${account(f, asked, 0)} AND ` : '';
      return `${user}${object(f, asked, at)}`;
    },
  };
}

/** An account by name or OID. */
function account(f: Finder, { fn, args }: MetadataQuestion, at: number): string {
  return isName(fn.args[at]!) ? `${args[at]} = CURRENT_USER` : roleFound(f, args[at]!);
}

const named =
  (catalog: string, name: string) =>
  (f: Finder, { fn, args }: MetadataQuestion, at: number) =>
    f.found(
      catalog,
      isName(fn.args[at]!) ? `${ROW}.${name} = ${args[at]}::pg_catalog.text` : `${ROW}.oid = ${args[at]}`,
    );

const ofColumn = (f: Finder, { fn, args }: MetadataQuestion, at: number): string => {
  const which = isName(fn.args[at + 1]!) ? `attname = ${args[at + 1]}::pg_catalog.text` : `attnum = ${args[at + 1]}`;
  return f.found('pg_attribute', `${ROW}.attrelid = ${relationOid(f, fn.args[at]!, args[at]!)} AND ${ROW}.${which}`);
};

const byText = (catalog: string, name: string): MetadataFunction => ({
  condition: (f, { args: [text] }) => f.found(catalog, `${ROW}.oid = ${namedOid(f, name, text!)}`),
});

/** What moves with the data, of every row or of other databases. */
const never: MetadataFunction = { condition: () => 'false' };

/** Every ancestor is one that the role finds. */
const partitions: MetadataFunction = {
  condition: (f, asked) =>
    `${relation(f, asked, 0)} AND NOT EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(${asked.args[0]}) AS rowgate_w(rowgate_r) WHERE NOT ${f.found('pg_class', `${ROW}.oid = rowgate_w.rowgate_r::pg_catalog.oid`)})`,
};

/** Every partition is, too. */
const partitionTree: MetadataFunction = {
  condition: (f, asked) =>
    `${partitions.condition(f, asked)} AND NOT EXISTS (SELECT FROM pg_catalog.pg_partition_tree(${asked.args[0]}) AS rowgate_w WHERE NOT ${f.found('pg_class', `${ROW}.oid = rowgate_w.relid::pg_catalog.oid`)})`,
};

const boundOf: MetadataFunction = {
  condition: (f, asked) =>
    `${relation(f, asked, 0)} AND NOT EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(${asked.args[0]}) AS rowgate_w(rowgate_r) WHERE rowgate_w.rowgate_r::pg_catalog.oid <> ${asked.args[0]} AND NOT ${f.found('pg_partitioned_table', `${ROW}.partrelid = rowgate_w.rowgate_r::pg_catalog.oid`)})`,
};

/**
 * A name that the role is not shown, or that does not exist, is replaced by one that no setting can have: what is computed from rows, or comes with
 * Bind, cannot be judged before.
 */
const setting: MetadataFunction = {
  condition: () => 'true',
  first: (f, name) =>
    `CASE WHEN ${f.shown(name)} THEN ${name} ELSE ${name} || ' (unknown, or not shown to this role)' END`,
};

/** In pg_catalog, by name. `pg_get_expr` is not among them: what it may print depends on where its first argument comes from. */
const METADATA: Readonly<Record<string, MetadataFunction>> = {
  pg_get_viewdef: view,
  pg_get_ruledef: keyed('pg_rewrite'),
  pg_get_indexdef: keyed('pg_index', 'indexrelid'),
  pg_get_constraintdef: keyed('pg_constraint'),
  pg_get_triggerdef: keyed('pg_trigger'),
  pg_get_statisticsobjdef: keyed('pg_statistic_ext'),
  pg_get_statisticsobjdef_columns: keyed('pg_statistic_ext'),
  pg_get_statisticsobjdef_expressions: keyed('pg_statistic_ext'),
  pg_get_partkeydef: keyed('pg_partitioned_table', 'partrelid'),
  pg_get_partition_constraintdef: boundOf,
  pg_partition_ancestors: partitions,
  pg_partition_root: partitions,
  pg_partition_tree: partitionTree,
  pg_get_serial_sequence: columnByName,
  pg_get_function_arguments: ofFunction(true),
  pg_get_function_arg_default: ofFunction(true),
  pg_get_function_identity_arguments: ofFunction(false),
  pg_get_function_result: ofFunction(false),
  col_description: columnByNumber,
  obj_description: {
    condition: (f, { args: [oid] }) => f.found('pg_description', `${ROW}.objoid = ${oid} AND ${ROW}.objsubid = 0`),
  },
  shobj_description: {
    condition: (f, { args: [oid] }) =>
      `(${f.found('pg_database', `${ROW}.oid = ${oid}`)} OR pg_catalog.pg_get_userbyid(${oid}) = CURRENT_USER)`,
  },
  format_type: keyed('pg_type', 'oid', true),
  oidvectortypes: {
    condition: (f, { args: [oids] }) =>
      `NOT EXISTS (SELECT FROM pg_catalog.unnest(${oids}::pg_catalog.oid[]) AS rowgate_w(rowgate_r) WHERE NOT ${f.found('pg_type', `${ROW}.oid = rowgate_w.rowgate_r`)})`,
  },
  pg_basetype: keyed('pg_type'),
  pg_get_userbyid: { key: 'pg_roles', condition: (f, { args: [oid] }) => roleFound(f, oid!) },
  pg_tablespace_location: keyed('pg_tablespace', 'oid', true),
  pg_is_other_temp_schema: keyed('pg_namespace'),
  pg_table_is_visible: keyed('pg_class'),
  pg_type_is_visible: keyed('pg_type'),
  pg_function_is_visible: keyed('pg_proc'),
  pg_operator_is_visible: keyed('pg_operator'),
  pg_opclass_is_visible: keyed('pg_opclass'),
  pg_opfamily_is_visible: keyed('pg_opfamily'),
  pg_collation_is_visible: keyed('pg_collation'),
  pg_conversion_is_visible: keyed('pg_conversion'),
  pg_statistics_obj_is_visible: keyed('pg_statistic_ext'),
  pg_ts_config_is_visible: keyed('pg_ts_config'),
  pg_ts_dict_is_visible: keyed('pg_ts_dict'),
  pg_ts_parser_is_visible: keyed('pg_ts_parser'),
  pg_ts_template_is_visible: keyed('pg_ts_template'),
  pg_relation_is_publishable: ofRelation,
  pg_get_replica_identity_index: ofRelation,
  row_security_active: ofRelation,
  pg_index_has_property: keyed('pg_index', 'indexrelid'),
  pg_index_column_has_property: keyed('pg_index', 'indexrelid'),
  pg_indexam_has_property: keyed('pg_am'),
  acldefault: { condition: (f, { args: [, owner] }) => roleFound(f, owner!) },
  pg_relation_is_updatable: ofRelation,
  pg_column_is_updatable: columnByNumber,
  has_table_privilege: privilege(false, relation),
  has_any_column_privilege: privilege(false, relation),
  has_sequence_privilege: privilege(false, relation),
  has_column_privilege: privilege(true, ofColumn),
  has_schema_privilege: privilege(false, named('pg_namespace', 'nspname')),
  has_database_privilege: privilege(false, named('pg_database', 'datname')),
  has_function_privilege: privilege(false, (f, { fn, args }, at) =>
    f.found(
      'pg_proc',
      `${ROW}.oid = ${isName(fn.args[at]!) ? namedOid(f, 'to_regprocedure', `${args[at]}::pg_catalog.text`) : args[at]}`,
    ),
  ),
  has_foreign_data_wrapper_privilege: privilege(false, named('pg_foreign_data_wrapper', 'fdwname')),
  has_language_privilege: privilege(false, named('pg_language', 'lanname')),
  has_server_privilege: privilege(false, named('pg_foreign_server', 'srvname')),
  has_tablespace_privilege: privilege(false, named('pg_tablespace', 'spcname')),
  has_type_privilege: privilege(false, (f, { fn, args }, at) =>
    f.found(
      'pg_type',
      `${ROW}.oid = ${isName(fn.args[at]!) ? namedOid(f, 'to_regtype', `${args[at]}::pg_catalog.text`) : args[at]}`,
    ),
  ),
  has_parameter_privilege: privilege(false, (f, { args }, at) => f.shown(args[at]!)),
  pg_has_role: privilege(false, account),
  to_regclass: byText('pg_class', 'to_regclass'),
  to_regtype: byText('pg_type', 'to_regtype'),
  to_regproc: byText('pg_proc', 'to_regproc'),
  to_regprocedure: byText('pg_proc', 'to_regprocedure'),
  to_regoper: byText('pg_operator', 'to_regoper'),
  to_regoperator: byText('pg_operator', 'to_regoperator'),
  to_regnamespace: byText('pg_namespace', 'to_regnamespace'),
  to_regcollation: byText('pg_collation', 'to_regcollation'),
  to_regtypemod: byText('pg_type', 'to_regtype'),
  to_regrole: { condition: (f, { args: [text] }) => roleFound(f, `pg_catalog.to_regrole(${text})::pg_catalog.oid`) },
  // Of the server's own parser: another's functions are users'. A name was judged by itself.
  ts_token_type: { condition: (_, { args: [oid] }) => `${oid} = '3722'::pg_catalog.oid`, first: (_, name) => name },
  current_setting: setting,
  pg_settings_get_flags: setting,
  // In FROM it is filtered as pg_settings is.
  pg_show_all_settings: never,
};

/** What it gives is not about objects: also a role that knows of all objects is asked for it. */
export function isOfMore(fn: Fn): boolean {
  return givesNothing(fn) || metadataFunction(fn)?.first !== undefined || fn.name === 'pg_show_all_settings';
}

/** Undefined if the function reads no catalogs, and does not depend on hidden data. */
export function metadataFunction(fn: Fn): MetadataFunction | undefined {
  if (givesNothing(fn)) return never;
  return fn.schema === 'pg_catalog' && Object.hasOwn(METADATA, fn.name) ? METADATA[fn.name] : undefined;
}

/** Whether some function of that name is one of these. */
export function mayBeMetadata(name: string): boolean {
  return Object.hasOwn(METADATA, name) || name === 'pg_get_expr' || mayGiveNothing(name);
}
