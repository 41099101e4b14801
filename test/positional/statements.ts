/** Random statements of what SQL does by position or by whole rows: stars, alias lists, merged columns, set operations, rows as values. */
import type { Random } from '../support/random.ts';
import { type Column, functionOf, GRANTS, type Grant, SHAPES, type Shape, withholds } from './world.ts';

interface Shown {
  readonly name: string;
  readonly type: string;
  /** Never 0, and text that is a number, where the role may see it. */
  readonly number?: boolean;
}

/** One entry of FROM. */
interface Item {
  readonly sql: string;
  /** The columns that `*` shows. */
  readonly columns: readonly Shown[];
  /** The items that can be named: for a join without alias, its arms. */
  readonly named: readonly Named[];
}

interface Named {
  readonly alias: string;
  readonly columns: readonly Shown[];
  readonly system?: boolean;
  /** It is a table that has a primary key. */
  readonly keyed?: boolean;
  /** Not a function's single value, nor a join's merged columns. */
  readonly isRow?: boolean;
  /** For a table: its name. */
  readonly table?: string;
  /** For a table that shows all its columns, masked or not: the function that takes a row of its type. */
  readonly takenBy?: string;
}

interface Query {
  readonly sql: string;
  readonly columns: readonly Shown[];
}

export interface Statement {
  readonly sql: string;
  readonly ordered: boolean;
}

const SYSTEM = ['xmin', 'ctid', 'tableoid'];
const NUMBERS = new Set(['id', 'b', 'c', 'e', 'f']);
const WRITABLE: readonly Grant[] = ['listed', 's', 'w', 'f', 'fs', 'fsw'];

export class Statements {
  private aliases = 0;
  private ctes: { readonly name: string; readonly columns: readonly Shown[] }[] = [];

  constructor(private readonly random: Random) {}

  next(): Statement {
    this.aliases = 0;
    this.ctes = [];
    const { random } = this;
    switch (random.int(17)) {
      case 0:
      case 1:
        return this.ordered(this.query(2));
      case 2:
      case 3:
        return this.ordered(this.withCtes());
      case 4:
        return this.ordered(this.setOperation());
      case 5:
        return this.loose(this.insert());
      case 6:
        return this.loose(this.update());
      case 7:
        return this.loose(this.remove());
      case 8:
        return this.loose(random.once(2) ? `COPY (${this.query(1).sql}) TO STDOUT` : this.copyTable());
      case 9:
      case 10:
        return this.loose(this.grouped());
      case 11:
        return this.cursor();
      case 12:
        return this.ordered(this.recursive());
      case 13:
        return this.loose(this.locking());
      case 14:
        return this.ordered(this.values());
      default:
        return this.loose(this.query(2).sql);
    }
  }

  private loose(sql: string): Statement {
    return { sql, ordered: false };
  }

  private ordered({ sql, columns }: Query): Statement {
    const { random } = this;
    if (random.once(2) || columns.some(({ type }) => type === 'json' || type === 'xid')) return this.loose(sql);
    const by = columns.map((_, i) => `${i + 1}${random.once(5) ? ' DESC' : ''}`).join(', ');
    return { sql: `${sql} ORDER BY ${by}${random.once(3) ? ` LIMIT ${random.int(6)}` : ''}`, ordered: true };
  }

  private alias(prefix: string): string {
    this.aliases += 1;
    return `${prefix}${this.aliases}`;
  }

  // FROM

  private item(depth: number, lateral: readonly Named[] = []): Item {
    const { random } = this;
    const kind = random.int(depth > 0 ? 16 : 8);
    if (kind < 6) return this.table();
    if (kind === 6) return this.rows();
    if (kind === 7) return this.ctes.length > 0 ? this.reference() : this.table();
    if (kind === 8) return this.fn(lateral);
    if (kind < 12) return this.derived(depth);
    if (kind < 15) return this.aliased(depth);
    return this.join(depth);
  }

  private from(depth: number): Item {
    const { random } = this;
    const first = this.item(depth);
    if (random.once(2)) return first;
    if (depth > 0 && random.once(3)) {
      const other = this.item(depth - 1, first.named);
      return {
        sql: `${first.sql}, ${other.sql}`,
        columns: [...first.columns, ...other.columns],
        named: [...first.named, ...other.named],
      };
    }
    return this.join(depth, first);
  }

  private table(shapes: readonly Shape[] = ['l', 'r'], grants: readonly Grant[] = GRANTS): Item {
    const { random } = this;
    const shape = random.pick(shapes);
    const grant = random.pick(grants);
    const alias = random.once(12) ? `${shape}_${grant}` : this.alias('t');
    const columns = shownOf(SHAPES[shape]);
    const shown = alias.startsWith('t') ? this.renamed(columns) : { list: '', columns };
    const only = random.once(25) ? 'ONLY ' : '';
    const as = alias.startsWith('t') ? `${random.once(4) ? ' ' : ' AS '}${alias}${shown.list}` : '';
    const named: Named = {
      alias,
      columns: shown.columns,
      system: grant.startsWith('fs') || grant === 's',
      keyed: !grant.includes('v') && grant !== 'whole' ? true : grant === 'whole',
      isRow: true,
      table: `${shape}_${grant}`,
      ...(withholds(grant) ? {} : { takenBy: functionOf(shape, grant) }),
    };
    return { sql: `${only}${shape}_${grant}${as}`, columns: shown.columns, named: [named] };
  }

  /** An alias list for some of the columns: often none, sometimes all, sometimes names that others have. */
  private renamed(columns: readonly Shown[]): { list: string; columns: readonly Shown[] } {
    const { random } = this;
    if (!random.once(3) || columns.length === 0) return { list: '', columns };
    const count = 1 + random.int(columns.length);
    const names = columns
      .slice(0, count)
      .map((_, i) => (random.once(10) ? random.pick(['id', 'a', 'xmin', 'ok']) : `n${this.aliases}_${i}`));
    return {
      list: `(${names.join(', ')})`,
      columns: columns.map((column, i) => ({ ...column, name: names[i] ?? column.name })),
    };
  }

  private as(prefix: string, sql: string, of: readonly Shown[], more: Partial<Named> = {}): Item {
    const alias = this.alias(prefix);
    const { list, columns } = this.renamed(of);
    return { sql: `${sql} AS ${alias}${list}`, columns, named: [{ alias, columns, isRow: true, ...more }] };
  }

  private derived(depth: number): Item {
    const query = this.random.once(5) ? this.setOperation(depth - 1) : this.query(depth - 1);
    if (!this.random.once(12)) return this.as('d', `(${query.sql})`, query.columns);
    return { sql: `(${query.sql})`, columns: query.columns, named: [] };
  }

  private aliased(depth: number): Item {
    const join = this.join(depth - 1);
    return this.as('j', `(${join.sql})`, join.columns);
  }

  private rows(): Item {
    const columns = [
      { name: 'column1', type: 'int', number: true },
      { name: 'column2', type: 'text', number: true },
    ];
    return this.as('v', `(VALUES (1, '1'), (2, '5'), (3, NULL))`, columns);
  }

  private fn(lateral: readonly Named[]): Item {
    const { random } = this;
    const row = lateral.find((named) => named.isRow);
    if (row && random.once(2)) {
      const columns = [
        { name: 'key', type: 'text' },
        { name: 'value', type: 'text' },
      ];
      return this.as('f', `json_each_text(row_to_json(${row.alias}))`, columns);
    }
    if (row?.takenBy && random.once(2)) {
      const alias = this.alias('f');
      const columns = [{ name: alias, type: 'text' }];
      return { sql: `${row.takenBy}(${row.alias}) AS ${alias}`, columns, named: [{ alias, columns }] };
    }
    if (row && random.once(2)) return this.as('f', `LATERAL (SELECT ${row.alias}.*, 1 AS one)`, [...row.columns, ONE]);
    const unnested = [
      { name: 'unnest', type: 'int', number: true },
      { name: 'unnest', type: 'text' },
      { name: 'ordinality', type: 'bigint', number: true },
    ];
    return this.as('f', `unnest(ARRAY[1, 2, 3], ARRAY['x', 'y']) WITH ORDINALITY`, unnested);
  }

  private reference(): Item {
    const cte = this.random.pick(this.ctes);
    return this.as('w', cte.name, cte.columns);
  }

  private join(depth: number, first?: Item): Item {
    const { random } = this;
    const left = first ?? this.item(Math.max(0, depth - 1));
    const right = this.item(Math.max(0, depth - 1));
    const named = [...left.named, ...right.named];
    const type = random.pick(['', '', 'LEFT ', 'LEFT ', 'RIGHT ', 'FULL ']);
    const shared = left.columns.filter((l) => right.columns.some((r) => r.name === l.name)).map(({ name }) => name);
    const mergeable = shared.filter((name) => {
      const of = [left, right].map(({ columns }) => columns.filter((column) => column.name === name));
      return of.every((found) => found.length === 1) && of[0]![0]!.type === of[1]![0]!.type;
    });
    const merged = (names: readonly string[]): readonly Shown[] => {
      const rest = (item: Item) => item.columns.filter(({ name }) => !names.includes(name));
      return [...names.map((name) => left.columns.find((c) => c.name === name)!), ...rest(left), ...rest(right)];
    };
    const natural = random.once(3) && mergeable.length === new Set(shared).size;
    if (natural)
      return {
        sql: `${left.sql} NATURAL ${type}JOIN ${bracketed(right.sql)}`,
        columns: merged([...new Set(shared)]),
        named,
      };
    const join = (how: string): string => `${left.sql} ${type}JOIN ${bracketed(right.sql)} ${how}`;
    if (mergeable.length > 0 && random.once(2)) {
      const names = random.once(2) ? [random.pick(mergeable)] : [...mergeable].reverse();
      const alias = random.once(5) ? this.alias('u') : undefined;
      const columns = merged(names);
      const using = alias === undefined ? [] : [{ alias, columns: columns.slice(0, names.length), isRow: true }];
      return {
        sql: join(`USING (${names.join(', ')})${alias ? ` AS ${alias}` : ''}`),
        columns,
        named: [...named, ...using],
      };
    }
    const columns = [...left.columns, ...right.columns];
    const [l, r] = [left, right].map(({ named: of }) => this.column(of, 'int'));
    if (l && r) {
      const more = type !== 'FULL ' && random.once(5) ? ` AND ${this.condition(named)}` : '';
      return { sql: join(`ON ${l} = ${r}${more}`), columns, named };
    }
    return { sql: `${left.sql} CROSS JOIN ${bracketed(right.sql)}`, columns, named };
  }

  // Expressions

  private column(named: readonly Named[], type?: string, number = false): string | undefined {
    const all = named.flatMap(({ alias, columns }) =>
      columns
        .filter((c) => (type === undefined || c.type === type) && (!number || c.number))
        .filter(({ name }) => columns.filter((other) => other.name === name).length === 1)
        .map(({ name }) => `${alias}.${name}`),
    );
    return all.length > 0 ? this.random.pick(all) : undefined;
  }

  /** An expression that fails on hidden rows. */
  private telling(named: readonly Named[]): string | undefined {
    const int = this.column(named, 'int', true);
    const text = this.column(named, 'text', true);
    if (text && this.random.once(3)) return `${text}::integer`;
    return int && `60 / ${int}`;
  }

  private condition(named: readonly Named[]): string {
    const { random } = this;
    const rows = named.filter((one) => one.isRow);
    const system = named.filter((one) => one.system);
    const row = rows.length > 0 ? random.pick(rows) : undefined;
    const int = this.column(named, 'int');
    switch (random.int(9)) {
      case 0:
        if (row) return `${row.alias} IS NOT NULL`;
        break;
      case 1:
        if (row) return `${row.alias}::text LIKE '(%'`;
        break;
      case 2:
        if (system.length > 0) return `${random.pick(system).alias}.${random.pick(SYSTEM)} IS NOT NULL`;
        break;
      case 3:
        if (int) return `(${int}, ${int}) IN (SELECT * FROM (SELECT id, a FROM r_fs) AS q(x, y))`;
        break;
      case 4:
        if (rows.length > 1 && isAlike(rows[0]!, rows[1]!))
          return `${rows[0]!.alias} IS DISTINCT FROM ${rows[1]!.alias}`;
        break;
      case 5:
        if (row) return `EXISTS (SELECT * FROM l_fs NATURAL JOIN (SELECT ${row.alias}.*) AS q)`;
        break;
      case 6:
        if (row?.table) {
          const read = row.system ? ' WHERE u.xmin IS NOT NULL' : '';
          const how = random.pick(['IN', '= ANY', 'NOT IN', '<> ALL', '<= ANY']);
          return `${row.alias} ${how} (SELECT u FROM ${row.table} AS u${read})`;
        }
        break;
      case 7:
        if (row?.takenBy) return `${row.takenBy}(${row.alias}) ${random.pick(["LIKE '%1%'", 'IS NOT NULL'])}`;
        break;
    }
    const telling = this.telling(named);
    return telling ? `${telling} > 0` : 'true';
  }

  private target(named: readonly Named[], columns: readonly Shown[]): Query {
    const { random } = this;
    const rows = named.filter((one) => one.isRow);
    const system = named.filter((one) => one.system);
    const one = rows.length > 0 ? random.pick(rows) : undefined;
    const record = (sql: string, name: string): Query => ({ sql, columns: [{ name, type: 'record' }] });
    switch (random.int(17)) {
      case 0:
      case 1:
      case 2:
        if (columns.length > 0) return { sql: '*', columns };
        break;
      case 3:
      case 4:
        if (one) return { sql: `${one.alias}.*`, columns: one.columns };
        break;
      case 5:
        if (one) return record(random.once(2) ? one.alias : `${one.alias} AS x`, one.alias);
        break;
      case 6:
        if (one) return { sql: `row_to_json(${one.alias}) AS doc`, columns: [{ name: 'doc', type: 'json' }] };
        break;
      case 7:
        if (one) return { sql: `(${one.alias}).*`, columns: one.columns };
        break;
      case 8:
        if (one) return record(`ROW(${one.alias}.*, 1)`, 'row');
        break;
      case 9:
        if (system.length > 0) return this.systemColumn(random.pick(system).alias);
        break;
      case 10:
        if (one) return { sql: `to_jsonb(${one.alias}.*) - 'z' AS j`, columns: [{ name: 'j', type: 'jsonb' }] };
        break;
      case 11:
        if (one)
          return {
            sql: `ARRAY(SELECT ${one.alias} FROM generate_series(1, 2))::text AS arr`,
            columns: [{ name: 'arr', type: 'text' }],
          };
        break;
      case 12:
        if (one?.takenBy)
          return {
            sql: `${one.takenBy}(${one.alias}${random.once(3) ? '.*' : ''})`,
            columns: [{ name: one.takenBy, type: 'text' }],
          };
        break;
      case 13:
        if (one)
          return {
            sql: `num_nulls(${one.alias}, NULL) AS nulls`,
            columns: [{ name: 'nulls', type: 'int', number: true }],
          };
        break;
      case 14:
        if (one) return { sql: `${one.alias}::text AS line`, columns: [{ name: 'line', type: 'text' }] };
        break;
    }
    const telling = this.telling(named);
    if (telling && random.once(2)) return { sql: `${telling} AS k`, columns: [{ name: 'k', type: 'int' }] };
    const column = this.column(named, 'int');
    return column
      ? { sql: column, columns: [{ name: column.split('.')[1]!, type: 'int' }] }
      : { sql: '1 AS one', columns: [ONE] };
  }

  /** In a form that is the same in both databases. */
  private systemColumn(alias: string): Query {
    return this.random.pick<Query>([
      { sql: `${alias}.xmin IS NOT NULL AS xmin`, columns: [{ name: 'xmin', type: 'bool' }] },
      { sql: `(${alias}).ctid IS NULL AS ctid`, columns: [{ name: 'ctid', type: 'bool' }] },
      { sql: `${alias}.tableoid::regclass::text AS tableoid`, columns: [{ name: 'tableoid', type: 'text' }] },
    ]);
  }

  /** An item whose first column is different in each row. */
  private unique(): Item {
    const { random } = this;
    const table = this.table();
    switch (random.int(4)) {
      case 0:
        return this.as('d', `(SELECT * FROM ${table.sql})`, table.columns);
      case 1: {
        const other = this.table();
        const [l, r] = [table, other].map(({ named }) => `${named[0]!.alias}.${named[0]!.columns[0]!.name}`);
        return this.as('j', `(${table.sql} JOIN ${other.sql} ON ${l} = ${r})`, [...table.columns, ...other.columns]);
      }
      default:
        return table;
    }
  }

  // Queries

  private query(depth: number): Query {
    const { random } = this;
    const from = this.from(depth);
    const targets = Array.from({ length: random.pick([1, 1, 2, 3]) }, () => this.target(from.named, from.columns));
    const columns = targets.flatMap((target) => target.columns);
    const distinct = random.once(9) && !columns.some(({ type }) => type === 'json') ? 'DISTINCT ' : '';
    const where = random.once(2) ? ` WHERE ${this.condition(from.named)}` : '';
    return { sql: `SELECT ${distinct}${targets.map(({ sql }) => sql).join(', ')} FROM ${from.sql}${where}`, columns };
  }

  private setOperation(depth = 1): Query {
    const { random } = this;
    const shape = random.pick(['l', 'r'] as const);
    const arm = (): string => {
      const { sql, named } = this.table([shape]);
      const where = random.once(2) ? ` WHERE ${this.condition(named)}` : '';
      if (depth > 0 && random.once(3)) return `SELECT * FROM (SELECT * FROM ${sql}${where}) AS ${this.alias('s')}`;
      return random.once(8) ? `TABLE ${shape}_${random.pick(GRANTS)}` : `SELECT * FROM ${sql}${where}`;
    };
    const operator = random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT']);
    const more = random.once(3) ? ` ${random.pick(['UNION', 'EXCEPT'])} ${arm()}` : '';
    return { sql: `${arm()} ${operator} ${arm()}${more}`, columns: shownOf(SHAPES[shape]) };
  }

  private withCtes(): Query {
    const { random } = this;
    const texts: string[] = [];
    for (let i = 0; i <= random.int(2); i += 1) {
      const query = random.once(3) ? this.setOperation() : this.query(1);
      const name = this.alias('c');
      const { list, columns } = this.renamed(query.columns);
      texts.push(`${name}${list} AS ${random.pick(['', '', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(${query.sql})`);
      this.ctes.push({ name, columns });
    }
    const from = this.join(1, this.reference());
    const targets = [this.target(from.named, from.columns), this.target(from.named, from.columns)];
    const where = random.once(2) ? ` WHERE ${this.condition(from.named)}` : '';
    return {
      sql: `WITH ${texts.join(', ')} SELECT ${targets.map(({ sql }) => sql).join(', ')} FROM ${from.sql}${where}`,
      columns: targets.flatMap(({ columns }) => columns),
    };
  }

  private recursive(): Query {
    const { random } = this;
    const [base, step] = [this.table(['l'], GRANTS), this.table(['l'], GRANTS)];
    const [b, s] = [base.named[0]!, step.named[0]!];
    if (![b, s].every(({ columns }) => columns[0]?.name === 'id' && columns[3]?.name === 'c')) return this.query(1);
    const added = random.pick([
      ['', []],
      [' SEARCH DEPTH FIRST BY n SET seq', ['seq']],
      [' CYCLE n SET cyc USING path', ['cyc', 'path']],
    ] as const);
    const columns: readonly Shown[] = [
      { name: 'n', type: 'int', number: true },
      { name: 'm', type: 'int', number: true },
      ...added[1].map((name) => ({ name, type: 'record' })),
    ];
    const { list, columns: renamed } = this.renamed(columns);
    const where = random.once(2) ? ` WHERE 60 / ${renamed[1]!.name} > 0` : '';
    const tells = random.once(2) ? ` AND 60 / ${s.alias}.c > 0` : '';
    return {
      sql: `WITH RECURSIVE c(n, m) AS (SELECT ${b.alias}.id, ${b.alias}.c FROM ${base.sql} WHERE ${b.alias}.id = 1 UNION ALL SELECT c.n + 1, ${s.alias}.c FROM c JOIN ${step.sql} ON ${s.alias}.id = c.n + 1${tells})${added[0]} SELECT ${random.pick(['*', 'x.*', 'row_to_json(x)::text, x.*'])} FROM c AS x${list}${where}`,
      columns: [...renamed, ONE].slice(0, 1),
    };
  }

  private grouped(): string {
    const { random } = this;
    const from = random.once(2) ? this.table() : this.join(1, this.table());
    const keyed = from.named.find((named) => named.keyed && named.columns[0]?.name === 'id');
    if (!keyed) return `SELECT count(${from.named[0]?.alias ?? 1}), count(*) FROM ${from.sql}`;
    const what = random.pick([
      `${keyed.alias}.*`,
      keyed.alias,
      `row_to_json(${keyed.alias})::text`,
      `(${keyed.alias}).*`,
      `${this.column([keyed])}`,
      ...(keyed.takenBy ? [`${keyed.takenBy}(${keyed.alias})`] : []),
    ]);
    const more = random.once(2) ? `, sum(${this.telling(from.named) ?? '1'})` : ', count(*)';
    const having = random.once(4) ? ' HAVING count(*) > 0' : '';
    return `SELECT ${what}${more} FROM ${from.sql} GROUP BY ${keyed.alias}.id${having}`;
  }

  private locking(): string {
    const table = this.table(['l', 'r'], WRITABLE);
    const other = this.table(['l', 'r'], WRITABLE);
    const [a, b] = [table.named[0]!, other.named[0]!];
    const condition = this.condition([a, b]);
    return `SELECT ${this.random.pick(['*', `${a.alias}.*`, `${a.alias}`])} FROM ${table.sql} CROSS JOIN ${other.sql} WHERE ${condition} FOR UPDATE OF ${a.alias}`;
  }

  private values(): Query {
    const { sql } = this.query(1);
    const [first, second] = [this.table(['l']), this.table(['l'])];
    return this.random.pick<Query>([
      { sql: `VALUES ((SELECT count(*) FROM (${sql}) AS q)), (2)`, columns: [ONE] },
      {
        sql: `SELECT (SELECT x FROM (SELECT * FROM ${first.sql} ORDER BY 1 LIMIT 1) AS x) AS r, y.* FROM (SELECT * FROM ${second.sql}) AS y`,
        columns: [{ name: 'r', type: 'record' }, ...second.columns],
      },
      {
        sql: `SELECT * FROM ${first.sql} WHERE ROW(${first.named[0]!.alias}.*) IN (SELECT * FROM ${second.sql})`,
        columns: first.columns,
      },
    ]);
  }

  private cursor(): Statement {
    const { random } = this;
    const { sql, columns } = this.query(1);
    if (columns.some(({ type }) => type === 'json' || type === 'xid')) return this.loose(sql);
    const by = columns.map((_, i) => i + 1).join(', ');
    const fetch = random.pick(['FETCH ALL FROM k', 'FETCH LAST FROM k; FETCH BACKWARD 3 FROM k']);
    return { sql: `DECLARE k SCROLL CURSOR FOR ${sql} ORDER BY ${by}; ${fetch}`, ordered: true };
  }

  // Writes

  private insert(): string {
    const { random } = this;
    const { sql, named } = this.table(['l']);
    const where = random.once(2) ? ` WHERE ${this.condition(named)}` : '';
    const source = random.pick([
      `SELECT * FROM ${sql}${where}`,
      `SELECT * FROM (SELECT * FROM ${sql}${where}) AS q`,
      `SELECT (q).* FROM (SELECT * FROM ${sql}${where}) AS q`,
      `TABLE l_${random.pick(GRANTS)}`,
      `WITH c AS (SELECT * FROM ${sql}) SELECT * FROM c`,
    ]);
    return `INSERT INTO sink${random.once(2) ? ' (q, p, u, w, y)' : ''} ${source} RETURNING ${random.pick(['*', 'sink.*', 'sink', 'sink.*, sink.p'])}`;
  }

  private update(): string {
    const { random } = this;
    const target = this.table(['l'], WRITABLE.slice(0, 3).concat('f', 'fs', 'fsw'));
    const { alias } = target.named[0]!;
    if (target.named[0]!.columns !== shownOf(SHAPES.l) && /\(/.test(target.sql)) return this.insert();
    const other = this.unique();
    const link = `${other.named[0]!.alias}.${other.columns[0]!.name}`;
    const returning = random.pick([
      '*',
      `${alias}.*`,
      `${alias}, *`,
      other.named[0]?.isRow ? `${other.named[0].alias}.*, ${alias}.id` : '*',
    ]);
    const where = random.once(3) ? ` AND ${this.condition(other.named)}` : '';
    return `UPDATE ${target.sql.replace('ONLY ', '')} SET a = 9 FROM ${other.sql} WHERE ${alias}.id = ${link}${where} RETURNING ${returning}`;
  }

  private remove(): string {
    const { random } = this;
    const target = this.table(['r'], WRITABLE);
    const { alias } = target.named[0]!;
    if (/\(/.test(target.sql)) return this.insert();
    const other = this.unique();
    const link = `${other.named[0]!.alias}.${other.columns[0]!.name}`;
    return `DELETE FROM ${target.sql} USING ${other.sql} WHERE ${alias}.id = ${link} RETURNING ${random.pick(['*', `${alias}.*, 1 AS one`, `row_to_json(${alias})`])}`;
  }

  private copyTable(): string {
    const shape = this.random.pick(['l', 'r'] as const);
    const grant = this.random.pick(GRANTS.filter((one) => !one.includes('v')));
    return `COPY ${shape}_${grant}${this.random.once(2) ? ' (a, id)' : ''} TO STDOUT`;
  }
}

const ONE: Shown = { name: 'one', type: 'int', number: true };

/** Rows of other types cannot be compared. */
function isAlike(a: Named, b: Named): boolean {
  return a.columns.map(({ type }) => type).join() === b.columns.map(({ type }) => type).join();
}

/** Puts brackets around a join on the right of another. */
function bracketed(sql: string): string {
  return / JOIN /.test(sql.replace(/\(.*\)/s, '')) ? `(${sql})` : sql;
}

const shown = new Map<readonly Column[], readonly Shown[]>();

function shownOf(columns: readonly Column[]): readonly Shown[] {
  const known = shown.get(columns) ?? columns.map((column) => ({ ...column, number: NUMBERS.has(column.name) }));
  shown.set(columns, known);
  return known;
}
