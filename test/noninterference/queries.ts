/** SELECTs of every form: plain, grouped, DISTINCT, with windows, set operations, VALUES, CTEs. */
import { AGGREGATED, aggregate, windowCall } from './aggregates.ts';
import { type From, type Generator, type Item, type Query, reference } from './generator.ts';
import { type Column, PLAIN, type Type } from './model.ts';

/** Types of columns of a query where none is required. */
const SHOWN: readonly Type[] = [
  'int',
  'text',
  'bool',
  'date',
  'numeric',
  'bigint',
  'text',
  'int',
  'float',
  'jsonb',
  'text[]',
  'timestamptz',
  'mood',
  'int[]',
  'range',
  'uuid',
  'citext',
];

const SETS = ['UNION ALL', 'UNION', 'INTERSECT', 'EXCEPT'] as const;

export function query(g: Generator, depth: number, outer: readonly Item[], demanded?: readonly Type[]): Query {
  const types = demanded ?? someTypes(g);
  const { outermost } = g;
  g.outermost = false;
  if (depth > 0 && g.choices.chance(8)) return setOperation(g, depth, outer, types);
  if (g.choices.chance(2)) return values(g, types);
  const from = g.grammar.from(g, depth, []);
  const all = [...from.items, ...outer];
  const where = g.choices.chance(70) ? ` WHERE ${g.grammar.scalar(g, 'bool', all, Math.min(2, depth + 1))}` : '';
  const source = `${from.sql}${where}`;
  if (types.every((type) => AGGREGATED.includes(type)) && g.choices.chance(22))
    return grouped(g, from, source, depth, types);
  if (g.choices.chance(8) && types.every(isPlain)) return distinct(g, source, all, depth, types);
  const rows = g.choices.chance(7) ? withWindow(g, from.items, outer) : all;
  const targets = types.map((type) => g.grammar.scalar(g, type, rows, depth));
  const sets = demanded === undefined && g.choices.chance(4) ? setReturning(g, all) : [];
  const shown = outermost && g.choices.chance(40) ? targets.join(', ') : list(targets);
  const made = `SELECT ${[shown, ...sets].join(', ')} FROM ${source}`;
  if (sets.length > 0) return { sql: made, columns: named(types), ordered: false };
  // By something that is not shown, before what is.
  const first = g.choices.chance(15) ? g.grammar.scalar(g, g.choices.pick(PLAIN), all, 1) : undefined;
  return finished(g, made, types, demanded === undefined, first);
}

/** Functions in the select list that make several rows of one. */
function setReturning(g: Generator, items: readonly Item[]): string[] {
  const array = g.grammar.scalar(g, g.choices.pick(['text[]', 'int[]'] as const), items, 1);
  return [g.choices.pick([`unnest(${array}) AS s1`, `generate_subscripts(${array}, 1) AS s1`])];
}

function someTypes(g: Generator): Type[] {
  const types: Type[] = [g.choices.pick(SHOWN)];
  while (types.length < 4 && g.choices.chance(55)) types.push(g.choices.pick(SHOWN));
  return types;
}

const isPlain = (type: Type): boolean => PLAIN.includes(type);

/** Named by what the enclosing query calls them. */
const list = (targets: readonly string[]): string => targets.map((target, i) => `${target} AS v${i + 1}`).join(', ');

const named = (types: readonly Type[]): Column[] => types.map((type, i) => ({ name: `v${i + 1}`, type }));

/** With an order that leaves nothing open, where one can be had, and what needs one. `first`: it orders by this before its columns. */
function finished(g: Generator, sql: string, types: readonly Type[], may: boolean, first?: string): Query {
  const columns = named(types);
  if (!may || !types.every(isPlain) || !g.choices.chance(35)) return { sql, columns, ordered: false };
  // A constant would be the number of a column, or nothing to order by.
  const before = first?.includes('.') ? [first] : [];
  const keys = types.map(
    (_, i) => `${i + 1}${g.choices.pick(['', ' DESC', ' USING <', ' USING >', ' NULLS FIRST', ' DESC NULLS LAST'])}`,
  );
  const order = `${sql} ORDER BY ${[...before, ...keys].join(', ')}`;
  const most = g.choices.pick(['5', '1', '20', 'ALL', '(SELECT count(*) FROM rooms)', '2 + 1']);
  const limit = g.choices.chance(40) ? ` LIMIT ${most}` : '';
  const offset = g.choices.chance(15) ? ` OFFSET ${g.choices.int(4)}` : '';
  if (limit === ' LIMIT 5' && g.choices.chance(20))
    return { sql: `${order}${offset} FETCH FIRST 5 ROWS WITH TIES`, columns, ordered: true };
  return { sql: `${order}${limit}${offset}`, columns, ordered: true };
}

/** Keys and aggregates, and functions of these. */
function grouped(g: Generator, from: From, source: string, depth: number, types: readonly Type[]): Query {
  const inner = Math.min(depth, 1);
  const keys: Column[] = [];
  while (keys.length < 2 && g.choices.chance(60)) {
    const type = g.choices.pick(['int', 'text', 'date', 'bool'] as const);
    const key = g.grammar.scalar(g, type, from.items, inner);
    // GROUP BY 3 would be the third column. Guards inside of two subqueries have different names: the server would find a key and the same expression
    // in the select list different.
    if (key.includes('.') && !key.includes('SELECT')) keys.push({ name: key, type });
  }
  const dependent = dependents(g, from);
  const sums = (['int', 'text'] as const).map((type) => ({ name: aggregate(g, type, from.items, inner)!, type }));
  const group: Item = { alias: '', columns: [...keys, ...dependent.columns, ...sums], telling: [] };
  const targets = types.map((type) => {
    const made = g.choices.chance(60) ? aggregate(g, type, from.items, inner) : undefined;
    return made ?? g.grammar.scalar(g, type, [group], 1);
  });
  const by = [...keys.map(({ name }) => `(${name})`), ...dependent.keys];
  const sets = g.choices.chance(15) && by.length > 1 ? g.choices.pick(['ROLLUP', 'CUBE', 'GROUPING SETS']) : '';
  const groupBy =
    by.length === 0
      ? ''
      : ` GROUP BY ${sets && dependent.keys.length === 0 ? `${sets} (${by.join(', ')})` : by.join(', ')}`;
  const having = g.choices.chance(30) ? ` HAVING ${aggregate(g, 'bool', from.items, inner)}` : '';
  return finished(g, `SELECT ${list(targets)} FROM ${source}${groupBy}${having}`, types, depth > 0);
}

/** A primary key to group by, and the columns that depend on it. */
function dependents(g: Generator, from: From): { keys: string[]; columns: Column[] } {
  const item = from.items.find((i) => i.relation?.primary);
  if (!item || !g.choices.chance(15)) return { keys: [], columns: [] };
  const columns = item.columns.map(({ name, type }) => ({ name: reference(item, name), type }));
  return { keys: item.key!.map((name) => reference(item, name)), columns };
}

function distinct(g: Generator, source: string, items: readonly Item[], depth: number, types: readonly Type[]): Query {
  const targets = types.map((type) => g.grammar.scalar(g, type, items, depth));
  if (g.choices.chance(60) || targets[0]?.includes('SELECT'))
    return finished(g, `SELECT DISTINCT ${list(targets)} FROM ${source}`, types, true);
  const keys = types.map((_, i) => i + 1);
  return {
    sql: `SELECT DISTINCT ON (${targets[0]}) ${list(targets)} FROM ${source} ORDER BY ${targets[0]}, ${keys.join(', ')}`,
    columns: named(types),
    ordered: true,
  };
}

function withWindow(g: Generator, items: readonly Item[], outer: readonly Item[]): Item[] {
  const columns = (['int', 'bigint'] as const).map((type) => ({ name: windowCall(g, type, items), type }));
  return [{ alias: '', columns, telling: [] }, ...items, ...outer];
}

function setOperation(g: Generator, depth: number, outer: readonly Item[], types: readonly Type[]): Query {
  const kind = types.every(isPlain) ? g.choices.pick(SETS) : 'UNION ALL';
  const all = kind !== 'UNION ALL' && g.choices.chance(15) ? ' ALL' : '';
  const [one, other] = [query(g, depth - 1, outer, types), query(g, depth - 1, outer, types)];
  return finished(g, `(${one.sql}) ${kind}${all} (${other.sql})`, types, true);
}

function values(g: Generator, types: readonly Type[]): Query {
  const row = (): string => `(${types.map((type) => g.literal(type)).join(', ')})`;
  const columns = named(types);
  const names = columns.map(({ name }) => name).join(', ');
  return { sql: `SELECT * FROM (VALUES ${row()}, ${row()}) AS x(${names})`, columns, ordered: false };
}
