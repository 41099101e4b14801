/** Ways that once told more than was counted (`docs/limits.md` says what each costs now), about the person in whom the databases differ. */
import { COMPUTES, MEETS_NULLS } from '../subjects/world.ts';
import { changedMeanwhile } from './forms.ts';
import { HIDDEN as P } from './people.ts';

export interface Way {
  readonly name: string;
  readonly texts: readonly string[];
  /** It is refused, or what would tell does not come; absent: it is answered, and paid. */
  readonly withheld?: true;
}

const many = (count: number, of: (i: number) => string, between = ', '): string =>
  Array.from({ length: count }, (_, i) => of(i)).join(between);

/** Ways around a weighing of expressions. */
const EXPRESSIONS: readonly Way[] = [
  {
    name: 'many numbers under a window, beside a row that was seen',
    texts: [
      `SELECT p.id, ${many(7, (i) => `count(*) FILTER (WHERE p.id = ${P} AND g <= ascii(substr(p.name, ${i + 1}, 1))) OVER ()`)}
       FROM patient AS p, generate_series(1, 127) AS g WHERE p.id IN (1, ${P}) ORDER BY p.id, g LIMIT 1`,
    ],
  },
  {
    name: 'a notice for each bit, of words that are too long',
    withheld: true,
    texts: [
      `SELECT 1 FROM patient AS p, generate_series(0, 6) AS bit WHERE p.id + 0 = ${P}
       AND to_tsvector('simple', repeat('x', CASE WHEN ascii(p.name) >> bit & 1 = 1 THEN 3000 ELSE 1 END)) IS NULL`,
    ],
  },
  {
    name: 'and of queries that are empty',
    withheld: true,
    texts: [
      `SELECT 1 FROM patient AS p WHERE p.id + 0 = ${P} AND to_tsquery('english', CASE WHEN p.hiv THEN 'the' ELSE 'cat' END) IS NULL`,
    ],
  },
  {
    name: 'the count of a table about no person, joined by a condition that computes on people',
    texts: [
      `SELECT DISTINCT count(c.id) OVER () FROM patient AS p LEFT JOIN clinics AS c ON p.id = ${P} AND c.beds <= p.weight`,
    ],
  },
  ...['rank', 'dense_rank', 'cume_dist', 'percent_rank'].map((name) => ({
    name: `hypothetical sets: ${name}`,
    texts: [
      `SELECT ${name}(1) WITHIN GROUP (ORDER BY CASE WHEN p.id = ${P} AND g <= p.weight THEN 0 ELSE 2 END) FROM patient AS p, generate_series(1, 127) AS g`,
    ],
  })),
  {
    name: 'ranks in the order of a computed key',
    texts: [
      `SELECT p.id, rank() OVER (ORDER BY CASE WHEN p.id = ${P} THEN p.weight ELSE 50 END) FROM patient AS p ORDER BY 1`,
    ],
  },
  {
    name: 'sizes of computed partitions',
    texts: [
      `SELECT p.id, count(*) OVER (PARTITION BY CASE WHEN p.id = ${P} THEN p.weight ELSE 40 + 7 * p.id END) FROM patient AS p ORDER BY 1`,
    ],
  },
  {
    name: 'the group of all rows without a key',
    texts: [
      `SELECT v.patient_id, string_agg(p.name, ',') FROM patient AS p LEFT JOIN visit AS v ON v.patient_id = p.id AND v.id < 7 GROUP BY v.patient_id`,
    ],
  },
  {
    name: 'error codes as bits',
    texts: [
      `SELECT id FROM patient WHERE id + 0 = ${P} AND CASE ward WHEN 1 THEN 1 / (weight - weight) WHEN 2 THEN sqrt(-weight) WHEN 3 THEN ln(weight - weight) END > 0`,
    ],
  },
  {
    name: 'the tag of a DELETE',
    withheld: true,
    texts: [`DELETE FROM visit WHERE patient_id = 1 AND EXISTS (SELECT FROM patient WHERE id + 0 = ${P} AND hiv)`],
  },
  {
    name: 'the tag of an UPDATE of a table about no person',
    withheld: true,
    texts: [`UPDATE notes SET n = 1 WHERE id <= (SELECT ward FROM patient WHERE id + 0 = ${P})`],
  },
  {
    name: 'the tag of an INSERT under the own keys',
    withheld: true,
    texts: [`INSERT INTO visit (patient_id, day) SELECT p.id, date '2027-01-01' FROM patient AS p WHERE p.weight > 56`],
  },
  {
    name: 'nextval inside CASE',
    withheld: true,
    texts: [
      `SELECT nextval('notes_id_seq')`,
      `SELECT id FROM patient WHERE id + 0 = ${P} AND CASE WHEN hiv THEN nextval('notes_id_seq') END IS NULL AND false IS NULL`,
      `SELECT lastval()`,
      `SELECT count(CASE WHEN hiv THEN nextval('notes_id_seq') END) * 0 FROM patient WHERE id + 0 = ${P}`,
      `SELECT nextval('notes_id_seq')`,
    ],
  },
  {
    name: 'setval of what a row holds',
    withheld: true,
    texts: [
      `SELECT setval('notes_id_seq', weight) FROM patient WHERE id + 0 = ${P}`,
      'SELECT last_value FROM notes_id_seq',
      `SELECT setval('notes_id_seq', (SELECT ward FROM patient WHERE id + 0 = ${P}))`,
      "SELECT nextval('notes_id_seq')",
    ],
  },
  {
    name: 'a plan of what was prepared',
    texts: [
      `PREPARE q AS SELECT id FROM patient WHERE id + 0 = ${P} AND weight = 57 AND name > 'M' AND hiv`,
      'EXPLAIN (COSTS OFF) EXECUTE q',
      'DEALLOCATE q',
      `SELECT count(*) FROM patient WHERE id + 0 = ${P} AND hiv`,
    ],
  },
  {
    name: 'what one message prepares and executes, by the words of another',
    texts: [
      `PREPARE q AS SELECT count(*) FROM patient WHERE id + 0 = 1 AND id = 0; EXECUTE q; DEALLOCATE q`,
      `PREPARE q AS SELECT count(*) FROM patient WHERE id + 0 = ${P} AND hiv; EXECUTE q; DEALLOCATE q`,
      `PREPARE q AS SELECT count(*) FROM patient WHERE id + 0 = ${P} AND ward = 1; EXECUTE q; DEALLOCATE q`,
    ],
  },
  {
    name: 'a setting that the server reports',
    withheld: true,
    texts: [
      `SELECT count(set_config('application_name', name, false)) * 0 FROM patient WHERE id + 0 = ${P}`,
      'SHOW application_name',
    ],
  },
  { name: 'a condition that is false', texts: [`SELECT id FROM patient WHERE id = ${P} AND name >= 'M'`] },
  { name: 'the refusal itself', texts: [`SELECT id FROM patient WHERE id = ${P} AND weight = 57`] },
  { name: 'and of a question', texts: [`SELECT id FROM patient WHERE id + 0 = ${P} AND weight = 57`] },
  ...[
    'generate_series(1, p.weight) AS g',
    `JSON_TABLE(to_jsonb(string_to_array(repeat('a,', p.weight), ',')), '$[*]' COLUMNS (n text PATH '$')) AS g`,
    `XMLTABLE('/r/a' PASSING (('<r>' || repeat('<a/>', p.weight) || '</r>')::xml) COLUMNS n FOR ORDINALITY) AS g`,
  ].map((rows) => ({
    name: `rows that are counted: ${rows.slice(0, 12)}`,
    texts: [`SELECT DISTINCT count(*) OVER () FROM patient AS p, ${rows} WHERE p.id + 0 = ${P}`],
  })),
  {
    name: 'rows of a function in the list',
    texts: [
      `SELECT q.id, generate_series(1, (SELECT weight FROM patient AS p WHERE p.id + 0 = ${P})) FROM patient AS q WHERE q.id = 1`,
    ],
  },
  {
    name: 'DISTINCT ON',
    texts: [
      `SELECT DISTINCT ON ((SELECT weight FROM patient WHERE id + 0 = ${P}) > g) g FROM generate_series(50, 80) AS g ORDER BY (SELECT weight FROM patient WHERE id + 0 = ${P}) > g, g`,
    ],
  },
  {
    name: 'WITH TIES',
    texts: [
      `SELECT g FROM generate_series(1, 9) AS g ORDER BY (SELECT ward FROM patient WHERE id + 0 = ${P}) > g FETCH FIRST 1 ROWS WITH TIES`,
    ],
  },
  {
    name: 'the order of known rows',
    texts: [
      `SELECT p.id FROM patient AS p WHERE p.id IN (1, 2, 3) ORDER BY (SELECT ward FROM patient AS q WHERE q.id + 0 = ${P}) * p.id % 4`,
    ],
  },
  {
    name: 'linear equations',
    texts: [
      `SELECT regr_sxy(weight, id), regr_sxx(weight, id), regr_count(fee, weight), covar_pop(weight, ward) FROM patient`,
    ],
  },
  { name: 'bits of many people', texts: [`SELECT bit_or((weight > 56)::int::int8 << id) FROM patient`] },
];

/** Ways through earlier drafts of the rules. */
const DRAFTS: readonly Way[] = [
  {
    name: 'rows that hidden values choose among known people',
    texts: [
      `SELECT s.id, t.id FROM patient AS s JOIN patient AS t ON t.id = (SELECT q.ward FROM patient AS q WHERE q.id = s.id + ${P - 1}) WHERE s.id = 1`,
    ],
  },
  {
    name: 'a row of a given person if another is so',
    texts: [
      `SELECT id FROM visit WHERE patient_id = 1 AND EXISTS (SELECT FROM patient AS q WHERE q.id + 0 = ${P} AND q.hiv)`,
    ],
  },
  {
    name: 'LATERAL with an OFFSET',
    texts: [
      `SELECT p.id FROM patient AS p CROSS JOIN LATERAL (SELECT q.id FROM patient AS q WHERE q.id IN (1, ${P}) AND (q.id = 1 OR q.weight > 50) ORDER BY q.id DESC LIMIT 1 OFFSET 1) AS x WHERE p.id = 1`,
    ],
  },
  {
    name: 'EXCEPT',
    texts: [
      `SELECT p.id FROM patient AS p WHERE p.id = 1 EXCEPT SELECT 1 FROM patient AS q WHERE q.id = ${P} AND q.weight > 50`,
    ],
  },
  {
    name: 'row numbers filtered from outside',
    texts: [
      `SELECT id FROM (SELECT id, row_number() OVER (ORDER BY weight, id) AS n FROM patient) AS x WHERE n = 4 AND id < 4`,
    ],
  },
  {
    name: 'a key above a window',
    texts: [
      `SELECT c FROM (SELECT id, max(CASE WHEN id = ${P} THEN name END) OVER () AS c FROM patient) AS x WHERE x.id = 1`,
    ],
  },
  {
    name: 'a window in ORDER BY beside a series',
    texts: [
      `SELECT g FROM patient AS p CROSS JOIN generate_series(0, 15) AS g ORDER BY p.id <> 1, get_bit(convert_to(string_agg(name, '') OVER (), 'UTF8'), 160 + g), g LIMIT 16`,
    ],
  },
  {
    name: 'an anti-join',
    texts: [
      `SELECT p.id, g FROM patient AS p CROSS JOIN generate_series(1, 9) AS g LEFT JOIN patient AS q ON q.id = g AND q.hiv WHERE p.id = 1 AND q.id IS NULL ORDER BY g`,
    ],
  },
  {
    name: 'a place among other people’s rows',
    texts: [
      'DECLARE c SCROLL CURSOR FOR SELECT id FROM patient WHERE weight > 46 ORDER BY id',
      'FETCH ABSOLUTE 2 FROM c',
      'FETCH ABSOLUTE 4 FROM c',
      'MOVE ALL IN c',
    ],
  },
  {
    name: 'the same text with another answer, by a setting',
    texts: [
      ...['1', '2', `${P}`].flatMap((id) => [
        `SET application_name = '${id}'`,
        `SELECT count(*) FROM patient WHERE id = current_setting('application_name')::int AND weight > 50`,
      ]),
    ],
  },
  {
    name: 'and by a temporary table',
    texts: [
      'CREATE TEMPORARY TABLE picked (n integer)',
      'SELECT p.id FROM patient AS p, picked WHERE p.id = picked.n AND p.weight > 50',
      `INSERT INTO picked VALUES (${P})`,
      'SELECT p.id FROM patient AS p, picked WHERE p.id = picked.n AND p.weight > 50',
    ],
  },
  {
    name: 'letters one by one, by one text with other values',
    texts: [
      `PREPARE q (int) AS SELECT substr(max(name), $1, 1) FROM patient WHERE id + 0 = ${P}`,
      ...Array.from({ length: 12 }, (_, i) => `EXECUTE q(${i + 1})`),
      'DEALLOCATE q',
    ],
  },
  {
    name: 'the order of known rows that are sorted alike, under a LIMIT that leaves out others',
    texts: [1, 3].map(
      (factor) =>
        `SELECT id FROM (SELECT id, weight FROM patient ORDER BY id DESC) AS p ORDER BY CASE WHEN id <= 3 THEN 0 ELSE 1 + weight * ${factor} % 11 END LIMIT 3`,
    ),
  },
  ...['FETCH 3 FROM c', 'FETCH FORWARD 2 FROM c'].map((fetch) => ({
    name: `and from a cursor that is not read to its end: ${fetch}`,
    texts: [
      `DECLARE c CURSOR FOR SELECT id FROM (SELECT id, weight FROM patient ORDER BY id DESC) AS p ORDER BY CASE WHEN id <= 3 THEN 0 ELSE 1 + weight % 11 END`,
      fetch,
      'CLOSE c',
    ],
  })),
  {
    name: 'what a view calls',
    texts: [`SELECT head FROM heads WHERE id = ${P - 1}`],
  },
  {
    name: 'what the check of a table calls',
    texts: [`INSERT INTO wish (who) VALUES (${P})`],
  },
  {
    name: 'and that of a domain',
    texts: [`SELECT ${P}::person`],
  },
  { name: 'a domain over it', texts: [`SELECT ${P}::persona`] },
  {
    name: 'in an array or a row, whose literals are read when they are prepared',
    withheld: true,
    texts: [`PREPARE q AS SELECT '{${P}}'::person[]`, `SELECT ROW(${P}, 1)::pair`, 'DEALLOCATE q'],
  },
  {
    name: 'and in a column',
    withheld: true,
    texts: [`INSERT INTO wishes (whom) VALUES ('{${P}}')`],
  },
  {
    name: 'a parameter of it',
    texts: [`PREPARE q (person) AS SELECT 1 WHERE $1 IS NULL`, `EXECUTE q (${P})`, 'DEALLOCATE q'],
  },
  {
    name: 'what a cursor calls as it is planned',
    texts: [`DECLARE c CURSOR FOR SELECT id FROM clinics WHERE beds < 100 / (length(name_of(${P})) - 10)`],
  },
  { name: 'foreign keys that pass a DELETE on', texts: ['DELETE FROM region WHERE id = 3'] },
  { name: 'indexes of a partition', texts: ['UPDATE booking SET slot = 20 WHERE patient_id = 1'] },
  {
    name: 'a number that the sequence was set to',
    texts: ["SELECT setval('call_id_seq', 20, false)", "INSERT INTO call (patient_id, day) VALUES (1, '2030-01-01')"],
  },
  {
    name: 'locks on rows of many tables, of which others pass by',
    withheld: true,
    texts: [
      `SELECT false FROM notes AS a, clinics AS b WHERE a.id = (SELECT ward FROM patient WHERE id + 0 = ${P}) AND b.id = (SELECT clinic_id FROM patient WHERE id + 0 = ${P}) FOR UPDATE`,
    ],
  },
  {
    name: 'keys that move',
    withheld: true,
    texts: [
      'UPDATE visit SET patient_id = 1 WHERE id >= 20',
      'SELECT id, diag FROM visit WHERE patient_id = 1 ORDER BY id',
    ],
  },
  {
    name: 'conflicts with the rows of others',
    texts: [
      `INSERT INTO visit (id, patient_id) VALUES ${many(9, (i) => `(${16 + i}, 1)`)} ON CONFLICT DO NOTHING`,
      'SELECT id FROM visit WHERE patient_id = 1 ORDER BY id',
    ],
  },
  {
    name: 'and with their own',
    texts: [`INSERT INTO profile (patient_id) VALUES (1), (${P}), (7) ON CONFLICT DO NOTHING`],
  },
  {
    name: 'a name into a table about no person, with a tag that is always the same',
    withheld: true,
    texts: [
      `INSERT INTO notes (body) SELECT name FROM patient WHERE id + 0 = ${P} UNION ALL SELECT 'x' LIMIT 1`,
      'SELECT body FROM notes ORDER BY id',
    ],
  },
  {
    name: 'a number into it',
    texts: [
      `INSERT INTO notes (n) SELECT weight FROM patient WHERE id + 0 = ${P} UNION ALL SELECT 1 LIMIT 1`,
      'SELECT n FROM notes ORDER BY id',
    ],
  },
  {
    name: 'division by zero of another under a pin',
    texts: [
      `SELECT id FROM patient AS p WHERE id = 1 AND 1 / ((SELECT weight FROM patient AS q WHERE q.id + 0 = ${P}) - 57) > -9`,
    ],
  },
  {
    name: 'division by zero of a person given by key, for which nothing else is reserved',
    texts: [`SELECT id FROM patient WHERE id = ${P} AND 1 / (weight - 57) > -9`],
  },
  {
    name: 'tables about no person joined on hidden values, many columns in a row',
    texts: [
      `SELECT ${many(20, (i) => `c${i}.name`)} FROM patient AS p, ${many(20, (i) => `clinics AS c${i}`)} WHERE p.id + 0 = ${P} AND ${many(20, (i) => `c${i}.id = p.clinic_id`, ' AND ')}`,
    ],
  },
  {
    name: 'two people in a row, named by one',
    texts: [
      `SELECT p.id, (SELECT q.name FROM patient AS q WHERE q.id = p.id + ${P - 1}) FROM patient AS p WHERE p.id = 1`,
    ],
  },
  {
    name: 'hundreds of columns that are empty or NULL',
    texts: [
      `SELECT p.id, ${many(150, (i) => `CASE WHEN q.weight > ${i} THEN '' END`)} FROM patient AS p, patient AS q WHERE p.id = 1 AND q.id + 0 = ${P}`,
    ],
  },
  {
    name: 'what EXPLAIN ANALYZE counts',
    texts: ['EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) SELECT FROM patient WHERE weight > 56'],
  },
  {
    name: 'the same in COPY',
    texts: [
      `COPY (SELECT p.id, max(q.name) FROM patient AS p, patient AS q WHERE p.id = 1 AND q.id + 0 = ${P} GROUP BY p.id) TO STDOUT`,
    ],
  },
  ...['', ' (FORMAT binary)'].map((format) => ({
    name: `whether a COPY that is held by another key has come to its end${format}`,
    texts: [
      `COPY (SELECT p.id FROM patient AS p JOIN visit AS v ON v.patient_id = p.id WHERE v.id = 21) TO STDOUT${format}`,
    ],
  })),
];

/** A person in front of those who are known, or not: OFFSET passes by the first. */
const SECOND = (bit: string): string =>
  `SELECT id FROM patient ORDER BY NOT (id = ${P} AND ascii(substr(name, 1 + (${bit}) / 7, 1)) >> ((${bit}) % 7) & 1 = 1), id > 3, id LIMIT 1 OFFSET 1`;

/** Where more than one answer was free, or errors were. */
const SECOND_ANSWERS: readonly Way[] = [
  {
    name: 'one of two who are known, for each bit, by LATERAL',
    texts: [`SELECT x.id FROM generate_series(0, 20) AS g CROSS JOIN LATERAL (${SECOND('g')}) AS x`],
  },
  {
    name: 'the same by IN',
    texts: [`SELECT p.id FROM generate_series(0, 20) AS g, patient AS p WHERE p.id IN (${SECOND('g')})`],
  },
  { name: 'the same by UNION ALL', texts: [many(21, (i) => `(${SECOND(String(i))})`, ' UNION ALL ')] },
  {
    name: 'beside a row that a unique key holds: another query, with nothing left',
    texts: [
      `SELECT patient_id FROM visit WHERE id = 1 UNION ALL SELECT id FROM patient WHERE weight = 57 AND ward = 2`,
    ],
  },
  {
    name: 'beside a row that is given: one that a unique key holds, with nothing left',
    texts: ['SELECT 1 UNION ALL SELECT patient_id FROM visit WHERE id = 20'],
  },
  {
    name: 'rows sorted alike, of which LIMIT takes some for each bit',
    texts: [
      `SELECT x.id FROM generate_series(0, 13) AS g CROSS JOIN LATERAL (SELECT p.id FROM patient AS p, generate_series(1, 5) AS s
       WHERE p.id <= 3 OR (p.id = ${P} AND ascii(substr(p.name, 1 + g / 7, 1)) >> (g % 7) & 1 = 1) ORDER BY p.id > 3 LIMIT 8) AS x`,
    ],
  },
  {
    name: 'a number of a sequence that was set, by ON CONFLICT',
    texts: ["SELECT setval('call_id_seq', 19)", 'INSERT INTO call (patient_id) VALUES (1) ON CONFLICT DO NOTHING'],
  },
  {
    name: 'a constraint that excludes other people, by ON CONFLICT',
    texts: ['INSERT INTO room (patient_id, number) VALUES (1, 57) ON CONFLICT DO NOTHING'],
  },
  {
    name: 'an index of a partition, by ON CONFLICT',
    texts: ['INSERT INTO booking (id, patient_id, slot) VALUES (7, 1, 20), (8, 1, 30) ON CONFLICT DO NOTHING'],
  },
  { name: 'WITH CHECK OPTION', texts: ['INSERT INTO misses (n) VALUES (57)'] },
];

const NUMBER = "SELECT nextval('notes_id_seq')";
/** As many rows as the person's weight. */
const TIMES = `patient AS p, generate_series(1, p.weight) WHERE p.id + 0 = ${P}`;

/** Expressions computed for rows that are not sent, and the work of a cursor at COMMIT. */
const UNSENT: readonly Way[] = [
  ...[
    ['no rows of a function beside it', `SELECT nextval('notes_id_seq'), generate_series(1, 0) FROM ${TIMES}`],
    ['OFFSET', `${NUMBER} FROM ${TIMES} OFFSET 1000`],
    [
      'groups without a row',
      `SELECT set_config('application_name', 'x', false) FROM ${TIMES} GROUP BY 1 HAVING count(*) < 60`,
    ],
    ['EXPLAIN ANALYZE', `EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) ${NUMBER} FROM ${TIMES}`],
    ['a cursor that outlives its transaction', `DECLARE c CURSOR WITH HOLD FOR ${NUMBER} FROM ${TIMES}`],
  ].map(([name, text]): Way => {
    return {
      name: `how often something was called: ${name}`,
      withheld: true,
      texts: [NUMBER, text!, 'COMMIT', NUMBER, "SELECT current_setting('application_name')", 'CLOSE ALL'],
    };
  }),
  {
    name: 'numbers of rows that ON CONFLICT leaves out',
    withheld: true,
    texts: [
      `INSERT INTO visit (patient_id, day) SELECT p.id, date '2026-03-01' FROM ${TIMES} ON CONFLICT DO NOTHING`,
      "SELECT nextval('visit_id_seq')",
    ],
  },
  {
    name: 'an error at COMMIT, of a cursor that outlives it',
    texts: [
      `DECLARE c CURSOR WITH HOLD FOR SELECT 1 / (weight - 57) FROM patient WHERE id + 0 = ${P}`,
      'COMMIT',
      'CLOSE ALL',
    ],
  },
  {
    name: 'the same of people whose keys it gives',
    texts: [
      `DECLARE c CURSOR WITH HOLD FOR SELECT id FROM patient WHERE id = ${P} AND 1 / (weight - 57) < 5`,
      'COMMIT',
      'CLOSE ALL',
    ],
  },
  {
    name: 'and of what its list computes of them',
    texts: [
      `DECLARE c CURSOR WITH HOLD FOR SELECT 1 / (weight - 57) FROM patient WHERE id = ${P}`,
      'COMMIT',
      'CLOSE ALL',
    ],
  },
  {
    name: 'a notice at the COMMIT of a message of several statements',
    texts: [
      'COMMIT',
      `SELECT id FROM patient WHERE id = 1; DECLARE c CURSOR WITH HOLD FOR SELECT to_tsquery('english', CASE weight WHEN 57 THEN 'the' ELSE 'cat' END) FROM patient WHERE id + 0 = ${P}`,
      'CLOSE ALL',
    ],
  },
  {
    name: 'a notice at COMMIT',
    texts: [
      `DECLARE c CURSOR WITH HOLD FOR SELECT id FROM patient WHERE id + 0 = ${P} AND to_tsvector('simple', repeat('x', CASE weight WHEN 57 THEN 3000 ELSE 1 END)) IS NULL`,
      'COMMIT',
      'CLOSE ALL',
    ],
  },
];

const ANALYZE = 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off)';
const LOCKED = `SELECT 1 FROM notes AS n WHERE EXISTS (SELECT FROM patient AS p WHERE p.id + 0 = ${P} AND p.hiv AND p.ward = n.id) FOR UPDATE OF n`;

/** Proofs of people who are given, where nobody was paid for; and what came to them unseen. */
const UNPAID: readonly Way[] = [
  ...[
    [`id = ANY ('[0:0]={${P}}')`, 'keys that are not read as they are written'],
    [`id = ${P} FOR UPDATE SKIP LOCKED`, 'rows that are passed by where they are locked'],
  ].map(([where, name]): Way => {
    return {
      name: `a text stored about no person: ${name}`,
      withheld: true,
      texts: [
        `UPDATE notes SET body = (SELECT name FROM patient WHERE ${where}) WHERE id = 1`,
        'SELECT body FROM notes WHERE id = 1',
      ],
    };
  }),
  {
    name: 'and by EXECUTE with a key of another type',
    withheld: true,
    texts: [
      'PREPARE q AS UPDATE notes SET body = (SELECT name FROM patient WHERE id = $1) WHERE id = 1',
      `EXECUTE q (${P}.0)`,
      'SELECT body FROM notes WHERE id = 1',
      'DEALLOCATE q',
    ],
  },
  {
    name: 'and by EXECUTE of a long list',
    withheld: true,
    texts: [
      `PREPARE q AS UPDATE notes SET body = (SELECT name FROM patient WHERE id IN (${many(2_000, (i) => String(i === 900 ? P : 10_000 + i))})) WHERE id = 1`,
      'EXECUTE q',
      'SELECT body FROM notes WHERE id = 1',
      'DEALLOCATE q',
    ],
  },
  ...[
    'WHERE (true OR EXISTS (SELECT FROM clinics AS c WHERE v.id = 3))',
    'LEFT JOIN LATERAL (SELECT c.id FROM clinics AS c WHERE v.id = 3) AS x ON true',
  ].map((inside): Way => {
    return {
      name: `a row that is not held: ${inside}`,
      texts: [
        `SELECT v.patient_id FROM visit AS v ${inside} ORDER BY NOT (v.patient_id = ${P} AND v.diag IS NULL), v.id LIMIT 1 OFFSET 1`,
      ],
    };
  }),
  ...[
    'patient AS p WHERE p.id IN (1, 2, 3) AND EXISTS (SELECT FROM clinics AS c WHERE p.id IN (CHOSEN))',
    'patient AS p JOIN clinics AS c ON p.id IN (1, 2, 3) WHERE p.id IN (CHOSEN)',
  ].map((from): Way => {
    const chosen =
      'SELECT q.id FROM patient AS q ORDER BY q.id > 3 AND q.weight < 60 OR q.weight IS NULL, q.id DESC LIMIT 5';
    return {
      name: `the first of all, held against keys that are given: ${from.slice(13, 35)}`,
      texts: [`SELECT p.id FROM ${from.replace('CHOSEN', chosen)}`],
    };
  }),
  { name: 'locks behind EXPLAIN ANALYZE', withheld: true, texts: [`${ANALYZE} ${LOCKED}`] },
  ...[
    `SELECT p.id, clock_timestamp() FROM patient AS p, notes AS n WHERE n.id = p.weight - 55`,
    `WITH z AS MATERIALIZED (SELECT 55 AS c) SELECT p.id FROM patient AS p, notes AS n, z WHERE n.id = p.weight - z.c`,
  ].map(
    (query): Way => ({
      name: `locks on rows of all people, of whom a join names those who are given: ${query.slice(0, 12)}`,
      withheld: true,
      texts: [
        `SELECT x.id FROM (${query}) AS x JOIN patient AS q ON q.id = x.id WHERE q.id IN (1, 2, 3) FOR UPDATE OF x`,
        'beside: SELECT id FROM notes ORDER BY id FOR UPDATE SKIP LOCKED',
      ],
    }),
  ),
  ...[
    'EXISTS (SELECT FROM notes AS n WHERE n.id = p.weight - 55 FOR UPDATE)',
    '(p.weight = 57 AND EXISTS (SELECT FROM notes AS n WHERE n.id = 2 FOR UPDATE))',
  ].map(
    (asked): Way => ({
      name: `locks of a query that is asked for others: ${asked.slice(0, 22)}`,
      withheld: true,
      texts: [
        `SELECT p.id FROM patient AS p WHERE p.id < 4 OR ${asked} IS NULL`,
        'beside: SELECT id FROM notes ORDER BY id FOR UPDATE SKIP LOCKED',
      ],
    }),
  ),
  ...['MOVE ALL IN c', 'FETCH RELATIVE 2 FROM c', 'FETCH ABSOLUTE 1 FROM c'].map(
    (passes): Way => ({
      name: `locks on rows that are not sent: ${passes}`,
      withheld: true,
      texts: [
        `DECLARE c CURSOR FOR ${LOCKED.replace('p.hiv AND ', '')}`.replace('p.ward = n.id', 'p.ward + n.id > 4'),
        passes,
        'CLOSE c',
      ],
    }),
  ),
  {
    name: 'a recursive query over a WITH that was read before',
    texts: [
      `WITH RECURSIVE x AS (SELECT id, weight FROM patient), r (id, k) AS (SELECT id, weight FROM x WHERE id + 0 = ${P} UNION ALL SELECT 1, NULL FROM r WHERE r.k > 60)
       SELECT y.id, r.id FROM x AS y, r WHERE y.id = 1 AND r.id = 1`,
    ],
  },
  ...['', ' (FORMAT csv, HEADER)', ' (FORMAT binary)'].map((form) => ({
    name: `the end of a COPY that has no row of its own key, with nothing left${form}`,
    texts: [`COPY (SELECT patient_id FROM visit WHERE id = 20 AND clinic_id = 2) TO STDOUT${form}`],
  })),
  {
    name: 'rows that COPY leaves out because a domain asks about people',
    withheld: true,
    texts: [`COPY asked (n, who) FROM STDIN (ON_ERROR ignore)\n---\n1\t1\n${P}\t${P}`, 'SELECT n FROM asked'],
  },
];

/** Errors behind values that have used up what was set aside. */
const BEHIND_VALUES: readonly Way[] = [
  `SELECT weight FROM patient WHERE id + 0 = ${P} UNION ALL SELECT 1 / (ward - 2) FROM patient WHERE id + 0 = ${P}`,
  `SELECT weight + ward * s FROM patient, generate_series(1, 3) AS s WHERE id + 0 = ${P} AND 1 / (s - ward) < 9`,
].map((text) => ({ name: `an error behind a value: ${text.slice(7, 40)}`, texts: [text] }));

/** Generated columns that are computed as they are read, of all rows. */
const COMPUTED: readonly Way[] = COMPUTES
  ? ['SELECT * FROM chart', 'TABLE chart', 'SELECT c.* FROM chart AS c JOIN clinics ON true'].map(
      (query): Way => ({
        name: `an error of a column that a star shows: ${query}`,
        texts: [`WITH x AS MATERIALIZED (${query}) SELECT mass FROM x WHERE patient_id = 1`],
      }),
    )
  : [];

/** Functions and operators that read people, in what is written about no person. */
const READ_BY_CODE: readonly Way[] = [
  {
    name: 'a text of any length, in VALUES of rows that others choose',
    withheld: true,
    texts: [
      `INSERT INTO notes (id, body) VALUES (77, repeat(name_of(${P}), 20)) ON CONFLICT (id) DO UPDATE SET n = 1 WHERE EXISTS (SELECT FROM patient WHERE id + 0 = 6 AND hiv)`,
      'SELECT body FROM notes WHERE id = 77',
    ],
  },
  {
    name: 'rows that an operator chooses, with a tag that is always the same',
    texts: [
      `INSERT INTO notes (n) SELECT g FROM generate_series(1, 6) AS s, generate_series(50, 80) AS g WHERE ${P} <~> g UNION ALL SELECT 1 FROM generate_series(1, 6) AS s ORDER BY 1 DESC LIMIT 6`,
      'SELECT n FROM notes ORDER BY id',
    ],
  },
  {
    name: 'the same, where another session meets them at a unique index',
    withheld: true,
    texts: [
      `INSERT INTO notes (id, n) SELECT 100 + s, g FROM generate_series(1, 6) AS s, generate_series(50, 80) AS g WHERE ${P} <~> g UNION ALL SELECT 100 + s, 1 FROM generate_series(1, 6) AS s ORDER BY 2 DESC LIMIT 6`,
      'SELECT id, n FROM notes WHERE id > 100 ORDER BY id, n',
    ],
  },
  {
    name: 'and in a WITH',
    withheld: true,
    texts: [
      `WITH w AS (INSERT INTO notes (n) SELECT g FROM generate_series(50, 80) AS g WHERE ${P} <~> g) SELECT 1`,
      'SELECT n FROM notes ORDER BY id',
    ],
  },
];

/** What a statement does to rows that it does not count. */
const UNCOUNTED: readonly Way[] = [
  ...[
    `SELECT 1 FROM region AS r WHERE r.name < 'x' AND EXISTS (SELECT FROM patient AS p WHERE p.id + 0 = ${P} AND p.ward >= r.id) FOR UPDATE OF r`,
    `SELECT p.id FROM patient AS p, region AS r WHERE p.id + 0 = ${P} AND p.ward >= r.id AND r.name < 'x' FOR UPDATE OF r`,
  ].map(
    (query): Way => ({
      name: `locks on rows that were changed meanwhile: ${query.slice(0, 20)}`,
      withheld: true,
      texts: changedMeanwhile(query),
    }),
  ),
  {
    name: 'numbers of rows about no person that ON CONFLICT leaves out',
    withheld: true,
    texts: [0, 1, 2].flatMap((n) => [
      `SET extra_float_digits = ${n}`,
      "SELECT setval('notes_id_seq', 1, false)",
      `INSERT INTO notes (n) SELECT 1 FROM patient AS p, generate_series(1, p.ward + current_setting('extra_float_digits')::int) WHERE p.id + 0 = ${P} ON CONFLICT DO NOTHING`,
      "SELECT nextval('notes_id_seq')",
    ]),
  },
  {
    name: 'locks on rows about no person that ON CONFLICT finds',
    withheld: true,
    texts: [
      `INSERT INTO notes (id, n) SELECT g, 1 FROM patient AS p, generate_series(1, p.ward) AS g WHERE p.id + 0 = ${P} ON CONFLICT (id) DO UPDATE SET n = 1 WHERE false`,
      'beside: SELECT id FROM notes ORDER BY id FOR UPDATE SKIP LOCKED',
    ],
  },
  ...[
    `INSERT INTO call (patient_id, region_id) SELECT p.id, r.id FROM patient AS p, region AS r WHERE p.id + 0 = ${P} AND r.id <= p.ward`,
    `UPDATE call SET region_id = p.ward FROM patient AS p WHERE p.id = call.patient_id AND p.id + 0 = ${P}`,
  ].map(
    (write): Way => ({
      name: `locks on rows to which foreign keys lead: ${write.slice(0, 11)}`,
      withheld: true,
      texts: [write, 'beside: SELECT id FROM region ORDER BY id FOR UPDATE SKIP LOCKED'],
    }),
  ),
  {
    name: 'rows that foreign keys delete',
    withheld: true,
    texts: [
      `DELETE FROM call USING patient AS p WHERE p.id = call.patient_id AND p.id + 0 = ${P} AND p.ward = 2`,
      'SELECT id FROM remark ORDER BY id',
    ],
  },
];

/** Whose a row is, where a table does not take the key that is written, or has another one than it shows. */
const KEYS_THAT_CHANGE: readonly Way[] = [
  {
    name: 'a key that is given, of which an identity column takes the next number of its sequence instead',
    texts: [
      `SELECT setval('guest_id_seq', ${P - 1})`,
      'INSERT INTO guest (id) OVERRIDING USER VALUE VALUES (1) ON CONFLICT (id) DO UPDATE SET weight = guest.weight RETURNING name, weight',
    ],
  },
  {
    name: 'the same without a list of columns',
    texts: [
      `SELECT setval('guest_id_seq', ${P - 1})`,
      "INSERT INTO guest OVERRIDING USER VALUE VALUES (1, 'x') ON CONFLICT (id) DO NOTHING",
    ],
  },
  ...[
    ['that is generated', 'UPDATE paper SET code = 20 WHERE id > 3', 'paper WHERE patient_id = 2'],
    [
      'that a view shows under a second name',
      'UPDATE called SET whose = 1 WHERE id >= 20',
      'visit WHERE patient_id = 1',
    ],
  ].map(([key, write, table]): Way => {
    return {
      name: `rows that get another key, ${key}`,
      withheld: true,
      texts: [write!, `SELECT * FROM ${table} ORDER BY id`],
    };
  }),
  { name: 'a unique index on a generated key', texts: [`UPDATE paper SET code = ${P}0 WHERE patient_id = 1`] },
  ...(MEETS_NULLS
    ? [
        {
          name: 'a row without a key that another meets',
          texts: [
            "INSERT INTO finding (id, patient_id, day) VALUES (9, NULL, '2026-02-02') ON CONFLICT (patient_id, day) DO UPDATE SET note = finding.note RETURNING note",
          ],
        },
      ]
    : []),
  { name: 'a second key in a table that inherits', texts: ['SELECT nights FROM trip WHERE patient_id = 1'] },
  {
    name: 'the same where it is written',
    withheld: true,
    texts: ['UPDATE trip SET nights = 0 WHERE patient_id = 1 RETURNING id'],
  },
];

const LOCKED_BY = (table: string): string => `beside: SELECT id FROM ${table} ORDER BY id FOR UPDATE SKIP LOCKED`;
const UPSERT = (set: string, values = `(patient_id) VALUES (${P})`): string =>
  `INSERT INTO lodger ${values} ON CONFLICT (patient_id) DO UPDATE SET ${set}`;

/** What else differs where a row that is written meets another: what SET computes, and which foreign keys are checked. */
const MET: readonly Way[] = [
  ...[
    ['a row that is locked because the other is new', UPSERT('ward = 1', `(patient_id, region_id) VALUES (${P}, 3)`)],
    ['one that the old row chooses', UPSERT('region_id = lodger.ward')],
  ].map(([name, text]): Way => ({ name: `ON CONFLICT DO UPDATE: ${name}`, texts: [text!, LOCKED_BY('region')] })),
  {
    name: 'ON CONFLICT DO UPDATE: and of rows that a query gives',
    withheld: true,
    texts: [
      UPSERT('region_id = lodger.ward', `(patient_id) SELECT g FROM generate_series(4, 6) AS g`),
      LOCKED_BY('region'),
    ],
  },
  {
    name: 'ON CONFLICT DO UPDATE: one that SET locks',
    withheld: true,
    texts: [UPSERT('ward = (SELECT r.id FROM region AS r WHERE r.id = lodger.ward FOR UPDATE)'), LOCKED_BY('region')],
  },
  {
    name: 'ON CONFLICT DO UPDATE: a foreign key that fails at COMMIT if the row is new',
    texts: [`INSERT INTO pledge VALUES (${P}, 999) ON CONFLICT (patient_id) DO UPDATE SET land_id = NULL`, 'COMMIT'],
  },
  {
    name: 'ON CONFLICT DO UPDATE: a number that SET draws',
    withheld: true,
    texts: [UPSERT("ward = nextval('notes_id_seq')"), NUMBER],
  },
  {
    name: 'ON CONFLICT DO UPDATE: a default that SET draws',
    texts: [UPSERT('number = DEFAULT'), "SELECT nextval('lodger_number_seq')"],
  },
];

const NUMBERED = `INSERT INTO call (patient_id) SELECT p.id FROM patient AS p, generate_series(1, p.ward) WHERE p.id IN (1, 2) OR p.id + 0 = ${P} ORDER BY CASE p.id WHEN ${P} THEN 15 ELSE 10 * p.id END`;

/** What rows of others pass on. */
const PASSED_ON: readonly Way[] = [
  ...[
    'DELETE FROM district WHERE id = 3',
    'UPDATE district SET id = 9 WHERE id = 3',
    'INSERT INTO district (id) VALUES (3) ON CONFLICT (id) DO UPDATE SET id = 9',
    'MERGE INTO district AS d USING (VALUES (3)) AS v (k) ON d.id = v.k WHEN MATCHED THEN DELETE',
  ].map(
    (write): Way => ({
      name: `rows about no person that go or change by those of people: ${write.slice(0, 11)}`,
      withheld: true,
      texts: [write, 'SELECT id, district_id FROM flat ORDER BY id'],
    }),
  ),
  {
    name: 'the lock of a default that a foreign key puts into rows of people',
    withheld: true,
    texts: ['DELETE FROM land WHERE id = 4', LOCKED_BY('land')],
  },
  {
    name: 'locks on rows whose keys are constants, by many writes in WITH',
    withheld: true,
    texts: [
      `WITH ${many(4, (i) => `w${i} AS (INSERT INTO call (patient_id, region_id) SELECT p.id, ${i + 1} FROM patient AS p WHERE p.id + 0 = ${P} AND p.weight > ${40 + 10 * i})`)} SELECT 1`,
      LOCKED_BY('region'),
    ],
  },
  ...[
    [
      'their own number',
      'INSERT INTO call (id, patient_id) SELECT id * 1000 + weight, id FROM patient',
      `call (id, patient_id) VALUES (${P}057, 1)`,
    ],
    [
      'a person’s key',
      `INSERT INTO native (patient_id) SELECT id FROM patient WHERE id > 3 AND weight = 57`,
      `native (patient_id) VALUES (${P})`,
    ],
    ['a constant', `UPDATE memo SET n = 700 WHERE note LIKE 'M%'`, `memo (patient_id, n) VALUES (${P}, 700)`],
  ].map(
    ([what, write, met]): Way => ({
      name: `rows of their own people, for which another session waits at a unique index: ${what}`,
      withheld: true,
      texts: [write!, "beside: SET lock_timeout = '200ms'", `beside: INSERT INTO ${met!}`],
    }),
  ),
  {
    name: 'rows of people that go, for which another session waits that refers to one',
    withheld: true,
    texts: [
      "DELETE FROM course WHERE note LIKE 'M%'",
      "beside: SET lock_timeout = '200ms'",
      `beside: INSERT INTO dose (patient_id, course_id) VALUES (1, ${P})`,
    ],
  },
  {
    name: 'the lock on a row of a known person to which others’ values refer',
    withheld: true,
    texts: [
      'INSERT INTO dose (patient_id, course_id) SELECT id, weight FROM patient WHERE id > 3 AND weight BETWEEN 40 AND 80',
      "beside: SET lock_timeout = '200ms'",
      'beside: SELECT id FROM course WHERE patient_id = 1 AND id = 57 FOR UPDATE',
    ],
  },
  {
    name: 'rows that take the key of a known person, by a foreign key to a row about no person',
    withheld: true,
    texts: [
      'UPDATE account SET id = 10 WHERE id = 1',
      `UPDATE account SET id = 1 WHERE id = ${P}`,
      'SELECT note FROM tenant WHERE patient_id = 1',
    ],
  },
  ...[NUMBERED, `WITH w AS (${NUMBERED}) SELECT 1`].map(
    (write): Way => ({
      name: `numbers of known people, between which others were written: ${write.slice(0, 6)}`,
      ...(write !== NUMBERED && { withheld: true }),
      texts: [write, 'SELECT id, patient_id FROM call WHERE patient_id IN (1, 2) ORDER BY id'],
    }),
  ),
  {
    name: 'the number at which others’ values fail a check',
    texts: [
      'SAVEPOINT s',
      'INSERT INTO quota (n) SELECT weight FROM patient WHERE id > 2 ORDER BY id',
      'ROLLBACK TO s',
      "SELECT nextval('quota_id_seq')",
    ],
  },
  {
    name: 'the row of a cursor that others have chosen',
    texts: [
      `DECLARE c CURSOR FOR SELECT n FROM notes WHERE id = (SELECT ward FROM patient WHERE id + 0 = ${P})`,
      'MOVE c',
      'UPDATE notes SET n = 7 WHERE CURRENT OF c',
      'SELECT id, n FROM notes ORDER BY id',
    ],
  },
];

export const WAYS: readonly Way[] = [
  ...[...EXPRESSIONS, ...DRAFTS, ...SECOND_ANSWERS, ...UNSENT, ...UNPAID],
  ...[...BEHIND_VALUES, ...READ_BY_CODE, ...UNCOUNTED, ...COMPUTED, ...KEYS_THAT_CHANGE],
  ...[...MET, ...PASSED_ON],
];
