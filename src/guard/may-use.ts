/** Which functions, operators and types a role may use: those known to be safe, and those that it was granted. */
import { KNOWN_EXTENSIONS } from '../policy/compile/known-extensions.ts';
import { FIRST_USER_OID, isRow } from '../policy/compile/visible-types.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import type { Analysis } from '../sql/analyze/analyze.ts';
import type { Catalog, Fn, Operator, Type } from '../sql/catalog/catalog.ts';
import { CLASSES, DENIED } from './builtin-functions.ts';
import type { Draft } from './draft.ts';
import { functionClass } from './function-class.ts';

/**
 * INVARIANT 6: a function that was not granted is called only if its class, or its extension, allows it, and if it came with the server or that
 * extension.
 */
export function mayCall(role: Pick<RolePolicy, 'functions'>, fn: Fn, catalog: Catalog): boolean {
  if (role.functions.has(fn.oid)) return true;
  if (fn.extension !== '' && KNOWN_EXTENSIONS.has(fn.extension)) return !DENIED.has(fn.name) && fn.volatility !== 'v';
  const found = functionClass(fn, catalog);
  return found !== undefined && CLASSES[found].allowed;
}

/** Of these each call is as harmless as any other, whatever it is written as. */
const OF_VALUES: ReadonlySet<unknown> = new Set(['arguments', 'steps', 'operators']);

/**
 * Operators of the server, of known extensions, those whose function was granted, and users' for a function of the server's that looks at values alone.
 * INVARIANT 231: of the last, none for which a join or an index runs other functions: those may be code of users.
 */
export function mayUseOperator(role: Pick<RolePolicy, 'functions'>, operator: Operator, catalog: Catalog): boolean {
  if (operator.schema === 'pg_catalog' && operator.oid < FIRST_USER_OID) return true;
  const fn = catalog.functionsByOid.get(operator.fn);
  if (fn && !operator.searched && OF_VALUES.has(functionClass(fn, catalog))) return true;
  return role.functions.has(operator.fn) || (operator.extension !== '' && KNOWN_EXTENSIONS.has(operator.extension));
}

const UNGRANTED: Pick<RolePolicy, 'functions'> = { functions: new Set() };

/** Whether it calls functions that are granted by name, or `setval`: these may write. */
export function callsGranted({ uses }: Pick<Analysis, 'uses'>, catalog: Catalog): boolean {
  return uses.some((use) => {
    if (use.kind === 'function') return use.candidates.some((fn) => !mayCall(UNGRANTED, fn, catalog));
    if (use.kind === 'operator')
      return use.candidates.some((operator) => !mayUseOperator(UNGRANTED, operator, catalog));
    return false;
  });
}

/**
 * System types, types of extensions, and types that granted columns and functions have or contain: a role that may send such a value may name its
 * type, and a domain's CHECK runs either way. Others are granted by name.
 */
export function mayUseType(draft: Draft, type: Type): boolean {
  if (type.schema === 'pg_catalog' || type.schema === 'information_schema') return type.oid < FIRST_USER_OID;
  const element = type.element !== 0 ? draft.catalog.typesByOid.get(type.element) : undefined;
  if (element) return mayUseType(draft, element);
  // The row type of a table has all its columns, and would reveal withheld ones.
  if (isRow(draft.catalog, type.oid)) return draft.role.relations.get(type.relation)?.select?.whole === true;
  if (draft.role.types?.has(type.oid)) return true;
  for (const grant of draft.role.relations.values()) {
    if (grant.system) continue;
    const written = grant.relation.columns.filter(
      ({ name }) => grant.insert?.columns.has(name) || grant.update?.columns.has(name),
    );
    if (written.some((column) => column.type === type.oid)) return true;
  }
  return type.kind === 'b' && draft.catalog.functionsNamed(type.name).some((f) => KNOWN_EXTENSIONS.has(f.extension));
}
