/** From the function that was chosen to the answer: polymorphic types filled in, each argument's coercion named. */
import type { Catalog, Fn, Oid, Operator } from '../catalog/catalog.ts';
import { type Coercion, coercion } from './coercion.ts';
import * as t from './oids.ts';
import { bindPolymorphic, substitute } from './polymorphic.ts';
import type { Resolved } from './resolved.ts';
import { isCompatiblePolymorphic, isPlainPolymorphic, isPolymorphic } from './type.ts';

/**
 * `declared` has one type for each argument of the call, then those of the arguments left to their defaults. `result` is
 * the declared result type: an operator's or a function's.
 */
export function found(
  catalog: Catalog,
  fn: Fn,
  operator: Operator | undefined,
  actual: readonly Oid[],
  declared: readonly Oid[],
  result: Oid,
): Resolved {
  const operatorPart = operator && { operator };
  const generic = declared.some(isPolymorphic);
  if (!generic) {
    const argTypes = declared.slice(0, actual.length);
    const coercions = actual.map((type, i) => coercion(catalog, type, declared[i]!, 'implicit'));
    return { kind: 'found', fn, ...operatorPart, result, outColumns: fn.outColumns, argTypes, coercions };
  }
  const defaulted = declared.slice(actual.length).some(isPolymorphic);
  // The types of default expressions are not in the catalog model; what they would settle stays open.
  const all = [...actual, ...declared.slice(actual.length).map((type) => (isPolymorphic(type) ? t.UNKNOWN : type))];
  const bindings = bindPolymorphic(catalog, all, declared);
  if (!bindings) return { kind: 'none', why: 'polymorphic type not settled' };
  const argTypes: Oid[] = [];
  const coercions: Coercion[] = [];
  for (let i = 0; i < actual.length; i++) {
    const type = substitute(catalog, bindings, declared[i]!);
    if (type === 0 && !defaulted) return { kind: 'none', why: 'polymorphic type not settled' };
    argTypes.push(type);
    coercions.push(coercion(catalog, actual[i]!, type, 'implicit'));
  }
  const plain = declared.filter(isPlainPolymorphic).length;
  if (plain > 0 && bindings.element === 0 && !defaulted) return { kind: 'none', why: 'polymorphic type not settled' };
  // A column of pg_statistic may be passed on whole, but nothing may depend on what its elements are.
  const opaque = bindings.array === t.ANYARRAY;
  if (opaque && (plain !== 1 || (result !== t.ANYARRAY && isPlainPolymorphic(result)))) {
    return { kind: 'none', why: 'polymorphic type not settled' };
  }
  // A default may still move the common type, but not an element type on which all must agree.
  const settle = (type: Oid): Oid =>
    defaulted && isCompatiblePolymorphic(type) ? t.UNTELLABLE : substitute(catalog, bindings, type);
  const resultType = settle(result);
  if (resultType === 0 && !defaulted) return { kind: 'none', why: 'polymorphic type not settled' };
  const outColumns = fn.outColumns.map((column) => ({ name: column.name, type: settle(column.type) }));
  return { kind: 'found', fn, ...operatorPart, result: resultType, outColumns, argTypes, coercions };
}
