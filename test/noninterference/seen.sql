-- World C: what the role may see, really, and nothing else. Made from world A.
ALTER TABLE students DROP CONSTRAINT students_ine_key;
DELETE FROM absences WHERE id % 10 <> 0;
DELETE FROM grades WHERE student_id % 10 <> 0;
DELETE FROM students WHERE school_id <> 1;
DELETE FROM classes WHERE school_id <> 1;
DELETE FROM events WHERE school_id <> 1;
DELETE FROM papers WHERE school_id <> 1;
DELETE FROM ledger WHERE school_id <> 1;
DELETE FROM contacts WHERE class_id = 5010;
UPDATE students SET birth_date = date_trunc('year', birth_date::timestamp)::date, ine = left(ine, 2) || '***', pin = (pin::integer % 10)::text;
UPDATE contacts SET phone = left(phone, 2) || '…';
REFRESH MATERIALIZED VIEW class_points;
