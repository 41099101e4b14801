/** How a value of one type becomes one of another: every function that runs on the way, so that it can be judged. */
import type { Catalog, Fn, Oid } from '../catalog/catalog.ts';
import * as t from './oids.ts';
import { type CastContext, coercible, pathway } from './pathway.ts';
import { baseType, elementType, isPolymorphic } from './type.ts';

export type Coercion =
  /** Nothing happens. */
  | { readonly kind: 'same' }
  /** An unknown constant: the type's input function reads it while the statement is analyzed, no row is near. */
  | { readonly kind: 'literal' }
  /** The same bytes under another type. */
  | { readonly kind: 'relabel' }
  | { readonly kind: 'function'; readonly fn: Fn }
  /** Through text: the output function of the one and the input function of the other type. */
  | { readonly kind: 'io'; readonly output: Fn; readonly input: Fn }
  /** Element by element, after `inner`. */
  | { readonly kind: 'array'; readonly element: Coercion; readonly inner: Coercion }
  /** Fitted to a type modifier, after `inner`: `varchar(3)`, `numeric(10,2)`. */
  | { readonly kind: 'length'; readonly fn: Fn; readonly inner: Coercion }
  /** Into a domain, after `inner`; its CHECKs and NOT NULL run where it is constrained. */
  | { readonly kind: 'domain'; readonly constrained: boolean; readonly inner: Coercion }
  /** Between row types, column by column. */
  | { readonly kind: 'row' }
  /** The server refuses it. */
  | { readonly kind: 'impossible' }
  /** A type is not known here. */
  | { readonly kind: 'untellable' };

const SAME: Coercion = { kind: 'same' };
const LITERAL: Coercion = { kind: 'literal' };
const RELABEL: Coercion = { kind: 'relabel' };
const ROW: Coercion = { kind: 'row' };
const IMPOSSIBLE: Coercion = { kind: 'impossible' };
const UNTELLABLE: Coercion = { kind: 'untellable' };

/**
 * The coercion of a value (manual, sections 10.3, 10.4 and CREATE CAST). A value of type `unknown` is taken for a literal. `typmod` is the modifier
 * that a written cast or a column asks for, or -1.
 */
export function coercion(catalog: Catalog, from: Oid, to: Oid, context: CastContext, typmod = -1): Coercion {
  if (from === t.UNTELLABLE || to === t.UNTELLABLE) return UNTELLABLE;
  const target = catalog.typesByOid.get(to);
  if (!target || !catalog.typesByOid.has(from)) return UNTELLABLE;
  if (from === to) return fitted(catalog, to, typmod, SAME);
  if (to === t.ANY || isPolymorphic(to)) {
    return from !== t.UNKNOWN && isContainer(to) && baseType(catalog, from) !== from ? RELABEL : SAME;
  }
  // A literal is read as the domain's base type while the statement is analyzed, but its CHECKs are evaluated for each row.
  if (from === t.UNKNOWN) return target.kind === 'd' ? intoDomain(catalog, to, SAME) : LITERAL;
  const way = pathway(catalog, from, to, context);
  if (way) {
    const step = physical(catalog, baseType(catalog, from), baseType(catalog, to), way, context);
    return target.kind === 'd'
      ? intoDomain(catalog, to, way === 'relabel' ? SAME : step)
      : fitted(catalog, to, typmod, step);
  }
  if (!coercible(catalog, from, to, context)) return IMPOSSIBLE;
  // Only row types are left: a named one can be used as `record` unchanged.
  return to === t.RECORD || to === t.RECORD_ARRAY ? SAME : ROW;
}

/** Polymorphic types that take a domain as its base type. */
function isContainer(polymorphic: Oid): boolean {
  switch (polymorphic) {
    case t.ANYELEMENT:
    case t.ANYNONARRAY:
    case t.ANYCOMPATIBLE:
    case t.ANYCOMPATIBLENONARRAY:
      return false;
    default:
      return polymorphic !== t.ANY;
  }
}

function physical(
  catalog: Catalog,
  source: Oid,
  target: Oid,
  way: 'relabel' | 'function' | 'io' | 'array',
  context: CastContext,
): Coercion {
  switch (way) {
    case 'relabel':
      return RELABEL;
    case 'function': {
      const fn = catalog.functionsByOid.get(catalog.cast(source, target)?.fn ?? 0);
      return fn ? { kind: 'function', fn } : UNTELLABLE;
    }
    case 'io': {
      const output = catalog.functionsByOid.get(catalog.typesByOid.get(source)?.output ?? 0);
      const input = catalog.functionsByOid.get(catalog.typesByOid.get(target)?.input ?? 0);
      return output && input ? { kind: 'io', output, input } : UNTELLABLE;
    }
    case 'array': {
      const element = coercion(catalog, elementType(catalog, source), elementType(catalog, target), context);
      return { kind: 'array', element, inner: SAME };
    }
  }
}

/** A domain's own modifier applies before its constraints are checked; so do those of the domains under it. */
function intoDomain(catalog: Catalog, domain: Oid, step: Coercion): Coercion {
  let constrained = false;
  let typmod = -1;
  let current = catalog.typesByOid.get(domain);
  while (current && current.kind === 'd') {
    constrained ||= current.constrained;
    if (typmod < 0) typmod = current.baseTypmod;
    current = catalog.typesByOid.get(current.base);
  }
  if (!current) return UNTELLABLE;
  return { kind: 'domain', constrained, inner: fitted(catalog, current.oid, typmod, step) };
}

/** Adds the type's length coercion (a pg_cast entry from the type to itself) where a modifier asks for it. */
function fitted(catalog: Catalog, type: Oid, typmod: number, inner: Coercion): Coercion {
  if (typmod < 0) return inner;
  const element = elementType(catalog, type);
  if (element !== 0) {
    const array = inner.kind === 'array' ? inner : { kind: 'array' as const, element: SAME, inner };
    const ofElement = fitted(catalog, element, typmod, array.element);
    return ofElement.kind === 'same' ? inner : { ...array, element: ofElement };
  }
  // A cast function that takes the modifier itself has fitted the value already.
  if (inner.kind === 'function' && inner.fn.args.length > 1) return inner;
  const cast = catalog.cast(type, type);
  if (!cast || cast.fn === 0) return inner;
  const fn = catalog.functionsByOid.get(cast.fn);
  return fn ? { kind: 'length', fn, inner } : UNTELLABLE;
}
