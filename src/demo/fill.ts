/** Fills the sample database on the server, from formulas over a counter: always the same rows, without randomness. */
import pg from 'pg';
import { BOYS, CITIES, COMMENTS, GIRLS, LAST_NAMES, REASONS, SCHOOLS, STREETS, SUBJECTS } from './names.ts';

export interface Scale {
  readonly schools: number;
  readonly students: number;
}

/** One statement of the load, and what it makes. In order. */
export interface FillStep {
  readonly table: string;
  readonly sql: string;
}

/** `pick(i, salt, n)`: a pseudo-random number from 0 to n-1 for row i; the same salt gives the same number. Exists in the session only. */
export const PICK = `CREATE FUNCTION pg_temp.pick(i bigint, salt integer, n integer) RETURNS integer
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ((hashint8extended(i, salt) & 2147483647) % n)::integer`;

/** Salts that columns share if they must agree. */
const SEX = 1;
const FAMILY = 2;
const CLASSES_PER_SCHOOL = 20;
const SCHOOL_YEAR = '2026-2027';

/** The statements that fill the empty tables of `schema.ts`. They need PICK in the same session. */
export function fillSteps(scale: Scale): FillStep[] {
  const academies = [...new Set(CITIES.map(([academy]) => academy))];
  const classes = scale.schools * CLASSES_PER_SCHOOL;
  return [
    { table: 'academies', sql: `INSERT INTO academies (name) SELECT unnest(${array(academies)})` },
    { table: 'schools', sql: schools(scale.schools) },
    { table: 'classes', sql: CLASSES },
    {
      table: 'teachers',
      sql: `INSERT INTO teachers (school_id, first_name, last_name, email)
        SELECT (i - 1) % ${scale.schools} + 1, first_name, last_name, ${email('first_name', 'last_name', 'i')}
        FROM generate_series(1, ${scale.schools * 24}) AS i,
          LATERAL (SELECT ${oneOf(`${GIRLS}|${BOYS}`, 'i', 31)} AS first_name, ${oneOf(LAST_NAMES, 'i', 32)} AS last_name) AS n`,
    },
    { table: 'students', sql: students(scale.students, classes) },
    { table: 'parents', sql: PARENTS },
    {
      table: 'absences',
      sql: `INSERT INTO absences (student_id, day, half_day, justified, reason)
        SELECT s.id, date '2025-09-01' + pg_temp.pick(s.id * 16 + k, 41, 440),
          CASE pg_temp.pick(s.id * 16 + k, 42, 2) WHEN 0 THEN 'matin' ELSE 'après-midi' END,
          reason IS NOT NULL, reason
        FROM students AS s, generate_series(1, pg_temp.pick(s.id, 40, 7)) AS k,
          LATERAL (SELECT CASE WHEN pg_temp.pick(s.id * 16 + k, 43, 3) > 0 THEN ${oneOf(REASONS, 's.id * 16 + k', 44)} END AS reason) AS r`,
    },
    {
      table: 'grades',
      sql: `INSERT INTO grades (student_id, subject, term, mark, comment)
        SELECT s.id, ${oneOf(SUBJECTS, 's.id + k', 50)}, 1 + k % 3,
          CASE WHEN pg_temp.pick(s.id * 8 + k, 51, 50) > 0 THEN (pg_temp.pick(s.id * 8 + k, 52, 61) + 20) / 4.0 END,
          CASE WHEN pg_temp.pick(s.id * 8 + k, 53, 4) = 0 THEN ${oneOf(COMMENTS, 's.id * 8 + k', 54)} END
        FROM students AS s, generate_series(1, 5) AS k`,
    },
  ];
}

function schools(count: number): string {
  const cities = array(CITIES.map(([, city]) => city));
  const academies = array(CITIES.map(([academy]) => academy));
  return `INSERT INTO schools (academy_id, name, city, kind)
    SELECT a.id, initcap(kind) || ' ' || ${oneOf(SCHOOLS, 'i', 10)}, (${cities})[place], kind
    FROM generate_series(1, ${count}) AS i,
      LATERAL (SELECT (i * 7) % ${CITIES.length} + 1 AS place, (ARRAY['collège', 'lycée', 'collège', 'école'])[i % 4 + 1] AS kind) AS p
      JOIN academies AS a ON a.name = (${academies})[place]
    ORDER BY i`;
}

/** At most five levels in a school, with parallel classes A, B, C … until there are CLASSES_PER_SCHOOL. */
const CLASSES = `INSERT INTO classes (school_id, name, level, school_year)
  SELECT s.id, level || ' ' || chr(65 + k / cardinality(levels)), level, '${SCHOOL_YEAR}'
  FROM schools AS s, generate_series(0, ${CLASSES_PER_SCHOOL - 1}) AS k,
    LATERAL (SELECT CASE s.kind WHEN 'école' THEN ARRAY['CP', 'CE1', 'CE2', 'CM1', 'CM2']
      WHEN 'collège' THEN ARRAY['6e', '5e', '4e', '3e'] ELSE ARRAY['2de', '1re', 'Tle'] END AS levels) AS l,
    LATERAL (SELECT levels[k % cardinality(levels) + 1] AS level) AS v
  ORDER BY s.id, k`;

/** The INE is nine digits and two letters; multiplying modulo a prime scatters the digits and keeps them unique. */
function students(count: number, classes: number): string {
  const postalCodes = array(CITIES.map(([, , code]) => code));
  return `INSERT INTO students (ine, first_name, last_name, birth_date, sex, address, postal_code, city, class_id, school_id, canteen, photo_consent)
    SELECT lpad((i * 386413247 % 999999937)::text, 9, '0') || chr(65 + pg_temp.pick(i, 21, 26)) || chr(65 + pg_temp.pick(i, 22, 26)),
      CASE sex WHEN 'F' THEN ${oneOf(GIRLS, 'i', 23)} ELSE ${oneOf(BOYS, 'i', 23)} END,
      ${oneOf(LAST_NAMES, 'i', FAMILY)},
      make_date(2026 - age, 1, 1) + pg_temp.pick(i, 24, 365),
      sex,
      CASE WHEN pg_temp.pick(i, 25, 200) > 0 THEN 1 + pg_temp.pick(i, 26, 140) || ', ' || ${oneOf(STREETS, 'i', 27)} END,
      (${postalCodes})[(s.id * 7) % ${CITIES.length} + 1], s.city, c.id, s.id,
      pg_temp.pick(i, 28, 3) > 0,
      CASE WHEN pg_temp.pick(i, 29, 10) > 0 THEN pg_temp.pick(i, 30, 4) > 0 END
    FROM generate_series(1::bigint, ${count}) AS i
      JOIN classes AS c ON c.id = (i * 37) % ${classes} + 1
      JOIN schools AS s ON s.id = c.school_id,
      LATERAL (SELECT (ARRAY['F', 'M'])[1 + pg_temp.pick(i, ${SEX}, 2)] AS sex,
        5 + array_position(ARRAY['CP', 'CE1', 'CE2', 'CM1', 'CM2', '6e', '5e', '4e', '3e', '2de', '1re', 'Tle'], c.level) AS age) AS p
    ORDER BY i`;
}

/** Phone numbers from the range reserved for films and books. */
const PARENTS = `INSERT INTO parents (student_id, first_name, last_name, phone, email, relationship)
  SELECT s.id, n.first_name, n.last_name,
    CASE WHEN pg_temp.pick(s.id * 2 + k, 60, 20) > 0 THEN '06 39 98 ' || to_char(pg_temp.pick(s.id * 2 + k, 61, 100), 'FM00') || ' ' || to_char(pg_temp.pick(s.id * 2 + k, 62, 100), 'FM00') END,
    CASE WHEN pg_temp.pick(s.id * 2 + k, 63, 10) > 0 THEN ${email('n.first_name', 'n.last_name', 's.id * 2 + k')} END,
    CASE k WHEN 0 THEN 'mère' ELSE 'père' END
  FROM students AS s, generate_series(0, pg_temp.pick(s.id, 64, 4) % 2) AS k,
    LATERAL (SELECT CASE k WHEN 0 THEN ${oneOf(GIRLS, 's.id', 65)} ELSE ${oneOf(BOYS, 's.id', 66)} END AS first_name,
      CASE pg_temp.pick(s.id * 2 + k, 67, 3) WHEN 0 THEN ${oneOf(LAST_NAMES, 's.id * 2 + k', 68)} ELSE s.last_name END AS last_name) AS n`;

/** An SQL expression for one word of a list, chosen by a counter. */
function oneOf(words: string, counter: string, salt: number): string {
  const list = words.split('|');
  return `(${array(list)})[1 + pg_temp.pick(${counter}, ${salt}, ${list.length})]`;
}

/** example.org is reserved for examples (RFC 2606). */
function email(firstName: string, lastName: string, counter: string): string {
  return `translate(lower(${firstName} || '.' || ${lastName}), 'àâäçéèêëîïôöûü ''', 'aaaceeeeiioouu-') || ${counter} || '@example.org'`;
}

function array(values: readonly string[]): string {
  return `ARRAY[${values.map((value) => pg.escapeLiteral(value)).join(', ')}]`;
}
