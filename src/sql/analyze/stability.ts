/**
 * Notes what conversions run: functions whose result depends on time or settings, for conditions that must mean the same in every session, and the
 * functions of casts.
 */
import type { Fn } from '../catalog/catalog.ts';
import type { Coercion } from '../types/coercion.ts';
import type { Resolved } from '../types/resolved.ts';
import type { Resolver } from './resolver.ts';

/** PostgreSQL's FirstNormalObjectId: objects below it came with the server. */
export const FIRST_USER_OID = 16384;

/** The transaction's time: the one moving value that conditions may use. */
const CLOCK: ReadonlySet<string> = new Set(['now', 'transaction_timestamp', 'statement_timestamp']);

/** Records the functions of a call that are not immutable, its coercions included; `at`: a character of the text. */
export function noteStability(r: Resolver, resolved: Resolved, at: number): void {
  if (resolved.kind === 'found') {
    noteFunction(r, resolved.fn, at);
    for (const way of resolved.coercions) noteCoercion(r, way, at);
  } else if (resolved.kind === 'cast') noteCoercion(r, resolved.coercion, at);
  else if (resolved.kind === 'untellable') for (const fn of resolved.candidates) noteFunction(r, fn, at);
}

/** The same for a coercion. */
export function noteCoercion(r: Resolver, way: Coercion, at: number): void {
  switch (way.kind) {
    case 'function':
      noteCast(r, way.fn, at);
      noteFunction(r, way.fn, at);
      return;
    case 'io':
      noteFunction(r, way.output, at);
      noteFunction(r, way.input, at);
      return;
    case 'length':
      noteCast(r, way.fn, at);
      noteFunction(r, way.fn, at);
      noteCoercion(r, way.inner, at);
      return;
    case 'array':
      noteCoercion(r, way.element, at);
      return;
    case 'domain':
      noteCoercion(r, way.inner, at);
      return;
    case 'row':
    case 'untellable':
      r.marks.unstable.push({ what: 'a conversion that cannot be told', at });
      return;
    case 'same':
    case 'literal':
    case 'relabel':
    case 'impossible':
      return;
  }
}

/** A cast by a function is a call of it; the policy must have granted one that is not built in. */
function noteCast(r: Resolver, fn: Fn, at: number): void {
  if (fn.schema !== 'pg_catalog' || fn.oid >= FIRST_USER_OID)
    r.uses.push({ kind: 'function', name: fn.name, candidates: [fn], literals: () => [], at });
}

/** Computed once, while the statement is planned, where what goes in is constant: then it fails there, whatever the rows. */
export function isImmutable(way: Coercion): boolean {
  switch (way.kind) {
    case 'same':
    case 'literal':
    case 'relabel':
      return true;
    case 'function':
      return way.fn.volatility === 'i';
    case 'length':
      return way.fn.volatility === 'i' && isImmutable(way.inner);
    case 'io':
      return way.output.volatility === 'i' && way.input.volatility === 'i';
    case 'array':
      return isImmutable(way.element) && isImmutable(way.inner);
    case 'domain':
      return !way.constrained && isImmutable(way.inner);
    case 'row':
    case 'impossible':
    case 'untellable':
      return false;
  }
}

/** Whether a call or an operator is immutable, with its coercions. Everything else may give another value for each row. */
export function isImmutableCall(resolved: Resolved): boolean {
  return resolved.kind === 'found' && resolved.fn.volatility === 'i' && resolved.coercions.every(isImmutable);
}

function noteFunction(r: Resolver, fn: Fn, at: number): void {
  if (fn.volatility === 'i' || (fn.schema === 'pg_catalog' && CLOCK.has(fn.name))) return;
  r.marks.unstable.push({
    what: `${fn.name}(${fn.args.map((a) => r.env.catalog.typesByOid.get(a)?.name ?? a).join(', ')})`,
    at,
  });
}
