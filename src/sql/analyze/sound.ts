/** Which operations can neither fail nor be watched, whatever the data (`rewriting.md` §2, classes 1 and 2). */
import type { Fn, Oid } from '../catalog.ts';
import { as, type Node } from '../tree.ts';
import type { Coercion } from '../types/coercion.ts';
import { isLeakproof } from '../types/leakproof.ts';
import * as t from '../types/oids.ts';
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
]);

/** The same, where other functions of the name can fail: `length(bytea, name)` decodes, `length(path)` overflows. By first and only argument. */
const CANNOT_FAIL_ON: Readonly<Record<string, readonly Oid[]>> = {
  length: [t.TEXT, t.BPCHAR, t.BYTEA],
  unnest: [t.ANYARRAY],
};

/** Whether a call or operator, its arguments aside, may run beside a row filter. */
export function isSound(resolved: Resolved): boolean {
  if (isLeakproof(resolved)) return true;
  return resolved.kind === 'found' && cannotFail(resolved.fn) && resolved.coercions.every(isLeakproof);
}

/** Whether a cast may run beside a row filter. */
export function isSoundCoercion(coercion: Coercion): boolean {
  return isLeakproof(coercion);
}

/** `generate_series` over plain numbers or days, with a step that moves: the calendar of many a report, which cannot fail. */
export function isPlainSeries(fn: Fn, nodes: readonly Node[]): boolean {
  if (fn.schema !== 'pg_catalog' || fn.name !== 'generate_series') return false;
  const [start, stop, step] = nodes;
  const numbers = nodes.map((node) => as(node, 'A_Const')?.ival);
  if (numbers.every((n) => n !== undefined)) return step === undefined || (numbers[2]?.ival ?? 0) !== 0;
  const texts = [start, stop].map(literalText);
  return (
    texts.every((text) => /^[12]\d{3}-\d{2}-\d{2}$/.test(text)) && /^[1-9]\d{0,2} ?[a-z]+$/.test(literalText(step))
  );
}

/** Of `'…'` and `'…'::type`. */
function literalText(node: Node | undefined): string {
  return as(as(node, 'TypeCast')?.arg ?? node, 'A_Const')?.sval?.sval ?? '';
}

function cannotFail(fn: Fn): boolean {
  if (fn.schema !== 'pg_catalog') return false;
  if (CANNOT_FAIL.has(fn.name)) return true;
  const types = Object.hasOwn(CANNOT_FAIL_ON, fn.name) ? CANNOT_FAIL_ON[fn.name] : undefined;
  return fn.args.length === 1 && types?.includes(fn.args[0]!) === true;
}
