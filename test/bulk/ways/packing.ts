/** Many people in one row, or in a number: each row costs as many people as it can hold, and what could hold any number is refused. */
import { FIRST, PUPILS } from '../pupils.ts';
import { each, type Scenario, texts } from '../scenario.ts';

const nameAt = (i: number): string => `(SELECT first_name FROM pupils WHERE id = ${FIRST + (i % PUPILS)})`;

/** A name as the digits of a number: six letters of eight bits. */
const NUMBER = each(6, (i) => `ascii(substr(first_name, ${i + 1}, 1)) * ${256n ** BigInt(5 - i)}`).join(' + ');

export const PACKING: readonly Scenario[] = [
  {
    name: 'ten aliases of the table in a row',
    asked: PUPILS,
    run: texts(
      ...each(
        12,
        (i) =>
          `SELECT ${each(10, (n) => `p${n}.first_name`).join()} FROM ${each(10, (n) => `pupils AS p${n}`).join()} WHERE ${each(10, (n) => `p${n}.id = ${FIRST + 10 * i + n}`).join(' AND ')}`,
      ),
    ),
  },
  {
    name: 'ten aliases with their keys',
    asked: PUPILS,
    run: texts(
      `SELECT ${each(10, (n) => `p${n}.id, p${n}.first_name`).join()} FROM ${each(10, (n) => `pupils AS p${n}`)
        .join(' CROSS JOIN ')
        .replace(
          / CROSS JOIN (pupils AS p(\d))/g,
          (_, table, n) => ` JOIN ${table} ON p${n}.id = p0.id + ${n}`,
        )} ORDER BY p0.id * 10 % 397`,
    ),
    leaves: 30,
    note: 'the last ten would take what is kept for an error',
  },
  {
    name: 'a hundred scalar subqueries in a row',
    asked: PUPILS,
    run: texts(...each(5, (i) => `SELECT ${each(100, (n) => nameAt(100 * i + n)).join()}`)),
    leaves: 0,
    note: 'the row would pass the budget',
  },
  {
    name: 'fifteen scalar subqueries in a row',
    asked: PUPILS,
    run: texts(...each(20, (i) => `SELECT ${each(15, (n) => nameAt(15 * i + n)).join(" || ' ' || ")}`)),
    leaves: 30,
    note: 'the third row would pass the budget',
  },
  {
    name: 'VALUES of subqueries',
    asked: PUPILS,
    run: texts(
      ...each(20, (i) => `VALUES ${each(4, (n) => `(${nameAt(8 * i + 2 * n)}, ${nameAt(8 * i + 2 * n + 1)})`).join()}`),
    ),
    leaves: 32,
    note: 'the next row would pass the budget',
  },
  {
    name: 'LATERAL, one more in each row',
    asked: PUPILS,
    run: texts(
      `SELECT p.id, x.first_name FROM pupils AS p CROSS JOIN LATERAL (SELECT first_name FROM pupils AS q WHERE q.id = p.id + 200 LIMIT 1) AS x`,
    ),
    leaves: [0, 40],
    note: 'LIMIT in an open order, once for each row: no row is named',
  },
  {
    name: 'the same key again and again, and another pupil beside it',
    asked: PUPILS,
    run: texts(
      `SELECT p.id, q.first_name FROM pupils AS p, pupils AS q WHERE p.id = ${FIRST}`,
      `SELECT a.pupil_id, q.first_name FROM absences AS a JOIN pupils AS q ON q.id >= a.pupil_id WHERE a.pupil_id = ${FIRST}`,
      `SELECT p.id, max(q.first_name) FROM pupils AS p, pupils AS q WHERE p.id = ${FIRST} GROUP BY p.id, q.id`,
    ),
  },
  {
    name: 'lag and lead',
    asked: PUPILS,
    run: texts(
      `SELECT id, ${each(9, (i) => `lag(first_name, ${i + 1}) OVER w`).join()} FROM pupils WINDOW w AS (ORDER BY id)`,
      'SELECT id, lead(first_name) OVER (ORDER BY id), nth_value(first_name, 5) OVER (ORDER BY id) FROM pupils',
    ),
    leaves: [0, 40],
    note: 'each is a value',
  },
  {
    name: 'max, min, first_value over windows',
    asked: PUPILS,
    run: texts(
      `SELECT id, ${each(7, (i) => `max(first_name) OVER (ORDER BY id ROWS BETWEEN ${40 * i + 40} PRECEDING AND ${40 * i + 40} PRECEDING)`).join()} FROM pupils ORDER BY id DESC`,
    ),
    leaves: 40,
  },
  {
    name: 'aggregates that collect',
    asked: PUPILS,
    run: texts(
      "SELECT string_agg(first_name, ',') FROM pupils",
      'SELECT array_agg(first_name) FROM pupils',
      'SELECT json_agg(p) FROM pupils AS p',
      'SELECT jsonb_object_agg(id, first_name) FROM pupils',
      'SELECT xmlagg(xmlelement(name a, first_name)) FROM pupils',
      'SELECT JSON_ARRAYAGG(first_name) FROM pupils',
      'SELECT ARRAY(SELECT first_name FROM pupils)',
      "SELECT string_agg(first_name, ',') OVER (ORDER BY id) FROM pupils",
      "SELECT string_agg(first_name::bytea, ',') FROM pupils",
      'SELECT range_agg(int4range(id, id + 1)) FROM pupils',
      'SELECT count(*) FROM pupils GROUP BY class_id HAVING string_agg(first_name, $$,$$) LIKE $$Q%$$',
      'SELECT tsvector_agg(first_name) FROM pupils',
    ),
    leaves: [0, 40],
    note: 'a list costs its bytes',
  },
  {
    name: 'aggregates that collect, where the role may collect',
    role: 'collector',
    asked: PUPILS,
    run: texts(
      "SELECT string_agg(first_name, ',') FROM pupils",
      'SELECT ARRAY(SELECT first_name FROM pupils)',
      "SELECT class_id, string_agg(first_name, ',') FROM pupils GROUP BY class_id",
      "SELECT string_agg(p.first_name, ',') FROM pupils AS p, rooms AS r WHERE p.id = 910001 OR r.id > 0",
      "SELECT a.pupil_id, string_agg(p.first_name, ',') FROM absences AS a, pupils AS p GROUP BY a.pupil_id",
      // One person in each row: allowed.
      "SELECT pupil_id, string_agg(reason, ',') FROM absences GROUP BY pupil_id",
    ),
    leaves: [30, 40],
    note: 'a list of people names them all, or is refused',
  },
  {
    name: 'percentile_disc of an array, mode',
    asked: PUPILS,
    run: texts(
      'SELECT percentile_disc(ARRAY[0.1, 0.2, 0.3, 0.4, 0.5]) WITHIN GROUP (ORDER BY first_name) FROM pupils',
      'SELECT mode() WITHIN GROUP (ORDER BY first_name) FROM pupils GROUP BY id',
      ...each(30, (i) => `SELECT percentile_disc(0.${10 + i}) WITHIN GROUP (ORDER BY first_name) FROM pupils`),
    ),
    leaves: [0, 40],
    note: 'an array costs its bytes',
  },
  {
    name: 'min and max, five to a row',
    asked: PUPILS,
    run: texts(
      ...each(
        20,
        (i) =>
          `SELECT ${each(5, (n) => `max(first_name) FILTER (WHERE id = ${FIRST + 5 * i + n})`).join()} FROM pupils`,
      ),
    ),
    leaves: 40,
    note: 'five values',
  },
  {
    name: 'a recursive term that concatenates',
    asked: PUPILS,
    run: texts(
      `WITH RECURSIVE t(id, names) AS (SELECT ${FIRST}, ''::text UNION ALL SELECT t.id + 1, t.names || p.first_name FROM t JOIN pupils AS p ON p.id = t.id) SELECT names FROM t ORDER BY id DESC LIMIT 1`,
      `WITH RECURSIVE t(id, a) AS (SELECT ${FIRST}, ARRAY[]::text[] UNION ALL SELECT t.id + 1, t.a || p.first_name FROM t JOIN pupils AS p ON p.id = t.id) SELECT a FROM t ORDER BY id DESC LIMIT 1`,
      `WITH RECURSIVE t(id, a) AS (SELECT ${FIRST}, '' UNION ALL SELECT t.id + 1, format('%s%s', t.a, (SELECT first_name FROM pupils AS p WHERE p.id = t.id)) FROM t WHERE t.id < ${FIRST + 300}) SELECT a FROM t`,
    ),
    leaves: [0, 40],
    note: 'a text costs its bytes',
  },
  {
    name: 'a recursive shift register of eight columns',
    asked: PUPILS,
    run: texts(
      `WITH RECURSIVE t(n, ${each(8, (i) => `c${i}`).join()}) AS (SELECT ${FIRST}, ${each(8, () => "''::text").join()} UNION ALL SELECT t.n + 1, p.first_name, ${each(7, (i) => `t.c${i}`).join()} FROM t JOIN pupils AS p ON p.id = t.n) SELECT * FROM t WHERE n % 8 = 0`,
    ),
    leaves: 32,
    note: 'each column is a value',
  },
  {
    name: 'numbers that hold names',
    asked: PUPILS,
    run: texts(
      `SELECT sum((${NUMBER}) * (281474976710656::numeric ^ (id - ${FIRST}))) FROM pupils`,
      `SELECT sum((${NUMBER})::numeric(400, 0) * (10::numeric ^ (15 * (id - ${FIRST})))::numeric(400, 0)) FROM pupils WHERE id < ${FIRST + 20}`,
      'SELECT bit_or(first_name::bytea::bit(2000)) FROM pupils',
      `SELECT sum(ascii(first_name)::float8 * power(256::float8, id - ${FIRST})) FROM pupils WHERE id < ${FIRST + 6}`,
      ...each(40, (i) => `SELECT sum(${NUMBER}) FROM pupils WHERE id = ${FIRST + i}`),
      ...each(
        40,
        (i) =>
          `SELECT sum((${NUMBER})::bigint) FILTER (WHERE id = ${FIRST + 40 + i}), sum((${NUMBER})::bigint) FILTER (WHERE id = ${FIRST + 80 + i}) FROM pupils`,
      ),
    ),
    leaves: [0, 40],
    note: 'each eight bytes of a number are a value',
  },
  {
    name: 'a row of composites, documents and arrays',
    asked: PUPILS,
    run: texts(
      'SELECT p FROM pupils AS p WHERE class_id = 1',
      'SELECT row_to_json(p) FROM pupils AS p WHERE class_id = 2',
      'SELECT to_jsonb(p), to_jsonb(q) FROM pupils AS p JOIN pupils AS q ON q.id = p.id + 1',
      `SELECT json_build_object(${each(12, (i) => `'k${i}', ${nameAt(i + 50)}`).join()})`,
      `SELECT ARRAY[${each(12, (i) => nameAt(i + 70)).join()}]`,
      `SELECT unnest(ARRAY[${each(12, (i) => nameAt(i + 90)).join()}])`,
      'SELECT p.*, q FROM pupils AS p, pupils AS q WHERE p.id = q.id AND p.class_id = 4',
    ),
  },
  {
    name: 'series that a subquery picks from',
    asked: PUPILS,
    run: texts(
      'SELECT i FROM generate_series(910000, 911000) AS i WHERE i IN (SELECT id FROM pupils)',
      'SELECT i FROM generate_series(910000, 911000) AS i WHERE EXISTS (SELECT FROM pupils WHERE id = i)',
      'SELECT i FROM generate_series(910000, 911000) AS i INTERSECT SELECT id FROM pupils',
      'SELECT i, j FROM generate_series(910000, 911000) AS i LEFT JOIN (SELECT id AS j FROM pupils) AS p ON i = j',
    ),
  },
  {
    name: 'set operations that put another pupil under a key',
    asked: PUPILS,
    run: texts(
      `SELECT id, first_name FROM pupils WHERE id = ${FIRST} UNION ALL SELECT ${FIRST}, first_name FROM pupils`,
      `SELECT id, '' FROM pupils WHERE id = ${FIRST} UNION SELECT minutes + ${FIRST}, reason FROM absences`,
      `(SELECT id, first_name FROM pupils) EXCEPT (SELECT ${FIRST}, first_name FROM pupils)`,
    ),
    leaves: 38,
    note: 'a row of arms that are not named alike is two values',
  },
  {
    name: 'whole rows in text of 200 characters',
    asked: PUPILS,
    run: texts(
      `SELECT p.id, ${each(30, (i) => `CASE p.id WHEN ${FIRST + i} THEN (SELECT q.first_name FROM pupils AS q WHERE q.id = p.id + 100) END`).join()} FROM pupils AS p`,
      `SELECT p.id, concat(p, (SELECT q FROM pupils AS q WHERE q.id = p.id + 200)) FROM pupils AS p`,
    ),
    leaves: 6,
    note: 'each of thirty subqueries in a row is a value, taken or not',
  },
];
