/** Columns of system catalogs that contain only OIDs of objects that the role finds in another catalog, or 0: they may be used unchanged. */
import { words } from '../../policy/compile/catalog-columns.ts';

const NAMESPACES = `pg_namespace.oid pg_class.relnamespace pg_proc.pronamespace pg_type.typnamespace pg_constraint.connamespace
pg_operator.oprnamespace pg_collation.collnamespace`;
const OWNERS = `pg_roles.oid pg_user.usesysid pg_class.relowner pg_proc.proowner pg_type.typowner pg_namespace.nspowner pg_database.datdba
pg_operator.oprowner pg_collation.collowner pg_opclass.opcowner pg_opfamily.opfowner pg_language.lanowner pg_extension.extowner
pg_tablespace.spcowner pg_conversion.conowner pg_statistic_ext.stxowner pg_ts_config.cfgowner pg_ts_dict.dictowner`;

/** By the catalog whose objects they name. The row filters of these catalogs remove rows in which it is another object. */
const KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  pg_class:
    words(`pg_class.oid pg_attribute.attrelid pg_attrdef.adrelid pg_index.indexrelid pg_index.indrelid pg_constraint.conrelid
pg_constraint.confrelid pg_inherits.inhrelid pg_inherits.inhparent pg_sequence.seqrelid pg_trigger.tgrelid pg_rewrite.ev_class
pg_partitioned_table.partrelid pg_statistic_ext.stxrelid`),
  pg_index: words('pg_index.indexrelid'),
  pg_constraint: words('pg_constraint.oid pg_trigger.tgconstraint'),
  pg_trigger: words('pg_trigger.oid'),
  pg_rewrite: words('pg_rewrite.oid'),
  pg_statistic_ext: words('pg_statistic_ext.oid'),
  pg_partitioned_table: words('pg_partitioned_table.partrelid'),
  pg_proc: words('pg_proc.oid pg_trigger.tgfoid'),
  pg_type:
    words(`pg_type.oid pg_type.typelem pg_type.typarray pg_type.typbasetype pg_attribute.atttypid pg_proc.prorettype pg_enum.enumtypid
pg_range.rngtypid pg_range.rngsubtype pg_range.rngmultitypid pg_sequence.seqtypid pg_cast.castsource pg_cast.casttarget pg_constraint.contypid`),
  pg_operator: words('pg_operator.oid'),
  pg_opclass: words('pg_opclass.oid'),
  pg_opfamily: words('pg_opfamily.oid'),
  pg_collation: words('pg_collation.oid pg_attribute.attcollation'),
  pg_conversion: words('pg_conversion.oid'),
  pg_namespace: words(NAMESPACES),
  pg_tablespace: words('pg_tablespace.oid'),
  pg_ts_config: words('pg_ts_config.oid'),
  pg_ts_dict: words('pg_ts_dict.oid'),
  pg_ts_parser: words('pg_ts_parser.oid'),
  pg_ts_template: words('pg_ts_template.oid'),
  pg_database: words('pg_database.oid'),
  pg_roles: words(OWNERS),
};

/** Columns that hold several of them. */
const LISTS: Readonly<Record<string, ReadonlySet<string>>> = {
  pg_type: words('pg_proc.proargtypes pg_proc.proallargtypes'),
};

/** Whether the column, as `pg_class.relnamespace`, only contains OIDs of rows that the role finds in the catalog. */
export function isKeyOf(catalog: string, column: string | undefined): boolean {
  return column !== undefined && KEYS[catalog]?.has(column) === true;
}

/** The same for columns that are arrays or vectors of such OIDs. */
export function isListOf(catalog: string, column: string | undefined): boolean {
  return column !== undefined && LISTS[catalog]?.has(column) === true;
}
