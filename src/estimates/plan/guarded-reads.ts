/** Which relations of a plan count for a role: those with data subjects, and those that are partly withheld from it. */

import { descendants, inheritanceRelatives } from '../../policy/compile/names.ts';
import { isGuarded } from '../../policy/model/is-guarded.ts';
import type { RelationGrant, RolePolicy, Subject } from '../../policy/model/policy.ts';
import type { Catalog, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { GuardedRead, GuardedReads } from './plan-rows.ts';
import type { PrimaryKey } from './point-plan.ts';

/** As the conditions of a policy call what they read: names that no client of a guarded role may use. */
const POLICYS = /^rowgate_p\d*(?:_\d+)?$/;

/** By OID, children and the relations behind views included. */
export function guardedReads(role: RolePolicy, subjects: Iterable<Subject>, catalog: Catalog): GuardedReads {
  const counted = new Set<Oid>();
  const joined = new Set<Oid>();
  for (const subject of subjects) {
    for (const { relation } of subject.keys)
      add(counted, catalog, [relation, ...inheritanceRelatives(catalog, relation)]);
  }
  for (const grant of role.relations.values()) {
    if (grant.system || grant.relation.persistence === 't') continue;
    if (isWithheld(grant)) add(counted, catalog, [grant.relation, ...descendants(catalog, grant.relation)]);
    if (isJoined(grant)) add(joined, catalog, [grant.relation, ...descendants(catalog, grant.relation)]);
  }
  const byName = new Map<string, GuardedRead>();
  for (const oid of counted) {
    const relation = catalog.relationsByOid.get(oid);
    if (relation) byName.set(keyOf(relation), { joined: joined.has(oid) });
  }
  const rewritten = isGuarded(role);
  return {
    of: (relation) => byName.get(keyOf(relation)),
    // Where text is not rewritten, an alias says nothing of who wrote it.
    isPolicys: ({ alias }) => rewritten && POLICYS.test(alias),
  };
}

/** Finds the columns of a relation's primary key, if the index that a plan names is the key's; undefined otherwise. */
export function primaryKeys(catalog: Catalog): PrimaryKey {
  return ({ schema, name }, index) => {
    const relation = catalog.relation(schema, name);
    if (!relation || relation.primaryKey.length === 0) return undefined;
    const key = new Set(relation.primaryKey);
    const keeps = relation.constraints.find((constraint) => constraint.name === index)?.columns;
    if (!keeps || keeps.length !== key.size || !keeps.every((attnum) => key.has(attnum))) return undefined;
    return relation.primaryKey.map((attnum) => relation.columns.find((column) => column.attnum === attnum)?.name ?? '');
  };
}

function isWithheld({ select }: RelationGrant): boolean {
  if (!select) return false;
  return select.conditions.length > 0 || [...select.columns.values()].some(({ mask }) => mask !== undefined);
}

function isJoined({ select, update, delete: remove }: RelationGrant): boolean {
  return [select, update, remove].some((grant) => grant?.conditions.some(({ evaluated }) => evaluated === 'join'));
}

/** A view itself is not scanned: its relations are. */
function add(to: Set<Oid>, catalog: Catalog, relations: readonly Relation[]): void {
  for (const relation of relations) {
    if (to.has(relation.oid)) continue;
    to.add(relation.oid);
    const below = (relation.view?.relations ?? []).flatMap((oid) => catalog.relationsByOid.get(oid) ?? []);
    add(
      to,
      catalog,
      below.flatMap((one) => [one, ...descendants(catalog, one)]),
    );
  }
}

function keyOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}\u0000${name}`;
}
