/** Whether all that a name could mean in some schemas is a role's to read, to write and to call. */
import type { RelationGrant, RolePolicy, WriteGrant } from '../policy/model/policy.ts';
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';

/** Functions that nothing but triggers calls. */
const TRIGGERS: ReadonlySet<number> = new Set([2279, 3838]);

const known = new WeakMap<RolePolicy, Map<string, boolean>>();

/**
 * INVARIANT 199: every relation with all rows and columns, for every command that it takes, and every function; no relation has a subject's key, so no
 * people are counted, and the role makes no tables of its own, which would be found before all others.
 */
export function holdsSchemas(role: RolePolicy, catalog: Catalog, schemas: readonly string[]): boolean {
  const ofRole = known.get(role) ?? new Map<string, boolean>();
  known.set(role, ofRole);
  const key = schemas.map((schema) => JSON.stringify(schema)).join();
  let held = ofRole.get(key);
  if (held === undefined) {
    held = isHeld(role, catalog, new Set(schemas));
    ofRole.set(key, held);
  }
  return held;
}

function isHeld(role: RolePolicy, catalog: Catalog, schemas: ReadonlySet<string>): boolean {
  if (role.temporary || role.minGroup !== undefined || role.collect !== 'allow') return false;
  const { relations, functions } = catalog.data;
  return (
    relations.every(
      (relation) => !schemas.has(relation.schema) || isWhole(relation, role.relations.get(relation.oid), role, catalog),
    ) &&
    functions.every(
      ({ schema, oid, result }) => !schemas.has(schema) || role.functions.has(oid) || TRIGGERS.has(result),
    )
  );
}

function isWhole(relation: Relation, grant: RelationGrant | undefined, role: RolePolicy, catalog: Catalog): boolean {
  switch (relation.kind) {
    case 'r':
    case 'p':
    case 'v':
    case 'f':
      return (
        grant?.select?.whole === true &&
        (grant.subjectKeys?.length ?? 0) === 0 &&
        [grant.insert, grant.update].every((write) => isWholeWrite(relation, write)) &&
        grant.delete?.conditions.length === 0
      );
    case 'm':
      return grant?.select?.whole === true && (grant.subjectKeys?.length ?? 0) === 0;
    case 'S':
      return grant?.sequence?.has('update') ?? (grant?.select !== undefined && mayCall('setval', role, catalog));
    default:
      // Indexes and types of rows hold no rows that a name reads.
      return true;
  }
}

function isWholeWrite({ columns }: Relation, write: WriteGrant | undefined): boolean {
  return write?.conditions.length === 0 && columns.every(({ name }) => write.columns.has(name));
}

function mayCall(name: string, role: RolePolicy, catalog: Catalog): boolean {
  return catalog.functionsNamed(name).some(({ oid, schema }) => schema === 'pg_catalog' && role.functions.has(oid));
}
