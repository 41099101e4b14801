/** The types whose values are OIDs and whose text is a name: input looks up a name, output looks up an OID, past every filter. */
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { ROW } from '../rewrite/names.ts';
import { type Finder, roleFound } from './found.ts';

export interface RegType {
  readonly name: string;
  /** The catalog of the rows whose OIDs are its values. */
  readonly catalog: string;
  /** Whether the OID is of something that the role finds. */
  found(f: Finder, oid: string): string;
  /** The function that looks a name up: it returns NULL if there is none, or fails (a cast). */
  readonly lookup: string;
}

function of(name: string, catalog: string, lookup = `to_${name}`): RegType {
  return {
    name,
    catalog,
    found: (f, oid) => (catalog === 'pg_roles' ? roleFound(f, oid) : f.found(catalog, `${ROW}.oid = ${oid}`)),
    lookup,
  };
}

const REG_TYPES: ReadonlyMap<Oid, RegType> = new Map([
  [24, of('regproc', 'pg_proc')],
  [2202, of('regprocedure', 'pg_proc')],
  [2203, of('regoper', 'pg_operator')],
  [2204, of('regoperator', 'pg_operator')],
  [2205, of('regclass', 'pg_class')],
  [2206, of('regtype', 'pg_type')],
  // All objects in schemas that the role finds are visible, so a cast that fails reveals nothing.
  [3734, of('regconfig', 'pg_ts_config', 'regconfig')],
  [3769, of('regdictionary', 'pg_ts_dict', 'regdictionary')],
  [4089, of('regnamespace', 'pg_namespace')],
  [4096, of('regrole', 'pg_roles')],
  [4191, of('regcollation', 'pg_collation')],
]);

/** Its values are OIDs, and their text is a name. */
export function isNameType(oid: Oid): boolean {
  return REG_TYPES.has(oid);
}

/** What to do about values of a type: nothing, look each up, or refuse what could carry such values unfiltered. */
export type RegKind =
  | { readonly kind: 'no' }
  | { readonly kind: 'reg' | 'array'; readonly type: RegType }
  | { readonly kind: 'inside' };

/** Its text names accounts: reading one looks them up. */
const ACLITEM = 1033;

const NO: RegKind = { kind: 'no' };
const INSIDE: RegKind = { kind: 'inside' };

/** @param depth of arrays, domains and row types around the type; too many are refused. */
export function regKind(catalog: Catalog, oid: Oid, depth = 0): RegKind {
  const reg = REG_TYPES.get(oid);
  if (reg) return { kind: 'reg', type: reg };
  if (oid === ACLITEM) return INSIDE;
  const type = catalog.typesByOid.get(oid);
  if (!type) return NO;
  // A newer server's type of this family, which is not in the table, is refused.
  if (type.schema === 'pg_catalog' && type.kind === 'b' && type.name.startsWith('reg') && type.element === 0)
    return INSIDE;
  if (depth > 8) return INSIDE;
  if (type.element !== 0) {
    const element = regKind(catalog, type.element, depth + 1);
    return element.kind === 'reg' ? { kind: 'array', type: element.type } : element.kind === 'no' ? NO : INSIDE;
  }
  const inner = [
    type.base,
    type.subtype,
    ...(catalog.relationsByOid.get(type.relation)?.columns ?? []).map((c) => c.type),
  ];
  return inner.some((part) => part !== 0 && regKind(catalog, part, depth + 1).kind !== 'no') ? INSIDE : NO;
}
