-- World A: few hidden rows, as plain as the visible ones. No value of another column is the number of a hidden class: a foreign key would tell.
INSERT INTO classes SELECT 5000 + i * 10, 2, '6e', 6, 'Mme H' FROM generate_series(1, 3) i;
UPDATE classes SET head = 'M. ' || id WHERE school_id = 1;
INSERT INTO students (id, school_id, class_id, first_name, last_name, birth_date, ine, pin, code, points, score, ratio, rating, marks, notes, seen, span)
SELECT 5 + i * 10, 2, 5010, 'Ada', 'Durand', '2012-05-05', 'B' || i, '12', '7', 9, 3, 1, 50, '{1,2}', '{"n": 3}', '2026-01-01', '[1,3)' FROM generate_series(1, 10) i;
UPDATE students SET ssn = '1' || id, address = 'rue ' || id, weight = id, pin = (10 + pin::integer % 10)::text WHERE school_id = 1;
INSERT INTO absences (id, student_id, day, minutes, amount, place) SELECT 5 + i * 10, 15, '2026-09-03', 30, 2, 'hall B' FROM generate_series(1, 10) i;
UPDATE absences SET reason = 'flu' WHERE id % 10 = 0;
INSERT INTO grades SELECT 5 + i * 10, 'maths', 10, 1, 'bien', 'calm' FROM generate_series(1, 10) i;
INSERT INTO events SELECT 5 + i * 10, '2026-02-02', 2, 'fête', 9, 'plain' FROM generate_series(1, 10) i;
INSERT INTO papers SELECT 5 + i * 10, 2, 'paper', 3, '{"n": 1}' FROM generate_series(1, 5) i;
INSERT INTO ledger (id, school_id, units, price, secret) SELECT 5 + i * 10, 2, 4, 1, 1 FROM generate_series(1, 10) i;
INSERT INTO contacts SELECT 5 + i * 10, 5010, 'Other', '05', 1, 'plain' FROM generate_series(1, 10) i;
INSERT INTO payroll VALUES (1, 10, 1000);
REFRESH MATERIALIZED VIEW class_points;
