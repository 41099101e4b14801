/** Notes what moves with time or settings, for conditions that must mean the same in every session. */
import type { Fn } from '../catalog.ts';
import type { Coercion } from '../types/coercion.ts';
import type { Resolved } from '../types/resolved.ts';
import type { Resolver } from './resolver.ts';

/** The transaction's time: the one moving value that conditions may use. */
const CLOCK: ReadonlySet<string> = new Set(['now', 'transaction_timestamp', 'statement_timestamp']);

export function noteStability(r: Resolver, resolved: Resolved, at: number): void {
  if (resolved.kind === 'found') {
    noteFunction(r, resolved.fn, at);
    for (const way of resolved.coercions) noteCoercion(r, way, at);
  } else if (resolved.kind === 'cast') noteCoercion(r, resolved.coercion, at);
  else if (resolved.kind === 'untellable') for (const fn of resolved.candidates) noteFunction(r, fn, at);
}

export function noteCoercion(r: Resolver, way: Coercion, at: number): void {
  switch (way.kind) {
    case 'function':
      noteFunction(r, way.fn, at);
      return;
    case 'io':
      noteFunction(r, way.output, at);
      noteFunction(r, way.input, at);
      return;
    case 'length':
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

function noteFunction(r: Resolver, fn: Fn, at: number): void {
  if (fn.volatility === 'i' || (fn.schema === 'pg_catalog' && CLOCK.has(fn.name))) return;
  r.marks.unstable.push({
    what: `${fn.name}(${fn.args.map((a) => r.env.catalog.typesByOid.get(a)?.name ?? a).join(', ')})`,
    at,
  });
}
