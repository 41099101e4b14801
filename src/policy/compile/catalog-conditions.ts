/** SQL fragments for the row conditions of system catalogs: which objects, by OID, the role finds. */
import type { Oid } from '../../sql/catalog/catalog.ts';
import type { Slot, Template } from '../../sql/text/template.ts';
import type { Visible } from '../model/visible.ts';
import { CLASS } from './visible-dependents.ts';
import { FIRST_USER_OID } from './visible-types.ts';

export type Sql = string | Template;
type Kind = keyof Visible['dependents'];

const ROW: Slot = { kind: 'row' };

/** A template in which `column('oid')` and the like refer to columns of the row. */
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

export function column(name: string): Template {
  return [ROW, `.${name}`];
}

/** A column cast to its base type: another schema could define operators for the domains of the information schema. */
export function plainColumn(name: string, type = 'name'): Template {
  return [ROW, `.${name}::pg_catalog.${type}`];
}

/** A string constant for any text; standard_conforming_strings is pinned. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function oids(list: readonly Oid[]): string {
  return `ANY ('{${list.join(',')}}'::pg_catalog.oid[])`;
}

/** The object is one of the server's own. */
export function system(oid: Sql): Template {
  return template`${oid} < '${String(FIRST_USER_OID)}'`;
}

/** The object is in the list; false if the list is empty. */
function among(oid: Sql, list: readonly Oid[]): Template {
  return list.length === 0 ? ['false'] : template`${oid} = ${oids(list)}`;
}

/** The object is one of the server's own, or in the list. */
export function systemOr(oid: Sql, list: readonly Oid[]): Template {
  return list.length === 0 ? template`(${system(oid)})` : template`(${system(oid)} OR ${among(oid, list)})`;
}

/** The object is one of the server's own, or belongs to a known extension. */
export function systemOrMember(visible: Visible, catalog: Oid, oid: Sql): Template {
  return systemOr(oid, visible.members.get(catalog) ?? []);
}

export function relationOids(visible: Visible): Oid[] {
  return visible.relations.map(({ relation }) => relation.oid);
}

/** OIDs of the indexes and owned sequences of visible relations. */
export function indexesAndSequences(visible: Visible): Oid[] {
  return [...dependentOids(visible, 'index'), ...dependentOids(visible, 'sequence')];
}

export function dependentOids(visible: Visible, kind: Kind): Oid[] {
  return visible.dependents[kind].map(({ oid }) => oid);
}

/** Relations that have a dependent object of that kind. */
export function havingDependents(visible: Visible, kind: Kind): Oid[] {
  return [...new Set(visible.dependents[kind].map(({ relation }) => relation))];
}

export function typeOids(visible: Visible): Oid[] {
  return visible.types.map(({ oid }) => oid);
}

export function functionOids(visible: Visible): Oid[] {
  return visible.functions.map(({ oid }) => oid);
}

export function visibleRelation(visible: Visible, oid: Sql): Template {
  return among(oid, relationOids(visible));
}

export function visibleDependent(visible: Visible, kind: Kind, oid: Sql): Template {
  return among(oid, dependentOids(visible, kind));
}

/** The pair names a granted column; relations with the same granted columns share a condition. */
export function visibleColumn(visible: Visible, oid: Sql, attnum: Sql): Template {
  const alike = new Map<string, Oid[]>();
  for (const { relation, attnums } of visible.relations) {
    if (attnums.length > 0) alike.set(attnums.join(), [...(alike.get(attnums.join()) ?? []), relation.oid]);
  }
  const parts = [...alike].map(
    ([attnums, list]) => template`(${among(oid, list)} AND ${attnum} = ANY ('{${attnums}}'::pg_catalog.int2[]))`,
  );
  if (parts.length === 0) return ['(false)'];
  return template`(${parts.flatMap((part, index) => (index > 0 ? [' OR ', ...part] : part))})`;
}

export function visibleSchema(visible: Visible, name: Sql): Template {
  return template`${name} IN (${visible.schemas.map(literal).join(', ')})`;
}

/** The triple (catalog, object, column or 0) names something that the role finds in its catalog. Objects of catalogs without a branch are hidden. */
export function visibleObject(visible: Visible, catalog: Template, oid: Template, subid: Template): Template {
  const relations = [...relationOids(visible), ...indexesAndSequences(visible)];
  const branches: readonly (readonly [number, Template])[] = [
    [CLASS.relation, template`(${subid} = 0 AND ${among(oid, relations)}) OR ${visibleColumn(visible, oid, subid)}`],
    [CLASS.type, among(oid, typeOids(visible))],
    [CLASS.function, among(oid, functionOids(visible))],
    [CLASS.operator, among(oid, visible.operators)],
    [CLASS.default, visibleDependent(visible, 'default', oid)],
    [CLASS.constraint, visibleDependent(visible, 'constraint', oid)],
    [CLASS.trigger, visibleDependent(visible, 'trigger', oid)],
    [
      CLASS.namespace,
      template`EXISTS (SELECT FROM pg_catalog.pg_namespace AS rowgate_o WHERE rowgate_o.oid = ${oid} AND ${visibleSchema(visible, 'rowgate_o.nspname')})`,
    ],
  ];
  const whens = branches.map(([number, condition]) => template` WHEN '${String(number)}' THEN ${condition}`);
  return template`(${system(oid)} OR (CASE ${catalog}${whens.flat()} END) IS TRUE)`;
}
