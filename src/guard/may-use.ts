/** Which functions, operators and types a role may use: those known to be safe, and those that it was granted. */
import { KNOWN_EXTENSIONS } from '../policy/compile/known-extensions.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import type { Fn, Operator, Type } from '../sql/catalog/catalog.ts';
import { BUILTINS, DENIED, DENIED_OVERLOADS, INFORMATION_SCHEMA_FUNCTIONS } from './builtin-functions.ts';
import type { Draft } from './draft.ts';

/** PostgreSQL's FirstNormalObjectId: objects below it came with the server. */
export const FIRST_USER_OID = 16384;

/** INVARIANT 6: what was not granted is called only where a list names it, or its extension, and it came with the server or that extension. */
export function mayCall(role: RolePolicy, fn: Fn): boolean {
  if (role.functions.has(fn.oid)) return true;
  if (fn.extension !== '' && KNOWN_EXTENSIONS.has(fn.extension)) return !DENIED.has(fn.name) && fn.volatility !== 'v';
  if (DENIED_OVERLOADS.has(`${fn.name}(${fn.args.join()})`)) return false;
  if (fn.schema === 'pg_catalog') return fn.oid < FIRST_USER_OID && BUILTINS.has(fn.name);
  return fn.schema === 'information_schema' && fn.oid < FIRST_USER_OID && INFORMATION_SCHEMA_FUNCTIONS.has(fn.name);
}

/** Operators of the server, of known extensions, and those whose function was granted. */
export function mayUseOperator(role: RolePolicy, operator: Operator): boolean {
  if (operator.schema === 'pg_catalog' && operator.oid < FIRST_USER_OID) return true;
  return role.functions.has(operator.fn) || (operator.extension !== '' && KNOWN_EXTENSIONS.has(operator.extension));
}

/** System types, and what extensions bring; types of granted columns; a domain only where it is one of those, for its CHECK is code; an enum also of a granted function. */
export function mayUseType(draft: Draft, type: Type): boolean {
  if (type.schema === 'pg_catalog' || type.schema === 'information_schema') return type.oid < FIRST_USER_OID;
  // By a value of an enum its labels are had, one and all.
  if (type.kind === 'e') return draft.role.types?.has(type.oid) === true;
  const element = type.element !== 0 ? draft.catalog.typesByOid.get(type.element) : undefined;
  if (element) return mayUseType(draft, element);
  const row = type.relation === 0 ? undefined : draft.role.relations.get(type.relation);
  // The row type of a table has all its columns: those of a table of which some are withheld would be told.
  if (row) return row.select?.whole === true;
  for (const grant of draft.role.relations.values()) {
    if (grant.system) continue;
    for (const column of grant.select?.columns.values() ?? []) if (column.column.type === type.oid) return true;
    const written = grant.relation.columns.filter(
      ({ name }) => grant.insert?.columns.has(name) || grant.update?.columns.has(name),
    );
    if (written.some((column) => column.type === type.oid)) return true;
  }
  return type.kind === 'b' && draft.catalog.functionsNamed(type.name).some((f) => KNOWN_EXTENSIONS.has(f.extension));
}
