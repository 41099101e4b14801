/** What the server cannot enforce of a role's policy, as sentences for operators who rely on the wall. */

import type { RelationGrant, RolePolicy } from '../policy/model/policy.ts';
import type { Catalog, Fn, Oid, Relation } from '../sql/catalog/catalog.ts';
import { nameOf } from './comparison.ts';
import type { Needed } from './needed.ts';
import { canFilter } from './row-filters.ts';
import { named } from './sql-text.ts';
import type { WallKind } from './wall.ts';

export interface NoteSource {
  readonly role: RolePolicy;
  readonly kind: WallKind;
  readonly grants: readonly RelationGrant[];
  readonly needed: ReadonlyMap<Oid, Needed>;
  /** Attributes with a value that only a token brings. */
  readonly unknown: readonly string[];
  readonly unfiltered: readonly RelationGrant[];
  readonly personal: readonly { readonly relation: Relation; readonly column: string }[];
  readonly functions: readonly Fn[];
  readonly catalog: Catalog;
}

export function notesOf(source: NoteSource): string[] {
  const { role, kind, grants, unknown, unfiltered, personal, functions, catalog } = source;
  const notes: string[] = [];
  notes.push(
    'limits, "collect", kinds of statements and the list of built-in functions are held by Rowgate alone; so is what of the catalogs shows',
  );
  if (role.minGroup !== undefined) notes.push('"min_group" is held by Rowgate alone: the account reads single rows');
  for (const { relation } of unfiltered) {
    notes.push(`rows of ${nameOf(relation)}: only tables have row security, so the account reads every row of it`);
  }
  notes.push(...widened(source));
  for (const { relation, column } of personal) {
    notes.push(`the mask of ${nameOf(relation)}.${named(column)} differs by principal: no view shows the column`);
  }
  const reads = kind === 'guard' ? 'those of everyone' : 'none of them';
  for (const name of unknown)
    notes.push(`rows by ${named(`:${name}`)}: its value comes with a token, so the account reads ${reads}`);
  for (const { relation } of grants.filter(({ relation }) => relation.kind === 'v' || relation.kind === 'm')) {
    notes.push(`${nameOf(relation)} reads its tables with its owner’s rights: no filter of this wall holds in it`);
  }
  for (const fn of functions.filter(({ securityDefiner }) => securityDefiner)) {
    notes.push(`function ${nameOf(fn)} runs with its owner’s rights: no filter of this wall holds in it`);
  }
  if (kind === 'guard' && role.statements.has('lock')) {
    const since17 =
      'LOCK TABLE asks for MAINTAIN, by which the account may also VACUUM, REINDEX and lock in every mode';
    const before =
      'LOCK TABLE asks for a right on the whole table, which the account has only by DELETE: elsewhere it fails';
    notes.push(catalog.data.serverVersion >= 170000 ? since17 : before);
  }
  return notes;
}

/** Tables for which a filter or mask reads more rows than the table's own grant. */
function widened({ grants, needed }: NoteSource): string[] {
  return [...needed.values()].flatMap(({ relation, rows }) => {
    const every = rows.some((set) => set.length === 0);
    if (!every || !canFilter(relation)) return [];
    const grant = grants.find((candidate) => candidate.relation.oid === relation.oid);
    if (grant?.select?.conditions.length === 0) return [];
    return [
      `rows of ${nameOf(relation)}: a filter or mask reads all of them, so the account does too, in the columns it has`,
    ];
  });
}
