/** Statements of a school application, as Django, SQLAlchemy, Rails, Hibernate over JDBC and people write them. The session is one of school 12. */

export interface PlannedStatement {
  readonly name: string;
  readonly sql: string;
  readonly values?: readonly unknown[];
}

const read = (name: string, sql: string, ...values: readonly unknown[]): PlannedStatement => ({
  name,
  sql,
  ...(values.length > 0 && { values }),
});

/** A pupil of school 12, one of its classes, one of its teachers. */
const PUPIL = 4011;
const CLASS = 411;
const TEACHER = 1211;

export const STATEMENTS: readonly PlannedStatement[] = [
  // Lookups
  read(
    'by primary key, Django',
    `SELECT "students"."id", "students"."first_name" FROM "students" WHERE "students"."id" = ${PUPIL} LIMIT 21`,
  ),
  read('by primary key, Rails', 'SELECT "students".* FROM "students" WHERE "students"."id" = $1 LIMIT $2', PUPIL, 1),
  read(
    'by primary key, Hibernate',
    'select s1_0.id,s1_0.first_name,s1_0.last_name from students s1_0 where s1_0.id=$1',
    PUPIL,
  ),
  read('by uuid', `SELECT id FROM students WHERE uid = md5('${PUPIL}')::uuid`),
  read(
    'by uuid as a parameter',
    'SELECT students.id FROM students WHERE students.uid = $1::UUID',
    '00411460-f7c9-2d21-24a6-7ea0f4cb5f85',
  ),
  read('by lower(email)', `SELECT id FROM students WHERE lower(email) = lower('Pupil${PUPIL}@example.org')`),
  read(
    'by lower(email), SQLAlchemy',
    'SELECT students.id FROM students WHERE lower(students.email) = lower($1::VARCHAR)',
    `PUPIL${PUPIL}@example.org`,
  ),
  read('IN of keys', 'SELECT s.id, s.last_name FROM students s WHERE s.id IN (4011, 4211, 4411, 4611, 811)'),
  read('= ANY of keys', 'SELECT id, last_name FROM students WHERE id = ANY($1)', [4011, 4211, 4411, 4611]),
  read('OR of keys and names', `SELECT id FROM students WHERE id = 4011 OR lower(email) = 'pupil4211@example.org'`),
  read(
    'a cast beside a key',
    `SELECT id FROM students WHERE id = ${PUPIL} AND left(last_name, 1)::text <> 'Z' AND length(first_name) > 2`,
  ),
  read(
    'a cast that can fail beside a key',
    `SELECT id FROM students WHERE id = ${PUPIL} AND (profile ->> 'bus')::int < 90`,
  ),
  read(
    'a division beside a key',
    'SELECT id, minutes / 60 FROM absences WHERE student_id = 4011 AND 600 / minutes > 1',
  ),
  read('a row comparison', `SELECT id FROM students WHERE (school_id, last_name) = (12, 'Dubois1191')`),
  read('by class', `SELECT id, last_name FROM students WHERE class_id = ${CLASS} ORDER BY last_name, first_name`),
  // Searches
  read(
    'contains, Django',
    `SELECT "students"."id" FROM "students" WHERE "students"."last_name"::text LIKE '%etit40%' ORDER BY "students"."last_name" ASC LIMIT 21`,
  ),
  read(
    'icontains, Django',
    `SELECT "students"."id" FROM "students" WHERE UPPER("students"."last_name"::text) LIKE UPPER('%Petit40%') LIMIT 21`,
  ),
  read(
    'istartswith, Django',
    `SELECT "students"."id" FROM "students" WHERE UPPER("students"."last_name"::text) LIKE UPPER('petit40%')`,
  ),
  read(
    'iexact, Django',
    `SELECT "students"."id" FROM "students" WHERE UPPER("students"."last_name"::text) = UPPER('petit401')`,
  ),
  read('ILIKE, trigram', `SELECT id, last_name FROM students WHERE last_name ILIKE '%tit40%'`),
  read('ILIKE with a parameter', 'SELECT id, last_name FROM students WHERE last_name ILIKE $1', '%tit40%'),
  read(
    'ILIKE with what a client builds, JDBC',
    `SELECT id FROM students WHERE last_name ILIKE '%' || $1 || '%'`,
    'tit401',
  ),
  read('LIKE of a prefix', `SELECT id FROM students WHERE last_name LIKE 'Thomas40%'`),
  read(
    'lower() LIKE, SQLAlchemy',
    'SELECT students.id FROM students WHERE lower(students.last_name) LIKE lower($1::VARCHAR)',
    'petit40%',
  ),
  read('LIKE with ESCAPE', `SELECT id FROM students WHERE last_name LIKE '%tit/%40%' ESCAPE '/'`),
  read(
    'iregex, Django',
    `SELECT "students"."id" FROM "students" WHERE "students"."last_name"::text ~* '^petit40[0-3]$'`,
  ),
  read('a name in two columns', `SELECT id FROM students WHERE last_name ILIKE '%tit401%' OR first_name ILIKE 'zz%'`),
  read(
    'a search by class and name',
    `SELECT id FROM students WHERE class_id = ${CLASS} AND (first_name || ' ' || last_name) ILIKE '%rst2%'`,
  ),
  read(
    'a search over absences and names',
    `SELECT a.id FROM absences a JOIN students s ON s.id = a.student_id WHERE s.last_name ILIKE '%etit401%' AND a.reason LIKE 'flu%'`,
  ),
  read('a phone without blanks', `SELECT id, student_id FROM parents WHERE replace(phone, ' ', '') = '0600004011'`),
  read(
    'trimmed and folded',
    `SELECT id FROM students WHERE class_id = ${CLASS} AND btrim(lower(first_name)) = 'first1' AND coalesce(email, '') <> ''`,
  ),
  read(
    'a page of a list, ILIKE',
    `SELECT id, last_name FROM students WHERE last_name ILIKE '%a%' ORDER BY created_at DESC LIMIT 10`,
  ),
  // Joins
  read(
    'two tables, by key',
    `SELECT s.last_name, a.day FROM students s JOIN absences a ON a.student_id = s.id WHERE s.id = ${PUPIL}`,
  ),
  read(
    'two tables, by name',
    `SELECT s.id, a.day FROM students s JOIN absences a ON a.student_id = s.id WHERE s.last_name = 'Dubois1191'`,
  ),
  read(
    'two tables, a cast beside the name',
    `SELECT s.id FROM students s JOIN absences a ON a.student_id = s.id WHERE s.last_name = 'Dubois1191' AND a.day::text LIKE '2026-0%'`,
  ),
  read(
    'two tables, a cast that can fail',
    `SELECT s.id FROM students s JOIN absences a ON a.student_id = s.id WHERE s.last_name = 'Dubois1191' AND (s.profile ->> 'bus')::int > 3`,
  ),
  read(
    'three tables, SQLAlchemy',
    `SELECT students.id, classes.name, schools.name AS school FROM students JOIN classes ON classes.id = students.class_id JOIN schools ON schools.id = students.school_id WHERE students.id = $1::BIGINT`,
    PUPIL,
  ),
  read(
    'three tables, a teacher’s pupils',
    `SELECT DISTINCT s.id, s.last_name FROM teachers t JOIN grades g ON g.teacher_id = t.id JOIN students s ON s.id = g.student_id WHERE t.id = ${TEACHER}`,
  ),
  read(
    'four tables, one pupil',
    `SELECT c.name, a.day, g.subject, g.mark FROM students s JOIN classes c ON c.id = s.class_id JOIN absences a ON a.student_id = s.id JOIN grades g ON g.student_id = s.id WHERE s.id = ${PUPIL} AND a.day >= '2026-03-01'`,
  ),
  read(
    'four tables, a class',
    `SELECT s.last_name, p.email, g.mark FROM classes c JOIN students s ON s.class_id = c.id JOIN parents p ON p.student_id = s.id LEFT JOIN grades g ON g.student_id = s.id AND g.subject = 'maths' WHERE c.id = ${CLASS}`,
  ),
  read(
    'an outer join without a match, Rails',
    `SELECT "students".* FROM "students" LEFT OUTER JOIN "grades" ON "grades"."student_id" = "students"."id" WHERE "grades"."id" IS NULL AND "students"."class_id" = $1`,
    CLASS,
  ),
  read(
    'lateral: the last absence of each',
    `SELECT s.id, l.day FROM students s LEFT JOIN LATERAL (SELECT a.day FROM absences a WHERE a.student_id = s.id ORDER BY a.day DESC LIMIT 1) l ON true WHERE s.class_id = ${CLASS}`,
  ),
  read(
    'USING',
    `SELECT student_id, count(*) FROM absences JOIN grades USING (student_id) WHERE student_id = ${PUPIL} GROUP BY student_id`,
  ),
  read(
    'a self-join: classmates',
    `SELECT o.id FROM students s JOIN students o ON o.class_id = s.class_id AND o.id <> s.id WHERE s.id = ${PUPIL}`,
  ),
  read(
    'a CTE',
    `WITH recent AS (SELECT student_id, count(*) AS n FROM absences WHERE student_id IN (4011, 4211) GROUP BY student_id) SELECT s.last_name, r.n FROM recent r JOIN students s ON s.id = r.student_id`,
  ),
  // EXISTS, IN
  read(
    'EXISTS, Django',
    `SELECT "students"."id" FROM "students" WHERE EXISTS(SELECT 1 AS "a" FROM "absences" "U0" WHERE ("U0"."student_id" = ("students"."id") AND NOT "U0"."justified") LIMIT 1) AND "students"."class_id" = ${CLASS}`,
  ),
  read(
    'NOT EXISTS',
    `SELECT s.id FROM students s WHERE s.class_id = ${CLASS} AND NOT EXISTS (SELECT 1 FROM absences a WHERE a.student_id = s.id AND a.minutes > 200)`,
  ),
  read(
    'IN of a subquery',
    `SELECT id, day FROM absences WHERE student_id IN (SELECT id FROM students WHERE class_id = ${CLASS})`,
  ),
  read(
    'NOT IN of a subquery',
    `SELECT id FROM students WHERE class_id = ${CLASS} AND id NOT IN (SELECT student_id FROM absences WHERE minutes = 210 AND student_id BETWEEN 1 AND 20000 AND day = '2026-01-05')`,
  ),
  read(
    'a scalar subquery in the list',
    `SELECT s.id, (SELECT count(*) FROM absences a WHERE a.student_id = s.id) AS n FROM students s WHERE s.class_id = ${CLASS}`,
  ),
  // Aggregates, groups, windows
  read('count of a pupil’s absences', `SELECT count(*) FROM absences WHERE student_id = ${PUPIL}`),
  read('count of all pupils', 'SELECT COUNT(*) AS "__count" FROM "students"'),
  read(
    'absences by month',
    `SELECT date_trunc('month', day::timestamp) AS m, count(*) FROM absences WHERE student_id = ${PUPIL} GROUP BY 1 ORDER BY 1`,
  ),
  read(
    'averages of a class',
    `SELECT g.subject, avg(g.mark), max(g.mark) FROM grades g JOIN students s ON s.id = g.student_id WHERE s.class_id = ${CLASS} GROUP BY g.subject HAVING count(*) > 2`,
  ),
  read(
    'weighted average',
    `SELECT student_id, sum(mark * weight) / sum(weight) FROM grades WHERE student_id = ${PUPIL} GROUP BY student_id`,
  ),
  read(
    'GROUP BY a primary key, Rails',
    `SELECT s.id, s.last_name, count(a.id) FROM students s LEFT JOIN absences a ON a.student_id = s.id WHERE s.class_id = ${CLASS} GROUP BY s.id`,
  ),
  read(
    'FILTER',
    `SELECT count(*) FILTER (WHERE justified), count(*) FILTER (WHERE NOT justified) FROM absences WHERE student_id = ${PUPIL}`,
  ),
  read(
    'a window',
    `SELECT id, day, row_number() OVER (PARTITION BY student_id ORDER BY day DESC) FROM absences WHERE student_id IN (4011, 4211, 4411)`,
  ),
  read(
    'DISTINCT ON',
    `SELECT DISTINCT ON (student_id) student_id, day, reason FROM absences WHERE student_id IN (4011, 4211, 4411) ORDER BY student_id, day DESC`,
  ),
  read('max of a day', `SELECT max(day) FROM absences WHERE student_id = ${PUPIL}`),
  // Pages
  read(
    'a page by name',
    'SELECT id, last_name, first_name FROM students WHERE school_id = 12 ORDER BY last_name, first_name LIMIT 20 OFFSET 40',
  ),
  read('a page by date', 'SELECT id, created_at FROM students ORDER BY created_at DESC LIMIT 20'),
  read('a page by key', 'SELECT id, last_name FROM students WHERE id > $1 ORDER BY id LIMIT $2', 50000, 25),
  read(
    'a page by keyset',
    `SELECT id, created_at FROM students WHERE (created_at, id) < ('2025-10-01', 40000) ORDER BY created_at DESC, id DESC LIMIT 20`,
  ),
  read(
    'a page of absences of a class',
    `SELECT a.id, a.day, s.last_name FROM absences a JOIN students s ON s.id = a.student_id WHERE s.class_id = ${CLASS} ORDER BY a.day DESC, a.id LIMIT 25`,
  ),
  read(
    'what changed last',
    'SELECT id, updated_at FROM students WHERE updated_at IS NOT NULL ORDER BY updated_at DESC LIMIT 10',
  ),
  read(
    'fetch first, Hibernate',
    'select s1_0.id,s1_0.last_name from students s1_0 where s1_0.class_id=$1 order by s1_0.last_name fetch first $2 rows only',
    CLASS,
    10,
  ),
  read(
    'a queue',
    `SELECT id FROM absences WHERE student_id = ${PUPIL} AND NOT justified ORDER BY day LIMIT 1 FOR UPDATE SKIP LOCKED`,
  ),
  // Dates, times
  read(
    'a day of a pupil',
    `SELECT id FROM absences WHERE student_id = ${PUPIL} AND day BETWEEN '2026-02-01' AND '2026-02-28'`,
  ),
  read(
    'year, Django',
    `SELECT "absences"."id" FROM "absences" WHERE "absences"."student_id" = ${PUPIL} AND EXTRACT(MONTH FROM "absences"."day") = 2`,
  ),
  read(
    'extract beside a key, joined',
    `SELECT s.id FROM students s JOIN absences a ON a.student_id = s.id WHERE s.id = ${PUPIL} AND EXTRACT('isodow' FROM a.day) = 1`,
  ),
  read(
    'a day of a time zone, Django',
    `SELECT id FROM absences WHERE student_id = ${PUPIL} AND (recorded_at AT TIME ZONE 'Europe/Paris')::date = '2026-01-02'`,
  ),
  read(
    'between two times',
    `SELECT id FROM absences WHERE recorded_at >= '2026-01-02 08:00+00' AND recorded_at < '2026-01-02 08:20+00'`,
  ),
  read('now() minus an interval', `SELECT id FROM students WHERE updated_at > now() - interval '7 days'`),
  read('dates as text', `SELECT id FROM absences WHERE student_id = ${PUPIL} AND to_char(day, 'YYYY-MM') = '2026-01'`),
  read('day + 7', `SELECT a.id FROM absences a WHERE a.student_id = ${PUPIL} AND a.day + 7 > '2026-02-01'`),
  // jsonb, arrays, enums
  read('jsonb contains', `SELECT id FROM students WHERE profile @> '{"address": {"city": "Town11"}}'`),
  read('jsonb ->>', `SELECT id FROM students WHERE profile ->> 'bus' = '51' AND class_id = ${CLASS}`),
  read('jsonb ->> by its index', `SELECT count(*) FROM students WHERE profile ->> 'bus' = '51'`),
  read(
    'jsonb #>>, Django',
    `SELECT "students"."id" FROM "students" WHERE (("students"."profile" #>> '{address,city}') = 'Town11' AND "students"."class_id" = ${CLASS})`,
  ),
  read('jsonb ?', `SELECT id FROM students WHERE class_id = ${CLASS} AND profile ? 'diet'`),
  read('tags overlap', `SELECT id FROM students WHERE tags && ARRAY['g11', 'g12']`),
  read('tags contain', `SELECT id FROM students WHERE tags @> ARRAY['g11', 'h1']`),
  read('= ANY(tags)', `SELECT id FROM students WHERE class_id = ${CLASS} AND 'g11' = ANY(tags)`),
  read(
    'a tag by its place',
    `SELECT id FROM students WHERE class_id = ${CLASS} AND tags[1] = 'g11' AND cardinality(tags) = 2`,
  ),
  read('an enum', `SELECT id FROM students WHERE class_id = ${CLASS} AND standing = 'enrolled' ORDER BY standing`),
  read('a masked column', `SELECT id, ine FROM students WHERE class_id = ${CLASS} AND ine LIKE '00%'`),
  // Views
  read('a view, by key', `SELECT last_name, class_name FROM class_lists WHERE id = ${PUPIL}`),
  read('a view, by class', `SELECT last_name FROM class_lists WHERE class_id = ${CLASS} ORDER BY last_name LIMIT 30`),
  read(
    'a view joined',
    `SELECT l.last_name, a.day FROM class_lists l JOIN absences a ON a.student_id = l.id WHERE l.id = ${PUPIL}`,
  ),
  // Writes
  read('an update by key', `UPDATE students SET email = 'new@example.org' WHERE id = ${PUPIL}`),
  read('an update by key, Django', `UPDATE "absences" SET "justified" = true WHERE "absences"."id" IN (4010, 104010)`),
  read(
    'an update of a pupil’s absences',
    `UPDATE absences SET justified = true, reason = 'flu' WHERE student_id = ${PUPIL} AND day BETWEEN '2026-01-01' AND '2026-03-31'`,
  ),
  read(
    'an update that a cast that can fail selects',
    `UPDATE students SET email = lower(email) WHERE id = ${PUPIL} AND (profile ->> 'bus')::int < 90`,
  ),
  read(
    'an update from another table',
    `UPDATE absences a SET justified = true FROM students s WHERE s.id = a.student_id AND s.class_id = ${CLASS} AND a.day = '2026-01-12'`,
  ),
  read(
    'an update by lower(email)',
    `UPDATE students SET updated_at = now() WHERE lower(email) = 'pupil${PUPIL}@example.org' RETURNING id`,
  ),
  read('a delete by key', 'DELETE FROM absences WHERE id = 4010'),
  read(
    'a delete of a pupil’s absences, Rails',
    'DELETE FROM "absences" WHERE "absences"."student_id" = $1 AND "absences"."day" < $2',
    PUPIL,
    '2026-02-01',
  ),
  read(
    'an insert',
    `INSERT INTO absences (id, student_id, day, minutes, justified, recorded_at) VALUES (5000000, ${PUPIL}, '2026-10-01', 60, false, '2026-10-01 08:00+00')`,
  ),
  read(
    'an insert of several rows',
    `INSERT INTO absences (id, student_id, day, minutes, justified, recorded_at) SELECT 5000000 + s.id, s.id, '2026-10-01', 60, false, '2026-10-01 08:00+00' FROM students s WHERE s.class_id = ${CLASS}`,
  ),
];
