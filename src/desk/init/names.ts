/** Names of the server as policies write them. */
import type { Catalog, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';

export interface Naming {
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
}

/** `students`, or with its schema if the search path finds another table or none. */
export function relationText(relation: Relation, { catalog, searchPath }: Naming): string {
  const schema = searchPath.find((candidate) => catalog.relation(candidate, relation.name));
  const name = part(relation.name);
  return schema === relation.schema ? name : `${part(relation.schema)}.${name}`;
}

export function columnText(
  { relation, column }: { relation: Relation; column: { name: string } },
  naming: Naming,
): string {
  return `${relationText(relation, naming)}.${part(column.name)}`;
}

/** With its argument types, as `functions` of a role takes it. */
export function functionText(fn: Fn, { catalog }: Naming): string {
  const type = (oid: Oid): string => {
    const found = catalog.typesByOid.get(oid);
    const element = found?.element ? catalog.typesByOid.get(found.element) : undefined;
    const named = element ?? found;
    return `${part(named?.schema ?? '')}.${part(named?.name ?? '')}${element ? '[]' : ''}`;
  };
  return `${part(fn.schema)}.${part(fn.name)}(${fn.args.map(type).join(', ')})`;
}

/** A name that roles, subjects and the like can have: letters, digits, `_` and `-`. */
export function plainName(text: string, taken: { has(name: string): boolean }): string {
  const plain = text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9_-]+/g, '_')
    .replace(/^(?![A-Za-z_])/, '_');
  for (let n = 1; ; n++) {
    const name = n === 1 ? plain : `${plain}_${n}`;
    if (!taken.has(name)) return name;
  }
}

function part(name: string): string {
  return /^[^".\s][^".]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
