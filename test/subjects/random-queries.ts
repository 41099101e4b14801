/** Random queries over the tables of `world.ts`; most compute on people in one way or another. */
import type { Random } from '../support/random.ts';

const PEOPLE = 6;

/** A FROM item: its text, and expressions over it. */
interface Item {
  readonly text: string;
  readonly keys: readonly string[];
  readonly plain: readonly string[];
  /** Columns that are about no person. */
  readonly others: readonly string[];
}

export class RandomQueries {
  private names = 0;

  constructor(private readonly random: Random) {}

  next(): string {
    this.names = 0;
    const { random } = this;
    if (random.once(8)) return this.combined();
    return this.select([], 2);
  }

  private combined(): string {
    const { random } = this;
    const op = random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'EXCEPT ALL']);
    const arm = (): string => {
      const [item] = [this.table()];
      const where = random.once(2) ? ` WHERE ${this.condition([item], [], 1)}` : '';
      const second = random.pick([...item.plain, '1']);
      return `SELECT ${random.pick(item.keys)} AS k, (${second})::text AS v FROM ${item.text}${where}`;
    };
    const tail = random.once(4) ? ' ORDER BY 1, 2 LIMIT 3' : '';
    return `${arm()} ${op} ${arm()}${tail}`;
  }

  private select(outer: readonly Item[], depth: number): string {
    const { random } = this;
    const { items, from } = this.from(outer, depth);
    const where = random.once(3) ? '' : ` WHERE ${this.conditions(items, outer, depth)}`;
    if (random.once(4)) return this.grouped(items, outer, from, where, depth);
    const list = this.list(items, outer, depth);
    const distinct = random.once(10) ? 'DISTINCT ' : '';
    const key = random.pick(items).keys[0] ?? '1';
    const sorts = list.map((_, i) => i + 1).join(', ');
    const order = random.once(3) ? ` ORDER BY ${this.scalar(items, outer, depth)}, ${sorts}` : ` ORDER BY ${sorts}`;
    if (distinct !== '') return `SELECT ${distinct}${list.join(', ')} FROM ${from}${where}${this.limit()}`;
    if (random.once(12))
      return `SELECT DISTINCT ON (${key}) ${list.join(', ')} FROM ${from}${where} ORDER BY ${key}, ${sorts}`;
    const limit = this.limit();
    return `SELECT ${list.join(', ')} FROM ${from}${where}${limit === '' && random.once(2) ? '' : order}${limit}`;
  }

  private grouped(items: readonly Item[], outer: readonly Item[], from: string, where: string, depth: number): string {
    const { random } = this;
    const keys = items.flatMap((item) => item.keys);
    const plain = items.flatMap((item) => item.plain);
    const others = items.flatMap((item) => item.others);
    const by = [
      ...new Set([
        random.pick([...keys, ...others, ...plain]),
        ...(random.once(2) ? [random.pick([...keys, ...others])] : []),
      ]),
    ];
    const made = [
      'count(*)',
      `count(*) FILTER (WHERE ${this.condition(items, outer, 0)})`,
      `max(${random.pick(plain)}::text)`,
      `json_agg(${random.pick(plain)} ORDER BY ${random.pick([...keys, ...plain])}, 1)::text`,
      `sum(${this.number(items)})`,
      'count(*) OVER ()',
    ];
    const list = [...(random.once(4) ? [] : by), random.pick(made), ...(random.once(2) ? [random.pick(made)] : [])];
    const group = random.once(3) && by.length > 1 ? `GROUPING SETS ((${by[0]}), (${by[1]}))` : by.join(', ');
    const having = random.once(5)
      ? ` HAVING ${random.pick(['count(*) > 1', `bool_or(${this.condition(items, outer, 0)})`])}`
      : '';
    if (random.once(4))
      return `SELECT ${random.pick(made.slice(0, 5))}, ${random.pick(made.slice(0, 5))} FROM ${from}${where}`;
    const limit = this.limit();
    return `SELECT ${list.join(', ')} FROM ${from}${where} GROUP BY ${group}${having} ORDER BY ${list.map((_, i) => i + 1).join(', ')}${limit}${depth < 0 ? '' : ''}`;
  }

  private limit(): string {
    const { random } = this;
    return random.once(5) ? ` LIMIT ${1 + random.int(4)}${random.once(4) ? ` OFFSET ${random.int(3)}` : ''}` : '';
  }

  private list(items: readonly Item[], outer: readonly Item[], depth: number): string[] {
    const { random } = this;
    const list: string[] = [];
    for (const item of items) if (item.keys.length > 0 && !random.once(4)) list.push(random.pick(item.keys));
    for (let i = random.int(3) + (list.length === 0 ? 1 : 0); i > 0; i--) list.push(this.value(items, outer, depth));
    return list.map((text, i) => `${text} AS c${i}`);
  }

  private value(items: readonly Item[], outer: readonly Item[], depth: number): string {
    const { random } = this;
    const keys = items.flatMap((item) => item.keys);
    const made = [
      () => random.pick(items.flatMap((item) => [...item.plain, ...item.others, '7'])),
      () => `CASE WHEN ${this.condition(items, outer, 0)} THEN 'yes' END`,
      () => this.scalar(items, outer, depth),
      () => `count(*) OVER (${keys.length > 0 && random.once(2) ? `PARTITION BY ${random.pick(keys)}` : ''})`,
      () => `rank() OVER (ORDER BY ${random.pick(items.flatMap((item) => [...item.plain, '1']))})`,
      () => this.subquery(items, depth),
    ];
    return random.pick(made)();
  }

  private scalar(items: readonly Item[], outer: readonly Item[], depth: number): string {
    const { random } = this;
    if (depth > 0 && random.once(5)) return this.subquery([...items, ...outer], depth);
    return this.number(items);
  }

  private number(items: readonly Item[]): string {
    return this.random.pick(
      items.flatMap((item) => [...item.keys, ...item.plain.filter((text) => text.endsWith('weight')), '1']),
    );
  }

  private subquery(items: readonly Item[], depth: number): string {
    const { random } = this;
    const item = this.table();
    const where = ` WHERE ${this.conditions([item], items, Math.max(0, depth - 1))}`;
    return random.pick([
      `(SELECT count(*) FROM ${item.text}${where})`,
      `(SELECT max(${random.pick(item.plain)}::text) FROM ${item.text}${where})`,
      `EXISTS (SELECT FROM ${item.text}${where})::int`,
      `(SELECT ${random.pick(item.keys)} FROM ${item.text}${where} ORDER BY 1 LIMIT 1)`,
    ]);
  }

  private conditions(items: readonly Item[], outer: readonly Item[], depth: number): string {
    const { random } = this;
    const all = Array.from({ length: 1 + random.int(3) }, () => this.condition(items, outer, depth));
    return all.join(random.once(8) ? ' OR ' : ' AND ');
  }

  private condition(items: readonly Item[], outer: readonly Item[], depth: number): string {
    const { random } = this;
    const keys = items.flatMap((item) => item.keys);
    const around = [...keys, ...outer.flatMap((item) => item.keys)];
    const plain = items.flatMap((item) => item.plain);
    const key = (): string => random.pick(keys.length > 0 ? keys : ['1']);
    const made = [
      () => `${key()} = ${random.pick(around.length > 0 ? around : ['1'])}`,
      () => `${key()} = ${random.pick(around.length > 0 ? around : ['1'])}`,
      () => `${key()} = ${1 + random.int(PEOPLE)}`,
      () => `${key()} IN (${1 + random.int(PEOPLE)}, ${1 + random.int(PEOPLE)})`,
      () => `${random.pick([...plain, '1'])}::text > '4'`,
      () => `${key()} IS NULL`,
      // A unique key that is not the person's.
      () => `${random.pick(plain.filter((text) => text.endsWith('.id')).concat(key()))} = ${1 + random.int(PEOPLE)}`,
      () => `${key()} < ${random.pick(around.length > 0 ? around : ['3'])}`,
      ...(depth > 0
        ? [
            () => {
              const item = this.table();
              const where = random.once(2) ? ` WHERE ${this.conditions([item], items, depth - 1)}` : '';
              return `${key()} ${random.once(4) ? 'NOT ' : ''}IN (SELECT ${random.pick(item.keys)} FROM ${item.text}${where}${random.once(4) ? ' ORDER BY 1 LIMIT 2' : ''})`;
            },
            () => {
              const item = this.table();
              return `${random.once(3) ? 'NOT ' : ''}EXISTS (SELECT FROM ${item.text} WHERE ${this.conditions([item], [...items, ...outer], depth - 1)})`;
            },
          ]
        : []),
    ];
    return random.pick(made)();
  }

  private from(outer: readonly Item[], depth: number): { readonly items: readonly Item[]; readonly from: string } {
    const { random } = this;
    const first = this.item(outer, depth);
    const items = [first];
    let from = first.text;
    for (let more = random.pick([0, 0, 1, 1, 2]); more > 0; more--) {
      const kind = random.pick(['JOIN', 'JOIN', 'LEFT JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', 'CROSS JOIN']);
      const lateral = depth > 0 && ['JOIN', 'LEFT JOIN'].includes(kind) && random.once(3);
      const item = lateral ? this.derived([...items, ...outer], depth - 1, true) : this.item(outer, depth);
      const both = [...items, item];
      const pairs = item.keys.flatMap((mine) => items.flatMap((other) => other.keys.map((key) => `${mine} = ${key}`)));
      const tie = pairs.length > 0 && !random.once(5) ? random.pick(pairs) : undefined;
      const more = random.once(4) ? this.condition(both, outer, depth - 1) : undefined;
      const on =
        lateral && random.once(2) ? 'true' : [tie, more].filter((part) => part !== undefined).join(' AND ') || 'true';
      // FULL JOIN takes equalities alone.
      const condition = kind === 'FULL JOIN' ? (tie ?? 'true') : on;
      from += ` ${kind} ${item.text}${kind === 'CROSS JOIN' ? '' : ` ON ${condition}`}`;
      items.push(item);
    }
    return { items, from };
  }

  private item(outer: readonly Item[], depth: number): Item {
    const { random } = this;
    if (depth > 0 && random.once(4)) return this.derived(outer, depth - 1, false);
    if (random.once(8)) return this.withoutPeople();
    return this.table();
  }

  private withoutPeople(): Item {
    const name = this.name();
    if (this.random.once(2))
      return { text: `generate_series(1, 7) AS ${name}`, keys: [], plain: [name], others: [name] };
    return { text: `clinics AS ${name}`, keys: [], plain: [`${name}.beds`], others: [`${name}.id`] };
  }

  private table(): Item {
    const { random } = this;
    const name = this.name();
    const of = (table: string, keys: readonly string[], plain: readonly string[], others: readonly string[]): Item => {
      const column = (text: string): string => `${name}.${text}`;
      return {
        text: `${table} AS ${name}`,
        keys: keys.map(column),
        plain: plain.map(column),
        others: others.map(column),
      };
    };
    return random.pick([
      () => of('patient', ['id'], ['name', 'weight', 'hiv'], ['clinic_id', 'ward']),
      () => of('visit', ['patient_id'], ['diag', 'day', 'id'], ['clinic_id']),
      () => of('lab', ['patient_id'], ['value'], ['id']),
      () => of('siblings', ['a', 'b'], ['note'], ['id']),
    ])();
  }

  /** A query of its own, over people. */
  private derived(outer: readonly Item[], depth: number, lateral: boolean): Item {
    const { random } = this;
    const name = this.name();
    const around = lateral ? outer : [];
    const item = this.table();
    const where = random.once(3) ? '' : ` WHERE ${this.conditions([item], around, depth)}`;
    const key = random.pick(item.keys);
    const made = [
      () => `SELECT ${key} AS k, ${random.pick(item.plain)}::text AS v FROM ${item.text}${where}${this.limitedBy(key)}`,
      () => `SELECT ${key} AS k, count(*)::text AS v FROM ${item.text}${where} GROUP BY ${key}`,
      () => `SELECT ${key} AS k, (${this.value([item], around, depth)})::text AS v FROM ${item.text}${where}`,
      () => `SELECT DISTINCT ${key} AS k, ${random.pick(item.others)}::text AS v FROM ${item.text}${where}`,
      () =>
        `SELECT ${random.pick([key, '1'])} AS k, ${random.pick(item.plain)}::text AS v FROM ${item.text}${where} UNION ALL SELECT 2, 'two'`,
    ];
    const text = random.pick(made)();
    return {
      text: `${lateral ? 'LATERAL ' : ''}(${text}) AS ${name}`,
      keys: [`${name}.k`],
      plain: [`${name}.v`],
      others: [],
    };
  }

  private limitedBy(key: string): string {
    return this.random.once(3) ? ` ORDER BY ${key}, 2 LIMIT ${1 + this.random.int(3)}` : '';
  }

  private name(): string {
    this.names += 1;
    return `t${this.names}`;
  }
}
