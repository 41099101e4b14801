/**
 * The schema as the generators know it: what the role may see of each relation, and expressions over a row that never fail on visible rows and do on
 * most of the hidden ones: if one fails, it ran where it should not.
 */

/** Types of expressions. `int` stays small enough that a few operations on it cannot overflow. */
export type Type =
  | 'int'
  | 'bigint'
  | 'numeric'
  | 'float'
  | 'text'
  | 'bool'
  | 'date'
  | 'timestamptz'
  | 'jsonb'
  | 'text[]'
  | 'int[]'
  | 'mood'
  | 'uuid'
  | 'range'
  | 'citext'
  | 'bytea';

/** The type in a cast. */
export const SQL_TYPE: Readonly<Record<Type, string>> = {
  int: 'integer',
  bigint: 'bigint',
  numeric: 'numeric',
  float: 'double precision',
  text: 'text',
  bool: 'boolean',
  date: 'date',
  timestamptz: 'timestamptz',
  jsonb: 'jsonb',
  'text[]': 'text[]',
  'int[]': 'integer[]',
  mood: 'mood',
  uuid: 'uuid',
  range: 'int4range',
  citext: 'citext',
  bytea: 'bytea',
};

/** Equal values look equal, so that it does not matter which of them DISTINCT, GROUP BY or LIMIT keeps. */
export const PLAIN: readonly Type[] = ['int', 'text', 'bool', 'date', 'bigint', 'mood', 'timestamptz', 'uuid', 'range'];

export interface Column {
  readonly name: string;
  readonly type: Type;
}

/** `$` is the row. */
export type Telling = readonly [type: Type, sql: string];

export interface Relation {
  readonly name: string;
  /** In the table's own order; without those of types that the generators do not know. */
  readonly columns: readonly Column[];
  /** Tells its visible rows apart. */
  readonly key: readonly string[];
  readonly telling: readonly Telling[];
  /** `SELECT *` gives exactly `columns`. */
  readonly complete: boolean;
  /** So few rows that it can be joined with anything. */
  readonly small?: true;
  /** A table with a primary key of its own, on which others functionally depend. */
  readonly primary?: true;
  /** FOR UPDATE may be said of it. */
  readonly locks?: true;
}

/** Fails wherever it runs, and is no constant that the planner would compute. There are four rooms. */
const FAILING = [
  '(SELECT 1 / (count(*) - 4) > 0 FROM rooms AS f)',
  'EXISTS (SELECT ntile(0) OVER () FROM rooms AS f OFFSET 0)',
  'EXISTS (SELECT 1 FROM rooms AS f LIMIT -1)',
  'EXISTS (SELECT 1 FROM (VALUES (1e308::float8), (1e308)) AS f(x) HAVING sum(f.x) > 0)',
  '(3 IN (SELECT f.id / (f.id - f.id) FROM rooms AS f))',
] as const;

/** Conditions that ask for hidden rows, and let what fails run for them alone. */
const traps = (hidden: string): Telling[] =>
  FAILING.map((failing) => ['bool', `CASE WHEN ${hidden} THEN ${failing} ELSE true END`]);

function columns(text: string): Column[] {
  return text.split(', ').map((word) => {
    const [name, type] = word.split(' ') as [string, Type];
    return { name, type };
  });
}

const STUDENTS: readonly Telling[] = [
  ['int', '$.code::integer'],
  ['int', '100 / $.points'],
  ['int', '(100 / ($.code::integer))'],
  ['int', "('x' LIKE $.first_name)::integer"],
  ['int', "($.notes ->> 'n')::integer"],
  ['int', '$.points * 100'],
  ['int', '$.points::smallint'],
  ['int', '(sqrt($.score))::integer'],
  ['int', '$.score::integer'],
  ['int', '$.pin::integer'],
  ['int', '10 % $.points'],
  ['int', '$.marks[1] / $.marks[2]'],
  ['int', "jsonb_array_length(coalesce($.notes -> 'list', '[]'))"],
  ['int', 'width_bucket($.points, 0, 100, $.points)'],
  ['int', "(regexp_match('abc', $.code) IS NULL)::integer"],
  ['float', 'sqrt($.ratio)'],
  ['float', 'ln($.ratio)'],
  ['float', 'exp($.ratio)'],
  ['float', '1 / ($.score::float8)'],
  ['numeric', 'round(100 / $.score, 2)'],
  ['numeric', 'round(($.code::numeric) / 2, 2)'],
  ['text', 'chr(64 + $.points)'],
  ['text', "convert_from($.photo, 'UTF8')"],
  ['text', "split_part($.first_name, 'o', $.points)"],
  ['text', 'substr($.first_name, 1, $.points)'],
  ['text', '(array_append($.tags, $.code))[1]'],
  ['text', "to_char($.birth_date, 'YYYY-MM')"],
  ['text', "regexp_replace('a1b', $.code, 'x')"],
  ['text', "to_tsquery('simple', $.code)::text"],
  ['date', "date '2020-01-01' + $.points"],
  ['date', "($.notes ->> 'd')::date"],
  ['date', '$.birth_date + 1'],
  ['date', "date_trunc('month', $.birth_date)::date"],
  ['date', 'make_date(2000 + $.points, 1, 1)'],
  ['timestamptz', "$.seen + interval '1 day' * $.points"],
  ['timestamptz', "date_trunc('day', $.seen)"],
  ['bool', '$.code::integer > 3'],
  ['bool', '$.span @> $.points'],
  ['bool', 'upper($.span) - lower($.span) > 1'],
  ['bool', '$.pin::integer BETWEEN 2 AND 6'],
  ['bool', "'abc' ~ $.code"],
  ...traps('$.school_id <> 1'),
];

export const RELATIONS: readonly Relation[] = [
  {
    name: 'rooms',
    columns: columns('id int, name text, capacity int, label text, opened date'),
    key: ['id'],
    telling: [],
    complete: true,
    small: true,
    primary: true,
    locks: true,
  },
  {
    name: 'classes',
    columns: columns('id int, school_id int, label text, level int'),
    key: ['id'],
    telling: [
      ['int', '10 / $.level'],
      ['int', 'substr($.label, 1, 1)::integer'],
      ['date', 'make_date(2026, $.level, 1)'],
    ],
    complete: true,
    small: true,
    primary: true,
    locks: true,
  },
  {
    name: 'students',
    columns: columns(
      'id int, school_id int, class_id int, first_name text, last_name text, birth_date date, ine text, pin text, code text, points int, score numeric, ratio float, rating int, feeling mood, tags text[], marks int[], notes jsonb, nick citext, seen timestamptz, token uuid, span range, photo bytea',
    ),
    key: ['id'],
    telling: STUDENTS,
    complete: false,
    primary: true,
    locks: true,
  },
  {
    name: 'absences',
    columns: columns('id bigint, student_id int, day date, minutes int, amount numeric, place text, justified bool'),
    key: ['id'],
    telling: [
      ['int', '100 / $.minutes'],
      ['int', '(sqrt($.amount))::integer'],
      ['int', '$.minutes::smallint'],
      ['int', "('x' LIKE $.place)::integer"],
      ['int', '$.day - 1 - $.day'],
      ['date', '$.day + 1'],
      ['text', "to_char($.day, 'DD')"],
      ['numeric', 'round(1 / $.amount, 2)'],
      ['bool', '60 / $.minutes > 2'],
      ...traps("$.place LIKE 'hidden%'"),
    ],
    complete: true,
    primary: true,
    locks: true,
  },
  {
    name: 'grades',
    columns: columns('student_id int, subject text, mark numeric, weight int, remark text'),
    key: ['student_id', 'subject'],
    telling: [
      ['int', '(ln($.mark))::integer'],
      ['int', '10 / $.weight'],
      ['numeric', 'round(1 / $.mark, 2)'],
      ['int', "coalesce(substr($.remark, 6), '0')::integer"],
      ...traps("$.remark = 'hidden'"),
    ],
    complete: true,
    primary: true,
    locks: true,
  },
  {
    name: 'events',
    columns: columns('id int, day date, school_id int, title text, seats int'),
    key: ['id', 'day'],
    telling: [
      ['int', '100 / $.seats'],
      ['date', "date '2026-01-01' + 10 / $.seats"],
    ],
    complete: true,
    primary: true,
    locks: true,
  },
  {
    name: 'papers',
    columns: columns('id int, school_id int, title text, pages int, body jsonb'),
    key: ['id'],
    telling: [
      ['int', '60 / $.pages'],
      ['int', "($.body ->> 'n')::integer / $.pages"],
      ['int', 'right($.title, 1)::integer'],
    ],
    complete: true,
    locks: true,
  },
  {
    name: 'ledger',
    columns: columns('id int, school_id int, units int, price numeric, total numeric, rate int'),
    key: ['id'],
    telling: [
      ['int', '$.rate'],
      ['int', '10 / $.units'],
      ['int', '$.total::integer'],
      ['bool', '$.rate > 200'],
    ],
    complete: true,
    primary: true,
    locks: true,
  },
  {
    name: 'contacts',
    columns: columns('id int, class_id int, name text, phone text, rank int'),
    key: ['id'],
    telling: [
      ['int', '10 / $.rank'],
      ['int', 'substr($.name, 9)::integer'],
      ['int', 'left($.phone, 2)::integer'],
      ['bool', "'x' LIKE $.name"],
      ...traps("$.phone LIKE 'hi%'"),
    ],
    complete: true,
    primary: true,
    locks: true,
  },
  {
    name: 'class_sizes',
    columns: columns('class_id int, size int, best int'),
    key: ['class_id'],
    telling: [['int', '100 / $.best']],
    complete: true,
    small: true,
  },
  {
    name: 'cards',
    columns: columns('id int, full_name text, number int, pace int'),
    key: ['id'],
    telling: [
      ['int', '$.number'],
      ['int', '$.pace'],
      ['bool', '$.number > 3'],
    ],
    complete: true,
  },
  {
    name: 'pupil_names',
    columns: columns('id int, first_name text, last_name text, code text, points int, school_id int'),
    key: ['id'],
    telling: [
      ['int', '$.code::integer'],
      ['int', '100 / $.points'],
      ['bool', "'x' LIKE $.first_name"],
    ],
    complete: true,
  },
  {
    name: 'class_points',
    columns: columns('school_id int, class_id int, points bigint, pupils bigint'),
    key: ['class_id'],
    telling: [['int', '($.points / $.pupils)::integer']],
    complete: true,
    small: true,
  },
  {
    name: 'schools',
    columns: columns('id int, name text, city text'),
    key: ['id'],
    telling: [],
    complete: true,
    small: true,
    primary: true,
  },
];

/** Ways by which tables are joined, beside any column with any of its type. */
export const LINKS: readonly (readonly [table: string, column: string, other: string, otherColumn: string])[] = [
  ['students', 'class_id', 'classes', 'id'],
  ['students', 'id', 'absences', 'student_id'],
  ['students', 'id', 'grades', 'student_id'],
  ['students', 'id', 'cards', 'id'],
  ['students', 'id', 'pupil_names', 'id'],
  ['students', 'class_id', 'class_sizes', 'class_id'],
  ['students', 'class_id', 'contacts', 'class_id'],
  ['classes', 'id', 'contacts', 'class_id'],
  ['classes', 'id', 'class_points', 'class_id'],
  ['absences', 'student_id', 'grades', 'student_id'],
  ['events', 'school_id', 'classes', 'school_id'],
  ['ledger', 'id', 'contacts', 'id'],
  ['papers', 'pages', 'ledger', 'units'],
];
