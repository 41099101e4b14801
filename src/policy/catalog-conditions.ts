/** Pieces of SQL from which the row conditions of system catalogs are put together: which object, by OID or by name, the role finds. */
import type { Oid } from '../sql/catalog.ts';
import type { Slot, Template } from '../sql/template.ts';
import { KNOWN_EXTENSIONS } from './known-extensions.ts';
import { FIRST_USER_OID, type Visible } from './visible.ts';

/** OIDs of the catalogs themselves, as `classid`, `classoid` and `refclassid` name them; they are the same on every server. */
export const CLASS = {
  type: 1247,
  attribute: 1249,
  function: 1255,
  relation: 1259,
  default: 2604,
  constraint: 2606,
  namespace: 2615,
  opclass: 2616,
  operator: 2617,
  rule: 2618,
  trigger: 2620,
  extension: 3079,
  statistics: 3381,
  collation: 3456,
} as const;

type Sql = string | Template;

const ROW: Slot = { kind: 'row' };

/** A template in which `column('oid')` and the like stand for columns of the row itself. */
export function template(strings: TemplateStringsArray, ...values: readonly Sql[]): Template {
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
export function system(oid: Sql): Template {
  return template`${oid} < ${String(FIRST_USER_OID)}`;
}

/** It came with an extension of which every role may use what it brings. */
export function ofExtension(catalog: number | Template, oid: Sql): Template {
  return template`(${typeof catalog === 'number' ? String(catalog) : catalog}, ${oid}) IN (SELECT rowgate_x.classid, rowgate_x.objid FROM pg_catalog.pg_depend AS rowgate_x JOIN pg_catalog.pg_extension AS rowgate_e ON rowgate_e.oid = rowgate_x.refobjid WHERE rowgate_x.refclassid = 3079 AND rowgate_x.deptype = 'e' AND rowgate_e.extname IN (${knownExtensions()}))`;
}

/** Their names, as a list. */
export function knownExtensions(): string {
  return [...KNOWN_EXTENSIONS].map(literal).join(', ');
}

export function visibleRelation(visible: Visible, oid: Sql): Template {
  return template`${oid} = ${oids(visible.relations.map(({ relation }) => relation.oid))}`;
}

/** The pair names a granted column. */
export function visibleColumn(visible: Visible, oid: Sql, attnum: Sql): Template {
  return eachRelation(visible, oid, (attnums) => template`${attnum} = ANY (${attnums})`);
}

/** Every column number in the array is granted; a NULL array is not. */
export function visibleColumns(visible: Visible, oid: Sql, attnums: Sql): Template {
  return eachRelation(
    visible,
    oid,
    (granted) => template`${attnums}::pg_catalog.int2[] OPERATOR(pg_catalog.<@) ${granted}`,
  );
}

export function visibleFunction(visible: Visible, oid: Sql): Template {
  return template`(${oid} = ${oids(visible.functions.map((fn) => fn.oid))} OR ${ofExtension(CLASS.function, oid)})`;
}

export function visibleType(visible: Visible, oid: Sql): Template {
  return template`(${oid} = ${oids(visible.types)} OR ${ofExtension(CLASS.type, oid)})`;
}

export function visibleOperator(visible: Visible, oid: Sql): Template {
  return template`(${oid} = ${oids(visible.operators)} OR ${ofExtension(CLASS.operator, oid)})`;
}

export function visibleSchema(visible: Visible, name: Sql): Template {
  return template`${name} IN (${visible.schemas.map(literal).join(', ')})`;
}

/**
 * What an expression, a trigger or a rule was made of, as pg_depend has it, is all visible.
 * INVARIANT: what stands in no branch is not: a definition is shown only where every name in it may be known.
 */
export function namesVisible(visible: Visible, catalog: number, oid: Sql): Template {
  const object = 'rowgate_d.refobjid';
  const relation = template`(rowgate_d.refobjsubid = 0 AND (${visibleRelation(visible, object)} OR ${object} IN (${ownedSequences(visible)})))`;
  return template`NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS rowgate_d WHERE rowgate_d.classid = ${String(catalog)} AND rowgate_d.objid = ${oid} AND rowgate_d.deptype IN ('n', 'a') AND rowgate_d.refobjid >= ${String(FIRST_USER_OID)} AND (CASE rowgate_d.refclassid WHEN ${String(CLASS.relation)} THEN ${relation} OR ${visibleColumn(visible, object, 'rowgate_d.refobjsubid')} WHEN ${String(CLASS.function)} THEN ${object} = ${oids(visible.functions.map((fn) => fn.oid))} WHEN ${String(CLASS.type)} THEN ${object} = ${oids(visible.types)} WHEN ${String(CLASS.operator)} THEN ${object} = ${oids(visible.operators)} WHEN ${String(CLASS.collation)} THEN ${object} = ${oids(visible.collations)} WHEN ${String(CLASS.namespace)} THEN true END OR ${ofExtension(['rowgate_d.refclassid'], object)}) IS NOT TRUE)`;
}

/** An index of which nothing names what is withheld: its columns, and what its expressions and its condition hold. */
export function visibleIndex(visible: Visible, alias: Sql): Template {
  const at = (name: string): Template => template`${alias}.${name}`;
  const plain = template`${at('indexprs')} IS NULL AND ${at('indpred')} IS NULL`;
  const keys = template`pg_catalog.array_remove(${at('indkey')}::pg_catalog.int2[], '0'::pg_catalog.int2)`;
  return template`(${visibleColumns(visible, at('indrelid'), keys)} AND ((${plain}) OR ${namesVisible(visible, CLASS.relation, at('indexrelid'))}))`;
}

export function visibleConstraint(visible: Visible, alias: Sql): Template {
  const at = (name: string): Template => template`${alias}.${name}`;
  const own = visibleColumns(visible, at('conrelid'), at('conkey'));
  const target = template`(${at('confrelid')} = 0 OR ${visibleColumns(visible, at('confrelid'), at('confkey'))})`;
  const domain = template`(${at('conrelid')} = 0 AND ${at('contypid')} = ${oids(visible.types)})`;
  // UNIQUE … INCLUDE (…) and EXCLUDE … WHERE (…) say what their index says.
  const index = template`(${at('contype')} NOT IN ('p', 'u', 'x') OR EXISTS (SELECT FROM pg_catalog.pg_index AS rowgate_i WHERE rowgate_i.indexrelid = ${at('conindid')} AND ${visibleIndex(visible, 'rowgate_i')}))`;
  const expression = template`(${at('contype')} IN ('p', 'u', 'f', 'n') OR ${namesVisible(visible, CLASS.constraint, at('oid'))})`;
  return template`(${system(at('oid'))} OR (((${own} AND ${target}) OR ${domain}) AND ${index} AND ${expression}))`;
}

/** Its function is the server's or granted, its WHEN and its columns tell nothing, and its constraint is visible where it has one. */
export function visibleTrigger(visible: Visible, alias: Sql): Template {
  const at = (name: string): Template => template`${alias}.${name}`;
  const constraint = template`(${at('tgconstraint')} = 0 OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS rowgate_k WHERE rowgate_k.oid = ${at('tgconstraint')} AND (${visibleConstraint(visible, 'rowgate_k')} OR (rowgate_k.contype = 't' AND ${visibleRelation(visible, 'rowgate_k.conrelid')}))))`;
  return template`(${visibleRelation(visible, at('tgrelid'))} AND ${constraint} AND ${namesVisible(visible, CLASS.trigger, at('oid'))})`;
}

/** A default of a granted column that names nothing withheld. Before version 15 what a generated column reads is noted of the column. */
export function visibleDefault(visible: Visible, alias: Sql): Template {
  const at = (name: string): Template => template`${alias}.${name}`;
  const older = template`EXISTS (SELECT FROM pg_catalog.pg_depend AS rowgate_g WHERE rowgate_g.classid = 1259 AND rowgate_g.objid = ${at('adrelid')} AND rowgate_g.objsubid = ${at('adnum')} AND rowgate_g.refclassid = 1259 AND rowgate_g.refobjid = ${at('adrelid')} AND rowgate_g.deptype IN ('n', 'a') AND NOT ${visibleColumn(visible, 'rowgate_g.refobjid', 'rowgate_g.refobjsubid')})`;
  return template`(${visibleColumn(visible, at('adrelid'), at('adnum'))} AND ${namesVisible(visible, CLASS.default, at('oid'))} AND NOT ${older})`;
}

/** The key by which a table is partitioned names nothing withheld; one with expressions is not shown. */
export function visiblePartitioning(visible: Visible, relation: Sql): Template {
  return template`EXISTS (SELECT FROM pg_catalog.pg_partitioned_table AS rowgate_p WHERE rowgate_p.partrelid = ${relation} AND rowgate_p.partexprs IS NULL AND ${visibleColumns(visible, 'rowgate_p.partrelid', 'rowgate_p.partattrs')})`;
}

/** What a view reads is all visible, so that its text tells nothing. */
export function visibleView(visible: Visible, oid: Sql): Template {
  return template`NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite AS rowgate_w WHERE rowgate_w.ev_class = ${oid} AND rowgate_w.rulename = '_RETURN' AND NOT (${namesVisible(visible, CLASS.rule, 'rowgate_w.oid')}))`;
}

/** OIDs of indexes and owned sequences of visible relations. */
export function belongings(visible: Visible): Template {
  const indexes = template`SELECT rowgate_i.indexrelid FROM pg_catalog.pg_index AS rowgate_i WHERE ${visibleIndex(visible, 'rowgate_i')}`;
  return template`(${indexes} UNION ALL ${ownedSequences(visible)})`;
}

/** OIDs of the sequences behind visible serial and identity columns. */
export function ownedSequences(visible: Visible): Template {
  return template`SELECT rowgate_q.objid FROM pg_catalog.pg_depend AS rowgate_q JOIN pg_catalog.pg_class AS rowgate_s ON rowgate_s.oid = rowgate_q.objid WHERE rowgate_q.classid = 1259 AND rowgate_q.refclassid = 1259 AND rowgate_q.deptype IN ('a', 'i') AND rowgate_s.relkind = 'S' AND ${visibleColumn(visible, 'rowgate_q.refobjid', 'rowgate_q.refobjsubid')}`;
}

/** The triple (catalog, object, column or 0) names something that the role finds in its catalog. */
export function visibleObject(visible: Visible, catalog: Template, oid: Template, subid: Template): Template {
  const found = (name: string, key: string, condition: (alias: string) => Template): Template =>
    template`EXISTS (SELECT FROM pg_catalog.${name} AS rowgate_o WHERE rowgate_o.${key} = ${oid} AND ${condition('rowgate_o')})`;
  const relation = template`(${subid} = 0 AND (${visibleRelation(visible, oid)} OR ${oid} IN ${belongings(visible)})) OR ${visibleColumn(visible, oid, subid)}`;
  const branches: readonly (readonly [number, Template])[] = [
    [CLASS.relation, relation],
    [CLASS.type, template`${oid} = ${oids(visible.types)}`],
    [CLASS.function, template`${oid} = ${oids(visible.functions.map((fn) => fn.oid))}`],
    [CLASS.operator, template`${oid} = ${oids(visible.operators)}`],
    [CLASS.default, found('pg_attrdef', 'oid', (alias) => visibleDefault(visible, alias))],
    [CLASS.constraint, found('pg_constraint', 'oid', (alias) => visibleConstraint(visible, alias))],
    [CLASS.trigger, found('pg_trigger', 'oid', (alias) => visibleTrigger(visible, alias))],
    [CLASS.namespace, found('pg_namespace', 'oid', (alias) => visibleSchema(visible, `${alias}.nspname`))],
  ];
  const whens = branches.map(([number, condition]) => template` WHEN ${String(number)} THEN ${condition}`);
  return template`(${system(oid)} OR (CASE ${catalog}${whens.flat()} END) IS TRUE OR ${ofExtension(catalog, oid)})`;
}

/** `some` of the granted column numbers, for relations with the same ones together. INVARIANT: never of a relation as a whole: it may have got another column since. */
function eachRelation(visible: Visible, oid: Sql, some: (attnums: string) => Template): Template {
  const alike = new Map<string, Oid[]>();
  for (const { relation, attnums } of visible.relations) {
    if (attnums.length > 0) alike.set(attnums.join(), [...(alike.get(attnums.join()) ?? []), relation.oid]);
  }
  const parts = [...alike].map(
    ([attnums, list]) => template`(${oid} = ${oids(list)} AND ${some(`'{${attnums}}'::pg_catalog.int2[]`)})`,
  );
  if (parts.length === 0) return ['(false)'];
  return template`(${parts.flatMap((part, index) => (index > 0 ? [' OR ', ...part] : part))})`;
}
