/** Aggregate and window functions with results that do not depend on the order of rows. */
import type { Generator, Item } from './generator.ts';
import { reference } from './generator.ts';
import type { Type } from './model.ts';

type Form = readonly [arg: Type | undefined, sql: string];

/** `$1` is the argument, `$f` the place of FILTER. No sums of floats: their last digits depend on the order. */
const AGGREGATES: Readonly<Partial<Record<Type, readonly Form[]>>> = {
  int: [
    [undefined, 'count(*)$f::integer'],
    ['int', 'min($1)$f'],
    ['int', 'max($1)$f'],
    ['int', '(sum($1)$f % 1000)::integer'],
    ['text', 'count(DISTINCT $1)$f::integer'],
  ],
  bigint: [
    [undefined, 'count(*)$f'],
    ['int', 'sum($1)$f'],
    ['text', 'count($1)$f'],
    ['int', 'sum(DISTINCT $1)$f'],
  ],
  numeric: [
    ['int', 'round(avg($1)$f, 2)'],
    ['numeric', 'round(sum($1)$f, 2)'],
    ['int', 'round(variance($1)$f, 2)'],
  ],
  float: [
    ['float', 'max($1)$f'],
    ['int', 'percentile_cont(0.5) WITHIN GROUP (ORDER BY $1)$f'],
  ],
  text: [
    ['text', 'min($1)$f'],
    ['text', 'max($1)$f'],
    ['text', "string_agg($1, ',' ORDER BY $1)$f"],
    ['text', "string_agg(DISTINCT $1, '; ')$f"],
    ['text', 'mode() WITHIN GROUP (ORDER BY $1)$f'],
    ['int', '(percentile_disc(0.25) WITHIN GROUP (ORDER BY $1)$f)::text'],
  ],
  bool: [
    ['bool', 'bool_and($1)$f'],
    ['bool', 'bool_or($1)$f'],
    ['bool', 'every($1)$f'],
    [undefined, '(count(*)$f > 3)'],
  ],
  date: [
    ['date', 'min($1)$f'],
    ['date', 'max($1)$f'],
  ],
  timestamptz: [['timestamptz', 'max($1)$f']],
  'text[]': [['text', 'array_agg($1 ORDER BY $1)$f']],
  'int[]': [['int', 'array_agg(DISTINCT $1)$f']],
  jsonb: [
    ['int', 'jsonb_agg($1 ORDER BY $1)$f'],
    ['text', 'to_jsonb(array_agg($1 ORDER BY $1)$f)'],
  ],
  mood: [['mood', 'max($1)$f']],
};

export const AGGREGATED: readonly Type[] = Object.keys(AGGREGATES) as Type[];

export function aggregate(g: Generator, type: Type, items: readonly Item[], depth: number): string | undefined {
  const forms = AGGREGATES[type];
  if (!forms) return undefined;
  const [arg, sql] = g.choices.pick(forms);
  const value = arg && g.grammar.scalar(g, arg, items, depth);
  const filter = g.choices.chance(15)
    ? ` FILTER (WHERE ${g.grammar.scalar(g, 'bool', items, Math.max(0, depth - 1))})`
    : '';
  return sql.replace(/\$(1|f)/g, (_, slot: string) => (slot === 'f' ? filter : value!));
}

/** A window function call over the rows of FROM, with a result that ties do not change; `key` tells the rows apart. */
export function windowCall(g: Generator, type: 'bigint' | 'int', items: readonly Item[]): string {
  const partition = g.choices.chance(60) ? `PARTITION BY ${g.grammar.scalar(g, 'int', items, 1)} ` : '';
  const by = `ORDER BY ${g.grammar.scalar(g, 'int', items, 1)}`;
  const keys = items.every((item) => item.key)
    ? items.flatMap((i) => i.key!.map((column) => reference(i, column)))
    : [];
  const value = g.grammar.scalar(g, 'int', items, 1);
  const ties = [
    `rank() OVER (${partition}${by})`,
    `dense_rank() OVER (${partition}${by})`,
    `count(*) OVER (${partition})`,
    `sum(${value}) OVER (${partition}${by})`,
    `sum(${value}) OVER (${partition}${by} RANGE BETWEEN 2 PRECEDING AND CURRENT ROW)`,
  ];
  const exact = [
    `row_number() OVER (${partition}${by}, ${keys.join(', ')})`,
    `lag(${value}) OVER (${partition}ORDER BY ${keys.join(', ')})`,
    `first_value(${value}) OVER (${partition}ORDER BY ${keys.join(', ')})`,
    `sum(${value}) OVER (${partition}ORDER BY ${keys.join(', ')} ROWS 2 PRECEDING)`,
    `ntile(3) OVER (${partition}ORDER BY ${keys.join(', ')})`,
  ];
  const call = g.choices.pick(keys.length > 0 ? [...ties, ...exact] : ties);
  return `(${call})::${type === 'int' ? 'integer' : 'bigint'}`;
}
