/** The actual types of `anyelement`, `anyarray`, `anycompatible` and similar in one call (manual, section 36.2.5). */
import type { Catalog, Oid } from '../catalog/catalog.ts';
import { commonType } from './common-type.ts';
import * as t from './oids.ts';
import { coercible } from './pathway.ts';
import { arrayType, baseType, elementType } from './type.ts';

/** Types that the arguments of a call settle; 0 where they do not. */
export interface Bindings {
  readonly element: Oid;
  readonly array: Oid;
  readonly range: Oid;
  readonly multirange: Oid;
  readonly common: Oid;
  readonly commonRange: Oid;
  readonly commonMultirange: Oid;
}

/**
 * Binds the arguments of a call to its declared polymorphic types: undefined if they contradict one another. What stays 0 in the answer is not
 * settled by these arguments, which matters only if `substitute` is then asked for it.
 */
export function bindPolymorphic(
  catalog: Catalog,
  actual: readonly Oid[],
  declared: readonly Oid[],
): Bindings | undefined {
  const plain = bindPlain(catalog, actual, declared);
  const compatible = plain && bindCompatible(catalog, actual, declared);
  return compatible && { ...plain, ...compatible };
}

/** The actual type of a declared one; 0 if a polymorphic one is not settled. */
export function substitute(catalog: Catalog, bindings: Bindings, declared: Oid): Oid {
  switch (declared) {
    case t.ANYELEMENT:
    case t.ANYNONARRAY:
    case t.ANYENUM:
      return bindings.element;
    case t.ANYARRAY:
      return bindings.array !== 0 ? bindings.array : arrayType(catalog, bindings.element);
    case t.ANYRANGE:
      return bindings.range;
    case t.ANYMULTIRANGE:
      return bindings.multirange !== 0 ? bindings.multirange : multirangeOf(catalog, bindings.range);
    case t.ANYCOMPATIBLE:
    case t.ANYCOMPATIBLENONARRAY:
      return bindings.common;
    case t.ANYCOMPATIBLEARRAY:
      return arrayType(catalog, bindings.common);
    case t.ANYCOMPATIBLERANGE:
      return bindings.commonRange;
    case t.ANYCOMPATIBLEMULTIRANGE:
      return bindings.commonMultirange !== 0 ? bindings.commonMultirange : multirangeOf(catalog, bindings.commonRange);
    default:
      return declared;
  }
}

type Plain = Pick<Bindings, 'element' | 'array' | 'range' | 'multirange'>;

function bindPlain(catalog: Catalog, actual: readonly Oid[], declared: readonly Oid[]): Plain | undefined {
  let element = 0;
  let array = 0;
  let range = 0;
  let multirange = 0;
  let nonArray = false;
  let enumeration = false;
  for (let i = 0; i < declared.length; i++) {
    const type = declared[i]!;
    nonArray ||= type === t.ANYNONARRAY;
    enumeration ||= type === t.ANYENUM;
    const given = actual[i]!;
    if (given === t.UNKNOWN) continue;
    switch (type) {
      case t.ANYELEMENT:
      case t.ANYNONARRAY:
      case t.ANYENUM:
        if (element !== 0 && element !== given) return undefined;
        element = given;
        break;
      case t.ANYARRAY: {
        const base = baseType(catalog, given);
        if (array !== 0 && array !== base) return undefined;
        array = base;
        break;
      }
      case t.ANYRANGE: {
        const base = baseType(catalog, given);
        if (range !== 0 && range !== base) return undefined;
        range = base;
        break;
      }
      case t.ANYMULTIRANGE: {
        const base = baseType(catalog, given);
        if (multirange !== 0 && multirange !== base) return undefined;
        multirange = base;
        break;
      }
    }
  }
  if (array !== 0) {
    // Columns of pg_statistic are declared anyarray: their element type shows only in each value.
    const of = array === t.ANYARRAY ? t.ANYELEMENT : elementType(catalog, array);
    if (of === 0 || (element !== 0 && element !== of)) return undefined;
    element = of;
  }
  if (multirange !== 0) {
    const of = rangeOf(catalog, multirange);
    if (of === 0 || (range !== 0 && range !== of)) return undefined;
    range = of;
  }
  if (range !== 0) {
    const of = rangeSubtype(catalog, range);
    if (of === 0 || (element !== 0 && element !== of)) return undefined;
    element = of;
  }
  if (nonArray && isArray(catalog, element)) return undefined;
  if (enumeration && catalog.typesByOid.get(element)?.kind !== 'e') return undefined;
  return { element, array, range, multirange };
}

type Compatible = Pick<Bindings, 'common' | 'commonRange' | 'commonMultirange'>;

function bindCompatible(catalog: Catalog, actual: readonly Oid[], declared: readonly Oid[]): Compatible | undefined {
  let seen = false;
  let nonArray = false;
  let range = 0;
  let multirange = 0;
  const types: Oid[] = [];
  for (let i = 0; i < declared.length; i++) {
    const type = declared[i]!;
    nonArray ||= type === t.ANYCOMPATIBLENONARRAY;
    const given = actual[i]!;
    switch (type) {
      case t.ANYCOMPATIBLE:
      case t.ANYCOMPATIBLENONARRAY:
        seen = true;
        if (given !== t.UNKNOWN) types.push(given);
        break;
      case t.ANYCOMPATIBLEARRAY: {
        seen = true;
        if (given === t.UNKNOWN) break;
        const element = elementType(catalog, baseType(catalog, given));
        if (element === 0) return undefined;
        types.push(element);
        break;
      }
      case t.ANYCOMPATIBLERANGE: {
        seen = true;
        if (given === t.UNKNOWN) break;
        const base = baseType(catalog, given);
        if (range !== 0 && range !== base) return undefined;
        if (range === 0) types.push(rangeSubtype(catalog, base));
        range = base;
        break;
      }
      case t.ANYCOMPATIBLEMULTIRANGE: {
        seen = true;
        if (given === t.UNKNOWN) break;
        const base = baseType(catalog, given);
        if (multirange !== 0 && multirange !== base) return undefined;
        multirange = base;
        break;
      }
    }
  }
  if (!seen) return { common: 0, commonRange: 0, commonMultirange: 0 };
  if (multirange !== 0) {
    const of = rangeOf(catalog, multirange);
    if (of === 0 || (range !== 0 && range !== of)) return undefined;
    if (range === 0) types.push(rangeSubtype(catalog, of));
    range = of;
  }
  // All unknown: they are text.
  if (types.length === 0) return { common: t.TEXT, commonRange: 0, commonMultirange: 0 };
  if (types.includes(0)) return undefined;
  const common = commonType(catalog, types);
  if (common === 0 || !types.every((type) => coercible(catalog, type, common, 'implicit'))) return undefined;
  if (nonArray && isArray(catalog, common)) return undefined;
  if (range !== 0 && rangeSubtype(catalog, range) !== common) return undefined;
  return { common, commonRange: range, commonMultirange: multirange };
}

function isArray(catalog: Catalog, type: Oid): boolean {
  return elementType(catalog, baseType(catalog, type)) !== 0;
}

function rangeSubtype(catalog: Catalog, type: Oid): Oid {
  const found = catalog.typesByOid.get(type);
  return found?.kind === 'r' ? found.subtype : 0;
}

function rangeOf(catalog: Catalog, type: Oid): Oid {
  const found = catalog.typesByOid.get(type);
  return found?.kind === 'm' ? found.multirange : 0;
}

function multirangeOf(catalog: Catalog, range: Oid): Oid {
  const found = catalog.typesByOid.get(range);
  return found?.kind === 'r' ? found.multirange : 0;
}
