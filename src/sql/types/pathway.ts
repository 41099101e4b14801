/** Whether and by which way a value of one type becomes one of another: the rules of CREATE CAST, without building anything. */
import type { Catalog, Oid } from '../catalog/catalog.ts';
import * as t from './oids.ts';
import { baseType, category, elementType, isPolymorphic, isRow, rowDescends } from './type.ts';

/** The context of the value: a call or an operator, an INSERT or UPDATE target, or a written cast. */
export type CastContext = 'implicit' | 'assignment' | 'explicit';

/** `relabel`: same bytes. `function`: pg_cast names one. `io`: through text. `array`: element by element. */
export type Pathway = 'relabel' | 'function' | 'io' | 'array';

const RANK = { implicit: 0, assignment: 1, explicit: 2, i: 0, a: 1, e: 2 } as const;

/**
 * The conversion from one type to another, domains taken as their base types; undefined if there is none in that context. Row types, pseudo-types and
 * unknown literals are not handled: see `coercible`.
 */
export function pathway(catalog: Catalog, from: Oid, to: Oid, context: CastContext): Pathway | undefined {
  const source = baseType(catalog, from);
  const target = baseType(catalog, to);
  if (source === target) return 'relabel';
  if (target === t.INTERNAL) return undefined;
  const cast = catalog.cast(source, target);
  if (cast) {
    if (RANK[context] < RANK[cast.context]) return undefined;
    return cast.method === 'f' ? 'function' : cast.method === 'i' ? 'io' : 'relabel';
  }
  if (target !== t.OIDVECTOR && target !== t.INT2VECTOR) {
    const targetElement = elementType(catalog, target);
    const sourceElement = targetElement === 0 ? 0 : elementType(catalog, source);
    if (sourceElement !== 0 && pathway(catalog, sourceElement, targetElement, context)) return 'array';
  }
  if (context !== 'implicit' && category(catalog, target) === 'S') return 'io';
  if (context === 'explicit' && category(catalog, source) === 'S') return 'io';
  return undefined;
}

/**
 * Whether a value of type `from` may be used where `to` is declared. A polymorphic `to` always fits here: whether all polymorphic arguments of a call
 * agree is decided by `polymorphic.ts`.
 */
export function coercible(catalog: Catalog, from: Oid, to: Oid, context: CastContext): boolean {
  if (from === to || to === t.ANY || isPolymorphic(to)) return true;
  // Late minor releases refuse a literal as `internal`; earlier ones fail when they read it.
  if (from === t.UNKNOWN || from === t.UNTELLABLE) return to !== t.INTERNAL;
  if (pathway(catalog, from, to, context)) return true;
  if (from === t.RECORD) return isRow(catalog, to);
  if (to === t.RECORD) return isRow(catalog, from);
  if (to === t.RECORD_ARRAY) {
    const element = elementType(catalog, from);
    return element !== 0 && isRow(catalog, element);
  }
  return rowDescends(catalog, from, to);
}
