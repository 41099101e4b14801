/** Forms of statements over every kind of table: what they write, lock and leave behind, and how that is read back. */
import { COMPUTES } from '../subjects/world.ts';
import { type Expressions, NOTHING, type Source } from './expressions.ts';
import { HIDDEN, KNOWN } from './people.ts';
import { TABLES, type Table } from './tables.ts';

/** The number of a row that may outlive its script. */
export const STORED = 9;

type Form = (e: Expressions) => readonly string[];

const INSERTED = TABLES.flatMap((table): Table[] => {
  if (Object.keys(table.inserts).length === 0) return [];
  const count = table.name === 'finding' ? 6 : table.override ? 2 : 1;
  return Array.from({ length: count }, () => table);
});
/** More often those whose key is generated. */
const UPDATED = TABLES.flatMap((table): Table[] => {
  if (Object.keys(table.sets).length === 0) return [];
  return 'code' in table.sets ? [table, table, table, table] : [table];
});
const MERGED = UPDATED.filter((table) => INSERTED.includes(table));
const DELETED = TABLES.filter(({ deletes }) => deletes);

export const TABLE_FORMS: Readonly<Record<string, Form>> = {
  'rows of a table': (e) => {
    const { choices } = e;
    const table = choices.pick(TABLES);
    const { name, key, id } = table;
    const own = rowsOf(table);
    const limit = choices.pick(['', ' LIMIT 2', ' LIMIT 3', ' OFFSET 1', ' FETCH FIRST 2 ROWS WITH TIES']);
    // Which of the known come is told once, whatever else is theirs.
    const list = choices.pick(limit === '' ? [key ?? id, '*', `${key ?? id}, ${id}`, name] : [key ?? id]);
    const where = choices.chance(70) ? ` WHERE ${chosen(e, table, own)}` : '';
    const order = choices.pick(['', ` ORDER BY ${id}`, ` ORDER BY ${id} DESC`, ` ORDER BY ${key ?? id} DESC`]);
    return [`SELECT ${list} FROM ${name}${where}${order}${limit}`];
  },
  'an insert and what is left of it': (e) => around(e, e.choices.pick(INSERTED), inserted),
  'an update and what is left of it': (e) => around(e, e.choices.pick(UPDATED), updated),
  'a delete and what is left of it': (e) => around(e, e.choices.pick(DELETED), deleted),
  'a merge and what is left of it': (e) => around(e, e.choices.pick(MERGED), merged),
  /** What is stored is deleted again before the next script. */
  'a constraint at COMMIT': (e) => {
    const { choices } = e;
    const number = (): string =>
      choices.chance(15) ? e.integer(NOTHING) : choices.pick(['57', '71', '25', '35', '30']);
    const write = `INSERT INTO turn (id, patient_id, place, seat) VALUES (${STORED}, 1, ${number()}, ${number()})`;
    return [
      ...choices.pick([
        [],
        ['SET CONSTRAINTS ALL DEFERRED'],
        ['SET CONSTRAINTS turn_seat_key DEFERRED'],
        ['SAVEPOINT s'],
      ]),
      `${write}${choices.pick(['', ' RETURNING id', ' ON CONFLICT (id) DO NOTHING'])}`,
      ...choices.pick([
        [],
        ['SELECT id FROM patient WHERE id = 1'],
        ['UPDATE turn SET place = place WHERE patient_id = 1'],
      ]),
      choices.pick([
        'COMMIT',
        'COMMIT AND CHAIN',
        'SET CONSTRAINTS ALL IMMEDIATE',
        'SET CONSTRAINTS turn_place_key IMMEDIATE',
      ]),
      ...choices.pick([[], [`SELECT place FROM turn WHERE patient_id = 1`], ['COMMIT']]),
    ];
  },
  'locks of a query inside': (e) => {
    const { choices } = e;
    const source = e.source();
    const outer = source.plain[0] ?? '2';
    const locked = choices.pick(['notes', 'clinics', 'region', 'visit', 'patient']);
    const strength = choices.pick(['FOR UPDATE', 'FOR SHARE', 'FOR NO KEY UPDATE', 'FOR KEY SHARE', 'FOR UPDATE OF l']);
    const where = choices.pick([`l.id = ${outer}`, e.condition(source), `l.id = ${e.integer(source)}`, `l.id = 2`]);
    const asks = `SELECT l.id FROM ${locked} AS l WHERE ${where} ${strength}`;
    const list = e.beside(source).join(', ') || '1';
    const free = `SELECT l.id FROM ${locked} AS l WHERE ${e.condition(NOTHING)} ${strength}`;
    const joined = `SELECT ${source.key ?? outer} AS id, clock_timestamp() FROM ${source.from || 'clinics AS c'}, ${locked} AS l WHERE ${where}`;
    return [
      choices.pick([
        `SELECT ${list}${e.rows(source, `EXISTS (${asks}) IS NOT NULL`)}`,
        `SELECT ${list}${e.rows(source, `EXISTS (${asks})`)}`,
        `SELECT ${list}${e.rows(source, `(${choices.pick([...source.where, 'true'])} OR EXISTS (${asks}))`)}`,
        `SELECT ${list}${e.rows(source, `(${e.condition(source)} AND EXISTS (${asks})) IS NOT NULL`)}`,
        `SELECT ${list}, (SELECT count(*) FROM (${asks}) AS z) IS NULL${e.rows(source)}`,
        `SELECT ${list}${e.rows(source, `${outer} IN (${asks})`)}`,
        `SELECT ${list}${e.rows({ ...source, from: [source.from, `(${free}) AS z`].filter(Boolean).join(', ') })}`,
        `WITH z AS (${free}) SELECT ${list}${e.rows(source, 'EXISTS (SELECT FROM z)')}`,
        `WITH z AS MATERIALIZED (${free}) SELECT ${list}${e.rows(source)}`,
        `SELECT x.id FROM (${joined}) AS x JOIN patient AS q ON q.id = x.id WHERE q.id IN (${KNOWN.join(', ')}) ${strength.replace('OF l', 'OF x')}`,
        `(${asks.replaceAll(outer, '2')} LIMIT 1) UNION ALL SELECT 1`,
      ]),
      choices.pick([
        `beside: SELECT id FROM ${locked} ORDER BY id FOR UPDATE SKIP LOCKED`,
        `beside: SELECT id FROM ${locked} WHERE id IN (1, 2, 3) FOR UPDATE SKIP LOCKED`,
        `beside: SELECT 1 FROM ${locked} WHERE id = ${choices.pick(['1', '2', '3'])} FOR UPDATE NOWAIT`,
      ]),
    ];
  },
};

/** What goes before a write, how it is sent, and what is read afterwards. */
function around(e: Expressions, table: Table, write: (e: Expressions, table: Table) => string): readonly string[] {
  const { choices } = e;
  const { shown, sequence } = table;
  const text = write(e, table);
  const first = choices.pick([
    [],
    [],
    ['SAVEPOINT s'],
    [`DECLARE c CURSOR FOR SELECT * FROM ${choices.pick(shown)}`],
    ['SET CONSTRAINTS ALL IMMEDIATE'],
    ['SET CONSTRAINTS ALL DEFERRED'],
  ]);
  // The next number is that of a row of the hidden person.
  const next = `SELECT setval('${sequence}', ${['visit', 'call'].includes(table.name) ? 19 : HIDDEN - 1})`;
  const before = sequence && choices.chance(text.includes('OVERRIDING') ? 70 : 15) ? [next] : first;
  const sent = choices.pick<readonly string[]>([
    ...Array.from({ length: 7 }, () => [text]),
    [`PREPARE q AS ${text}`, 'EXECUTE q', 'DEALLOCATE q'],
    [`EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) ${text}`],
    [`WITH w AS (${text}) SELECT ${choices.pick(['1', '(SELECT count(*) FROM w)'])}`],
    [text, text],
    [text, write(e, table)],
  ]);
  const undone = before[0] === 'SAVEPOINT s' && choices.chance(50) ? ['ROLLBACK TO s'] : [];
  const fetched = before[0]?.startsWith('DECLARE') ? ['FETCH ALL FROM c'] : [];
  const after = Array.from({ length: 1 + choices.int(2) }, () => readBack(e, table));
  return [...before, ...sent, ...undone, ...fetched, ...after];
}

/** Rows of a table under its own name. */
function rowsOf({ name, key, id }: Table): Source {
  const column = (one: string): string => `${name}.${one}`;
  return {
    from: name,
    where: [],
    ...(key && { key: column(key) }),
    plain: [column(id), ...(key ? [column(key)] : [])],
  };
}

/** A condition on rows of a table: by their numbers, by those whose they are, or by others. */
function chosen(e: Expressions, { name, key, id }: Table, used: Source): string {
  const { choices } = e;
  const by = choices.pick([
    `${name}.${id} > 3`,
    `${name}.${id} = ${HIDDEN}`,
    `${name}.${id} >= 20`,
    `${name}.${id} = 1`,
    e.condition(used),
    ...(key
      ? [
          `${name}.${key} IN (1, 2)`,
          `${name}.${key} = 1`,
          `${name}.${key} = ${HIDDEN}`,
          `${name}.${key} + 0 = ${HIDDEN}`,
          `${name}.${key} IS NULL`,
          `${name}.${key} <= 3`,
        ]
      : []),
  ]);
  return choices.chance(25) ? `${by} AND ${e.condition(used)}` : by;
}

/** A value of a column: one that is given, or one of the hidden person. */
function value(e: Expressions, values: readonly string[], source: Source): string {
  const { choices } = e;
  if (!choices.chance(15)) return choices.pick(values);
  const x = choices.pick([e.integer(source), `(SELECT q.weight FROM patient AS q WHERE q.id = ${HIDDEN})`]);
  const [first = ''] = values;
  if (first.startsWith("'2")) return `date '2026-03-01' + (${x})`;
  return first.startsWith("'") ? `(${x})::text` : `(${x})`;
}

function assigned(e: Expressions, { sets }: Table, source: Source, more: readonly string[] = []): string {
  const { choices } = e;
  const columns = Object.entries(sets);
  const [first, second] = [choices.pick(columns), choices.pick(columns)];
  const one = ([column, values]: (typeof columns)[number]): string =>
    `${column} = ${choices.chance(20) && more.length > 0 ? choices.pick(more) : value(e, values, source)}`;
  return first[0] === second[0] || choices.chance(60) ? one(first) : `${one(first)}, ${one(second)}`;
}

function updated(e: Expressions, table: Table): string {
  const { other, used, where } = beside(e, table);
  const set = assigned(e, table, used);
  return `UPDATE ${table.name} SET ${set}${other && ` FROM ${other}`}${where}${returning(e, table, rowsOf(table))}`;
}

function deleted(e: Expressions, table: Table): string {
  const { other, where } = beside(e, table);
  return `DELETE FROM ${table.name}${other && ` USING ${other}`}${where}${returning(e, table, rowsOf(table))}`;
}

/** What an UPDATE or DELETE reads beside its table, and its condition. */
function beside(e: Expressions, table: Table): { other: string; used: Source; where: string } {
  const { choices } = e;
  const other = choices.pick(['', '', 'patient AS h', 'generate_series(1, 5) AS g']);
  const isPeople = other.startsWith('patient');
  const used: Source = isPeople ? { ...rowsOf(table), hidden: 'h' } : rowsOf(table);
  const tied = isPeople && table.key && choices.chance(50) ? ` AND ${table.name}.${table.key} = h.id` : '';
  return { other, used, where: choices.chance(85) ? ` WHERE ${chosen(e, table, used)}${tied}` : '' };
}

function returning(e: Expressions, { name, key, id }: Table, own: Source): string {
  const { choices } = e;
  if (choices.chance(45)) return '';
  return ` RETURNING ${choices.pick([
    '1',
    `${name}.${id}`,
    `${name}.*`,
    `${name}.${key ?? id}`,
    '(SELECT 7)',
    ...(COMPUTES ? [`old.${id}`, `new.${key ?? id}, old.${id}`] : []),
    e.integer(own),
  ])}`;
}

function inserted(e: Expressions, table: Table): string {
  const { choices } = e;
  const all = Object.entries(table.inserts);
  const columns = choices.chance(30) ? all.slice(1) : all;
  const override =
    table.override && choices.chance(60) ? ` OVERRIDING ${choices.pick(['USER', 'USER', 'SYSTEM'])} VALUE` : '';
  const conflict = onConflict(e, table);
  const into = `INSERT INTO ${table.name} (${columns.map(([column]) => column).join(', ')})${override}`;
  const end = `${conflict}${returning(e, table, rowsOf(table))}`;
  if (choices.chance(75)) {
    const row = (): string => `(${columns.map(([, values]) => value(e, values, NOTHING)).join(', ')})`;
    return `${into} VALUES ${choices.chance(15) ? `${row()}, ${row()}` : row()}${end}`;
  }
  const source = e.source();
  const given = columns.map(([column, values]) => {
    if (column === table.key && choices.chance(60)) return source.key ?? '1';
    const known = values.filter((one) => one !== 'DEFAULT');
    const made = value(e, known, source);
    return made === 'NULL' || made.startsWith("'") ? `${made}${typeOf(values)}` : made;
  });
  const where = choices.chance(40) ? [e.condition(source)] : [];
  return `${into} SELECT ${given.join(', ')}${e.rows(source, ...where)}${end}`;
}

/** A literal of a SELECT that is inserted may need its type. */
function typeOf([first = '']: readonly string[]): string {
  if (first.startsWith("'2")) return '::date';
  return first.startsWith("'") ? '::text' : '::integer';
}

function onConflict(e: Expressions, table: Table): string {
  const { choices } = e;
  if (table.conflicts.length === 0 || choices.chance(35)) return '';
  const target = choices.pick(table.conflicts);
  if (choices.chance(45)) return ` ON CONFLICT ${choices.pick(['', `${target} `])}DO NOTHING`;
  const [column] = Object.keys(table.sets);
  const kept = [`${table.name}.${column}`, `excluded.${column}`];
  const own = rowsOf(table);
  const where = choices.chance(30)
    ? ` WHERE ${choices.pick([e.condition(own), 'false', `${table.name}.${table.id} > 3`])}`
    : '';
  const set = choices.chance(40) ? `${column} = ${choices.pick(kept)}` : assigned(e, table, own, kept.slice(0, 0));
  return ` ON CONFLICT ${target} DO UPDATE SET ${set}${where}`;
}

function merged(e: Expressions, table: Table): string {
  const { choices } = e;
  const { name, key, id } = table;
  const source = e.source();
  const given = choices.pick([
    '(VALUES (1, 57), (5, 30))',
    '(VALUES (1, 1))',
    '(SELECT id, weight FROM patient)',
    `(SELECT ${source.key ?? source.plain[0] ?? '1'}, ${e.integer(source)}${e.rows(source)})`,
  ]);
  const own = rowsOf(table);
  const cut = (used: Source): string => (choices.chance(40) ? ` AND ${e.condition(used)}` : '');
  const set = assigned(e, table, own, ['s.x']);
  const row = Object.entries(table.inserts);
  const insert = `INSERT (${row.map(([column]) => column).join(', ')})${table.override ? choices.pick(['', ' OVERRIDING USER VALUE']) : ''} VALUES (${row
    .map(([column, values]) => (column === key ? choices.pick(['s.id', ...values]) : value(e, values, NOTHING)))
    .join(', ')})`;
  const branches = [
    `WHEN MATCHED${cut(own)} THEN UPDATE SET ${set}`,
    `WHEN MATCHED${cut(own)} THEN ${table.deletes ? 'DELETE' : 'DO NOTHING'}`,
    'WHEN MATCHED THEN DO NOTHING',
    `WHEN NOT MATCHED${cut(NOTHING)} THEN ${insert}`,
    `WHEN NOT MATCHED BY SOURCE${cut(own)} THEN UPDATE SET ${set}`,
    `WHEN NOT MATCHED BY SOURCE${cut(own)} THEN ${table.deletes ? 'DELETE' : 'DO NOTHING'}`,
  ];
  const when = choices.chance(40) ? `${choices.pick(branches)} ${choices.pick(branches)}` : choices.pick(branches);
  const on = choices.pick([`${name}.${key ?? id} = s.id`, `${name}.${id} = s.id`, `${name}.${id} = s.x`]);
  const back = choices.pick(['', returning(e, table, own), ' RETURNING merge_action()']);
  return `MERGE INTO ${name} USING ${given} AS s (id, x) ON ${on} ${when}${back}`;
}

/** A statement that reads back what was written, by the same session or a second one. */
function readBack(e: Expressions, table: Table): string {
  const { choices } = e;
  const shown = choices.pick(table.shown);
  const read = TABLES.find(({ name }) => name === shown);
  const people = KNOWN.join(', ');
  return choices.pick([
    `SELECT * FROM ${shown} ORDER BY 1`,
    `SELECT count(*) FROM ${shown}`,
    ...(read?.key
      ? [
          `SELECT * FROM ${shown} WHERE ${read.key} IN (${people}) ORDER BY 1`,
          `SELECT * FROM ${shown} WHERE ${read.key} IN (${people}) ORDER BY 1`,
          `SELECT ${read.key} FROM ${shown} ORDER BY 1`,
          `COPY ${shown} (${read.key}) TO STDOUT`,
        ]
      : []),
    `COPY (SELECT * FROM ${shown}) TO STDOUT`,
    'SET CONSTRAINTS ALL IMMEDIATE',
    ...(table.sequence && table.name !== 'visit' ? [`SELECT nextval('${table.sequence}')`] : []),
    inserted(e, table),
    `beside: SELECT ${read?.id ?? '1'} FROM ${shown} FOR UPDATE SKIP LOCKED`,
    ...[table.refersTo ?? 'notes', 'region', 'clinics'].map(
      (name) => `beside: SELECT id FROM ${name} ORDER BY id FOR UPDATE SKIP LOCKED`,
    ),
    `beside: SELECT count(*) FROM ${shown}`,
  ]);
}
