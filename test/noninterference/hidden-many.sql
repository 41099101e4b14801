-- World B: crowds of hidden rows whose values make whatever runs on them fail, and other values behind masks and in withheld columns.
INSERT INTO classes SELECT 10000 + i, 2, 'hidden ' || i, CASE WHEN i % 2 = 0 THEN 0 END, NULL FROM generate_series(1, 2000) i;
UPDATE classes SET head = NULL WHERE school_id = 1;
INSERT INTO students (id, school_id, class_id, first_name, last_name, birth_date, ine, pin, code, points, score, ratio, rating, home, feeling,
                      tags, marks, notes, nick, seen, token, span, photo, ssn)
SELECT i + i / 9 + 1, 2 + i % 2, 10001 + i % 2000, 'hidden \', CASE i % 3 WHEN 0 THEN 'Durand' WHEN 1 THEN 'hidden' END,
  CASE i % 3 WHEN 0 THEN 'infinity'::date WHEN 1 THEN '4713-01-01 BC'::date ELSE '5874897-12-31'::date END, 'h' || i, 'hidden', 'hidden (',
  CASE i % 3 WHEN 0 THEN 0 WHEN 1 THEN -2147483648 ELSE 1999999999 END, CASE i % 2 WHEN 0 THEN 'NaN'::numeric ELSE -9 END,
  CASE i % 3 WHEN 0 THEN 'Infinity'::float8 WHEN 1 THEN 1e300 ELSE -1 END, 0, ROW('hidden', NULL)::address, 'sad', '{hidden,NULL}',
  CASE i % 2 WHEN 0 THEN '{0,0}'::integer[] ELSE '[5:6]={2147483647,0}'::integer[] END,
  CASE i % 3 WHEN 0 THEN '{"n": "hidden", "d": "hidden", "list": 7}'::jsonb WHEN 1 THEN '[]'::jsonb ELSE '{"n": 1e400, "d": [1], "lunch": null}'::jsonb END,
  'hidden', CASE i % 2 WHEN 0 THEN 'infinity'::timestamptz ELSE '4713-01-01 BC'::timestamptz END, gen_random_uuid(),
  CASE i % 2 WHEN 0 THEN '(,)'::int4range ELSE '[-2147483648,2147483647)'::int4range END, '\xfffe', 'hidden'
FROM generate_series(0, 19999) i;
UPDATE students SET birth_date = birth_date + 200 - 20 * (id / 100), ine = left(ine, 2) || 'hidden' || id, pin = (20 + pin::integer % 10)::text,
  ssn = NULL, address = NULL, weight = 'NaN' WHERE school_id = 1;
INSERT INTO absences (id, student_id, day, minutes, amount, place, justified, reason)
SELECT i + i / 9 + 1, i + i / 9 + 1, CASE WHEN i % 50 = 0 THEN 'infinity'::date ELSE date '2026-09-01' + i % 60 END,
  CASE i % 2 WHEN 0 THEN 0 ELSE -2147483648 END, CASE i % 2 WHEN 0 THEN 'NaN'::numeric ELSE 0 END, 'hidden \', i % 2 = 0, 'hidden'
FROM generate_series(0, 19999) i;
UPDATE absences SET reason = NULL WHERE id % 10 = 0;
INSERT INTO grades SELECT i + i / 9 + 1, 'maths', CASE i % 2 WHEN 0 THEN 0 ELSE -1 END, 0, 'hidden', 'hidden' FROM generate_series(0, 9999) i;
UPDATE grades SET comment = NULL WHERE comment = 'x';
INSERT INTO events SELECT 5 + i, date '2025-02-02' + i % 600, 2, 'hidden', 0, 'hidden' FROM generate_series(1000, 4000) i;
UPDATE events SET details = 'hidden' WHERE school_id = 1;
INSERT INTO papers SELECT 10001 + i, 2, 'hidden', 0, '[]' FROM generate_series(1, 1000) i;
INSERT INTO signed_papers SELECT 20001 + i, NULL, 'hidden', 0, '"hidden"', 'hidden' FROM generate_series(1, 1000) i;
INSERT INTO ledger (id, school_id, units, price, secret) SELECT 10001 + i, 2, 0, 'NaN', 1 FROM generate_series(1, 2000) i;
UPDATE ledger SET secret = 77 WHERE school_id = 1;
INSERT INTO memberships SELECT 10000 + i, 2, 'infinity' FROM generate_series(1, 2000) i;
INSERT INTO contacts SELECT 10001 + i, 10000 + i % 2000, 'hidden \', 'hidden', 0, 'hidden' FROM generate_series(1, 3000) i;
UPDATE contacts SET remark = NULL WHERE remark = 'x';
INSERT INTO payroll SELECT i, i, 'NaN' FROM generate_series(1, 500) i;
REFRESH MATERIALIZED VIEW class_points;
-- The planner runs what is cheap first: here it would rather run the client's expressions than the filter.
ALTER FUNCTION pg_catalog.int4eq(integer, integer) COST 100000;
