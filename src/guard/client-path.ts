/** The `search_path` that a client sets: which schemas its names are looked up in, and whether what the policy itself writes means the same under it. */
import type { RolePolicy, SqlNeeds } from '../policy/model/policy.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';
import { resolveOperator } from '../sql/types/operator.ts';

/** Schemas of the server's that every role may look into. */
const OF_ALL = 'information_schema';

/**
 * The schemas of the list in which something is granted, or named by the policy: others are passed over, as PostgreSQL passes over those that do not
 * exist, so that nothing tells which do. undefined: the role cannot have this path.
 */
export function pathOfRole(
  names: readonly string[],
  role: RolePolicy,
  catalog: Catalog,
): readonly string[] | undefined {
  const path: string[] = [];
  for (const name of names) {
    // INVARIANT 124: the server's own schema is searched first, so that what the guard writes finds there what it means.
    if (name === 'pg_catalog' && path.length > 0) return undefined;
    // Where it is not named, temporary tables come first.
    if (name === 'pg_temp' && path.length > 0 && role.temporary !== undefined && role.temporary.size > 0)
      return undefined;
    if (isVisible(name, role, catalog) && !path.includes(name)) path.push(name);
  }
  return meansTheSame(path, role, catalog) ? path : undefined;
}

/** A schema whose tables are being made anew stays on the path of those who hold them: it would change under their sessions. */
function isVisible(name: string, { schemas = [], namedSchemas = [] }: RolePolicy, catalog: Catalog): boolean {
  // The server takes "$user" for the name of its account, whatever schema is called so.
  if (name.startsWith('pg_') || name === '$user') return false;
  return name === OF_ALL || namedSchemas.includes(name) || (schemas.includes(name) && catalog.hasSchema(name));
}

/** INVARIANT 125: what the path finds in conditions and masks is the same under it as under the policy's own. */
function meansTheSame(path: readonly string[], role: RolePolicy, catalog: Catalog): boolean {
  return needsOf(role).every(({ byPath, operators = [] }) => {
    if (byPath) return false;
    return operators.every(({ name, types, operator }) => {
      const right = types[1];
      if (operator === undefined || right === undefined) return false;
      const found = resolveOperator(catalog, path, { name }, types[0], right);
      return found.kind === 'found' && found.operator?.oid === operator;
    });
  });
}

const known = new WeakMap<RolePolicy['relations'], readonly SqlNeeds[]>();

/** For all conditions and masks in which the path decides about something. */
function needsOf({ relations }: RolePolicy): readonly SqlNeeds[] {
  let found = known.get(relations);
  if (!found) {
    found = [...relations.values()].flatMap(({ select, insert, update, delete: deleted }) => {
      const conditions = [select, insert, update, deleted].flatMap((grant) => grant?.conditions ?? []);
      const masks = [...(select?.columns.values() ?? [])].map(({ maskNeeds }) => maskNeeds);
      return [...conditions.map(({ needs }) => needs), ...masks].flatMap((needs) =>
        needs && (needs.byPath || needs.operators) ? [needs] : [],
      );
    });
    known.set(relations, found);
  }
  return found;
}
