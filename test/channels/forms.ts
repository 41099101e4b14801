/** Forms of statements whose result may depend on the hidden person, made from what `Expressions` gives. */
import { type Expressions, NOTHING, type Source } from './expressions.ts';
import { HIDDEN } from './people.ts';
import { argumentsOf, type Routine } from './routines.ts';
import { TABLE_FORMS } from './table-forms.ts';

/** The texts of a script, in their order. */
export type Form = (e: Expressions) => readonly string[];

const pickRoutine = ({ choices, routines }: Expressions, kind: Routine['kind']): Routine =>
  choices.pick(routines.of[kind]);

/** The list of a query, and its GROUP BY where there are aggregates in it. */
function grouped(e: Expressions, source: Source, call: string): string {
  const beside = source.from === '' ? [] : e.beside(source);
  const by = beside.length > 0 ? ` GROUP BY ${beside.join(', ')}` : '';
  return `SELECT ${[...beside, call].join(', ')}${e.rows(source)}${by}`;
}

function filter(e: Expressions, source: Source): string {
  return e.choices.chance(30) ? ` FILTER (WHERE ${e.condition(source)})` : '';
}

function aggregateCall(e: Expressions, source: Source, window = false): string {
  const { choices } = e;
  const { name, arguments: types } = pickRoutine(e, 'aggregate');
  if (types.length === 0) return `${name}(*)${filter(e, source)}`;
  const x = e.integer(source);
  const given = argumentsOf(choices, types, x).join(', ');
  const distinct = !window && types.length === 1 && choices.chance(15) ? 'DISTINCT ' : '';
  const order = !window && distinct === '' && choices.chance(20) ? ` ORDER BY ${e.integer(source)}` : '';
  return `${name}(${distinct}${given}${order})${filter(e, source)}`;
}

function windowDefinition(e: Expressions, source: Source): string {
  const { choices } = e;
  const key = source.key ?? source.plain[0] ?? '1';
  const partition = choices.pick(['', '', `PARTITION BY ${key} `, `PARTITION BY ${e.integer(source)} `]);
  const order = choices.pick([
    '',
    `ORDER BY ${key}`,
    `ORDER BY ${e.integer(source)}`,
    `ORDER BY ${e.integer(source)} DESC NULLS LAST, ${key}`,
  ]);
  const bounds = [
    'BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING',
    'BETWEEN 1 PRECEDING AND 1 FOLLOWING',
    '2 PRECEDING',
  ];
  const exclude = choices.pick(['', '', ' EXCLUDE CURRENT ROW', ' EXCLUDE TIES', ' EXCLUDE GROUP']);
  const frame =
    order === '' || choices.chance(60) ? '' : ` ${choices.pick(['ROWS', 'GROUPS'])} ${choices.pick(bounds)}${exclude}`;
  return `OVER (${partition}${order}${frame})`;
}

const KINDS = ['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', 'CROSS JOIN'];

function limit(e: Expressions): string {
  const { choices } = e;
  const amount = `(${e.integer(NOTHING)})`;
  return choices.pick([
    ' LIMIT 1',
    ` LIMIT ${amount}`,
    ` OFFSET ${amount}`,
    ' LIMIT 1 OFFSET 1',
    ' FETCH FIRST 2 ROWS ONLY',
    ' FETCH FIRST 2 ROWS WITH TIES',
    ` OFFSET 1 ROWS FETCH NEXT ${amount} ROWS ONLY`,
  ]);
}

function query(e: Expressions): string {
  const source = e.source();
  const beside = e.beside(source);
  return `SELECT ${[...beside, ...(beside.length === 0 || e.choices.chance(60) ? [e.any(source)] : [])].join(', ')}${e.rows(source)}`;
}

export const FORMS: Readonly<Record<string, Form>> = {
  list: (e) => [query(e)],
  condition: (e) => {
    const source = e.source();
    const beside = e.beside(source);
    return [`SELECT ${beside.join(', ') || '1'}${e.rows(source, e.condition(source))}`];
  },
  aggregate: (e) => {
    const source = e.source();
    return [grouped(e, source, aggregateCall(e, source))];
  },
  'ordered set': (e) => {
    const source = e.source();
    const { name, arguments: types, direct } = pickRoutine(e, 'ordered');
    const fraction = e.choices.pick(['0.5', `least(1, abs(${e.number()}) / 100.0)`]);
    const order = `${e.integer(source)}${e.choices.pick(['', ' DESC'])}`;
    const array = types[0]?.endsWith('[]');
    const given = direct === 0 ? '' : array ? `ARRAY[0.1, ${fraction}]` : fraction;
    return [grouped(e, source, `${name}(${given}) WITHIN GROUP (ORDER BY ${order})${filter(e, source)}`)];
  },
  'hypothetical set': (e) => {
    const source = e.source();
    const { name } = pickRoutine(e, 'hypothetical');
    const order = `${e.integer(source)}${e.choices.pick(['', ' DESC'])}`;
    return [grouped(e, source, `${name}(${e.number()}) WITHIN GROUP (ORDER BY ${order})${filter(e, source)}`)];
  },
  'aggregate as a window': (e) => {
    const source = e.source();
    const call = `${aggregateCall(e, source, true)} ${windowDefinition(e, source)}`;
    return [`SELECT ${[...e.beside(source), call].join(', ')}${e.rows(source)}`];
  },
  window: (e) => {
    const source = e.source();
    const { name, arguments: types } = pickRoutine(e, 'window');
    const given = argumentsOf(e.choices, types, e.integer(source)).join(', ');
    const call = `${name}(${given}) ${windowDefinition(e, source)}`;
    const list = [...e.beside(source), call];
    return e.choices.pick([
      [`SELECT ${list.join(', ')}${e.rows(source)}`],
      [`SELECT ${e.beside(source).join(', ') || '1'}${e.rows(source)} ORDER BY ${call}`],
      [
        `SELECT * FROM (SELECT ${list.map((one, i) => `${one} AS c${i}`).join(', ')}${e.rows(source)}) AS x WHERE c${list.length - 1} > 1`,
      ],
    ]);
  },
  'set operation': (e) => {
    const { choices } = e;
    const arm = (): string => {
      const source = e.source();
      const second = choices.pick([e.integer(source), '1', source.plain[0] ?? '2']);
      const where = choices.chance(40) ? [e.condition(source)] : [];
      return `SELECT ${source.key ?? choices.pick(['1', '2', '5'])} AS k, ${second} AS v${e.rows(source, ...where)}`;
    };
    const op = choices.pick(['UNION', 'UNION ALL', 'INTERSECT', 'INTERSECT ALL', 'EXCEPT', 'EXCEPT ALL']);
    return [
      `${arm()} ${op} ${arm()}${choices.pick(['', ' ORDER BY 1, 2', ' ORDER BY 2, 1', ' ORDER BY 1, 2 LIMIT 2'])}`,
    ];
  },
  grouping: (e) => {
    const { choices } = e;
    const source = e.source();
    const keys = [source.key ?? source.plain[0] ?? '()', `(${e.integer(source)})`].filter((key) => key !== '()');
    const by = choices.pick([
      keys.join(', '),
      `ROLLUP (${keys.join(', ')})`,
      `CUBE (${keys.join(', ')})`,
      `GROUPING SETS ((${keys[0]}), ())`,
      keys.at(-1)!,
    ]);
    const having = choices.pick([
      '',
      ` HAVING ${e.truth(NOTHING)}`,
      ' HAVING count(*) > 1',
      ` HAVING bool_or(${e.condition(source)})`,
    ]);
    const list = choices.pick([
      'count(*)',
      `max(${e.integer(source)})`,
      ...(by.includes(keys[0]!) && source.key ? [source.key] : []),
    ]);
    return [`SELECT ${list}${e.rows(source)} GROUP BY ${by}${having}${choices.pick(['', ' ORDER BY 1'])}`];
  },
  join: (e) => {
    const { choices } = e;
    const source = e.source();
    if (source.from === '') return [query(e)];
    const kind = choices.pick(KINDS);
    const item = choices.pick([
      'clinics AS j',
      'notes AS j',
      'generate_series(1, 60, 7) AS j (id)',
      'visit AS j',
      'siblings AS j',
    ]);
    const on = choices.pick([
      `j.id = ${e.integer(source)}`,
      `j.id < ${e.integer(source)}`,
      e.condition(source),
      `j.id = ${source.plain[0]} AND ${e.condition(source)}`,
    ]);
    const lateral = choices.chance(20);
    const join = lateral
      ? `${choices.pick(['JOIN', 'LEFT JOIN'])} LATERAL (SELECT * FROM ${item} WHERE ${on}${choices.pick(['', ' LIMIT 1'])}) AS j ON true`
      : `${kind} ${item}${kind === 'CROSS JOIN' ? '' : ` ON ${on}`}`;
    const beside = e.beside(source);
    const list = choices.pick([
      [...beside, 'j.id'],
      beside.length > 0 ? beside : ['count(*)'],
      [...beside, ...(beside.length > 0 ? [] : ['1'])],
    ]);
    return [
      `SELECT ${list.join(', ')} FROM ${source.from} ${join}${e.rows({ ...source, from: '' }, ...(kind === 'CROSS JOIN' && !lateral ? [on] : []))}`,
    ];
  },
  recursive: (e) => {
    const { choices } = e;
    const none: Source = { from: '', where: [], plain: ['r.n'] };
    const start = choices.pick(['1', `(${e.integer(NOTHING)})`]);
    const step = choices.pick(['r.n + 1', `r.n + 1 + abs(${e.integer(none)}) % 3`, `(${e.integer(none)})`]);
    const until = choices.pick([
      'r.n < 6',
      `r.n < least(80, ${e.integer(NOTHING)})`,
      `r.n < 6 AND ${e.condition(none)}`,
    ]);
    const join = choices.pick(['', '', ' JOIN patient AS p ON p.id = r.n']);
    if (choices.chance(25)) {
      const [from, list] = choices.pick([
        ['x AS y, r', 'y.id, r.n'],
        ['patient AS y, r', 'y.id'],
      ] as const);
      const first = choices.pick(['id, weight', '1, weight', 'id, ward']);
      return [
        `WITH RECURSIVE x AS (SELECT id, ward, weight FROM patient), r (n, k) AS (SELECT ${first} FROM x WHERE id ${choices.pick(['= 5', '+ 0 = 5', '> 3'])}
         UNION ALL SELECT 1, NULL FROM r WHERE r.k > ${e.number()}) SELECT ${list} FROM ${from} WHERE y.id IN (${choices.pick(['1', 'SELECT id FROM x WHERE id < 3'])}) AND r.n = 1`,
      ];
    }
    const list = choices.pick(['n', 'count(*)', 'max(n)', '1']);
    const op = choices.pick(['UNION ALL', 'UNION']);
    return [
      `WITH RECURSIVE r (n, k) AS (SELECT ${start}, 1 ${op} SELECT ${step}, r.k + 1 FROM r${join} WHERE r.k < 9 AND ${until}) SELECT ${list} FROM r`,
    ];
  },
  'rows of a function': (e) => {
    const { choices } = e;
    const source = e.source();
    const { name, arguments: types } = pickRoutine(e, 'rows');
    const call = (from: Source): string => `${name}(${argumentsOf(choices, types, e.integer(from)).join(', ')})`;
    const x = e.integer(source);
    const table = choices.pick([
      call(source),
      call(source),
      `unnest(ARRAY[1, ${x}])`,
      `generate_series(1, least(70, ${x}))`,
      `string_to_table(repeat('a,', abs(${x}) % 9), ',')`,
      `JSON_TABLE(to_jsonb(ARRAY[1, ${x}]), '$[*]' COLUMNS (n int PATH '$'))`,
      `jsonb_populate_recordset(NULL::${choices.pick(['notes', 'patient'])}, jsonb_build_array(jsonb_build_object('id', ${x})))`,
      `XMLTABLE('/r/a' PASSING xmlconcat(('<r>' || repeat('<a/>', abs(${x}) % 9) || '</r>')::xml) COLUMNS n FOR ORDINALITY)`,
      `ROWS FROM (generate_series(1, abs(${x}) % 9), generate_series(1, 3))`,
    ]);
    const beside = e.beside(source);
    const list = [
      ...beside,
      ...(beside.length === 0 || choices.chance(40) ? [choices.pick(['1', 'count(*) OVER ()'])] : []),
    ];
    if (source.from === '' || choices.chance(30)) {
      const inList = choices.pick([call(source), `generate_series(1, least(70, ${x}))`, `unnest(ARRAY[1, ${x}])`]);
      return [`SELECT ${[...beside, inList].join(', ')}${e.rows(source)}`];
    }
    const join = choices.pick(['CROSS JOIN LATERAL', 'LEFT JOIN LATERAL']);
    const ordinality =
      table.includes('(') && !/_TABLE|XMLTABLE/.test(table) && choices.chance(30) ? ' WITH ORDINALITY' : '';
    return [
      `SELECT ${list.join(', ')} FROM ${source.from} ${join} ${table}${ordinality} AS s${join.startsWith('LEFT') ? ' ON true' : ''}${e.rows({ ...source, from: '' })}`,
    ];
  },
  limit: (e) => {
    const source = e.source();
    const beside = e.beside(source);
    const order = e.choices.pick(['1', e.integer(source), source.plain[0] ?? '1']);
    return [`SELECT ${beside.join(', ') || '1'}${e.rows(source)} ORDER BY ${order}${limit(e)}`];
  },
  /** Who is passed by decides which of the known come, once or for each number. */
  'a choice among the known': (e) => {
    const { choices } = e;
    const numbers = 'generate_series(1, 8) AS g';
    const truth = (n: string): string =>
      choices.pick([
        `ascii(substr(p.name, ${n}, 1)) % 2 = 1`,
        `p.weight > 40 + 5 * ${n}`,
        `p.ward = ${n} % 4`,
        `get_bit(int4send(p.weight), 24 + ${n} % 8) = 1`,
        e.condition({ from: numbers, where: [], plain: [n] }),
      ]);
    const chosen = (n = e.number()): string => {
      const order = choices.pick(['p.id', 'p.id', 'p.weight']);
      const rows = choices.pick(['LIMIT 1', 'LIMIT 1 OFFSET 1', 'LIMIT 1 OFFSET 2']);
      return `SELECT p.id FROM patient AS p ORDER BY NOT (p.id = 5 AND ${truth(n)}), p.id > 3, ${order} ${rows}`;
    };
    return choices.pick([
      [`SELECT x.id FROM (${chosen()}) AS x`],
      [`SELECT x.id FROM ${numbers} CROSS JOIN LATERAL (${chosen('g')}) AS x`],
      [`SELECT p.id FROM ${numbers}, patient AS p WHERE p.id IN (${chosen('g')})`],
      [`(${chosen()}) UNION ALL (${chosen()}) UNION ALL (${chosen()}) UNION ALL (${chosen()})`],
      [
        `SELECT DISTINCT ON (g) p.id FROM ${numbers}, patient AS p WHERE p.id <> 5 OR ${truth('g')} ORDER BY g, p.id <> 5, p.id % 3`,
      ],
    ]);
  },
  order: (e) => {
    const { choices } = e;
    const source = e.source();
    const beside = e.beside(source);
    const list = beside.join(', ') || (source.plain[0] ?? '1');
    const x = e.integer(source);
    return choices.pick([
      [`SELECT ${list}${e.rows(source)} ORDER BY ${x}${choices.pick(['', ' DESC', ' NULLS FIRST', ' USING >'])}`],
      [`SELECT DISTINCT ON (${x}) ${list}${e.rows(source)} ORDER BY ${x}, ${source.plain[0] ?? '1'}`],
      [`SELECT DISTINCT ${[list, x].join(', ')}${e.rows(source)}`],
      [`SELECT ${list}, ${x} AS x${e.rows(source)} ORDER BY x, 1`],
    ]);
  },
  subquery: (e) => {
    const { choices } = e;
    const source = e.source();
    const beside = e.beside(source);
    const inner = query(e);
    const x = e.integer(source);
    const made = choices.pick([
      `ARRAY(SELECT ${x})`,
      `(SELECT count(*) FROM (${inner}) AS z)`,
      `EXISTS (${inner})`,
      `${x} IN (SELECT i.ward FROM patient AS i)`,
      `(SELECT ${x} LIMIT 1)`,
      `(SELECT json_agg(z) FROM (${inner}) AS z)`,
      `ROW(${x}, 1) = (SELECT 57, 1)`,
    ]);
    return choices.pick([
      [`SELECT ${[...beside, made].join(', ')}${e.rows(source)}`],
      [`WITH w AS ${choices.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(${inner}) SELECT * FROM w`],
      [`WITH w AS (${inner}) SELECT count(*) FROM w`],
      [`VALUES (1, ${e.any(NOTHING)}), (2, NULL)`],
      [`SELECT ${beside.join(', ') || '1'}${e.rows(source, `EXISTS (SELECT FROM clinics AS z WHERE z.id < ${x})`)}`],
    ]);
  },
  'scalar function': (e) => {
    const source = e.source();
    const { name, arguments: types } = pickRoutine(e, 'function');
    const call = `${name}(${argumentsOf(e.choices, types, e.integer(source)).join(', ')})`;
    return e.choices.pick([
      [`SELECT ${[...e.beside(source), call].join(', ')}${e.rows(source)}`],
      [`SELECT ${e.beside(source).join(', ') || '1'}${e.rows(source, `${call} IS NOT NULL`)}`],
    ]);
  },
  operator: (e) => {
    const source = e.source();
    const { name, left, right } = e.choices.pick(e.routines.operators);
    const [a, b] = argumentsOf(e.choices, [left, right], e.integer(source));
    const made = `(${a} ${name} ${b})`;
    return e.choices.pick([
      [`SELECT ${[...e.beside(source), made].join(', ')}${e.rows(source)}`],
      [`SELECT ${e.beside(source).join(', ') || '1'}${e.rows(source, `${made} IS NOT NULL`)}`],
    ]);
  },
  error: (e) => {
    const { choices } = e;
    const source = e.source();
    const beside = e.beside(source).join(', ') || '1';
    const x = e.integer(source);
    const failing = choices.pick([
      `1 / ((${x}) - ${e.number()})`,
      `sqrt(((${x}) - ${e.number()})::float8)`,
      `(2147483600 + (${x}))::int`,
      `CASE WHEN ${e.condition(source)} THEN 'x' ELSE '1' END::int`,
      `(SELECT z FROM generate_series(1, 1 + (${e.condition(source)})::int) AS z)`,
      `('[' || (${x}))::json IS NULL`,
      `substr('abc', 1, (${x}) - ${e.number()})`,
      `to_date((${x})::text, 'FMDD') IS NULL`,
    ]);
    return choices.pick([
      [`SELECT ${beside}${e.rows(source, `(${failing}) IS NOT NULL`)}`],
      [`SELECT ${beside}, ${failing}${e.rows(source)}`],
      [`SELECT ${beside}${e.rows(source)} ORDER BY (${failing})`],
    ]);
  },
  notice: (e) => {
    const source = e.source();
    const beside = e.beside(source).join(', ') || '1';
    const truth = e.condition(source);
    const noting = e.choices.pick([
      `to_tsvector('simple', repeat('x', CASE WHEN ${truth} THEN 3000 ELSE 1 END)) IS NOT NULL`,
      `to_tsquery('english', CASE WHEN ${truth} THEN 'the' ELSE 'cat' END) IS NOT NULL`,
      `websearch_to_tsquery('english', CASE WHEN ${truth} THEN 'the' ELSE 'cat' END) IS NOT NULL`,
    ]);
    return e.choices.pick([
      [`SELECT ${beside}${e.rows(source, noting)}`],
      [`SELECT ${beside}, ${noting}${e.rows(source)}`],
      [`SELECT ${beside}${e.rows(source, `NOT (${noting})`)}`],
      [`SELECT h.id FROM patient AS h WHERE h.id > 3 AND (${noting.replace(truth, 'h.weight = 57')}) IS FALSE`],
    ]);
  },
  setting: (e) => {
    const source = e.source();
    const beside = e.beside(source).join(', ') || '1';
    const x = e.integer(source);
    const call = e.choices.pick([
      `set_config('application_name', (${x})::text, false)`,
      `CASE WHEN ${e.condition(source)} THEN set_config('extra_float_digits', '0', false) END`,
      `set_config('timezone', 'UTC', (${x}) > 50)`,
    ]);
    const read = e.choices.pick([
      "SELECT current_setting('application_name')",
      'SHOW extra_float_digits',
      'SELECT 1.0::float8 / 3',
    ]);
    return [
      e.choices.pick([
        `SELECT ${beside}, ${call}${e.rows(source)}`,
        `SELECT ${beside}${e.rows(source, `${call} IS NOT NULL`)}`,
      ]),
      read,
    ];
  },
  sequence: (e) => {
    const source = e.source();
    const beside = e.beside(source).join(', ') || '1';
    const call = e.choices.pick([
      `CASE WHEN ${e.condition(source)} THEN nextval('notes_id_seq') END`,
      `setval('notes_id_seq', 100 + abs(${e.integer(source)}))`,
    ]);
    const read = e.choices.pick([
      "SELECT nextval('notes_id_seq')",
      "SELECT currval('notes_id_seq')",
      'SELECT lastval()',
      'INSERT INTO notes (n) VALUES (1) RETURNING id',
    ]);
    const first = `SELECT nextval('notes_id_seq')`;
    const plain = `SELECT nextval('notes_id_seq')${e.rows(source, e.condition(source))}`;
    return [
      first,
      e.choices.pick([
        `SELECT ${beside}, ${call}${e.rows(source)}`,
        `SELECT ${beside}${e.rows(source, `${call} IS NULL`)}`,
        `${plain}${e.choices.pick(['', ' OFFSET 9', ' LIMIT 0', ' ORDER BY 1 LIMIT 1', ' GROUP BY 1 HAVING count(*) > 9', ' FETCH FIRST 1 ROW WITH TIES'])}`,
        plain.replace('SELECT ', 'SELECT generate_series(1, 0), '),
        `SELECT DISTINCT ON (1 + 1) * FROM (${plain}) AS d`,
      ]),
      read,
    ];
  },
  effect: (e) => {
    const source = e.source();
    const beside = e.beside(source).join(', ') || '1';
    const truth = e.condition(source);
    const call = e.choices.pick([
      `pg_notify(CASE WHEN ${truth} THEN 'a' ELSE 'b' END, '')`,
      `pg_advisory_xact_lock(CASE WHEN ${truth} THEN 1 ELSE 2 END)`,
      `pg_try_advisory_lock(CASE WHEN ${truth} THEN 1 ELSE 2 END)`,
      `log_it((${e.integer(source)})::text)`,
      `lo_create(CASE WHEN ${truth} THEN 0 ELSE 0 END)`,
    ]);
    return ['LISTEN a', `SELECT ${beside}, ${call} IS NULL${e.rows(source)}`, 'SELECT 1'];
  },
  update: (e) => {
    const { choices } = e;
    const notes: Source = { from: 'notes', where: [], plain: ['notes.n'] };
    const source = choices.chance(50)
      ? notes
      : { from: 'visit', where: [], key: 'visit.patient_id', plain: ['visit.clinic_id'] };
    const assigned =
      source === notes ? `n = ${choices.pick(['1', e.integer(source)])}` : `diag = ${choices.pick(["'x'", 'diag'])}`;
    const from = choices.pick(['', '', ' FROM patient AS h']);
    const used: Source = from === '' ? source : { ...source, hidden: 'h' };
    const where = choices.pick([
      e.condition(used),
      `${source.from}.id = 2 AND ${e.condition(used)}`,
      `${source.from}.id <= 3`,
    ]);
    const returning = choices.pick([
      '',
      '',
      ` RETURNING ${choices.pick([`${source.from}.id`, source.key ?? 'n', e.integer(source)])}`,
    ]);
    return [`UPDATE ${source.from} SET ${assigned}${from} WHERE ${where}${returning}`, ...readBack(e, source.from)];
  },
  insert: (e) => {
    const { choices } = e;
    const source = e.source();
    const x = e.integer(source);
    const where = choices.chance(50) ? [e.condition(source)] : [];
    const into = choices.pick([
      `notes (n) SELECT ${choices.pick([x, '1'])}${e.rows(source, ...where)}`,
      `notes (n) VALUES (${e.integer(NOTHING)}), (2)`,
      `notes (id, n) SELECT ${choices.pick(['1', x])}, 2${e.rows(source, ...where)}`,
      `visit (id, patient_id) VALUES (${choices.pick(['20', '21', '22'])}, 1)`,
      `profile (patient_id) VALUES (5)`,
      `booking (id, patient_id, slot) VALUES (7, 1, 20), (8, 1, 30)`,
      `visit (patient_id) VALUES (5)`,
      `notes (body) SELECT (${x})::text${e.rows(source, ...where)}`,
      `visit (patient_id, day) SELECT ${source.key ?? '1'}, date '2027-01-01' + (${x})${e.rows(source, ...where)}`,
      `visit (patient_id, clinic_id) SELECT 1, ${x}${e.rows(source, ...where)}`,
      `profile (patient_id, seen) SELECT ${source.key ?? '3'}, ${x}${e.rows(source, ...where)}`,
      `call (patient_id, region_id) SELECT ${source.key ?? '3'}, ${choices.pick(['2', `1 + abs(${x}) % 4`])}${e.rows(source, ...where)}`,
    ]);
    const table = into.slice(0, into.indexOf(' '));
    const conflict = choices.pick([
      '',
      '',
      ' ON CONFLICT DO NOTHING',
      ...(table === 'profile'
        ? [
            ' ON CONFLICT (patient_id) DO UPDATE SET seen = excluded.seen',
            ' ON CONFLICT (patient_id int4_ops) DO UPDATE SET seen = excluded.seen',
          ]
        : []),
      ...(table === 'notes' ? [' ON CONFLICT (id) DO UPDATE SET n = 1 WHERE notes.n > 999'] : []),
    ]);
    const returning = choices.pick(['', '', ` RETURNING ${choices.pick(['1', '*', '(SELECT 7)'])}`]);
    return [`INSERT INTO ${into}${conflict}${returning}`, ...readBack(e, table)];
  },
  'a write of given keys': (e) => {
    const { choices } = e;
    const [where, extra] = choices.pick([
      [`id = ANY ('${choices.pick(['{5}', '{"5"}', '{ 5 }', '[0:0]={5}'])}')`, ''],
      ['id = 5', choices.pick(['', ' FOR UPDATE SKIP LOCKED', ' FOR UPDATE'])],
      ["id = ' 5 '", ''],
    ] as const);
    const value = choices.pick(['name', 'weight::text', 'ward::text']);
    return [
      choices.pick([
        `UPDATE notes SET body = (SELECT ${value} FROM patient WHERE ${where}${extra}) WHERE id = 1`,
        `INSERT INTO notes (body) SELECT ${value} FROM patient WHERE ${where}`,
        `UPDATE notes SET n = p.weight FROM patient AS p WHERE p.${where} AND notes.id = 1`,
      ]),
      'SELECT body, n FROM notes ORDER BY id',
    ];
  },
  'copy from': (e) => {
    const { choices } = e;
    const [into, rows] = choices.pick([
      ['asked (n, who)', ['1\t1', '2\t5', '3\t77']],
      ['notes (id, n)', ['21\t1', '22\tx']],
      ['booking (id, patient_id, slot)', ['7\t1\t20', '8\t1\t50']],
    ] as const);
    return [
      `COPY ${into} FROM STDIN${choices.pick(['', ' (ON_ERROR ignore)'])}\n---\n${rows.join('\n')}`,
      `SELECT ${into.includes('patient') ? 'count(*)' : 'n'} FROM ${into.split(' ')[0]}`,
    ];
  },
  delete: (e) => {
    const { choices } = e;
    const source: Source = {
      from: 'visit',
      where: [],
      key: 'visit.patient_id',
      plain: ['visit.clinic_id', 'visit.id'],
    };
    const using = choices.pick(['', '', ' USING patient AS h']);
    const used: Source = using === '' ? source : { ...source, hidden: 'h' };
    const where = choices.pick([
      e.condition(used),
      `visit.id = 2 AND ${e.condition(used)}`,
      `visit.patient_id = 1 AND ${e.condition(used)}`,
    ]);
    return [
      `DELETE FROM visit${using} WHERE ${where}${choices.pick(['', ' RETURNING visit.patient_id', ' RETURNING 1'])}`,
      ...readBack(e, 'visit'),
    ];
  },
  merge: (e) => {
    const { choices } = e;
    const source = e.source();
    const of = `SELECT ${source.plain[0] ?? '2'} AS id, ${e.integer(source)} AS x${e.rows(source)}`;
    const when = choices.pick([
      'WHEN MATCHED THEN UPDATE SET n = s.x',
      'WHEN MATCHED AND s.x > 50 THEN DELETE',
      'WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (n) VALUES (s.x)',
    ]);
    return [
      `MERGE INTO notes AS t USING (${of}) AS s ON t.id = s.id ${when}${choices.pick(['', ' RETURNING t.n', ' RETURNING merge_action()'])}`,
      ...readBack(e, 'notes'),
    ];
  },
  'write in a WITH': (e) => {
    const source: Source = { from: 'notes', where: [], plain: ['notes.n'] };
    const write = e.choices.pick([
      `UPDATE notes SET n = 1 WHERE ${e.condition(source)} RETURNING id`,
      `INSERT INTO notes (n) SELECT ${e.integer({ ...source, plain: [] })} RETURNING n`,
      `DELETE FROM visit WHERE patient_id = 1 AND ${e.condition({ ...source, plain: [] })} RETURNING id`,
    ]);
    return [`WITH w AS (${write}) SELECT ${e.choices.pick(['count(*)', '*', '1'])} FROM w`, ...readBack(e, 'notes')];
  },
  'a temporary table': (e) => {
    const inner = `SELECT ${e.integer(NOTHING)}`;
    return [
      'CREATE TEMPORARY TABLE picked (n integer)',
      `INSERT INTO picked ${inner}`,
      'SELECT * FROM picked',
      `SELECT p.id FROM patient AS p JOIN picked ON picked.n > p.weight WHERE p.id <= 3`,
    ];
  },
  cursor: (e) => {
    const { choices } = e;
    const fetches = [
      'FETCH NEXT FROM c',
      'FETCH 2 FROM c',
      'FETCH ALL FROM c',
      'MOVE ALL IN c',
      'MOVE 2 IN c',
      'FETCH ABSOLUTE 2 FROM c',
      'FETCH RELATIVE 1 FROM c',
      'FETCH LAST FROM c',
      'FETCH PRIOR FROM c',
      'MOVE ABSOLUTE 3 IN c',
    ];
    return [`DECLARE c SCROLL CURSOR FOR ${pickQuery(e)}`, choices.pick(fetches), choices.pick(fetches)];
  },
  'a held cursor': (e) => {
    const fetches = ['FETCH ALL FROM c', 'MOVE ALL IN c', 'FETCH LAST FROM c', 'SELECT 1'];
    const source: Source = { from: 'patient AS p', where: [`p.id IN (4, ${HIDDEN})`], key: 'p.id', plain: ['p.ward'] };
    const given = `SELECT 100 / (${e.integer(source)} - 57)${e.rows(source)}`;
    const held = `DECLARE c CURSOR WITH HOLD FOR ${e.choices.pick([pickQuery(e), given])}`;
    const rest = [e.choices.pick(fetches), 'CLOSE ALL'];
    return e.choices.pick([
      [held, 'COMMIT', ...rest],
      ['COMMIT', `SELECT id FROM patient WHERE id = 1; ${held}`, ...rest],
    ]);
  },
  'a row of a cursor': (e) => {
    const { choices } = e;
    const source: Source = { from: 'visit', where: [], key: 'patient_id', plain: ['clinic_id', 'id'] };
    const used = choices.pick([
      source,
      source,
      { ...source, from: 'visit, patient AS h', plain: ['h.ward'], hidden: 'h' },
    ]);
    const where = choices.pick([['visit.patient_id IN (1, 2)'], ['visit.id >= 20'], [e.condition(used)], []]);
    const of = `SELECT ${choices.pick(['visit.id', 'visit.patient_id', '1'])}${e.rows(used, ...where)}`;
    const moves = ['FETCH NEXT FROM c', 'FETCH LAST FROM c', 'MOVE 2 IN c', 'MOVE ALL IN c', 'FETCH PRIOR FROM c'];
    const write = choices.pick([
      `UPDATE visit SET diag = ${choices.pick(["'x'", 'diag'])} WHERE CURRENT OF c`,
      'DELETE FROM visit WHERE CURRENT OF c',
    ]);
    return [
      `DECLARE c ${choices.pick(['', 'SCROLL '])}CURSOR FOR ${of}${choices.pick(['', ' FOR UPDATE OF visit'])}`,
      choices.pick(moves),
      choices.pick(moves),
      `${write}${choices.pick(['', ' RETURNING visit.patient_id', ' RETURNING 1'])}`,
      ...readBack(e, 'visit'),
    ];
  },
  'aggregate of an outer query': (e) => {
    const { choices } = e;
    const source = e.source();
    const { name, arguments: types } = pickRoutine(e, 'aggregate');
    const column = source.plain[0] ?? '1';
    const given = argumentsOf(
      choices,
      types,
      choices.pick([column, `CASE WHEN ${e.condition(source)} THEN ${column} END`]),
    );
    const call = types.length === 0 ? `count(${column})` : `${name}(${given.join(', ')})`;
    const inner = choices.pick([
      `(SELECT ${call})`,
      `(SELECT ${call} FROM clinics AS z ORDER BY z.id LIMIT 1)`,
      `(SELECT z.id FROM clinics AS z WHERE z.id < ${call} ORDER BY z.id LIMIT 1)`,
      `EXISTS (SELECT FROM clinics AS z WHERE z.id::text = (${call})::text)`,
    ]);
    return choices.pick([
      [grouped(e, source, inner)],
      [`SELECT count(*)${e.rows(source)} HAVING ${inner} IS NOT NULL`],
      [`SELECT ${column}${e.rows(source)} GROUP BY 1 ORDER BY ${inner}, 1`],
    ]);
  },
  prepared: (e) => {
    const text = pickQuery(e);
    return [`PREPARE q AS ${text}`, 'EXECUTE q', 'EXECUTE q', 'DEALLOCATE q'];
  },
  'prepared with keys': (e) => {
    const { choices } = e;
    const many = choices.chance(25);
    const source: Source = {
      from: 'patient AS h',
      where: [`h.id = ${many ? 'ANY ($1)' : '$1'}`],
      plain: ['h.ward'],
      hidden: 'h',
    };
    const list = choices.pick(['h.id', '1', 'h.name', 'count(*)', e.integer(source)]);
    const where = choices.chance(60) ? [e.condition(source)] : [];
    const keys = many
      ? ["'{5}'", "'{2, 5}'", "'{ 0x5 }'", 'ARRAY[5]']
      : [
          '5',
          "'5'",
          "' +05 '",
          "'0x5'",
          '5.0',
          '5.4',
          '5e0',
          '0x5',
          "'5'::text",
          '5::smallint',
          "B'101'",
          "E'5'",
          'NULL',
          '2',
        ];
    const executed = (): string => `EXECUTE q (${choices.pick(keys)})`;
    return [
      `PREPARE q (${many ? 'integer[]' : choices.pick(['integer', 'bigint', 'smallint'])}) AS SELECT ${list}${e.rows(source, ...where)}`,
      executed(),
      executed(),
      'DEALLOCATE q',
    ];
  },
  copy: (e) => [
    `COPY (${pickQuery(e)}) TO STDOUT${e.choices.pick(['', ' (FORMAT csv, HEADER)', " (NULL '-')", ' (FORMAT binary)'])}`,
  ],
  explain: (e) => [
    `EXPLAIN ${e.choices.pick(['', '(ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) ', '(VERBOSE) ', 'DECLARE c CURSOR FOR '])}${pickQuery(e)}`,
  ],
  locking: (e) => {
    const source = e.source();
    const notes: Source = { from: 'notes', where: [], plain: ['notes.id', 'notes.n'] };
    if (e.choices.chance(40))
      return [
        e.choices.pick([
          `SELECT 1 FROM (SELECT id FROM notes WHERE ${e.condition(notes)} FOR UPDATE) AS x LIMIT 1`,
          `SELECT notes.id FROM notes WHERE ${e.condition(notes)} FOR UPDATE`,
          `WITH w AS (SELECT id FROM notes WHERE ${e.condition(notes)} FOR UPDATE) SELECT 1`,
        ]),
        'SELECT 1',
      ];
    return [
      `SELECT ${e.beside(source).join(', ') || '1'}${e.rows(source, e.condition(source))} ${e.choices.pick(['FOR UPDATE', 'FOR SHARE SKIP LOCKED', 'FOR KEY SHARE NOWAIT'])}`,
      'SELECT 1',
    ];
  },
  /** A text whose answer may be the same, under another setting, and what it leaves behind. */
  again: (e) => {
    const [text] = FORMS[e.choices.pick(LEAVING)]!(e);
    return [text!, 'SET extra_float_digits = 0', text!, 'SET extra_float_digits = 3', text!, e.choices.pick(LEFT)];
  },
  /** Locks, and numbers of sequences, before the transaction ends. */
  'by a second session': (e) => {
    const [text] = FORMS[e.choices.pick(LEAVING)]!(e);
    return [text!, `beside: ${e.choices.pick(LEFT)}`];
  },
  'rows that change meanwhile': (e) => {
    const source: Source = { from: 'region', where: ["region.name < 'x'"], plain: ['region.id'] };
    const joined: Source = { ...source, from: 'patient AS h, region', key: 'h.id', hidden: 'h' };
    const used = e.choices.pick([source, joined]);
    const list = e.beside(used).join(', ') || '1';
    return changedMeanwhile(
      `SELECT ${list}${e.rows(used, e.condition(used))} FOR UPDATE${e.choices.pick(['', ' OF region'])}`,
    );
  },
  'several statements': (e) => [`${pickQuery(e)}; ${pickQuery(e)}`],
  ...TABLE_FORMS,
};

/** A cursor whose rows a second session changes before they are fetched; it asks which are locked, and puts them back. */
export const changedMeanwhile = (query: string): readonly string[] => [
  `DECLARE c CURSOR FOR ${query}`,
  "beside: UPDATE region SET name = 'x' || name",
  'beside: COMMIT',
  'FETCH ALL FROM c',
  'beside: SELECT id FROM region ORDER BY id FOR UPDATE SKIP LOCKED',
  'ROLLBACK',
  'beside: UPDATE region SET name = substr(name, 2)',
];

/** Statements that read back what was written. */
function readBack(e: Expressions, table: string): string[] {
  const key = ['visit', 'profile'].includes(table) ? 'patient_id' : 'id';
  return e.choices.pick([
    [],
    [`SELECT count(*) FROM ${table}`],
    [`SELECT * FROM ${table} WHERE ${key} IN (1, 2, 3) ORDER BY 1`],
    [`SELECT ${key} FROM ${table} ORDER BY 1`],
  ]);
}

const LEAVING = ['locking', 'update', 'insert', 'delete', 'write in a WITH', 'merge', 'a write of given keys'];

/** Statements that read nobody, each one value. */
const LEFT = [
  'SELECT sum(id) FROM (SELECT id FROM notes FOR UPDATE SKIP LOCKED) AS x',
  'SELECT sum(n) FROM notes',
  'SELECT min(body) FROM notes',
  "SELECT nextval('notes_id_seq')",
  'INSERT INTO visit (patient_id) VALUES (1) RETURNING id',
  'SELECT sum(id) FROM (SELECT id FROM clinics FOR UPDATE SKIP LOCKED) AS x',
  'SELECT sum(id) FROM (SELECT id FROM region FOR UPDATE SKIP LOCKED) AS x',
];

const READING = [
  'list',
  'condition',
  'aggregate',
  'window',
  'set operation',
  'grouping',
  'join',
  'limit',
  'order',
  'subquery',
];

/** One statement that reads. */
function pickQuery(e: Expressions): string {
  return FORMS[e.choices.pick(READING)]!(e)[0]!;
}
