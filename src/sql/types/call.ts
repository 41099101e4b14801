/** The functions that a call could mean by name, number of arguments and notation (manual, sections 4.3 and 10.3). */
import type { Catalog, Fn, Oid } from '../catalog/catalog.ts';
import type { Candidate } from './candidates.ts';
import type { QualifiedName } from './path.ts';
import { type VisibleFunction, visibleFunctions } from './visible.ts';

/** The form of a call, apart from its arguments. */
export interface CallForm {
  /** Names of the last arguments, where they are named (`f(1, b => 2)`). */
  readonly argNames?: readonly string[];
  /** `f(VARIADIC array)` */
  readonly variadic?: boolean;
  readonly star?: boolean;
  /** `f(DISTINCT …)` */
  readonly distinct?: boolean;
  /** `f(… ORDER BY …)` */
  readonly orderBy?: boolean;
  readonly filter?: boolean;
  readonly over?: boolean;
  /** For an aggregate with WITHIN GROUP: how many of the arguments, the last ones, are in its ORDER BY. */
  readonly withinGroup?: number;
  /** A CALL statement: procedures only, OUT arguments passed too. */
  readonly call?: boolean;
}

export interface CallCandidate extends Candidate {
  readonly fn: Fn;
  readonly position: number;
  /** How many arguments of the call a VARIADIC parameter was expanded to. */
  readonly expanded: number;
  /** How many arguments are left to their defaults. */
  readonly defaulted: number;
  /** Two functions fit in a way that the server does not decide between. */
  ambiguous: boolean;
}

/**
 * All candidates for `count` arguments. `args` of each is in the order of the call, defaults last. Of two with the same
 * types for the arguments passed, the earlier in the path stays, then the one whose VARIADIC is not expanded; else both are ambiguous.
 */
export function callCandidates(
  catalog: Catalog,
  searchPath: readonly string[],
  name: QualifiedName,
  count: number,
  form: CallForm,
): readonly CallCandidate[] {
  const kept: CallCandidate[] = [];
  let special = name.schema === undefined;
  const visible = visibleFunctions(catalog, searchPath, name);
  for (const entry of visible) {
    const candidate = asCandidate(entry, count, form);
    if (!candidate) continue;
    special ||= candidate.expanded > 0 || candidate.defaulted > 0 || form.argNames !== undefined;
    const twin = special ? kept.findIndex((other) => sameArguments(other, candidate)) : -1;
    if (twin < 0) {
      kept.push(candidate);
      continue;
    }
    const other = kept[twin]!;
    if (candidate.position !== other.position) {
      if (candidate.position < other.position) kept[twin] = candidate;
    } else if (candidate.expanded > 0 !== other.expanded > 0) {
      if (other.expanded > 0) kept[twin] = candidate;
    } else {
      other.ambiguous = true;
    }
  }
  return kept;
}

function asCandidate({ fn, position }: VisibleFunction, count: number, form: CallForm): CallCandidate | undefined {
  const declared = fn.args.length;
  const missing = declared - count;
  if (missing > fn.defaults) return undefined;
  const expand = form.variadic !== true && fn.variadic !== 0;
  if (form.argNames && form.argNames.length > 0) {
    if (expand || missing < 0) return undefined;
    const order = namedOrder(fn, count, form.argNames);
    return (
      order && { fn, position, args: order.map((i) => fn.args[i]!), expanded: 0, defaulted: missing, ambiguous: false }
    );
  }
  if (expand && missing <= 0) {
    const expanded = count - declared + 1;
    const args = [...fn.args.slice(0, -1), ...Array<Oid>(expanded).fill(fn.variadic)];
    return { fn, position, args, expanded, defaulted: 0, ambiguous: false };
  }
  if (missing < 0) return undefined;
  return { fn, position, args: fn.args, expanded: 0, defaulted: missing, ambiguous: false };
}

/** Which parameter each argument of the call is, then those left to defaults; undefined if the names do not fit. */
function namedOrder(fn: Fn, count: number, argNames: readonly string[]): number[] | undefined {
  const order = Array.from({ length: count - argNames.length }, (_, i) => i);
  const taken = new Set(order);
  for (const argName of argNames) {
    const place = fn.argNames.indexOf(argName);
    if (place < 0 || taken.has(place)) return undefined;
    taken.add(place);
    order.push(place);
  }
  for (let i = 0; i < fn.args.length; i++) {
    if (taken.has(i)) continue;
    if (i < fn.args.length - fn.defaults) return undefined;
    order.push(i);
  }
  return order;
}

function sameArguments(a: CallCandidate, b: CallCandidate): boolean {
  const passed = a.args.length - a.defaulted;
  if (passed !== b.args.length - b.defaulted) return false;
  for (let i = 0; i < passed; i++) if (a.args[i] !== b.args[i]) return false;
  return true;
}
