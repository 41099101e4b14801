/** The same by name, for the views of the catalog that have no OIDs: `pg_views`, `information_schema`. */
import type { Template } from '../sql/template.ts';
import {
  column,
  literal,
  ownedSequences,
  system,
  template,
  visibleColumn,
  visibleConstraint,
  visibleDefault,
  visibleRelation,
  visibleView,
} from './catalog-conditions.ts';
import type { Visible } from './visible.ts';

/** `table_schema` and `table_name` (or what they are called) name a visible relation or one of the server's own. */
export function visibleName(visible: Visible, schema: string, name: string): Template {
  return named(
    schema,
    name,
    visible.relations.map(({ relation }) => relation),
  );
}

export function visibleTypeName(visible: Visible, schema: string, name: string): Template {
  return named(schema, name, visible.typeNames);
}

function named(schema: string, name: string, list: readonly { schema: string; name: string }[]): Template {
  const bySchema = new Map<string, string[]>();
  for (const object of list) bySchema.set(object.schema, [...(bySchema.get(object.schema) ?? []), object.name]);
  let condition = systemSchema(schema);
  for (const [own, names] of bySchema) {
    condition = template`${condition} OR (${column(schema)} = ${literal(own)} AND ${column(name)} IN (${names.map(literal).join(', ')}))`;
  }
  return template`(${condition})`;
}

/** The same, and the column is a granted one. */
export function visibleColumnName(visible: Visible, schema: string, name: string, attribute: string): Template {
  let condition = systemSchema(schema);
  for (const { relation, names } of visible.relations) {
    if (names.length === 0) continue;
    const table = template`${column(schema)} = ${literal(relation.schema)} AND ${column(name)} = ${literal(relation.name)}`;
    condition = template`${condition} OR (${table} AND ${column(attribute)} IN (${names.map(literal).join(', ')}))`;
  }
  return template`(${condition})`;
}

export function systemSchema(schema: string): Template {
  return template`${column(schema)} IN ('pg_catalog', 'information_schema')`;
}

/** A relation of that schema and name, joined as `rowgate_c`, for which the condition holds. */
function relationNamed(schema: string, name: string, condition: Template): Template {
  return template`EXISTS (SELECT FROM pg_catalog.pg_class AS rowgate_c JOIN pg_catalog.pg_namespace AS rowgate_n ON rowgate_n.oid = rowgate_c.relnamespace WHERE rowgate_n.nspname = ${column(schema)} AND rowgate_c.relname = ${column(name)} AND ${condition})`;
}

/** The text of a view of which everything is visible that it reads. */
export function viewText(schema: string, name: string, text: string): (visible: Visible) => Template {
  return (v) =>
    template`CASE WHEN ${relationNamed(schema, name, template`(${system('rowgate_c.oid')} OR ${visibleView(v, 'rowgate_c.oid')})`)} THEN ${column(text)} END`;
}

/** The default or generation expression of a column, where pg_attrdef shows it. */
export function defaultText(text: string): (visible: Visible) => Template {
  return (v) =>
    template`CASE WHEN ${relationNamed('table_schema', 'table_name', template`EXISTS (SELECT FROM pg_catalog.pg_attribute AS rowgate_t JOIN pg_catalog.pg_attrdef AS rowgate_f ON rowgate_f.adrelid = rowgate_t.attrelid AND rowgate_f.adnum = rowgate_t.attnum WHERE rowgate_t.attrelid = rowgate_c.oid AND rowgate_t.attname = ${column('column_name')} AND (${system('rowgate_c.oid')} OR ${visibleDefault(v, 'rowgate_f')}))`)} THEN ${column(text)} END`;
}

/**
 * Every constraint of that schema and name, of that table where one is given, is visible. INVARIANT: some of these views do not say
 * of which table a constraint is, and other tables may have one of its name: then none of them is shown.
 */
export function constraintNamed(v: Visible, schema: string, name: string, table?: string): Template {
  const of = table === undefined ? ['true'] : template`rowgate_r.relname = ${column(table)}`;
  const alike = template`FROM pg_catalog.pg_constraint AS rowgate_c JOIN pg_catalog.pg_namespace AS rowgate_n ON rowgate_n.oid = rowgate_c.connamespace LEFT JOIN pg_catalog.pg_class AS rowgate_r ON rowgate_r.oid = rowgate_c.conrelid WHERE rowgate_n.nspname = ${column(schema)} AND rowgate_c.conname = ${column(name)} AND ${of}`;
  return template`(SELECT pg_catalog.bool_and(${visibleConstraint(v, 'rowgate_c')}) ${alike})`;
}

export function sequenceNamed(v: Visible, schema: string, name: string): Template {
  const visible = template`(${visibleRelation(v, 'rowgate_c.oid')} OR rowgate_c.oid IN (${ownedSequences(v)}))`;
  return relationNamed(schema, name, template`rowgate_c.relkind = 'S' AND ${visible}`);
}

/** The column with that number, as text, of the relation of that schema and name is a granted one. */
export function visibleNumber(v: Visible, schema: string, name: string, number: string): Template {
  return relationNamed(
    schema,
    name,
    template`EXISTS (SELECT FROM pg_catalog.pg_attribute AS rowgate_t WHERE rowgate_t.attrelid = rowgate_c.oid AND rowgate_t.attnum::pg_catalog.text = ${column(number)} AND (${system('rowgate_c.oid')} OR ${visibleColumn(v, 'rowgate_c.oid', 'rowgate_t.attnum')}))`,
  );
}
