/** Rights that every account, and so a wall's account, has through PUBLIC: listed, or revoked if that is asked for. */
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';
import { oneStatement } from './one-statement.ts';
import { signature } from './signature.ts';
import { identifier, qualified, sqlComment } from './sql-text.ts';
import type { PublicRight, Surroundings } from './surroundings.ts';
import type { Wall } from './wall.ts';

interface Options {
  readonly catalog: Catalog;
  readonly surroundings: Surroundings;
  readonly revokePublic: boolean;
}

/** Other accounts may need a right that is revoked from PUBLIC: only a DBA can know. */
export function publicRights(walls: readonly Wall[], { catalog, surroundings, revokePublic }: Options): string {
  const statements = revokesOf(walls, catalog, surroundings);
  if (statements.length === 0) return '';
  const title =
    'PUBLIC has these rights, and so has every account of this wall. Other accounts may need them: look before you take them away.';
  if (revokePublic) return `${sqlComment(title)}\n${statements.map((sql) => `${oneStatement(sql)};`).join('\n')}`;
  return sqlComment([title, ...statements.map((sql) => `${sql};`)].join('\n'));
}

function revokesOf(
  walls: readonly Wall[],
  catalog: Catalog,
  { toPublic, definers, creatable }: Surroundings,
): string[] {
  const tables = toPublic
    .filter((right) => walls.some((wall) => !isGranted(right, wall)))
    .flatMap((right) => {
      const relation = catalog.relationsByOid.get(right.relation);
      return relation ? [revoke(right, relation)] : [];
    });
  const functions = definers
    .filter((oid) => walls.some((wall) => !wall.functions.some((fn) => fn.oid === oid)))
    .flatMap((oid) => catalog.functionsByOid.get(oid) ?? []);
  return [
    ...[...new Set(tables)].sort(),
    ...functions.map((fn) => `REVOKE EXECUTE ON ROUTINE ${signature(fn, catalog)} FROM PUBLIC`),
    ...creatable.map((schema) => `REVOKE CREATE ON SCHEMA ${identifier(schema)} FROM PUBLIC`),
  ];
}

/** Whether the wall grants the same right. */
function isGranted({ relation, column, privilege }: PublicRight, wall: Wall): boolean {
  const sequence = wall.sequences.find((candidate) => candidate.relation.oid === relation);
  if (sequence) return sequence.privileges.some((granted) => granted === privilege);
  const rights = wall.tables.find((candidate) => candidate.relation.oid === relation);
  if (!rights) return false;
  const { select, insert, update, delete: remove } = rights;
  if (privilege === 'DELETE') return remove;
  const granted = { SELECT: select, INSERT: insert, UPDATE: update }[privilege];
  return column !== undefined && granted?.includes(column) === true;
}

function revoke({ column, privilege }: PublicRight, relation: Relation): string {
  const what = column === undefined ? privilege : `${privilege} (${identifier(column)})`;
  return `REVOKE ${what} ON ${relation.kind === 'S' ? 'SEQUENCE' : 'TABLE'} ${qualified(relation)} FROM PUBLIC`;
}
