-- Two databases that differ from the attacked one in hidden data alone.

-- twin: other
DELETE FROM absences WHERE id > 5000 AND id % 3 = 0;
UPDATE absences SET day = '2026-10-01', minutes = 1, amount = 1, place = 'place 1' WHERE id > 5000;
UPDATE absences SET reason = NULL;
DELETE FROM grades WHERE student_id > 1200;
UPDATE grades SET mark = 1, remark = '1' WHERE student_id > 1000;
UPDATE grades SET comment = '0';
UPDATE students SET first_name = 'Zoé', last_name = 'Martin', birth_date = '2012-05-05', ine = 'AB' || id, code = '1', points = 1, score = 1, ratio = 1,
  tags = NULL, notes = '{"n": 1, "d": "2026-01-01"}', photo = 'x', track = NULL, nick = 'n', extra = 'k=>1', feeling = 'calm' WHERE id > 1000;
UPDATE students SET ssn = id::text, address = 'x';
UPDATE students SET ine = left(ine, 8) || id WHERE id < 1000;
-- What single pupils answered goes to others of their class: all sums and numbers of classes and questions stay.
UPDATE answers SET mark = 10 + (student_id + 4) % 60 + 1, word = 'w' || (student_id + 5) % 20, big = 77000000 + (student_id + 4) % 60 + 1 WHERE question < 6;
UPDATE answers SET mark = 1, word = 'w', big = 1, student_id = student_id + 5 WHERE question = 6;
DELETE FROM answers WHERE question = 7;
DELETE FROM answers WHERE id > 10050;
UPDATE staff SET iban = id::text, salary = id;
UPDATE payroll SET holder = 'other', amount = 0;
DELETE FROM payroll WHERE id > 3;
UPDATE archive.students SET first_name = 'other', last_name = 'other';
UPDATE archive.ledger SET id = 1, holder = 'other';
UPDATE events SET title = 'other' WHERE school_id <> 1;
UPDATE prices SET units = 1 WHERE school_id <> 1;
UPDATE events SET details = 'other';
SELECT setval('payroll_numbers', 5);

-- twin: none
DELETE FROM absences WHERE id > 5000;
UPDATE absences SET reason = 'x';
DELETE FROM grades WHERE student_id > 1000;
UPDATE grades SET comment = NULL;
UPDATE answers SET mark = 10 + (student_id + 9) % 60 + 1, word = 'none' || (student_id + 7) % 20, big = 77000000 + (student_id + 9) % 60 + 1 WHERE question < 6;
DELETE FROM answers WHERE question > 5 OR id > 10000;
DELETE FROM students WHERE id > 1000;
UPDATE students SET ssn = NULL, address = NULL;
UPDATE students SET ine = left(ine, 8) || 'none' WHERE id < 1000;
UPDATE staff SET iban = NULL, salary = 0;
DELETE FROM payroll;
DELETE FROM archive.students;
DELETE FROM archive.ledger;
DELETE FROM events WHERE school_id <> 1;
DELETE FROM prices WHERE school_id <> 1;
UPDATE events SET details = NULL;
SELECT setval('payroll_numbers', 1);
