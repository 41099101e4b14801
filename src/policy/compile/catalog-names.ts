/** The same conditions by name, for catalog views without OIDs: `pg_views`, `information_schema`. */
import type { Dependent } from '../../sql/catalog/catalog.ts';
import type { Template } from '../../sql/text/template.ts';
import type { Visible } from '../model/visible.ts';
import { column, literal, plainColumn, template } from './catalog-conditions.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

export function systemSchema(schema: string): Template {
  return template`${plainColumn(schema)} IN ('pg_catalog', 'information_schema')`;
}

/** The columns for schema and name name one of the list, or one of the server's own objects. */
export function named(schema: string, name: string, list: readonly Named[]): Template {
  const bySchema = new Map<string, string[]>();
  for (const object of list) bySchema.set(object.schema, [...(bySchema.get(object.schema) ?? []), object.name]);
  let condition = systemSchema(schema);
  for (const [own, names] of bySchema) {
    condition = template`${condition} OR (${plainColumn(schema)} = ${literal(own)} AND ${plainColumn(name)} IN (${names.map(literal).join(', ')}))`;
  }
  return template`(${condition})`;
}

export function visibleName(visible: Visible, schema: string, name: string): Template {
  return named(
    schema,
    name,
    visible.relations.map(({ relation }) => relation),
  );
}

/** The same, and the column is one of those that `of` returns for the relation. */
function partsNamed(
  schema: string,
  name: string,
  part: Template,
  of: readonly (Named & { parts: readonly string[] })[],
): Template {
  let condition = systemSchema(schema);
  for (const object of of) {
    if (object.parts.length === 0) continue;
    const table = template`${plainColumn(schema)} = ${literal(object.schema)} AND ${plainColumn(name)} = ${literal(object.name)}`;
    condition = template`${condition} OR (${table} AND ${part} IN (${object.parts.map(literal).join(', ')}))`;
  }
  return template`(${condition})`;
}

export function visibleColumnName(visible: Visible, schema: string, name: string, attribute: string): Template {
  const of = visible.relations.map(({ relation, names }) => ({
    schema: relation.schema,
    name: relation.name,
    parts: names,
  }));
  return partsNamed(schema, name, plainColumn(attribute), of);
}

/** By the column's number, as text. */
export function visibleNumber(visible: Visible, schema: string, name: string, number: string): Template {
  const of = visible.relations.map(({ relation, attnums }) => ({
    schema: relation.schema,
    name: relation.name,
    parts: attnums.map(String),
  }));
  return partsNamed(schema, name, plainColumn(number, 'text'), of);
}

/** The text of a view, if everything that it reads is visible. */
export function viewText(schema: string, name: string, text: string): (visible: Visible) => Template {
  return (v) => template`CASE WHEN ${named(schema, name, relationsOf(v, v.dependents.view))} THEN ${column(text)} END`;
}

/** The default or generation expression of a column, if pg_attrdef shows it. */
export function defaultText(text: string): (visible: Visible) => Template {
  return (v) => {
    const of = v.relations.map(({ relation }) => ({
      schema: relation.schema,
      name: relation.name,
      parts: v.dependents.default.filter((d) => d.relation === relation.oid).map((d) => d.name),
    }));
    return template`CASE WHEN ${partsNamed('table_schema', 'table_name', plainColumn('column_name'), of)} THEN ${column(text)} END`;
  };
}

/** The sequence is granted, or belongs to a granted column. */
export function sequenceNamed(v: Visible, schema: string, name: string): Template {
  const granted = v.relations.map(({ relation }) => relation).filter(({ kind }) => kind === 'S');
  return named(schema, name, [...granted, ...v.sequences]);
}

/**
 * The constraint is visible, on that table if one is given. Some of these views do not say which table a constraint is on, and several tables may
 * have one of that name: if any of those is hidden, none is shown.
 */
export function constraintNamed(v: Visible, schema: string, name: string, table?: string): Template {
  if (table === undefined) return named(schema, name, v.plainConstraints);
  const of = v.relations.map(({ relation }) => ({
    schema: relation.schema,
    name: relation.name,
    parts: v.dependents.constraint.filter((c) => c.relation === relation.oid).map((c) => c.name),
  }));
  return partsNamed(schema, table, plainColumn(name), of);
}

function relationsOf(v: Visible, list: readonly Dependent[]): Named[] {
  const oids = new Set(list.map(({ relation }) => relation));
  return v.relations.map(({ relation }) => relation).filter(({ oid }) => oids.has(oid));
}
