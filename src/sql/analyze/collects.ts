/** Which aggregates and window functions bring values of several rows into one; all others of theirs are allowed by name. */
import type { Fn } from '../catalog/catalog.ts';
import { BIT } from '../types/oids.ts';

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

/** Aggregates whose result grows with their input: each row can be given its own digits. */
const SUMS: ReadonlySet<string> = new Set(
  `sum avg stddev stddev_pop stddev_samp variance var_pop var_samp
corr covar_pop covar_samp regr_avgx regr_avgy regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy`.split(
    /\s+/,
  ),
);

/** Aggregates that show how many rows there are of a kind, or whether there is one. */
const COUNTS: ReadonlySet<string> = new Set(
  'count regr_count bool_and bool_or every rank dense_rank percent_rank cume_dist'.split(' '),
);

/** What a call shows of the rows that it takes: how many they are, a sum of theirs, a value of one, or values of all. */
export type Summary = 'count' | 'sum' | 'value' | 'values';

/** Of an aggregate or window function. */
export function summaryOf(fn: Fn): Summary {
  if (collects(fn) !== undefined) return 'values';
  if (fn.kind === 'w' || COUNTS.has(fn.name)) return 'count';
  return SUMS.has(fn.name) ? 'sum' : 'value';
}

/** The function's name if it collects, undefined if it does not (plain functions, sums, ranks). */
export function collects(fn: Fn): string | undefined {
  if (fn.kind !== 'a' && fn.kind !== 'w') return undefined;
  // An allow-list: an aggregate that is not known to be a summary collects.
  const known = fn.schema === 'pg_catalog' && (fn.kind === 'a' ? SUMMARIES : NUMBERINGS).has(fn.name);
  // A string of bits has room for all rows.
  if (known && fn.name.startsWith('bit_') && fn.args[0] === BIT) return `${fn.name} of a bit string`;
  return known ? undefined : fn.name;
}
