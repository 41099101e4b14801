/** Pieces of SQL from which the row conditions of system catalogs are put together: by OID, by column, by name. */
import type { Oid } from '../sql/catalog.ts';
import type { Slot, Template } from '../sql/template.ts';
import { FIRST_USER_OID, type Visible } from './visible.ts';

const ROW: Slot = { kind: 'row' };

/** A template in which `column('oid')` and the like stand for columns of the row itself. */
export function template(strings: TemplateStringsArray, ...values: readonly (string | Template)[]): Template {
  const pieces: (string | Slot)[] = [];
  const add = (piece: string | Slot): void => {
    const last = pieces.at(-1);
    if (typeof piece === 'string' && typeof last === 'string') pieces[pieces.length - 1] = last + piece;
    else if (piece !== '') pieces.push(piece);
  };
  strings.forEach((text, index) => {
    add(text);
    const value = values[index];
    if (typeof value === 'string') add(value);
    else for (const piece of value ?? []) add(piece);
  });
  return pieces;
}

/** A column of the row itself. */
export function column(name: string): Template {
  return [ROW, `.${name}`];
}

/** A string constant, whatever it holds; standard_conforming_strings is pinned. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function oids(list: readonly Oid[]): string {
  return `ANY ('{${list.join(',')}}'::pg_catalog.oid[])`;
}

/** The object belongs to the server itself. */
export function system(oid: string | Template): Template {
  return template`${oid} < ${String(FIRST_USER_OID)}`;
}

export function visibleRelation(visible: Visible, oid: string | Template): Template {
  return template`${oid} = ${oids(visible.relations.map(({ relation }) => relation.oid))}`;
}

/** The pair names a granted column. */
export function visibleColumn(visible: Visible, oid: string | Template, attnum: string | Template): Template {
  return eachRelation(visible, oid, (attnums) => template`${attnum} = ANY (${attnums})`);
}

/** Every column number in the array is granted; a NULL array is not. */
function visibleColumns(visible: Visible, oid: string | Template, attnums: string | Template): Template {
  return eachRelation(
    visible,
    oid,
    (granted) => template`${attnums}::pg_catalog.int2[] OPERATOR(pg_catalog.<@) ${granted}`,
  );
}

/** An index of which nothing names a withheld column: expressions (attribute 0) and predicates could. */
export function visibleIndex(visible: Visible, alias: string | Template): Template {
  const at = (name: string): Template => template`${alias}.${name}`;
  return eachRelation(
    visible,
    at('indrelid'),
    (granted) =>
      template`${at('indkey')}::pg_catalog.int2[] OPERATOR(pg_catalog.<@) ${granted} AND ${at('indpred')} IS NULL`,
  );
}

export function visibleConstraint(visible: Visible, alias: string | Template): Template {
  const at = (name: string): Template => template`${alias}.${name}`;
  const own = visibleColumns(visible, at('conrelid'), at('conkey'));
  const target = template`(${at('confrelid')} = 0 OR ${visibleColumns(visible, at('confrelid'), at('confkey'))})`;
  const domain = template`(${at('conrelid')} = 0 AND ${at('contypid')} = ${oids(visible.types)})`;
  return template`(${system(at('oid'))} OR ${domain} OR (${own} AND ${target}))`;
}

/** OIDs of indexes and owned sequences of visible relations. */
export function belongings(visible: Visible): Template {
  const indexes = template`SELECT rowgate_i.indexrelid FROM pg_catalog.pg_index AS rowgate_i WHERE ${visibleIndex(visible, 'rowgate_i')}`;
  return template`(${indexes} UNION ALL ${ownedSequences(visible)})`;
}

/** OIDs of the sequences behind visible serial and identity columns. */
export function ownedSequences(visible: Visible): Template {
  return template`SELECT rowgate_d.objid FROM pg_catalog.pg_depend AS rowgate_d JOIN pg_catalog.pg_class AS rowgate_s ON rowgate_s.oid = rowgate_d.objid WHERE rowgate_d.classid = 1259 AND rowgate_d.refclassid = 1259 AND rowgate_s.relkind = 'S' AND ${visibleColumn(visible, 'rowgate_d.refobjid', 'rowgate_d.refobjsubid')}`;
}

/** `table_schema` and `table_name` (or what they are called) name a visible relation or one of the server's own. */
export function visibleName(visible: Visible, schema: string, name: string): Template {
  const bySchema = new Map<string, string[]>();
  for (const { relation } of visible.relations) {
    bySchema.set(relation.schema, [...(bySchema.get(relation.schema) ?? []), relation.name]);
  }
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

function eachRelation(visible: Visible, oid: string | Template, some: (attnums: string) => Template): Template {
  const whole = visible.relations.filter((relation) => relation.whole).map(({ relation }) => relation.oid);
  let condition = template`${oid} = ${oids(whole)}`;
  for (const { relation, attnums, whole: all } of visible.relations) {
    if (all || attnums.length === 0) continue;
    condition = template`${condition} OR (${oid} = ${String(relation.oid)} AND ${some(`'{${attnums.join(',')}}'::pg_catalog.int2[]`)})`;
  }
  return template`(${condition})`;
}
