/** Expressions of a type over what FROM holds. */
import { FUNCTIONS, PATTERNS } from './functions.ts';
import type { Generator, Item } from './generator.ts';
import { PLAIN, type Type } from './model.ts';

/** The kinds that `scalar` chooses from; the first is the simplest. */
type Kind = 'column' | 'literal' | 'telling' | 'function' | 'subquery';

const KINDS: readonly Kind[] = [
  'column',
  'column',
  'literal',
  'telling',
  'telling',
  'function',
  'function',
  'function',
];

export function scalar(g: Generator, type: Type, items: readonly Item[], depth: number): string {
  const kind = depth > 0 && g.choices.chance(type === 'bool' ? 18 : 8) ? 'subquery' : g.choices.pick(KINDS);
  if (kind === 'subquery') {
    const made = subquery(g, type, items, depth);
    if (made !== undefined) return made;
  }
  if (kind === 'telling') {
    const telling = items.flatMap((item) =>
      item.telling.filter(([of]) => of === type).map(([, sql]) => `(${sql.replaceAll('$', item.alias)})`),
    );
    if (telling.length > 0) return g.choices.pick(telling);
  }
  if (kind === 'function' && depth > 0) {
    const [args, sql] = g.choices.pick(FUNCTIONS[type]);
    const made = args.map((arg) => scalar(g, arg, items, depth - 1));
    return sql.replace(/\$(\d|p)/g, (_, slot: string) =>
      slot === 'p' ? g.constant(PATTERNS) : (made[Number(slot) - 1] ?? ''),
    );
  }
  const row = kind === 'function' ? wholeRow(g, type, items) : undefined;
  if (row !== undefined) return row;
  const references = kind === 'literal' ? [] : g.references(type, items);
  if (references.length > 0) return g.choices.pick(references);
  if (kind !== 'literal' && depth > 0) return scalar(g, type, items, depth - 1);
  const compared = type === 'bool' ? g.references('int', items) : [];
  if (compared.length === 0) return g.literal(type);
  return `(${g.choices.pick(compared)} ${g.choices.pick(['>=', '<', '<>', '='])} ${g.literal('int')})`;
}

/** Expressions over the whole row, and fields of it by both notations. */
function wholeRow(g: Generator, type: Type, items: readonly Item[]): string | undefined {
  const forms = WHOLE_ROWS[type];
  const rows = items.filter((item) => item.relation !== undefined);
  if (rows.length === 0) return undefined;
  const row = g.choices.pick(rows);
  const fields = row.columns.filter((column) => column.type === type).map(({ name }) => name);
  if (fields.length > 0 && (!forms || g.choices.chance(40))) {
    const field = g.choices.pick(fields);
    return g.choices.chance(50) ? `${field}(${row.alias})` : `((${row.alias}).${field})`;
  }
  if (!forms) return undefined;
  // For a row with a virtual column that is NULL, PostgreSQL 18.4 itself shows what is stored in IS [NOT] NULL.
  const asked = row.relation?.name === 'ledger' ? forms.filter((form) => !form.includes(' NULL')) : forms;
  return g.choices.pick(asked).replaceAll('$', row.alias);
}

const WHOLE_ROWS: Readonly<Partial<Record<Type, readonly string[]>>> = {
  bool: ['($ IS NOT NULL)', '($ IS NULL)', '($ = $)'],
  int: ['num_nonnulls($)', 'length(row_to_json($)::text)', 'length(($).row_to_json::text)'],
  text: ['md5(to_jsonb($)::text)', '($::text)', "(to_jsonb($) ->> 'id')", '(($.to_jsonb)::text)'],
  jsonb: ['to_jsonb($)', '$.to_jsonb', "to_jsonb($) - 'id'", "jsonb_build_object('r', $)"],
};

function subquery(g: Generator, type: Type, around: readonly Item[], depth: number): string | undefined {
  // Groups and windows cannot be asked for from within.
  const items = around.filter((item) => item.alias !== '');
  if (type === 'bool') return test(g, items, depth);
  if (type === 'text[]' || type === 'int[]') {
    const of = type === 'text[]' ? 'text' : 'int';
    return `ARRAY(SELECT x.v1 FROM (${g.grammar.query(g, depth - 1, items, [of]).sql}) AS x ORDER BY 1)`;
  }
  const { sql, items: inner } = g.grammar.from(g, depth - 1, []);
  const made = g.grammar.aggregate(g, type, inner, depth - 1);
  if (made === undefined) return undefined;
  const where = scalar(g, 'bool', [...inner, ...items], depth - 1);
  return `(SELECT ${made} FROM ${sql} WHERE ${where})`;
}

/** Subqueries as conditions. */
function test(g: Generator, items: readonly Item[], depth: number): string {
  const not = g.choices.chance(25) ? 'NOT ' : '';
  switch (g.choices.int(6)) {
    case 0:
      return `${not}EXISTS (${g.grammar.query(g, depth - 1, items).sql})`;
    case 1: {
      const type = g.choices.pick(PLAIN);
      const list = g.grammar.query(g, depth - 1, items, [type]);
      return `(${scalar(g, type, items, 0)} ${not}IN (${list.sql}))`;
    }
    case 2: {
      const list = g.grammar.query(g, depth - 1, items, ['int']);
      const how = g.choices.pick(['= ANY', '<> ALL', '< ANY', '>= ALL']);
      return `(${scalar(g, 'int', items, 0)} ${how} (${list.sql}))`;
    }
    case 3: {
      const list = g.grammar.query(g, depth - 1, items, ['int', 'text']);
      return `((${scalar(g, 'int', items, 0)}, ${scalar(g, 'text', items, 0)}) ${not}IN (${list.sql}))`;
    }
    default:
      // As applications write it: rows that have a row of their own elsewhere.
      return `${not}EXISTS (${correlated(g, items, depth)})`;
  }
}

function correlated(g: Generator, items: readonly Item[], depth: number): string {
  const { sql, items: inner } = g.grammar.from(g, 0, []);
  const [mine, theirs] = [g.references('int', inner), g.references('int', items)];
  const link = mine.length > 0 && theirs.length > 0 ? `${g.choices.pick(mine)} = ${g.choices.pick(theirs)} AND ` : '';
  return `SELECT 1 FROM ${sql} WHERE ${link}${scalar(g, 'bool', [...inner, ...items], depth - 1)}`;
}
