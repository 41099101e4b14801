/** Compares every right of an account, however it got it, with what its wall gives it. */
import type { Relation } from '../sql/catalog/catalog.ts';
import { type Differ, nameOf, type WallComparison } from './comparison.ts';
import type { ExistingRight, RightSource } from './existing-rights.ts';
import { named } from './sql-text.ts';
import { ownSchema } from './wall.ts';

export function compareRights(comparison: WallComparison, differ: Differ): void {
  const { wall, found } = comparison;
  const has = new Set(found.rights.map(({ relation, column, privilege }) => key(relation, privilege, column)));
  const holds = (relation: Relation, privilege: string, column?: string): boolean =>
    has.has(key(relation.oid, privilege, column)) || has.has(key(relation.oid, privilege));
  const expected = new Set<string>();
  const expect = (relation: Relation, privilege: string, column?: string): void => {
    expected.add(key(relation.oid, privilege, column));
    if (holds(relation, privilege, column)) return;
    differ(
      'right-missing',
      `${privilege} on ${nameOf(relation)}${column === undefined ? '' : `.${named(column)}`} is missing`,
    );
  };
  for (const { relation, select, insert, update, delete: remove, maintain } of wall.tables) {
    for (const column of select) expect(relation, 'SELECT', column);
    for (const column of insert) expect(relation, 'INSERT', column);
    for (const column of update) expect(relation, 'UPDATE', column);
    if (remove) expect(relation, 'DELETE');
    if (maintain) expect(relation, 'MAINTAIN');
  }
  for (const { relation, privileges } of wall.sequences)
    for (const privilege of privileges) expect(relation, privilege);
  for (const right of found.rights) {
    if (expected.has(key(right.relation, right.privilege, right.column))) continue;
    extra(right, comparison, differ);
  }
  compareFunctions(comparison, differ);
  compareSchemas(comparison, differ);
  for (const object of found.further) differ('right-extra', `something is granted on ${object}`);
  for (const later of found.defaults) differ('right-extra', later);
}

function extra(
  { relation: oid, column, privilege, by }: ExistingRight,
  { catalog, wall }: WallComparison,
  differ: Differ,
): void {
  const relation = catalog.relationsByOid.get(oid);
  // The wall's own views.
  if (
    relation?.schema === ownSchema(wall) &&
    wall.views.some(({ name }) => name === relation.name) &&
    privilege === 'SELECT'
  )
    return;
  const where = relation ? nameOf(relation) : `relation ${oid}`;
  const what =
    column === undefined ? `${privilege} on ${where} as a whole` : `${privilege} on ${where}.${named(column)}`;
  differ('right-extra', `${what}, ${from(by)}`);
}

function compareFunctions({ wall, found, catalog }: WallComparison, differ: Differ): void {
  for (const fn of wall.functions) {
    if (!found.functions.some((candidate) => candidate.fn === fn.oid))
      differ('right-missing', `EXECUTE on ${nameOf(fn)} is missing`);
  }
  for (const { fn: oid, by, definer } of found.functions) {
    const fn = catalog.functionsByOid.get(oid);
    if (!fn || wall.functions.includes(fn) || fn.schema === ownSchema(wall)) continue;
    // A function that every account may execute with its own rights adds nothing.
    if (by === 'PUBLIC' && !definer) continue;
    differ('right-extra', `EXECUTE on ${definer ? 'SECURITY DEFINER function ' : ''}${nameOf(fn)}, ${from(by)}`);
  }
}

function compareSchemas({ wall, found }: WallComparison, differ: Differ): void {
  const has = (schema: string, privilege: string): boolean =>
    found.schemas.some((candidate) => candidate.schema === schema && candidate.privilege === privilege);
  for (const schema of wall.schemas)
    if (!has(schema, 'USAGE')) differ('right-missing', `USAGE on schema ${named(schema)} is missing`);
  if (wall.temporary && !found.temporary) differ('right-missing', 'TEMPORARY on the database is missing');
  for (const { schema, privilege } of found.schemas) {
    if (privilege === 'CREATE')
      differ('right-extra', `CREATE on ${schema === '' ? 'the database' : `schema ${named(schema)}`}`);
  }
}

function from(by: RightSource): string {
  switch (by) {
    case 'account':
      return 'granted to the account';
    case 'PUBLIC':
      return 'granted to PUBLIC';
    case 'ownership':
      return 'by ownership';
    case 'membership':
      return 'by membership or an attribute';
  }
}

function key(relation: number, privilege: string, column?: string): string {
  return `${relation} ${privilege} ${column === undefined ? '' : `.${column}`}`;
}
