/** Sources of rows, and expressions that depend on the hidden person. */
import type { Choices } from '../noninterference/choices.ts';
import { HIDDEN, KNOWN } from './people.ts';
import { ofType, type Routines, TYPES } from './routines.ts';

/** Rows of a FROM clause. */
export interface Source {
  /** '': there is no FROM. */
  readonly from: string;
  readonly where: readonly string[];
  /** The key column of the person that a row names; absent: a row names no person. */
  readonly key?: string;
  /** Integers that are about no person, or about the named one. */
  readonly plain: readonly string[];
  /** Alias of rows of patients, the hidden person among them. */
  readonly hidden?: string;
}

export const NOTHING: Source = { from: '', where: [], plain: [] };

/** How the hidden person's value is used. */
export type Use = 'case' | 'comparison' | 'arithmetic';

/** An integer, and where to cut it so that some of the persons lie on one side. */
interface Value {
  readonly sql: string;
  readonly cuts: readonly string[];
}

const WEIGHTS = ['57', '60', '71'];
const LETTERS = ['77', '80'];
const WARDS = ['2', '3'];

/** Columns of the hidden person as `q`. */
const COLUMNS: readonly Value[] = [
  { sql: 'q.weight', cuts: WEIGHTS },
  { sql: 'q.ward', cuts: WARDS },
  { sql: 'ascii(q.name)', cuts: LETTERS },
  { sql: 'length(q.name)', cuts: ['12', '10'] },
  { sql: 'extract(day FROM q.born)::int', cuts: ['8', '6'] },
  { sql: 'q.hiv::int', cuts: ['0', '1'] },
];

const USES: readonly Use[] = ['case', 'comparison', 'arithmetic'];
const KNOWN_LIST = KNOWN.join(', ');

export class Expressions {
  readonly use: Use;

  constructor(
    readonly choices: Choices,
    readonly routines: Routines,
  ) {
    this.use = choices.pick(USES);
  }

  number(): string {
    return this.choices.pick(['1', '2', '50', '57', '44', '71', '60']);
  }

  /** Rows of known people, of no person, or of all people. */
  source(): Source {
    const { choices } = this;
    const base = choices.pick(SOURCES);
    if (base.hidden || base.from === '' || !choices.chance(35)) return base;
    const join = choices.pick([
      `CROSS JOIN patient AS h`,
      `JOIN patient AS h ON h.id = ${HIDDEN}`,
      `LEFT JOIN patient AS h ON h.id = ${HIDDEN} AND h.weight > ${this.number()}`,
      `JOIN patient AS h ON h.ward = ${base.plain[0]}`,
      `LEFT JOIN patient AS h ON h.id = ${base.plain[0]} + 2`,
      `CROSS JOIN LATERAL (SELECT * FROM patient AS i WHERE i.id > ${base.plain[0]} ORDER BY i.weight LIMIT 1) AS h`,
    ]);
    return { ...base, from: `${base.from} ${join}`, hidden: 'h' };
  }

  /** An integer as the server has it, of the hidden person. */
  private value(source: Source): Value {
    const { choices } = this;
    const plain = source.plain[0] ?? '1';
    const where = choices.pick([
      `q.id = ${HIDDEN}`,
      `q.id + 0 = ${HIDDEN}`,
      `q.name < 'N' AND q.id > 4`,
      `q.id IN (${HIDDEN}, 6)`,
    ]);
    const one = choices.pick(COLUMNS);
    const { hidden: h } = source;
    const made: readonly Value[] = [
      { sql: `(SELECT q.weight FROM patient AS q WHERE q.id = ${HIDDEN})`, cuts: WEIGHTS },
      { sql: `(SELECT max(${one.sql}) FROM patient AS q WHERE ${where})`, cuts: one.cuts },
      { sql: `(SELECT count(*)::int FROM visit AS q WHERE q.patient_id = ${HIDDEN})`, cuts: ['1', '2'] },
      { sql: `(SELECT ascii(substr(q.name, ${plain}, 1)) FROM patient AS q WHERE q.id = ${HIDDEN})`, cuts: LETTERS },
      { sql: `ascii(name_of(${HIDDEN}))`, cuts: LETTERS },
    ];
    if (!h || choices.chance(40)) return choices.pick(made);
    return choices.pick([
      { sql: `${h}.weight`, cuts: WEIGHTS },
      { sql: `ascii(${h}.name)`, cuts: LETTERS },
      { sql: `(CASE ${h}.id WHEN ${HIDDEN} THEN ${h}.weight ELSE 60 END)`, cuts: WEIGHTS },
      { sql: `${h}.ward`, cuts: WARDS },
    ]);
  }

  /** A truth about the hidden person. */
  truth(source: Source): string {
    const { choices } = this;
    const { sql, cuts } = this.value(source);
    const { hidden: h } = source;
    return choices.pick([
      `${sql} > ${choices.pick(cuts)}`,
      `${sql} = ${choices.pick(cuts)}`,
      `${sql} BETWEEN ${choices.pick(cuts)} AND 99`,
      `${sql} IS NULL`,
      `EXISTS (SELECT FROM patient AS e WHERE e.id = ${HIDDEN} AND e.name >= 'M')`,
      `EXISTS (SELECT FROM visit AS e WHERE e.patient_id = ${HIDDEN} AND e.diag = 'flu')`,
      `${source.plain[0] ?? '2'} IN (SELECT e.ward FROM patient AS e WHERE e.id = ${HIDDEN})`,
      `${source.plain[0] ?? '50'} < ALL (SELECT e.weight FROM patient AS e WHERE e.id > 3)`,
      `${sql} > ${choices.pick(cuts)} + current_setting('extra_float_digits')::int - 1`,
      `${HIDDEN} <~> ${choices.pick(['57', '71', `(${source.plain[0] ?? '1'} + 56)`])}`,
      ...(h ? [`(${h}.id <> ${HIDDEN} OR ${h}.hiv)`, `${h}.name >= 'M'`, `${h}.name COLLATE "C" >= 'M'`] : []),
    ]);
  }

  /** An integer that depends on the hidden person, in the chosen way. */
  integer(source: Source): string {
    const { choices } = this;
    const plain = choices.pick([...source.plain, '1', '7']);
    const { sql, cuts } = this.value(source);
    const cut = choices.pick(cuts);
    switch (this.use) {
      case 'case':
        return choices.pick([
          `CASE WHEN ${this.truth(source)} THEN ${plain} ELSE ${cut} END`,
          `CASE WHEN ${this.truth(source)} THEN ${plain} END`,
          `coalesce(nullif(${sql}, ${cut}), ${plain})`,
        ]);
      case 'comparison':
        return choices.pick([`(${this.truth(source)})::int`, `greatest(${sql}, ${cut})`]);
      case 'arithmetic':
        return choices.pick([
          `${sql} + ${plain}`,
          `${sql} * ${plain}`,
          `${sql} - ${cut}`,
          `${sql} % 7`,
          `(${sql} & 7)`,
        ]);
    }
  }

  condition(source: Source): string {
    if (this.use === 'comparison' || this.choices.chance(40)) return this.truth(source);
    const { choices } = this;
    return `${this.integer(source)} ${choices.pick(['>', '<', '=', '<>'])} ${choices.pick([...source.plain, this.number()])}`;
  }

  /** An expression of any type. */
  any(source: Source): string {
    const integer = this.integer(source);
    return this.choices.chance(60) ? integer : ofType(this.choices.pick(TYPES), integer);
  }

  /** FROM and WHERE, with another condition where it is given. */
  rows(source: Source, ...more: readonly string[]): string {
    const conditions = [...source.where, ...more];
    const from = source.from === '' ? '' : ` FROM ${source.from}`;
    return `${from}${conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : ''}`;
  }

  /** Further columns: the key and a value of the same person, or none. */
  beside(source: Source): string[] {
    const { choices } = this;
    if (!source.key || choices.chance(25)) return [];
    // A key twice tells nothing more, and is not held against what was paid.
    return choices.pick([[source.key], [...new Set([source.key, source.plain[0]!])]]);
  }
}

const known = (from: string, where: string, key: string, plain: readonly string[]): Source => ({
  from,
  where: [where],
  key,
  plain,
});

const SOURCES: readonly Source[] = [
  known('patient AS p', `p.id IN (${KNOWN_LIST})`, 'p.id', ['p.ward', 'p.weight']),
  NOTHING,
  { from: 'generate_series(1, 4) AS g', where: [], plain: ['g'] },
  known('patient AS p', 'p.id = 2', 'p.id', ['p.ward', 'p.weight']),
  known('patient AS p', 'p.id <= 3', 'p.id', ['p.ward', 'p.weight']),
  known('patient AS p CROSS JOIN generate_series(1, 3) AS g', `p.id = ANY ('{${KNOWN_LIST}}')`, 'p.id', [
    'g',
    'p.ward',
  ]),
  known('visit AS v', `v.patient_id IN (${KNOWN_LIST})`, 'v.patient_id', ['v.clinic_id', 'v.id']),
  known('patient AS p JOIN visit AS v ON v.patient_id = p.id', `p.id IN (${KNOWN_LIST})`, 'p.id', ['p.ward', 'v.id']),
  known('patient AS p LEFT JOIN visit AS v ON v.patient_id = p.id', 'p.id < 4', 'p.id', ['p.ward', 'p.weight']),
  known('visit AS v', 'v.id = 3', 'v.patient_id', ['v.clinic_id', 'v.id']),
  known('(SELECT * FROM patient ORDER BY id LIMIT 3) AS p', 'true', 'p.id', ['p.ward', 'p.weight']),
  { from: 'clinics AS c', where: [], plain: ['c.id', 'c.beds'] },
  { from: 'patient AS h', where: [], key: 'h.id', plain: ['h.id', 'h.ward'], hidden: 'h' },
  { from: 'patient AS h', where: ['h.id > 3'], plain: ['h.clinic_id'], hidden: 'h' },
  {
    from: 'clinics AS c LEFT JOIN patient AS h ON h.clinic_id = c.id',
    where: [],
    plain: ['c.id', 'c.beds'],
    hidden: 'h',
  },
];
