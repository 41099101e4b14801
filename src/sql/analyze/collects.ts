/** Which aggregates and window functions bring values of several rows into one; all others of theirs are allowed by name. */
import type { Fn } from '../catalog.ts';

/** Aggregates that keep a number, a truth or one extreme of many rows. */
const SUMMARIES: ReadonlySet<string> = new Set(
  `count sum avg min max bool_and bool_or every bit_and bit_or bit_xor stddev stddev_pop stddev_samp variance var_pop var_samp
corr covar_pop covar_samp regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
rank dense_rank percent_rank cume_dist any_value`.split(/\s+/),
);

/** Window functions that number rows. */
const NUMBERINGS: ReadonlySet<string> = new Set([
  'row_number',
  'rank',
  'dense_rank',
  'percent_rank',
  'cume_dist',
  'ntile',
]);

/** The function's name where it collects, undefined where it does not (plain functions, sums, ranks). */
export function collects(fn: Fn): string | undefined {
  if (fn.kind !== 'a' && fn.kind !== 'w') return undefined;
  // INVARIANT: an allow-list: an aggregate that is not known to be a summary collects.
  const known = fn.schema === 'pg_catalog' && (fn.kind === 'a' ? SUMMARIES : NUMBERINGS).has(fn.name);
  return known ? undefined : fn.name;
}
