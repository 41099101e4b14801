/** The messages for one generated statement, in one of the ways in which a statement can reach the server. */
import { serialize } from 'pg-protocol';
import { catalogQuery } from './catalog-queries.ts';
import { Choices } from './choices.ts';
import { Generator, type Item, type Query } from './generator.ts';
import { GRAMMAR } from './grammar.ts';
import { type Write, write } from './writes.ts';

export interface Script {
  /** How it is sent: `select`, `parameters`, `write`, `cursor` … */
  readonly way: Way;
  /** For people, and for asking the guard: the texts in order. */
  readonly texts: readonly string[];
  /** For people. */
  readonly parameters: readonly (string | null)[];
  readonly bytes: Buffer;
  /** How many ReadyForQuery answer it. */
  readonly readies: number;
  /** Rows come in an order that leaves nothing open. */
  readonly ordered: boolean;
  /** Where what is masked is stored as the mask shows it, the answer is another. */
  readonly apart: boolean;
  /** Takes locks, or tells the plan: runs beside no other of these, on connections that plan alike. */
  readonly locks: boolean;
  /** The choices that made it. */
  readonly choices: readonly number[];
}

/** With how many of a hundred statements each is. */
const WAYS = {
  select: 37,
  parameters: 20,
  write: 14,
  cursor: 5,
  prepared: 4,
  copy: 4,
  several: 3,
  locking: 3,
  catalog: 4,
  explain: 1,
  portal: 2,
  settings: 3,
} as const;

export type Way = keyof typeof WAYS;

const EVERY_WAY = Object.entries(WAYS).flatMap(([way, times]) => Array<Way>(times).fill(way as Way));

/** `again`: choices that made a script, or fewer; otherwise the seed decides. */
export function script(seed: number, again?: readonly number[]): Script {
  const choices = new Choices(seed, again);
  const way = choices.pick(EVERY_WAY);
  const g = new Generator(choices, GRAMMAR, way === 'parameters' || way === 'portal');
  const made = MAKERS[way](g);
  return { locks: false, ordered: false, apart: false, parameters: [], ...made, way, choices: choices.made };
}

type Made = Pick<Script, 'texts' | 'bytes' | 'readies'> & Partial<Script>;

const MAKERS: Readonly<Record<Way, (g: Generator) => Made>> = {
  select: (g) => {
    const made = statement(g);
    return simple([made.sql], made);
  },
  parameters: (g) => {
    const made = statement(g);
    const types = g.declaredTypes(made.sql);
    const values = g.parameters.map(({ value }) => value);
    const bytes = Buffer.concat([
      serialize.parse({ text: made.sql, types, name: '' }),
      serialize.bind({ values, binary: g.choices.chance(20) }),
      serialize.describe({ type: 'P' }),
      serialize.execute(),
      serialize.sync(),
    ]);
    return { texts: [made.sql], bytes, readies: 1, ordered: made.ordered, parameters: values };
  },
  portal: (g) => {
    const made = statement(g);
    const types = g.declaredTypes(made.sql);
    const values = g.parameters.map(({ value }) => value);
    const bytes = Buffer.concat([
      // Where one before it failed, its own Close was skipped.
      serialize.close({ type: 'S', name: 's' }),
      serialize.parse({ text: made.sql, types, name: 's' }),
      serialize.describe({ type: 'S', name: 's' }),
      serialize.bind({ portal: 'p', statement: 's', values }),
      serialize.execute({ portal: 'p', rows: made.ordered ? 3 : 0 }),
      serialize.execute({ portal: 'p', rows: 0 }),
      serialize.close({ type: 'S', name: 's' }),
      serialize.sync(),
    ]);
    return { texts: [made.sql], bytes, readies: 1, ordered: made.ordered, parameters: values };
  },
  write: (g) => {
    const { sql, table, leavesOut } = g.choices.chance(12) ? modifying(g) : write(g);
    const after = `SELECT ${SEEN_AFTER[table] ?? '*'} FROM ${table}`;
    return { ...simple(['BEGIN', sql, after, 'ROLLBACK']), locks: true, apart: leavesOut };
  },
  cursor: (g) => {
    const made = statement(g);
    const fetches = made.ordered
      ? ['FETCH 3 FROM c', 'MOVE 2 IN c', g.choices.pick(['FETCH NEXT FROM c', 'FETCH 2 FROM c']), 'FETCH ALL FROM c']
      : ['FETCH ALL FROM c', 'FETCH NEXT FROM c'];
    const back =
      made.ordered && g.choices.chance(40) ? ['FETCH PRIOR FROM c', 'FETCH ABSOLUTE 2 FROM c', 'MOVE FIRST IN c'] : [];
    const scroll = back.length > 0 ? ' SCROLL' : '';
    if (g.choices.chance(20))
      return simple(
        ['BEGIN', `DECLARE c${scroll} CURSOR WITH HOLD FOR ${made.sql}`, 'COMMIT', ...fetches, ...back, 'CLOSE ALL'],
        made,
      );
    return simple(
      ['BEGIN', `DECLARE c${scroll} CURSOR FOR ${made.sql}`, ...fetches, ...back, 'CLOSE c', 'ROLLBACK'],
      made,
    );
  },
  prepared: (g) => {
    const made = statement(g);
    return simple([`PREPARE q AS ${made.sql}`, 'EXECUTE q', 'EXECUTE q', 'DEALLOCATE q'], made);
  },
  copy: (g) => {
    const made = g.choices.chance(70)
      ? statement(g)
      : { sql: `SELECT * FROM ${g.choices.pick(STARS)}`, ordered: false };
    // Binary data begins with a header, in one message with the first row: a multiset would not have it.
    const binary = made.ordered ? [' (FORMAT binary)'] : [];
    const options = g.choices.pick(['', ' (FORMAT csv, HEADER)', " (NULL '-')", ...binary]);
    return simple([`COPY (${made.sql}) TO STDOUT${options}`], made);
  },
  several: (g) => {
    const texts = [statement(g).sql, statement(g).sql];
    return { ...simple([texts.join('; ')]), texts: [texts.join('; ')] };
  },
  settings: (g) => {
    const made = statement(g);
    return simple(['BEGIN', `SET LOCAL ${g.choices.pick(SETTINGS)}`, made.sql, 'ROLLBACK'], made);
  },
  locking: (g) => {
    const { sql, items } = g.grammar.from(g, 0, []);
    // Nothing may be locked under an outer join, unless the planner finds that it is an inner one: that depends on what it can prove.
    const inner = !/(LEFT|RIGHT|FULL) /.test(sql);
    const [locked] = items.filter((item) => inner && item.relation?.locks);
    const where = g.grammar.scalar(g, 'bool', items, 1);
    const clause = g.choices.pick(['FOR UPDATE', 'FOR SHARE', 'FOR NO KEY UPDATE', 'FOR UPDATE']);
    const wait = g.choices.pick(['', ' SKIP LOCKED', ' NOWAIT']);
    const of = locked ? ` ${clause} OF ${locked.alias}${wait}` : '';
    const value = g.grammar.scalar(g, 'int', items, 1);
    return { ...simple(['BEGIN', `SELECT ${value} AS v1 FROM ${sql} WHERE ${where}${of}`, 'ROLLBACK']), locks: true };
  },
  catalog: (g) => ({ ...simple([catalogQuery(g)]), apart: true }),
  explain: (g) => {
    const room = { alias: 'rooms', columns: [{ name: 'name', type: 'text' }], telling: [] } as const satisfies Item;
    const open = `SELECT ${g.grammar.scalar(g, 'text', [room], 1)} FROM rooms`;
    const any = g.choices.chance(40) ? statement(g).sql : open;
    // A full join is never a nested loop: whether it sorts or makes a hash follows from the pages that the last vacuum has left.
    const sql = any.includes('FULL JOIN') ? open : any;
    return {
      ...simple([`EXPLAIN (COSTS OFF) ${sql}`]),
      apart: true,
      locks: true,
    };
  },
};

/** They change how values look, and what some expressions give. */
const SETTINGS = [
  "datestyle = 'German, DMY'",
  "timezone = 'Pacific/Kiritimati'",
  "timezone = 'America/St_Johns'",
  'extra_float_digits = -6',
  "bytea_output = 'escape'",
  "intervalstyle = 'sql_standard'",
  "client_min_messages = 'notice'",
] as const;

/** The columns of a table that are compared after a write: those that the role may see. */
const SEEN_AFTER: Readonly<Record<string, string>> = {
  classes: 'id, school_id, label, level',
  students: 'id, class_id, points, rating, notes, tags, feeling',
  absences: 'id, student_id, day, minutes, amount, place, justified',
  grades: 'student_id, subject, mark, weight, remark',
  events: 'id, day, school_id, title, seats',
  ledger: 'id, school_id, units, price, total',
  contacts: 'id, class_id, name, phone, rank',
};

/** Relations for which `*` gives the columns that the generators know. */
const STARS = [
  'rooms',
  'classes',
  'students',
  'absences',
  'grades',
  'events',
  'papers',
  'ledger',
  'contacts',
  'cards',
] as const;

function simple(texts: readonly string[], { ordered = false }: Partial<Query> = {}): Made {
  const bytes = Buffer.concat(texts.map((text) => serialize.query(text)));
  return { texts, bytes, readies: texts.length, ordered };
}

/** A query, with CTEs before it now and then. */
function statement(g: Generator): { sql: string; ordered: boolean } {
  const clauses: string[] = [];
  let recursive = '';
  while (clauses.length < 2 && g.choices.chance(12)) {
    const name = g.name('c');
    if (g.choices.chance(20)) {
      recursive = 'RECURSIVE ';
      const { sql, items } = g.grammar.from(g, 0, []);
      const start = g.grammar.scalar(g, 'int', items, 1);
      clauses.push(
        `${name}(n, k) AS (SELECT ${start}, 1 FROM ${sql} UNION SELECT (${name}.n + 1) % 50, k + 1 FROM ${name} WHERE k < 3)`,
      );
      g.ctes.push({
        alias: name,
        columns: [
          { name: 'n', type: 'int' },
          { name: 'k', type: 'int' },
        ],
        telling: [],
      });
      continue;
    }
    const made = g.grammar.query(g, 1, []);
    clauses.push(`${name} AS ${g.choices.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(${made.sql})`);
    g.ctes.push({ alias: name, columns: made.columns, telling: [] });
  }
  if (clauses.length === 0 && g.choices.chance(6)) return star(g);
  g.outermost = true;
  const { sql, ordered } = g.grammar.query(g, 2, []);
  return { sql: clauses.length > 0 ? `WITH ${recursive}${clauses.join(', ')} ${sql}` : sql, ordered };
}

/** Whole rows. */
function star(g: Generator): { sql: string; ordered: boolean } {
  const { sql, items } = g.grammar.from(g, 1, []);
  const where = g.grammar.scalar(g, 'bool', items, 1);
  if (g.choices.chance(10)) return { sql: `TABLE ${g.choices.pick(STARS)}`, ordered: false };
  const { alias } = g.choices.pick(items);
  const target = g.choices.pick([
    '*',
    `${alias}.*`,
    '*',
    `row_to_json(${alias})`,
    `count(${alias})`,
    `to_jsonb(${alias}) AS v`,
    alias,
  ]);
  return { sql: `SELECT ${target} FROM ${sql} WHERE ${where}`, ordered: false };
}

/** A write in a CTE, and a query of what it returned. */
function modifying(g: Generator): Write {
  const made = write(g);
  const from = made.sql.includes(' RETURNING ') ? 'w' : 'rooms';
  return { ...made, sql: `WITH w AS (${made.sql}) SELECT count(*) AS n FROM ${from}` };
}
