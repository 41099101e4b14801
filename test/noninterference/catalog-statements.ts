/**
 * Random statements over the server's catalogs: conditions and expressions that never fail on what the role finds there, and mostly do on what it
 * does not. Without OIDs of databases: no two have the same.
 */
import type { Choices } from './choices.ts';

type Kind = 'name' | 'oid' | 'int' | 'text' | 'bool';
type Columns = Readonly<Partial<Record<Kind, string>>>;

/** Relations with columns of each kind, space between. */
const CATALOGS: Readonly<Record<string, Columns>> = {
  pg_class: {
    name: 'relname',
    oid: 'oid relnamespace reltype',
    int: 'relnatts relchecks relpages',
    bool: 'relhasindex relhastriggers',
  },
  pg_attribute: { name: 'attname', oid: 'attrelid atttypid', int: 'attnum atttypmod attlen', bool: 'attnotnull' },
  pg_attrdef: { oid: 'oid adrelid', int: 'adnum', text: 'pg_get_expr(#.adbin,#.adrelid)' },
  pg_constraint: {
    name: 'conname',
    oid: 'oid conrelid confrelid',
    text: 'pg_get_constraintdef(#.oid)',
    int: 'conkey[1]',
  },
  pg_index: {
    oid: 'indexrelid indrelid',
    int: 'indnatts indkey[0]',
    bool: 'indisunique',
    text: 'pg_get_indexdef(#.indexrelid)',
  },
  pg_type: {
    name: 'typname',
    oid: 'oid typrelid typelem typbasetype',
    int: 'typlen typtypmod',
    text: 'typdefault format_type(#.oid,NULL)',
  },
  pg_enum: { name: 'enumlabel', oid: 'oid enumtypid' },
  pg_range: { oid: 'rngtypid rngsubtype' },
  pg_proc: {
    name: 'proname',
    oid: 'oid prorettype pronamespace',
    int: 'pronargs pronargdefaults',
    text: 'prosrc pg_get_function_arguments(#.oid)',
  },
  pg_namespace: { name: 'nspname', oid: 'oid', text: "obj_description(#.oid,'pg_namespace')" },
  pg_depend: { oid: 'classid objid refclassid refobjid', int: 'objsubid refobjsubid' },
  pg_description: { oid: 'objoid classoid', int: 'objsubid', text: 'description' },
  pg_inherits: { oid: 'inhrelid inhparent', int: 'inhseqno' },
  pg_sequence: { oid: 'seqrelid seqtypid', int: 'seqstart seqcache' },
  pg_trigger: { name: 'tgname', oid: 'oid tgrelid tgfoid', int: 'tgtype tgnargs' },
  pg_statistic_ext: { name: 'stxname', oid: 'oid stxrelid' },
  pg_rewrite: { name: 'rulename', oid: 'oid ev_class' },
  pg_collation: { name: 'collname', oid: 'oid' },
  pg_operator: { name: 'oprname', oid: 'oid oprleft' },
  pg_cast: { oid: 'oid castsource casttarget castfunc' },
  pg_ts_config: { name: 'cfgname', oid: 'oid' },
  pg_db_role_setting: { oid: 'setdatabase', text: 'setconfig[1]' },
  pg_foreign_server: { name: 'srvname', oid: 'oid' },
  pg_foreign_data_wrapper: { name: 'fdwname', oid: 'oid' },
  pg_foreign_table: { oid: 'ftrelid' },
  pg_default_acl: { oid: 'oid defaclnamespace' },
  pg_policy: { name: 'polname', oid: 'oid polrelid' },
  pg_publication: { name: 'pubname', oid: 'oid' },
  pg_largeobject_metadata: { oid: 'oid' },
  pg_settings: { text: 'name setting unit category boot_val reset_val' },
  pg_tables: { name: 'tablename schemaname' },
  pg_views: { name: 'viewname', text: 'definition' },
  pg_matviews: { name: 'matviewname', text: 'definition' },
  pg_indexes: { name: 'indexname tablename', text: 'indexdef' },
  pg_sequences: { name: 'sequencename', int: 'start_value last_value' },
  pg_policies: { name: 'policyname tablename', text: 'qual' },
  pg_rules: { name: 'rulename', text: 'definition' },
  'information_schema.tables': { name: 'table_name', text: 'table_type' },
  'information_schema.columns': {
    name: 'table_name column_name',
    text: 'column_default data_type',
    int: 'ordinal_position character_maximum_length',
  },
  'information_schema.views': { name: 'table_name', text: 'view_definition' },
  'information_schema.table_constraints': { name: 'table_name constraint_name', text: 'constraint_type' },
  'information_schema.key_column_usage': { name: 'table_name column_name constraint_name', int: 'ordinal_position' },
  'information_schema.check_constraints': { name: 'constraint_name', text: 'check_clause' },
  'information_schema.referential_constraints': { name: 'constraint_name unique_constraint_name' },
  'information_schema.sequences': { name: 'sequence_name', text: 'start_value' },
  'information_schema.domains': { name: 'domain_name', text: 'domain_default', int: 'character_maximum_length' },
  'information_schema.routines': { name: 'routine_name', text: 'routine_definition' },
  'information_schema.parameters': {
    name: 'parameter_name specific_name',
    text: 'parameter_default',
    int: 'ordinal_position',
  },
  'information_schema.schemata': { name: 'schema_name' },
  'information_schema.attributes': { name: 'udt_name attribute_name', int: 'ordinal_position' },
  'information_schema.triggers': { name: 'trigger_name' },
  'information_schema.character_sets': { name: 'default_collate_name' },
};

const REG_TYPES = [
  ...['regclass', 'regtype', 'regproc', 'regprocedure', 'regoper', 'regoperator', 'regconfig', 'regdictionary'],
  ...['regnamespace', 'regrole', 'regcollation'],
];

/** Clients' questions about an object by its OID, name or text. `%n`: an OID of this database, `%t`: a name. */
const LOOKUPS: readonly string[] = [
  'SELECT n, to_regclass(n::text) IS NULL FROM %n',
  'SELECT n, n::regclass, n::regtype, n::regproc FROM %n',
  'SELECT n, pg_describe_object(1259, n::oid, 0), pg_filenode_relation(0, n::oid), pg_collation_actual_version(n::oid) FROM %n',
  'SELECT n, pg_sequence_parameters(n::oid), pg_identify_object(1259, n::oid, 0) FROM %n',
  'SELECT n, t.relid, t.parentrelid, t.isleaf, t.level FROM %n, pg_partition_tree(n) AS t',
  "SELECT n, has_table_privilege(n::oid, 'SELECT'), has_function_privilege(n::oid, 'EXECUTE') FROM %n",
  'SELECT n, pg_table_is_visible(n::oid), pg_type_is_visible(n::oid), pg_function_is_visible(n::oid) FROM %n',
  "SELECT n, obj_description(n::oid, 'pg_class'), col_description(n::oid, 2), format_type(n::oid, 7) FROM %n",
  'SELECT n, pg_get_constraintdef(n::oid), pg_get_indexdef(n::oid), pg_get_viewdef(n::oid), pg_get_triggerdef(n::oid) FROM %n',
  'SELECT n, pg_get_function_arguments(n::oid), pg_get_function_result(n::oid) FROM %n',
  "SELECT to_regclass(%t), to_regtype(%t), to_regproc(%t), to_regnamespace(%t), to_regclass('public.' || %t)",
  "SELECT pg_get_serial_sequence('pupils', %t)",
  "SELECT has_table_privilege(%t, 'SELECT')",
  ...REG_TYPES.flatMap((type) => [`SELECT %t::${type}`, `SELECT (%t::text)::${type}`, `SELECT n, n::${type} FROM %n`]),
  ...REG_TYPES.map((type) => `SELECT n, (n::text)::${type} FROM %n`),
  "SELECT to_tsvector(%t, 'a')",
  'SELECT c.* FROM pg_constraint c',
  'SELECT cfgname FROM pg_ts_config',
  'SELECT current_setting(%t)',
  'SHOW ALL',
  'SELECT * FROM pg_show_all_settings()',
  'SELECT * FROM pg_file_settings',
  'SELECT name, setting FROM pg_settings',
  'SELECT * FROM information_schema.character_sets',
  'SELECT c.* FROM pg_class c',
  'SELECT a.* FROM pg_attribute a WHERE a.attnum > 0',
  'EXPLAIN SELECT * FROM pg_attribute',
  "EXPLAIN SELECT * FROM pg_class WHERE relname LIKE 'h%'",
];

const NAMES = [
  'pupils',
  'classes',
  'hidden_a',
  'hidden_1',
  'hidden_mood',
  'hidden_function',
  'pin',
  'nothing',
  'work_mem',
  'log_min_duration_statement',
  'hidden_schema.hidden_inside',
  'hidden_schema.hidden_search',
  'hidden_schema.hidden_dictionary',
  'hidden_schema.nothing',
  'simple',
];

/** A number that is no visible object's: those that the hidden ones of a database have. */
export interface Numbers {
  readonly from: number;
  readonly to: number;
}

interface Item {
  readonly alias: string;
  readonly columns: readonly (readonly [Kind, string])[];
}

export class CatalogStatements {
  private names = 0;

  constructor(
    private readonly choices: Choices,
    private readonly numbers: Numbers,
  ) {}

  statement(): string {
    if (this.choices.chance(20)) return this.lookup();
    const { sql, items } = this.from(this.choices.int(3));
    const where = [this.condition(items), this.condition(items)].filter((text) => text !== '').join(' AND ');
    const filter = where === '' ? '' : ` WHERE ${where}`;
    const [one, other] = [this.value(items), this.value(items)];
    return this.choices.pick([
      `SELECT count(*) FROM ${sql}${filter}`,
      `SELECT ${one}, ${other} FROM ${sql}${filter}`,
      `SELECT ${one} AS v, count(*) FROM ${sql}${filter} GROUP BY 1`,
      `SELECT DISTINCT ${one} FROM ${sql}${filter}`,
      `SELECT max(v) FROM (SELECT ${one} AS v FROM ${sql}${filter}) AS s`,
      `SELECT count(*) FROM (SELECT ${one} AS v FROM ${sql} OFFSET 0) AS s WHERE v IS NOT NULL`,
      `WITH w AS (SELECT ${one} AS v FROM ${sql}${filter}) SELECT count(v) FROM w`,
      // Not EXISTS: it ends at the first row, and whether one behind it fails follows from where visible rows lie.
      `SELECT (SELECT count(*) > 0 FROM ${sql}${filter}), (SELECT max(${one}) FROM ${sql})`,
      `SELECT count(*) FILTER (WHERE ${one} IS NULL) FROM ${sql}${filter}`,
      `SELECT ${one} FROM ${sql}${filter} ORDER BY ${other}, 1`,
      `SELECT row_number() OVER (ORDER BY ${one}, ${other}) FROM ${sql}${filter}`,
      `SELECT ${one} FROM ${sql}${filter} UNION SELECT ${other} FROM ${sql}`,
    ]);
  }

  private lookup(): string {
    const { from, to } = this.numbers;
    return this.choices
      .pick(LOOKUPS)
      .replaceAll('%n', `generate_series(${from}, ${to}) AS n`)
      .replace(/%t/g, () => `'${this.choices.pick(NAMES)}'`);
  }

  private from(joins: number): { sql: string; items: Item[] } {
    const first = this.item();
    const items = [first.item];
    let { sql } = first;
    for (let i = 0; i < joins; i++) {
      const { sql: next, item } = this.item();
      const on = this.link(items, item);
      sql += ` ${this.choices.pick(['JOIN', 'LEFT JOIN', 'RIGHT JOIN'])} ${next} ON ${on}`;
      items.push(item);
    }
    return { sql, items };
  }

  private item(): { sql: string; item: Item } {
    const relation = this.choices.pick(Object.keys(CATALOGS));
    this.names += 1;
    const alias = `t${this.names}`;
    const columns = Object.entries(CATALOGS[relation]!).flatMap(([kind, words]) =>
      words
        .split(' ')
        .map(
          (column) =>
            [kind as Kind, column.includes('#') ? column.replaceAll('#', alias) : `${alias}.${column}`] as const,
        ),
    );
    const item = { alias, columns };
    if (!this.choices.chance(15)) return { sql: `${relation} AS ${alias}`, item };
    const shown = columns.filter(([, column]) => /^\w+\.\w+$/.test(column)).map(([, column]) => column);
    const where = this.condition([item]);
    return {
      sql: `(SELECT ${shown.join(', ') || '1 AS one'} FROM ${relation} AS ${alias}${where === '' ? '' : ` WHERE ${where}`}) AS ${alias}`,
      item: { alias, columns: columns.filter(([, column]) => shown.includes(column)) },
    };
  }

  private link(items: readonly Item[], item: Item): string {
    const of = (kind: Kind, list: readonly Item[]): string[] =>
      list.flatMap(({ columns }) => columns.filter(([k]) => k === kind).map(([, column]) => column));
    for (const kind of ['oid', 'name', 'int', 'text'] as const) {
      const [left, right] = [of(kind, items), of(kind, [item])];
      if (left.length > 0 && right.length > 0) return `${this.choices.pick(left)} = ${this.choices.pick(right)}`;
    }
    return 'false';
  }

  /** '' for none. */
  private condition(items: readonly Item[]): string {
    const [kind, column] = this.column(items);
    if (kind === undefined || this.choices.chance(25)) return '';
    if (this.choices.chance(50)) return this.leaky(kind, column);
    switch (kind) {
      case 'oid':
        return this.choices.pick([
          `${column} > 16383`,
          `${column} <> 0`,
          `${column} BETWEEN 16384 AND ${this.numbers.to}`,
        ]);
      case 'int':
        return this.choices.pick([`${column} > 0`, `${column} IS NOT NULL`]);
      case 'bool':
        return column;
      default:
        return this.choices.pick([
          `${column} LIKE '%i%'`,
          `${column} <> 'pin'`,
          `${column}::text ~ '^[hp]'`,
          `length(${column}) < 30`,
        ]);
    }
  }

  private value(items: readonly Item[]): string {
    const [kind, column] = this.column(items);
    if (kind === undefined) return '1';
    // Numbers of hidden objects are others in each database, and so are those of what the guard does not name by number.
    return this.choices.chance(40) ? `(${this.leaky(kind, column)})::text` : `${column}::text`;
  }

  private column(items: readonly Item[]): readonly [Kind, string] | readonly [undefined, ''] {
    const all = items.flatMap(({ columns }) => columns);
    return all.length > 0 ? this.choices.pick(all) : [undefined, ''];
  }

  /** A truth that fails where the column holds what is hidden, and there alone. */
  private leaky(kind: Kind, column: string): string {
    const { from } = this.numbers;
    switch (kind) {
      case 'oid':
        return `CASE WHEN ${column} >= ${from} THEN ${this.choices.pick([
          `1 / (${column}::bigint - ${column}::bigint) = 1`,
          `sqrt(-(${column}::bigint::float8)) > 1`,
          `(${column}::text || 'x')::integer > 0`,
          `chr(-length(${column}::text)) = 'x'`,
        ])} ELSE ${column} <> 0 END`;
      case 'int':
        return this.choices.pick([
          `CASE WHEN ${column} BETWEEN 8 AND 44 THEN 1000 / (${column} - ${column}) > 0 END`,
          `(1000 / (CASE WHEN ${column} IN (7, 8, 9, 77) THEN 0 ELSE 1 END)) > ${column}`,
        ]);
      case 'bool':
        return `(1 / (CASE WHEN ${column} THEN 1 ELSE 2 END)) = 1`;
      default: {
        const hidden = this.choices.pick([
          `${column}::text LIKE '%hidden%'`,
          `${column}::text IN ('pin', '0', 'hidden_1', '7MB', '7s', 'work_mem', 'primary_conninfo')`,
          `left(${column}::text, 6) = 'hidden'`,
          `${column}::text ~ 'pin\\d+'`,
        ]);
        return `CASE WHEN ${hidden} THEN ${this.choices.pick([
          `1 / (length(${column}::text) - length(${column}::text)) = 1`,
          `${column}::text::integer > 10`,
          `${column}::text::date > 'today'`,
          `chr(-length(${column}::text)) = 'x'`,
          `'x' ~ (${column}::text || '(')`,
        ])} ELSE ${column} IS NOT NULL END`;
      }
    }
  }
}
