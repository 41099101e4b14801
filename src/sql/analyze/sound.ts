/** Which operations can neither fail nor be watched, whatever the data (`rewriting.md` §2, classes 1 and 2). */
import type { Fn } from '../catalog.ts';
import type { Coercion } from '../types/coercion.ts';
import { isLeakproof } from '../types/leakproof.ts';
import type { Resolved } from '../types/resolved.ts';

/**
 * Built-ins that are not marked leakproof, yet raise nothing for any value of their argument types: comparisons that only compare, and
 * values that a statement holds constant. Grows by entries that were each tested against the server with awkward values.
 */
const CANNOT_FAIL: ReadonlySet<string> = new Set([
  'numeric_eq',
  'numeric_ne',
  'numeric_lt',
  'numeric_le',
  'numeric_gt',
  'numeric_ge',
  'now',
  'transaction_timestamp',
  'statement_timestamp',
  'length',
]);

/** Whether a call or operator, its arguments aside, may run beside a row filter. */
export function isSound(resolved: Resolved): boolean {
  if (isLeakproof(resolved)) return true;
  return resolved.kind === 'found' && cannotFail(resolved.fn) && resolved.coercions.every(isLeakproof);
}

/** Whether a cast may run beside a row filter. */
export function isSoundCoercion(coercion: Coercion): boolean {
  return isLeakproof(coercion);
}

function cannotFail(fn: Fn): boolean {
  return fn.schema === 'pg_catalog' && CANNOT_FAIL.has(fn.name) && fn.args.length <= 2;
}
