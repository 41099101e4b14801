/** Which operator an expression means (manual, section 10.2). */
import type { Catalog, Oid, Operator } from '../catalog/catalog.ts';
import { accepts, best } from './candidates.ts';
import { coercion } from './coercion.ts';
import { found } from './found.ts';
import * as t from './oids.ts';
import type { QualifiedName } from './path.ts';
import type { Resolved } from './resolved.ts';
import { arrayType, baseType, elementType, isPolymorphic } from './type.ts';
import { type OperatorCandidate, type VisibleOperators, visibleOperators } from './visible.ts';

/**
 * The operator for operands of these types; `left` is undefined for a prefix operator. `UNKNOWN` is a literal without a type, `UNTELLABLE` (0) an
 * operand of unknown type.
 */
export function resolveOperator(
  catalog: Catalog,
  searchPath: readonly string[],
  name: QualifiedName,
  left: Oid | undefined,
  right: Oid,
): Resolved {
  const visible = visibleOperators(catalog, searchPath, name);
  const key = `${left ?? ''} ${right}`;
  const known = visible.answers.get(key);
  if (known) return known;
  const resolved = resolve(catalog, visible, left, right);
  if (visible.answers.size >= MAX_ANSWERS) visible.answers.clear();
  visible.answers.set(key, resolved);
  return resolved;
}

const MAX_ANSWERS = 5000;

function resolve(catalog: Catalog, visible: VisibleOperators, left: Oid | undefined, right: Oid): Resolved {
  const input = (left === undefined ? [right] : [left, right]).map((type) =>
    catalog.typesByOid.has(type) ? type : t.UNTELLABLE,
  );
  const candidates = left === undefined ? visible.prefix : visible.infix;
  if (input.includes(t.UNTELLABLE)) return untellable(catalog, input, candidates);
  const chosen = choose(catalog, visible, candidates, input);
  return chosen.kind === 'chosen' ? complete(catalog, chosen.operator, input) : chosen;
}

/**
 * `left OP ANY (right)` and `ALL`, where `right` is an array: the operator works on its elements (manual, section 9.25).
 * `argTypes` and `coercions` of the answer are those of the left operand and of the whole array.
 */
export function resolveArrayOperator(
  catalog: Catalog,
  searchPath: readonly string[],
  name: QualifiedName,
  left: Oid,
  right: Oid,
): Resolved {
  const known = catalog.typesByOid.has(left) && catalog.typesByOid.has(right);
  const element = right === t.UNKNOWN ? t.UNKNOWN : elementType(catalog, baseType(catalog, right));
  if (known && element === 0) return { kind: 'none', why: 'called in the wrong form' };
  const resolved = resolveOperator(catalog, searchPath, name, left, known ? element : t.UNTELLABLE);
  if (resolved.kind !== 'found' || !resolved.operator) return resolved;
  if (resolved.result !== t.BOOL || resolved.fn.returnsSet) return { kind: 'none', why: 'called in the wrong form' };
  // A polymorphic operand takes the array as it is; any other the array over the operator's own type.
  const operand = resolved.argTypes[1]!;
  const asItIs = isPolymorphic(operand) || (isPolymorphic(resolved.operator.right) && right !== t.UNKNOWN);
  const array = asItIs ? right : arrayType(catalog, operand);
  if (array === 0) return { kind: 'none', why: 'called in the wrong form' };
  const [leftType, leftCoercion] = [resolved.argTypes[0]!, resolved.coercions[0]!];
  return {
    ...resolved,
    argTypes: [leftType, array],
    coercions: [leftCoercion, coercion(catalog, right, array, 'implicit')],
  };
}

type Choice =
  | { readonly kind: 'chosen'; readonly operator: Operator }
  | { readonly kind: 'none'; readonly why: 'no candidate' }
  | { readonly kind: 'ambiguous' };

function choose(
  catalog: Catalog,
  visible: VisibleOperators,
  candidates: readonly OperatorCandidate[],
  input: readonly Oid[],
): Choice {
  const exact = exactMatch(catalog, visible, input);
  if (exact) return { kind: 'chosen', operator: exact };
  const accepted = candidates.filter((candidate) => accepts(catalog, input, candidate));
  if (accepted.length === 0) return { kind: 'none', why: 'no candidate' };
  const chosen = best(catalog, input, accepted);
  return chosen ? { kind: 'chosen', operator: chosen.operator } : { kind: 'ambiguous' };
}

/** An unknown operand is first tried as the other one's type, then as that type's base. */
function exactMatch(catalog: Catalog, visible: VisibleOperators, input: readonly Oid[]): Operator | undefined {
  if (input.length === 1) return visible.exact.get(0)?.get(input[0]!);
  const [left, right] = [input[0]!, input[1]!];
  const unknown = left === t.UNKNOWN || right === t.UNKNOWN;
  if (!unknown) return visible.exact.get(left)?.get(right);
  const type = left === t.UNKNOWN ? right : left;
  const same = visible.exact.get(type)?.get(type);
  if (same) return same;
  const base = baseType(catalog, type);
  return base === type ? undefined : visible.exact.get(base)?.get(base);
}

function complete(catalog: Catalog, operator: Operator, input: readonly Oid[]): Resolved {
  const fn = catalog.functionsByOid.get(operator.fn);
  // An operator that was only announced (a shell) has no function.
  if (!fn) return { kind: 'none', why: 'no candidate' };
  const declared = operator.left === 0 ? [operator.right] : [operator.left, operator.right];
  return found(catalog, fn, operator, input, declared, operator.result);
}

function untellable(catalog: Catalog, input: readonly Oid[], candidates: readonly OperatorCandidate[]): Resolved {
  const fns = candidates
    .filter((candidate) => accepts(catalog, input, candidate))
    .flatMap(({ operator }) => catalog.functionsByOid.get(operator.fn) ?? []);
  return fns.length === 0
    ? { kind: 'none', why: 'no candidate' }
    : { kind: 'untellable', candidates: fns, mayBeColumn: false };
}
