/** The operators and functions that a search path shows, earlier schemas before later ones; remembered for each catalog. */
import type { Catalog, Fn, Oid, Operator } from '../catalog/catalog.ts';
import type { Candidate } from './candidates.ts';
import { pathPositions, type QualifiedName } from './path.ts';
import type { Resolved } from './resolved.ts';

export interface OperatorCandidate extends Candidate {
  readonly operator: Operator;
}

export interface VisibleOperators {
  readonly infix: readonly OperatorCandidate[];
  readonly prefix: readonly OperatorCandidate[];
  /** By left type (0: prefix), then right type. */
  readonly exact: ReadonlyMap<Oid, ReadonlyMap<Oid, Operator>>;
  /** Answers given before, by operand types: `=` has a hundred candidates, and is asked for all the time. */
  readonly answers: Map<string, Resolved>;
}

export interface VisibleFunction {
  readonly fn: Fn;
  readonly position: number;
}

interface View {
  readonly operators: Map<string, VisibleOperators>;
  readonly functions: Map<string, readonly VisibleFunction[]>;
}

const views = new WeakMap<Catalog, Map<string, View>>();

/** Operators of that name: of the schema it names, else of the path, where one hides a later one of the same operand types. */
export function visibleOperators(
  catalog: Catalog,
  searchPath: readonly string[],
  name: QualifiedName,
): VisibleOperators {
  const view = viewOf(catalog, searchPath, name);
  const known = view.operators.get(name.name);
  if (known) return known;
  const exact = new Map<Oid, Map<Oid, Operator>>();
  for (const { value } of inOrder(catalog.operatorsNamed(name.name), searchPath, name)) {
    const byRight = exact.get(value.left) ?? new Map<Oid, Operator>();
    exact.set(value.left, byRight);
    if (!byRight.has(value.right)) byRight.set(value.right, value);
  }
  const infix: OperatorCandidate[] = [];
  const prefix: OperatorCandidate[] = [];
  for (const byRight of exact.values()) {
    for (const operator of byRight.values()) {
      if (operator.left === 0) prefix.push({ args: [operator.right], operator });
      else infix.push({ args: [operator.left, operator.right], operator });
    }
  }
  const found = { infix, prefix, exact, answers: new Map<string, Resolved>() };
  // Only names that exist are cached: names that a client makes up must not fill the memory.
  if (exact.size > 0) view.operators.set(name.name, found);
  return found;
}

/** Functions of that name, of the schema it names or of the path, with the place of their schema in it. Nothing is hidden yet. */
export function visibleFunctions(
  catalog: Catalog,
  searchPath: readonly string[],
  name: QualifiedName,
): readonly VisibleFunction[] {
  const view = viewOf(catalog, searchPath, name);
  const known = view.functions.get(name.name);
  if (known) return known;
  const found = inOrder(catalog.functionsNamed(name.name), searchPath, name).map(({ value, position }) => ({
    fn: value,
    position,
  }));
  if (found.length > 0) view.functions.set(name.name, found);
  return found;
}

/** A view is of one schema or of one path; both come from policy and catalog, and a made-up schema's stays empty. */
function viewOf(catalog: Catalog, searchPath: readonly string[], name: QualifiedName): View {
  const known = views.get(catalog) ?? new Map<string, View>();
  views.set(catalog, known);
  const key = name.schema === undefined ? `path\u0000${searchPath.join('\u0000')}` : `schema\u0000${name.schema}`;
  const view = known.get(key) ?? { operators: new Map(), functions: new Map() };
  if (name.schema === undefined || catalog.hasSchema(name.schema)) known.set(key, view);
  return view;
}

function inOrder<T extends { readonly schema: string }>(
  named: readonly T[],
  searchPath: readonly string[],
  name: QualifiedName,
): { value: T; position: number }[] {
  if (name.schema !== undefined) {
    return named.filter((value) => value.schema === name.schema).map((value) => ({ value, position: 0 }));
  }
  const positions = pathPositions(searchPath);
  const found: { value: T; position: number }[] = [];
  for (const value of named) {
    const position = positions.get(value.schema);
    if (position !== undefined) found.push({ value, position });
  }
  return found.sort((a, b) => a.position - b.position);
}
