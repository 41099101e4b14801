/** Stage 4 of collations by name: the server's own, and those that a granted column has or that `collations` names. Of others the answer is the same, whether there is one or not. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import { position } from '../../sql/analyze/resolver.ts';
import type { Oid } from '../../sql/catalog/catalog.ts';
import type { Draft, DraftStatement } from '../draft.ts';

/** A refusal if COLLATE names a user's collation that was not granted. */
export function authorizeCollations(draft: Draft, { analysis }: DraftStatement): Refusal | undefined {
  const denied = analysis?.marks.collationNames.find(({ names }) => !mayName(draft, names));
  if (!denied) return undefined;
  // Word for word what the server says of one that is not there.
  const message = `collation "${denied.names.join('.')}" for encoding "${draft.catalog.data.encoding}" does not exist`;
  return refusal('type-not-granted', '42704', message, { position: position(draft.text, denied.at) });
}

function mayName({ catalog, searchPath, role }: Draft, names: readonly string[]): boolean {
  const [name, schema, ...more] = [...names].reverse();
  if (name === undefined || more.length > 0) return false;
  if (schema === 'pg_catalog') return true;
  const found = catalog.data.collations.filter(
    (one) => one.name === name && (schema === undefined ? searchPath.includes(one.schema) : one.schema === schema),
  );
  // INVARIANT 113: a name in another schema tells whether there is that schema, and one of users whether there is one.
  if (found.length === 0) return schema === undefined;
  return found.every(({ oid }) => role.collations?.has(oid) || isOfGrantedColumn(role, oid));
}

function isOfGrantedColumn(role: RolePolicy, oid: Oid): boolean {
  return [...role.relations.values()].some(({ relation, select, insert, update }) =>
    relation.columns.some(
      ({ name, collation }) =>
        collation === oid && (select?.columns.has(name) || insert?.columns.has(name) || update?.columns.has(name)),
    ),
  );
}
