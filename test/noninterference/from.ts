/** FROM: relations, joins of all kinds, derived tables, LATERAL, functions, CTEs. */
import type { From, Generator, Item } from './generator.ts';
import { LINKS, RELATIONS, type Relation, type Type } from './model.ts';

const JOINS = [
  'JOIN',
  'LEFT JOIN',
  'JOIN',
  'RIGHT JOIN',
  'FULL JOIN',
  'LATERAL',
  'LEFT LATERAL',
  'CROSS JOIN',
  'USING',
] as const;
const MOST = 3;

export function from(g: Generator, depth: number, outer: readonly Item[]): From {
  const first = item(g, depth, outer, false);
  let sql = first.sql;
  let items: readonly Item[] = [first.item];
  while (items.length < MOST && g.choices.chance(depth > 0 ? 40 : 25)) {
    const next = joined(g, depth, items);
    sql += next.sql;
    items = [...items, next.item];
  }
  return { sql, items };
}

interface Made {
  readonly sql: string;
  readonly item: Item;
}

function joined(g: Generator, depth: number, items: readonly Item[]): Made {
  const kind = g.choices.pick(JOINS);
  if (kind === 'LATERAL' || kind === 'LEFT LATERAL') {
    const made = lateral(g, depth, items);
    return kind === 'LATERAL'
      ? { sql: ` CROSS JOIN LATERAL ${made.sql}`, item: made.item }
      : {
          sql: ` LEFT JOIN LATERAL ${made.sql} ON ${g.grammar.scalar(g, 'bool', [...items, made.item], 0)}`,
          item: made.item,
        };
  }
  if (kind === 'CROSS JOIN' || kind === 'USING') {
    const shared = kind === 'USING' ? usingClause(g, items) : undefined;
    if (shared) return shared;
    const made = relation(g, (r) => r.small === true);
    return { sql: ` CROSS JOIN ${made.sql}`, item: made.item };
  }
  const linked = linkedRelation(g, items);
  const made = linked ?? item(g, depth, [], false);
  const link = linked?.link ?? equality(g, items, made.item);
  if (link === undefined) {
    const small = relation(g, (r) => r.small === true);
    return { sql: ` CROSS JOIN ${small.sql}`, item: small.item };
  }
  // The server joins FULL by equal columns alone.
  const more =
    kind !== 'FULL JOIN' && g.choices.chance(35) ? ` AND ${g.grammar.scalar(g, 'bool', [...items, made.item], 1)}` : '';
  return { sql: ` ${kind} ${made.sql} ON ${link}${more}`, item: made.item };
}

function equality(g: Generator, items: readonly Item[], other: Item): string | undefined {
  for (const type of ['int', 'text', 'bigint', 'date'] as const satisfies readonly Type[]) {
    const [mine, theirs] = [g.references(type, items), g.references(type, [other])];
    if (mine.length > 0 && theirs.length > 0) return `${g.choices.pick(mine)} = ${g.choices.pick(theirs)}`;
  }
  return undefined;
}

function linkedRelation(g: Generator, items: readonly Item[]): (Made & { link: string }) | undefined {
  const links = items.flatMap((i) =>
    LINKS.flatMap(([table, column, other, otherColumn]) => {
      if (i.relation?.name === table) return [{ from: `${i.alias}.${column}`, to: other, column: otherColumn }];
      return i.relation?.name === other ? [{ from: `${i.alias}.${otherColumn}`, to: table, column }] : [];
    }),
  );
  if (links.length === 0 || !g.choices.chance(75)) return undefined;
  const link = g.choices.pick(links);
  const made = relation(g, (r) => r.name === link.to);
  return { ...made, link: `${link.from} = ${made.item.alias}.${link.column}` };
}

function usingClause(g: Generator, items: readonly Item[]): Made | undefined {
  const only = items.length === 1 ? items[0] : undefined;
  const shared = (['class_id', 'student_id', 'id'] as const).find((name) => only?.columns.some((c) => c.name === name));
  if (!shared) return undefined;
  const type = only?.columns.find((c) => c.name === shared)?.type;
  const made = relation(g, (r) => r.columns.some((c) => c.name === shared && c.type === type));
  return { sql: ` ${g.choices.pick(['JOIN', 'LEFT JOIN'])} ${made.sql} USING (${shared})`, item: made.item };
}

function item(g: Generator, depth: number, outer: readonly Item[], small: boolean): Made {
  if (depth > 0 && g.choices.chance(18)) return derived(g, depth, outer);
  if (g.ctes.length > 0 && g.choices.chance(35)) {
    const cte = g.choices.pick(g.ctes);
    const alias = g.alias();
    return { sql: `${cte.alias} AS ${alias}`, item: { ...cte, alias } };
  }
  return relation(g, (r) => !small || r.small === true);
}

function relation(g: Generator, wanted: (r: Relation) => boolean): Made {
  const relation = g.choices.pick(RELATIONS.filter(wanted));
  const { columns, telling, key, name } = relation;
  const only = g.choices.chance(3) ? 'ONLY ' : '';
  const schema = `${only}${g.choices.chance(8) ? 'public.' : ''}`;
  if (g.ownName(relation)) return { sql: `${schema}${name}`, item: { alias: name, columns, telling, key, relation } };
  const alias = g.alias();
  const sample =
    relation.locks && g.choices.chance(4) ? ` TABLESAMPLE BERNOULLI (${g.choices.pick(['100', '0'])})` : '';
  return { sql: `${schema}${name} AS ${alias}${sample}`, item: { alias, columns, telling, key, relation } };
}

function derived(g: Generator, depth: number, outer: readonly Item[]): Made {
  const inner = g.grammar.query(g, depth - 1, outer);
  const alias = g.alias();
  return { sql: `(${inner.sql}) AS ${alias}`, item: { alias, columns: inner.columns, telling: [] } };
}

/** An item that may refer to the items before it. */
function lateral(g: Generator, depth: number, items: readonly Item[]): Made {
  const alias = g.alias();
  const of = (sql: string, type: Type): Made => ({
    sql: `${sql} AS ${alias}(k)`,
    item: { alias, columns: [{ name: 'k', type }], telling: [] },
  });
  switch (g.choices.int(depth > 0 ? 8 : 6)) {
    case 0:
      return of(`generate_series(1, least(3, ${g.grammar.scalar(g, 'int', items, 1)}))`, 'int');
    case 1:
      return of(`unnest(${g.grammar.scalar(g, 'text[]', items, 1)})`, 'text');
    case 2:
      return of(`string_to_table(${g.grammar.scalar(g, 'text', items, 1)}, ' ')`, 'text');
    case 3:
      return of(`unnest(${g.grammar.scalar(g, 'int[]', items, 1)})`, 'int');
    case 4:
      return of(`jsonb_object_keys(jsonb_build_object('a', ${g.grammar.scalar(g, 'int', items, 1)}))`, 'text');
    case 5: {
      // As many rows as a column says, which may be fewer than none where it is hidden.
      const many = g.grammar.scalar(g, 'int', items, 0);
      const what = g.choices.pick(['LIMIT', 'OFFSET', 'LIMIT']);
      return of(`(SELECT f.id AS k FROM rooms AS f ORDER BY f.id ${what} abs(${many} % 7) + least(0, ${many}))`, 'int');
    }
    default:
      return derived(g, depth, items);
  }
}
