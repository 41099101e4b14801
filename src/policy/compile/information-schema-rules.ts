/** The views of the information schema that a role may read, and what it finds in each; like `catalog-rules.ts`. */
import type { Template } from '../../sql/text/template.ts';
import type { Visible } from '../model/visible.ts';
import { column, literal, plainColumn, template, visibleSchema } from './catalog-conditions.ts';
import {
  constraintNamed,
  defaultText,
  named,
  sequenceNamed,
  systemSchema,
  viewText,
  visibleColumnName,
  visibleName,
  visibleNumber,
} from './catalog-names.ts';
import { type CatalogRule, nothing, nullOf, open } from './catalog-rules.ts';

const byTable = (schema: string, table: string): CatalogRule => ({ rows: (v) => visibleName(v, schema, table) });
const byColumn = (v: Visible): Template => visibleColumnName(v, 'table_schema', 'table_name', 'column_name');

/** Grantees other than the current account and PUBLIC would name roles. */
const granted = (rows: (visible: Visible) => Template): CatalogRule => ({
  rows: (v) => template`(${rows(v)} AND ${plainColumn('grantee')} IN (CURRENT_USER, 'PUBLIC'))`,
});

/** `grantor` is the owner; the rights are the account's, not the role's. */
const ofConstraint = (rows: (visible: Visible) => Template, table?: string): CatalogRule => ({
  rows: (v) => template`(${rows(v)} AND ${constraintNamed(v, 'constraint_schema', 'constraint_name', table)})`,
});

const noIdentifier: Template = ['NULL::information_schema.sql_identifier'];

export const INFORMATION_SCHEMA: Readonly<Record<string, CatalogRule>> = {
  information_schema_catalog_name: open,
  // What this version of the server supports of the standard.
  sql_features: open,
  sql_implementation_info: open,
  sql_sizing: open,
  // The server reports the collation with the longest name among those that match the database's: a user's collation may be that one or change which
  // one it is.
  character_sets: {
    masks: {
      default_collate_catalog: noIdentifier,
      default_collate_schema: noIdentifier,
      default_collate_name: noIdentifier,
    },
  },
  collations: { rows: () => systemSchema('collation_schema') },
  enabled_roles: nothing,
  applicable_roles: nothing,
  schemata: {
    rows: (v) => template`(${systemSchema('schema_name')} OR ${visibleSchema(v, plainColumn('schema_name'))})`,
  },
  tables: byTable('table_schema', 'table_name'),
  columns: {
    rows: byColumn,
    masks: {
      column_default: defaultText('column_default'),
      generation_expression: defaultText('generation_expression'),
    },
  },
  views: {
    ...byTable('table_schema', 'table_name'),
    masks: { view_definition: viewText('table_schema', 'table_name', 'view_definition') },
  },
  table_privileges: granted((v) => visibleName(v, 'table_schema', 'table_name')),
  role_table_grants: granted((v) => visibleName(v, 'table_schema', 'table_name')),
  column_privileges: granted(byColumn),
  role_column_grants: granted(byColumn),
  table_constraints: ofConstraint((v) => visibleName(v, 'table_schema', 'table_name'), 'table_name'),
  key_column_usage: ofConstraint(byColumn, 'table_name'),
  // These two views name the table that a constraint reads, not the one that it is on.
  constraint_column_usage: ofConstraint(byColumn),
  constraint_table_usage: ofConstraint((v) => visibleName(v, 'table_schema', 'table_name')),
  referential_constraints: ofConstraint(() => ['true']),
  check_constraints: ofConstraint(() => ['true']),
  sequences: { rows: (v) => sequenceNamed(v, 'sequence_schema', 'sequence_name') },
  domains: {
    rows: (v) => named('domain_schema', 'domain_name', v.types),
    masks: { domain_default: nullOf('varchar') },
  },
  domain_constraints: {
    rows: (v) =>
      template`(${named('domain_schema', 'domain_name', v.types)} AND ${constraintNamed(v, 'constraint_schema', 'constraint_name')})`,
  },
  user_defined_types: byTable('user_defined_type_schema', 'user_defined_type_name'),
  attributes: { ...byTable('udt_schema', 'udt_name'), masks: { attribute_default: nullOf('varchar') } },
  element_types: {
    rows: (v) =>
      template`(${systemSchema('object_schema')} OR (${plainColumn('object_type', 'text')} = 'TABLE' AND ${visibleNumber(v, 'object_schema', 'object_name', 'collection_type_identifier')}))`,
  },
  routines: { rows: specificName, masks: { routine_definition: nullOf('varchar') } },
  parameters: {
    rows: specificName,
    masks: {
      parameter_default: template`CASE WHEN ${systemSchema('specific_schema')} THEN ${column('parameter_default')} END`,
    },
  },
  triggers: nothing,
};

/** `routines.specific_name` is the function's name and OID. */
function specificName(v: Visible): Template {
  const names = v.functions.map((fn) => literal(`${fn.name}_${fn.oid}`));
  const own = names.length === 0 ? 'false' : template`${plainColumn('specific_name')} IN (${names.join(', ')})`;
  return template`(${systemSchema('specific_schema')} OR ${own})`;
}
