/** Policies made from a seed, changes of them, and statements to compare them with. */
import { stringify } from 'yaml';
import type { Random } from '../support/random.ts';

interface Grant {
  columns: string[];
  masks?: Record<string, string>;
  rows?: string;
}
interface Role {
  role: string;
  attributes: Record<string, string>;
  scope: Record<string, string>;
  tables: Record<string, { rows?: string; select?: Grant; update?: Grant; insert?: Grant; delete?: { rows?: string } }>;
  functions?: string[];
  statements?: string[];
  collect?: string;
  min_group?: number;
  mode?: string;
  limits: Record<string, unknown>;
  when_exceeded?: string;
}
export interface Made {
  role: Role;
  principal: { attributes: Record<string, number>; from?: string[]; valid_until?: string };
  keys: string[];
}

const COLUMNS: Record<string, readonly string[]> = {
  students: [
    'id',
    'ine',
    'first_name',
    'last_name',
    'birth_date',
    'sex',
    'address',
    'class_id',
    'school_id',
    'canteen',
  ],
  classes: ['id', 'school_id', 'name', 'level'],
  grades: ['id', 'student_id', 'subject', 'term', 'mark', 'comment'],
  schools: ['id', 'name', 'city', 'kind'],
};
const MASKS: Record<string, readonly string[]> = {
  first_name: ["'x'", 'left(first_name, 1)', 'last_name', 'upper(first_name)'],
  birth_date: ["CASE WHEN birth_date > date '2010-01-01' THEN birth_date END", 'NULL'],
  mark: ['round(mark)', 'NULL'],
  comment: ["'x'", 'subject'],
  name: ["'x'", 'level', 'upper(name)'],
};
const ROWS: Record<string, readonly string[]> = {
  students: ['canteen', "sex = 'F'", 'class_id IS NOT NULL', 'canteen OR id < 40', 'id < 100'],
  classes: ['school_id = :school_id', "level = '6e'", 'id < 5'],
  grades: ['term = 1', 'mark > 10', 'term = 1 OR term = 2'],
  schools: ['id = :school_id', 'id < 3'],
};

/** True in that many of ten cases. */
const inTen = (random: Random, times: number): boolean => random.int(10) < times;

export function base(random: Random): Made {
  const tables: Role['tables'] = {};
  for (const [table, columns] of Object.entries(COLUMNS)) {
    if (table !== 'students' && inTen(random, 3)) continue;
    const shown = columns.filter(() => inTen(random, 6));
    tables[table] = { select: { columns: shown.length > 0 ? shown : [columns[0]!] } };
    if (inTen(random, 5)) tables[table]!.rows = random.pick(ROWS[table]!);
    const masked = columns.filter((column) => MASKS[column] && !shown.includes(column) && inTen(random, 5));
    if (masked.length > 0)
      tables[table]!.select!.masks = Object.fromEntries(masked.map((column) => [column, random.pick(MASKS[column]!)]));
  }
  return {
    role: {
      role: 'r',
      attributes: { school_id: 'integer' },
      scope: { student: random.pick(['all', 'school_id = :school_id']) },
      tables,
      limits: {
        rows_per_statement: 5000,
        rows: ['1000 per hour', '5000 per day'],
        ...(inTen(random, 6) && { subjects: { student: ['100 per day', '500 per 30 days'] } }),
      },
    },
    principal: { attributes: { school_id: 1 } },
    keys: ['students.id', 'grades.student_id'],
  };
}

type Mutation = (made: Made, random: Random) => void;

/** Changes of limits: as likely as those of columns and rows. */
const LIMIT_MUTATIONS: readonly Mutation[] = [
  ({ role }, random) => {
    role.limits.rows = random.pick([
      ['500 per hour', '5000 per day'],
      ['1000 per hour warn', '5000 per day'],
      ['2000 per hour', '5000 per day'],
      ['1000 per hour'],
      ['1000 per hour', '5000 per day', '9000 per 30 days'],
    ]);
  },
  ({ role }, random) => {
    const subjects = random.pick([
      undefined,
      ['100 per day', '500 per 30 days'],
      ['50 per day', '500 per 30 days'],
      ['200 per day'],
      ['100 per day warn', '500 per 30 days'],
    ]);
    if (subjects) role.limits.subjects = { student: subjects };
    else delete role.limits.subjects;
  },
];

/** Changes of all kinds, about as many that give more as such that give less. */
export const MUTATIONS: readonly Mutation[] = [
  ...LIMIT_MUTATIONS,
  ...LIMIT_MUTATIONS,
  ...LIMIT_MUTATIONS,
  ({ role }, random) => {
    const [table, grant] = random.pick(Object.entries(role.tables));
    const column = random.pick(COLUMNS[table]!);
    if (grant.select && !grant.select.columns.includes(column) && !grant.select.masks?.[column])
      grant.select.columns.push(column);
  },
  ({ role }, random) => {
    const { select } = random.pick(Object.values(role.tables));
    if (select && select.columns.length > 1) select.columns.splice(random.int(select.columns.length), 1);
  },
  ({ role }, random) => {
    const { select } = random.pick(Object.values(role.tables));
    const column = select?.columns.find((one) => MASKS[one]);
    if (!select || !column || select.columns.length < 2) return;
    select.columns = select.columns.filter((one) => one !== column);
    select.masks = { ...select.masks, [column]: random.pick(MASKS[column]!) };
  },
  ({ role }, random) => {
    const { select } = random.pick(Object.values(role.tables));
    const [column] = Object.keys(select?.masks ?? {});
    if (!select?.masks || !column) return;
    if (inTen(random, 5)) select.masks[column] = random.pick(MASKS[column]!);
    else {
      delete select.masks[column];
      select.columns.push(column);
    }
  },
  ...([' AND ', ' AND ', ' OR '] as const).map((operator) => ({ role }: Made, random: Random) => {
    const [table, grant] = random.pick(Object.entries(role.tables));
    const more = random.pick(ROWS[table]!);
    if (grant.rows === undefined) grant.rows = more;
    else grant.rows = `(${grant.rows})${operator}(${more})`;
  }),
  ({ role }, random) => {
    const [table, grant] = random.pick(Object.entries(role.tables));
    if (inTen(random, 5)) delete grant.rows;
    else grant.rows = random.pick(ROWS[table]!);
  },
  ({ role }, random) => {
    const table = random.pick(Object.keys(COLUMNS));
    if (role.tables[table] && table !== 'students') delete role.tables[table];
    else role.tables[table] ??= { select: { columns: [COLUMNS[table]![0]!] } };
  },
  ({ role }, random) => {
    const list = random.pick(['functions', 'statements'] as const);
    const value = list === 'functions' ? 'public.school_year' : random.pick(['copy_to', 'explain', 'listen']);
    role[list] = role[list]?.includes(value)
      ? role[list].filter((one) => one !== value)
      : [...(role[list] ?? []), value];
  },
  ({ role }, random) => {
    role.collect = random.pick(['allow', 'deny']);
  },
  ({ role }, random) => {
    if (role.min_group !== undefined && inTen(random, 5)) delete role.min_group;
    else role.min_group = random.pick([5, 10]);
  },
  ({ role }, random) => {
    role.limits.rows_per_statement = random.pick([100, 5000, 9000]);
  },
  ({ role }, random) => {
    role.scope.student = random.pick([
      'all',
      'school_id = :school_id',
      'school_id = :school_id AND canteen',
      'canteen',
    ]);
  },
  ({ principal }, random) => {
    principal.attributes.school_id = random.pick([1, 2]);
  },
  ({ role }, random) => {
    if (role.mode === 'observe') delete role.mode;
    else if (inTen(random, 3)) role.mode = 'observe';
  },
  ({ role }, random) => {
    const [, grant] = random.pick(Object.entries(role.tables));
    if (grant.update) delete grant.update;
    else if (grant.select) grant.update = { columns: [grant.select.columns[0]!] };
  },
  ({ role }, random) => {
    const [, grant] = random.pick(Object.entries(role.tables));
    if (grant.delete) delete grant.delete;
    else grant.delete = {};
  },
  ({ principal }, random) => {
    principal.valid_until = random.pick(['2027-01-01', '2020-01-01', '2030-01-01']);
  },
];

export function filesOf({ role, principal, keys }: Made) {
  const password = `SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
  return [
    { path: 'roles/r.yaml', text: stringify(role) },
    { path: 'principals.yaml', text: stringify({ principals: { p: { role: 'r', password, ...principal } } }) },
    { path: 'subjects.yaml', text: stringify({ subjects: { student: { keys } } }) },
  ];
}

/** Statements for the comparison: the newer policy may allow one, or show a row, only if the older did. */
export function statements(): string[] {
  const found: string[] = [];
  for (const [table, columns] of Object.entries(COLUMNS)) {
    for (const column of columns) {
      found.push(`SELECT ${column} FROM ${table}`, `SELECT DISTINCT ${column} FROM ${table}`);
      found.push(
        `UPDATE ${table} SET ${column} = ${column} WHERE ${columns[0]} = 1`,
        `UPDATE ${table} SET ${column} = NULL`,
      );
    }
    found.push(
      `SELECT * FROM ${table}`,
      `SELECT ${columns.slice(0, 3).join(', ')} FROM ${table}`,
      `SELECT t FROM ${table} t`,
    );
    found.push(
      `SELECT count(*) FROM ${table}`,
      `SELECT string_agg(${columns[2]}, ',') FROM ${table}`,
      `SELECT array_agg(${columns[0]}) FROM ${table}`,
    );
    found.push(
      `COPY ${table} TO STDOUT`,
      `EXPLAIN SELECT ${columns[0]} FROM ${table}`,
      `DELETE FROM ${table}`,
      `DELETE FROM ${table} WHERE ${columns[0]} = 1`,
    );
    found.push(`SELECT ${columns[2]}, count(*) FROM ${table} GROUP BY 1`, `SELECT max(${columns[0]}) FROM ${table}`);
  }
  return [
    ...found,
    'SELECT first_name, mark FROM students JOIN grades ON student_id = students.id',
    'SELECT first_name, name FROM students NATURAL JOIN classes',
    'SELECT name FROM classes, schools',
    "SELECT public.school_year(date '2026-01-01')",
    'LISTEN x',
    'SELECT relname FROM pg_class WHERE relkind = $$r$$',
    'SELECT first_name FROM students TABLESAMPLE BERNOULLI (100)',
    'SELECT 1',
    'SELECT id FROM parents',
  ];
}
