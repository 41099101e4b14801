/** What ORDER BY, GROUP BY, DISTINCT, UNION and merge or hash joins run on values of a type: its default operator classes. */
import type { Catalog, Fn, Oid, Opclass, Operator } from '../catalog/catalog.ts';
import * as t from './oids.ts';
import { pathway } from './pathway.ts';
import { baseType, elementType, isRow, rowRelation } from './type.ts';

export interface SortFunctions {
  /** Comparisons: `=`, and `<`, `>` and the btree comparison where the type can be ordered. */
  readonly comparison: readonly Fn[];
  /** The hash functions; the server marks none of them leakproof. */
  readonly hash: readonly Fn[];
  readonly equality: Operator | undefined;
  readonly less: Operator | undefined;
  readonly greater: Operator | undefined;
  /** Whether all of `comparison` are leakproof. Arrays, ranges, enums and rows are not: theirs run the comparisons of what they hold. */
  readonly leakproof: boolean;
}

/** Undefined if the type has neither equality nor order (json, xml, point), or is unknown. */
export function sortFunctions(catalog: Catalog, type: Oid): SortFunctions | undefined {
  if (!catalog.typesByOid.has(type) || type === t.UNKNOWN || type === t.ANYARRAY) return undefined;
  const parts = partTypes(catalog, type).map((part) => sortFunctions(catalog, part));
  if (parts.some((part) => part === undefined)) return undefined;
  const ordered = parts.every((part) => part?.less !== undefined);
  const btree = ordered ? defaultOpclass(catalog, type, 'btree') : undefined;
  const hash = defaultOpclass(catalog, type, 'hash');
  if (!btree && !hash) return undefined;
  const operator = (opclass: Opclass | undefined, strategy: number): Operator | undefined =>
    catalog.operatorsByOid.get(opclass?.operators.find((o) => o.strategy === strategy)?.operator ?? 0);
  const less = operator(btree, 1);
  const greater = operator(btree, 5);
  const equality = operator(btree, 3) ?? operator(hash, 1);
  const hashed = operator(hash, 1);
  const oids = new Set([less, greater, equality, hashed].flatMap((o) => o?.fn ?? []));
  for (const { number, fn } of btree?.functions ?? []) if (number === 1) oids.add(fn);
  const comparison = functions(catalog, oids);
  const hashes = functions(catalog, new Set(hash?.functions.map(({ fn }) => fn)));
  if (!comparison || !hashes) return undefined;
  return { comparison, hash: hashes, equality, less, greater, leakproof: comparison.every((fn) => fn.leakproof) };
}

/** Types that must compare for this one to: the element of an array, the columns of a row. */
function partTypes(catalog: Catalog, type: Oid): Oid[] {
  const base = baseType(catalog, type);
  const element = elementType(catalog, base);
  if (element !== 0 && catalog.opclasses(base).length === 0) return [element];
  return rowRelation(catalog, base)?.columns.map((column) => column.type) ?? [];
}

function functions(catalog: Catalog, oids: ReadonlySet<Oid>): Fn[] | undefined {
  const found: Fn[] = [];
  for (const oid of oids) {
    const fn = catalog.functionsByOid.get(oid);
    if (!fn) return undefined;
    found.push(fn);
  }
  return found;
}

/** The type's own class, else one of a type that it is binary-coercible to, a preferred one first (manual, section 36.16). */
function defaultOpclass(catalog: Catalog, type: Oid, method: Opclass['method']): Opclass | undefined {
  const base = baseType(catalog, type);
  const own = catalog.opclasses(base).find((opclass) => opclass.method === method);
  if (own) return own;
  let fallback: Opclass | undefined;
  for (const target of binaryTargets(catalog, base)) {
    const opclass = catalog.opclasses(target).find((candidate) => candidate.method === method);
    if (!opclass) continue;
    if (catalog.typesByOid.get(target)?.preferred && sameCategory(catalog, base, target)) return opclass;
    fallback ??= opclass;
  }
  return fallback;
}

function sameCategory(catalog: Catalog, a: Oid, b: Oid): boolean {
  return catalog.typesByOid.get(a)?.category === catalog.typesByOid.get(b)?.category;
}

/** Types as which values of this one may be read as they are: by pg_cast, and the pseudo-types of its kind. */
function binaryTargets(catalog: Catalog, base: Oid): Oid[] {
  const targets: Oid[] = [];
  for (const cast of catalog.castsFrom(base)?.values() ?? []) {
    if (cast.method === 'b' && cast.context === 'i' && pathway(catalog, base, cast.target, 'implicit'))
      targets.push(cast.target);
  }
  const kind = catalog.typesByOid.get(base)?.kind;
  if (elementType(catalog, base) !== 0) targets.push(t.ANYARRAY);
  if (kind === 'e') targets.push(t.ANYENUM);
  if (kind === 'r') targets.push(t.ANYRANGE);
  if (kind === 'm') targets.push(t.ANYMULTIRANGE);
  if (isRow(catalog, base)) targets.push(t.RECORD);
  return targets;
}
