/** Random SELECTs over the tables of the golden cases. Their expressions never fail on rows that the teacher may see, and fail on most of the hidden ones: if one fails, it ran too early. */

type Type = 'integer' | 'text';

interface Column {
  readonly name: string;
  readonly type: Type;
}

interface Table {
  readonly columns: readonly Column[];
  /** Integer expressions over a row `$`. */
  readonly telling: readonly string[];
}

/** One entry of FROM. `table` where its columns are all there. */
interface Item {
  readonly alias: string;
  readonly columns: readonly Column[];
  readonly table?: Table;
}

interface Query {
  readonly sql: string;
  readonly columns: readonly Column[];
}

const columns = (names: string, type: Type): Column[] => names.split(' ').map((name) => ({ name, type }));

const TABLES: Readonly<Record<string, Table>> = {
  students: {
    columns: [...columns('id class_id score', 'integer'), ...columns('first_name last_name code ine', 'text')],
    telling: [
      '$.code::integer',
      "('x' LIKE $.first_name)::integer",
      "($.notes ->> 'n')::integer",
      '100 / ($.code::integer)',
      "jsonb_array_length(CASE WHEN $.id = 4 THEN $.notes ELSE '[]' END)",
    ],
  },
  absences: {
    columns: columns('id student_id', 'integer'),
    telling: ['(100 / ($.minutes - 9999))::integer', '(sqrt(9998 - $.minutes))::integer'],
  },
  grades: {
    columns: [...columns('student_id percent', 'integer'), ...columns('subject', 'text')],
    telling: ['100 / $.percent', '(sqrt($.mark))::integer', '(ln($.mark))::integer'],
  },
  classes: {
    columns: [...columns('id level', 'integer'), ...columns('label', 'text')],
    telling: ['10 / $.level', 'substr($.label, 1, 1)::integer'],
  },
  rooms: { columns: [...columns('id', 'integer'), ...columns('number', 'text')], telling: ['ascii($.number)'] },
  student_names: {
    columns: [...columns('id', 'integer'), ...columns('first_name last_name', 'text')],
    telling: ["('x' LIKE $.first_name)::integer"],
  },
  class_sizes: { columns: columns('class_id size', 'integer'), telling: ['10 / $.size'] },
};

const JOINS = ['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'CROSS JOIN', 'JOIN LATERAL', 'LEFT JOIN LATERAL'] as const;

export class RandomStatements {
  private names = 0;
  private ctes: { readonly name: string; readonly columns: readonly Column[] }[] = [];

  constructor(private state: number) {}

  next(): string {
    this.names = 0;
    this.ctes = [];
    const clauses: string[] = [];
    while (clauses.length < 2 && this.chance(0.3)) {
      const query = this.query(1);
      const name = `c${clauses.length}`;
      clauses.push(`${name} AS ${this.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(${query.sql})`);
      this.ctes.push({ name, columns: query.columns });
    }
    const { sql } = this.query(2);
    return clauses.length > 0 ? `WITH ${clauses.join(', ')} ${sql}` : sql;
  }

  /** mulberry32: one number in, the same statements out. */
  private random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  private chance(p: number): boolean {
    return this.random() < p;
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }

  private query(depth: number, outer: readonly Item[] = []): Query {
    const { from, items } = this.from(depth);
    const all = [...items, ...outer];
    const where = this.chance(0.7) ? ` WHERE ${this.condition(all, depth > 0 ? 2 : 1)}` : '';
    if (this.chance(0.2)) return this.grouped(items, `${from}${where}`);
    const value = this.integer(all, depth);
    const distinct = this.chance(0.15);
    const key = !distinct && this.chance(0.25) ? ` ORDER BY ${this.integer(items, 1)}` : '';
    const rank = this.chance(0.1)
      ? `rank() OVER (PARTITION BY ${this.text(items)} ORDER BY ${this.integer(items, 1)})`
      : undefined;
    const sql = `SELECT ${distinct ? 'DISTINCT ' : ''}${value} AS v, ${this.text(items)} AS w${rank && !distinct ? `, ${rank} AS r` : ''}`;
    return { sql: `${sql} FROM ${from}${where}${key}`, columns: [...columns('v', 'integer'), ...columns('w', 'text')] };
  }

  private grouped(items: readonly Item[], source: string): Query {
    const byPosition = this.chance(0.5);
    const key = this.integer(items, byPosition ? 1 : 0);
    const having = this.chance(0.4) ? ` HAVING min(${this.integer(items, 0)}) > 0` : '';
    const sql = `SELECT ${key} AS k, count(*) AS n, max(${this.integer(items, 1)}) AS m FROM ${source}`;
    return { sql: `${sql} GROUP BY ${byPosition ? '1' : key}${having}`, columns: columns('k n m', 'integer') };
  }

  private from(depth: number): { from: string; items: Item[] } {
    const first = this.item(depth, undefined);
    const items = [first.item];
    let from = first.sql;
    while (items.length < 3 && this.chance(0.45)) {
      const join = this.pick(JOINS);
      const before = [...items];
      const { sql, item } = this.item(depth, join.endsWith('LATERAL') ? before : undefined);
      items.push(item);
      const word = join.replace(' LATERAL', '');
      from += ` ${word} ${sql}`;
      if (word === 'CROSS JOIN') continue;
      const equal = `${this.integerColumn(before)} = ${this.integerColumn([item])}`;
      from += ` ON ${equal}${this.chance(0.4) ? ` AND ${this.condition(items, 1)}` : ''}`;
    }
    return { from, items };
  }

  private item(depth: number, lateral: readonly Item[] | undefined): { sql: string; item: Item } {
    const alias = `t${this.names++}`;
    const kind = this.random();
    if (depth > 0 && kind < 0.25) {
      const query = this.query(depth - 1, lateral);
      return { sql: `${lateral ? 'LATERAL ' : ''}(${query.sql}) ${alias}`, item: { alias, columns: query.columns } };
    }
    if (this.ctes.length > 0 && kind < 0.4) {
      const cte = this.pick(this.ctes);
      return { sql: `${cte.name} ${alias}`, item: { alias, columns: cte.columns } };
    }
    if (lateral && kind < 0.5) {
      const sql = `generate_series(1, least(3, ${this.integer(lateral, 1)})) AS ${alias} (k)`;
      return { sql, item: { alias, columns: columns('k', 'integer') } };
    }
    const name = this.pick(Object.keys(TABLES));
    const table = TABLES[name]!;
    return { sql: `${name} ${alias}`, item: { alias, columns: table.columns, table } };
  }

  private condition(items: readonly Item[], depth: number): string {
    const kind = this.random();
    if (depth > 0 && kind < 0.24) {
      const word = kind < 0.12 ? 'AND' : 'OR';
      return `(${this.condition(items, depth - 1)} ${word} ${this.condition(items, depth - 1)})`;
    }
    if (depth > 0 && kind < 0.28) return `NOT ${this.condition(items, depth - 1)}`;
    if (depth > 0 && kind < 0.36) {
      return `${this.chance(0.3) ? 'NOT ' : ''}EXISTS (${this.query(depth - 1, items).sql})`;
    }
    if (depth > 0 && kind < 0.46) {
      const { from, items: inner } = this.from(depth - 1);
      const list = `SELECT ${this.integer(inner, 0)} FROM ${from}`;
      return `${this.integer(items, 0)} ${this.chance(0.3) ? 'NOT IN' : 'IN'} (${list})`;
    }
    if (kind < 0.55) return `${this.text(items)} ${this.pick(['=', '<>', '<', 'LIKE'])} ${this.text(items)}`;
    if (kind < 0.6) return `${this.text(items)} IS NOT NULL`;
    return `${this.integer(items, depth - 1)} ${this.pick(['=', '<', '>', '<=', '<>'])} ${this.integer(items, depth - 1)}`;
  }

  private integer(items: readonly Item[], depth: number): string {
    const kind = this.random();
    const tables = items.filter((item) => item.table);
    if (tables.length > 0 && kind < 0.4) {
      const { alias, table } = this.pick(tables);
      return this.pick(table!.telling).replaceAll('$', alias);
    }
    if (depth > 0 && kind < 0.5) return `(${this.integer(items, depth - 1)} + ${this.integer(items, depth - 1)})`;
    if (depth > 0 && kind < 0.58) {
      const branches = `THEN ${this.integer(items, depth - 1)} ELSE ${this.integer(items, depth - 1)}`;
      return `CASE WHEN ${this.condition(items, depth - 1)} ${branches} END`;
    }
    if (depth > 0 && kind < 0.64) {
      const { from, items: inner } = this.from(depth - 1);
      const where = ` WHERE ${this.condition([...inner, ...items], 0)}`;
      return `(SELECT ${this.pick(['max', 'min', 'sum', 'count'])}(${this.integer(inner, 0)}) FROM ${from}${where})`;
    }
    if (depth > 0 && kind < 0.68) return `coalesce(${this.integer(items, 0)}, ${this.integer(items, 0)})`;
    return this.integerColumn(items);
  }

  private integerColumn(items: readonly Item[]): string {
    const named = this.named(items, 'integer');
    return named.length > 0 ? this.pick(named) : '1';
  }

  private text(items: readonly Item[]): string {
    const named = this.named(items, 'text');
    if (named.length === 0 || this.chance(0.2)) return "'Durand'";
    const column = this.pick(named);
    return this.pick([column, column, `upper(${column})`, `(${column} || 'x')`]);
  }

  private named(items: readonly Item[], type: Type): string[] {
    return items.flatMap((item) =>
      item.columns.filter((column) => column.type === type).map((column) => `${item.alias}.${column.name}`),
    );
  }
}
