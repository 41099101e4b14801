/** INSERT, UPDATE, DELETE and MERGE on what the role may write. New rows get unused keys, visible or hidden: a collision is no leak. */
import { type Generator, type Item, reference } from './generator.ts';
import { LINKS, RELATIONS, type Relation, type Type } from './model.ts';

interface Writable {
  readonly table: string;
  /** Column by column, the values that are inserted. */
  readonly insert?: Readonly<Record<string, readonly string[]>>;
  readonly update: readonly (readonly [column: string, type: Type, values: readonly string[]])[];
  readonly deletes?: true;
}

const PUPILS = ['10', '20', '30', '120', '240', '999999999'];
const DAYS = ["'2026-09-05'", "'2026-12-24'", 'NULL'];
const SCHOOLS = ['1', '1', '1', '2'];

const WRITABLE: readonly Writable[] = [
  {
    table: 'rooms',
    insert: {
      id: ['9001', '9002', '1'],
      name: ["'C1'", "'C2'", 'NULL'],
      capacity: ['20', 'NULL', '150', '600', '-5'],
      label: ['DEFAULT', "'labo'", "'much too long for this'"],
      opened: ["'2020-01-01'", 'NULL'],
    },
    update: [
      ['capacity', 'int', ['25', '150', '700', '-1']],
      ['name', 'text', ["'renamed'"]],
      ['opened', 'date', ["'2021-01-01'"]],
    ],
    deletes: true,
  },
  {
    table: 'absences',
    insert: {
      id: ['900000001', '900000002', '10'],
      student_id: PUPILS,
      day: DAYS,
      minutes: ['30', 'NULL'],
      amount: ['2.5', 'NULL'],
      place: ["'hall B'", 'NULL'],
      justified: ['true', 'NULL'],
    },
    update: [
      ['minutes', 'int', ['45', 'NULL']],
      ['place', 'text', ["'Cantine'"]],
      ['student_id', 'int', ['20', '999999999']],
      ['day', 'date', ["'2026-09-09'"]],
      ['justified', 'bool', ['false']],
    ],
    deletes: true,
  },
  {
    table: 'grades',
    insert: {
      student_id: PUPILS,
      subject: ["'latin'", "'grec'", "'maths'"],
      mark: ['12', 'NULL'],
      weight: ['1', '2'],
      remark: ["'bien 3'", 'NULL'],
    },
    update: [
      ['weight', 'int', ['2']],
      ['remark', 'text', ["'bien 9'"]],
      ['mark', 'numeric', ['11.5']],
    ],
    deletes: true,
  },
  {
    table: 'students',
    update: [
      ['class_id', 'int', ['20', 'NULL', '5']],
      ['points', 'int', ['3', '2000000000']],
      ['rating', 'int', ['50', '101']],
      ['notes', 'jsonb', ["'{}'"]],
      ['tags', 'text[]', ["'{new}'"]],
      ['feeling', 'mood', ["'calm'"]],
    ],
  },
  {
    table: 'classes',
    update: [
      ['level', 'int', ['4', 'NULL']],
      ['label', 'text', ["'3e Z'", 'NULL']],
    ],
  },
  {
    table: 'events',
    insert: {
      id: ['900001', '900002'],
      day: ["'2026-05-05'", "'2031-01-01'", 'NULL'],
      school_id: SCHOOLS,
      title: ["'kermesse'", 'NULL'],
      seats: ['10'],
    },
    update: [
      ['seats', 'int', ['7']],
      ['title', 'text', ["'fête'"]],
      ['school_id', 'int', SCHOOLS],
      ['day', 'date', ["'2026-06-06'", "'2025-03-03'"]],
    ],
    deletes: true,
  },
  {
    table: 'ledger',
    insert: { id: ['900001', '900002'], school_id: SCHOOLS, units: ['2', '5'], price: ['1.5', 'NULL'] },
    update: [
      ['units', 'int', ['3']],
      ['price', 'numeric', ['9.99', '123456789012']],
    ],
  },
  {
    table: 'contacts',
    update: [
      ['class_id', 'int', ['20', '30', '5', 'NULL']],
      ['name', 'text', ["'Contact 1'"]],
      ['rank', 'int', ['2']],
    ],
    deletes: true,
  },
];

export interface Write {
  readonly sql: string;
  readonly table: string;
  /** RETURNING * and the target's whole row leave out what is masked: where masks are what is stored, they show it. */
  readonly leavesOut: boolean;
}

const MASKED = ['students', 'contacts'];

export function write(g: Generator): Write {
  const target = g.choices.pick(WRITABLE);
  const { table } = target;
  const relation = RELATIONS.find((r) => r.name === table)!;
  // Sometimes an alias that a condition of the policy uses, too.
  const alias = g.choices.pick(['', '', 'w', 'r', 'memberships', 'students']) || table;
  const item: Item = { alias, columns: relation.columns, telling: relation.telling, key: relation.key, relation };
  const as = alias === table ? table : `${table} AS ${alias}`;
  const kinds = [update, update, ...(target.deletes ? [erase] : []), ...(target.insert ? [insert, insert, merge] : [])];
  const sql = g.choices.pick(kinds)(g, target, item, as);
  const whole = new RegExp(`\\b${alias}\\b(?!\\.(?!to_jsonb))`, 'g');
  const rows = MASKED.includes(table) && [...sql.matchAll(whole)].length > 1;
  return { sql, table, leavesOut: rows || (sql.endsWith('RETURNING *') && MASKED.some((name) => sql.includes(name))) };
}

function insert(g: Generator, target: Writable, item: Item, as: string): string {
  const all = Object.entries(target.insert!);
  // Columns that are left out take their defaults.
  const columns = all.filter(([name], i) => i < 2 || item.key?.includes(name) || g.choices.chance(80));
  const names = columns.map(([name]) => name);
  const values = (): string => columns.map(([, of]) => g.choices.pick(of)).join(', ');
  const rows = g.choices.chance(25) ? `(${values()}), (${values()})` : `(${values()})`;
  const selected = values();
  // DEFAULT is allowed in VALUES alone.
  const select = g.choices.chance(20) && !selected.includes('DEFAULT');
  const source = select ? `SELECT ${selected} WHERE ${g.grammar.scalar(g, 'bool', [], 1)}` : `VALUES ${rows}`;
  return `INSERT INTO ${as} (${names.join(', ')}) ${source}${conflict(g, target, item)}${returning(g, item)}`;
}

function conflict(g: Generator, target: Writable, item: Item): string {
  if (!g.choices.chance(35)) return '';
  if (g.choices.chance(30)) return ' ON CONFLICT DO NOTHING';
  const on = ` ON CONFLICT (${item.key!.join(', ')}) DO`;
  if (g.choices.chance(30)) return `${on} NOTHING`;
  const where = g.choices.chance(40) ? ` WHERE ${g.grammar.scalar(g, 'bool', [item], 1)}` : '';
  const [column] = g.choices.pick(target.update);
  const known = Object.hasOwn(target.insert!, column);
  return `${on} UPDATE SET ${known && g.choices.chance(50) ? `${column} = EXCLUDED.${column}` : assignments(g, target, [item])}${where}`;
}

function update(g: Generator, target: Writable, item: Item, as: string): string {
  const other = g.choices.chance(25) ? parentOf(g, item) : undefined;
  const items = other ? [item, other.item] : [item];
  const where = [
    ...(other ? [other.link] : []),
    ...(g.choices.chance(85) ? [g.grammar.scalar(g, 'bool', items, 2)] : []),
  ];
  const from = other ? ` FROM ${other.sql}` : '';
  const condition = where.length > 0 ? ` WHERE ${where.join(' AND ')}` : '';
  return `UPDATE ${as} SET ${assignments(g, target, items)}${from}${condition}${returning(g, item, items)}`;
}

function erase(g: Generator, _target: Writable, item: Item, as: string): string {
  const other = g.choices.chance(25) ? parentOf(g, item) : undefined;
  const items = other ? [item, other.item] : [item];
  const where = [...(other ? [other.link] : []), g.grammar.scalar(g, 'bool', items, 2)];
  return `DELETE FROM ${as}${other ? ` USING ${other.sql}` : ''} WHERE ${where.join(' AND ')}${returning(g, item, items)}`;
}

function merge(g: Generator, target: Writable, item: Item, as: string): string {
  const insert = target.insert!;
  const names = Object.keys(insert);
  const key = item.key!;
  const value = (name: string): string => g.choices.pick(insert[name]!.filter((v) => v !== 'DEFAULT'));
  const source = `(SELECT ${key.map((name) => `${value(name)} AS ${name}`).join(', ')})`;
  const on = key.map((name) => `${reference(item, name)} = m.${name}`).join(' AND ');
  const and = (): string => (g.choices.chance(40) ? ` AND ${g.grammar.scalar(g, 'bool', [item], 1)}` : '');
  const matched = g.choices.pick([
    `UPDATE SET ${assignments(g, target, [item])}`,
    target.deletes ? 'DELETE' : 'DO NOTHING',
    'DO NOTHING',
  ]);
  const values = names.map((name) => (key.includes(name) ? `m.${name}` : g.choices.pick(insert[name]!)));
  const unmatched = g.choices.pick([`INSERT (${names.join(', ')}) VALUES (${values.join(', ')})`, 'DO NOTHING']);
  const bySource = g.choices.chance(10) ? ` WHEN NOT MATCHED BY SOURCE${and()} THEN ${matched}` : '';
  return `MERGE INTO ${as} USING ${source} AS m ON ${on} WHEN MATCHED${and()} THEN ${matched} WHEN NOT MATCHED THEN ${unmatched}${bySource}${returning(g, item)}`;
}

function assignments(g: Generator, target: Writable, items: readonly Item[]): string {
  const [column, type, values] = g.choices.pick(target.update);
  if (!g.choices.chance(45)) return `${column} = ${g.choices.pick(values)}`;
  return `${column} = ${g.grammar.scalar(g, type, items, 1)}`;
}

function returning(g: Generator, item: Item, items: readonly Item[] = [item]): string {
  if (!g.choices.chance(60)) return '';
  switch (g.choices.int(4)) {
    case 0:
      return ` RETURNING ${item.columns
        .slice(0, 3)
        .map((column) => reference(item, column.name))
        .join(', ')}`;
    case 1:
      return ' RETURNING *';
    case 2:
      return ` RETURNING old.${item.columns[0]!.name} AS o, new.${item.columns.at(-1)!.name} AS n`;
    default:
      return ` RETURNING ${g.grammar.scalar(g, 'text', items, 1)} AS v1, ${g.grammar.scalar(g, 'int', items, 1)} AS v2`;
  }
}

/** A relation with at most one row for each row of the item: with more, it is open which one counts. */
function parentOf(g: Generator, item: Item): { sql: string; item: Item; link: string } | undefined {
  const keyed = (name: string, column: string): Relation | undefined =>
    RELATIONS.find((r) => r.name === name && r.key.length === 1 && r.key[0] === column);
  const parents = LINKS.flatMap(([table, column, other, otherColumn]) => {
    if (table === item.relation?.name)
      return [{ mine: column, parent: keyed(other, otherColumn), theirs: otherColumn }];
    return other === item.relation?.name ? [{ mine: otherColumn, parent: keyed(table, column), theirs: column }] : [];
  }).filter(({ parent }) => parent);
  if (parents.length === 0) return undefined;
  const { mine, parent, theirs } = g.choices.pick(parents);
  const alias = g.alias();
  const { columns, telling, key, name } = parent!;
  return {
    sql: `${name} AS ${alias}`,
    item: { alias, columns, telling, key, relation: parent! },
    link: `${reference(item, mine)} = ${alias}.${theirs}`,
  };
}
