-- A school platform of 200 schools, 100,000 pupils and 1,000,000 absences, with the indexes that an application's searches ask for.
-- Made again for each run, inside the server: nothing here needs to outlive it.
CREATE EXTENSION pg_trgm;
CREATE TYPE standing AS ENUM ('enrolled', 'left', 'graduated');

CREATE UNLOGGED TABLE schools (id integer PRIMARY KEY, name text NOT NULL, city text NOT NULL, kind text NOT NULL);
INSERT INTO schools SELECT i, 'School ' || i, 'City ' || i % 40, CASE i % 3 WHEN 0 THEN 'lycée' ELSE 'collège' END FROM generate_series(1, 200) AS i;

CREATE UNLOGGED TABLE classes (id integer PRIMARY KEY, school_id integer NOT NULL, name text NOT NULL, level text NOT NULL);
INSERT INTO classes SELECT i, 1 + i % 200, 'C' || i / 200, (3 + i / 200 % 4)::text FROM generate_series(0, 3999) AS i;

CREATE UNLOGGED TABLE teachers (id bigint PRIMARY KEY, school_id integer NOT NULL, first_name text NOT NULL, last_name text NOT NULL, email text NOT NULL);
INSERT INTO teachers SELECT i, 1 + i % 200, 'Teacher ' || i % 61, 'Prof' || i % 997, 'prof' || i || '@Example.org' FROM generate_series(0, 7999) AS i;

CREATE UNLOGGED TABLE students (id bigint PRIMARY KEY, school_id integer NOT NULL, class_id integer NOT NULL, ine text NOT NULL, first_name varchar(80) NOT NULL,
  last_name varchar(80) NOT NULL, email text, birth_date date NOT NULL, uid uuid NOT NULL, standing standing NOT NULL, profile jsonb NOT NULL, tags text[] NOT NULL,
  created_at timestamptz NOT NULL, updated_at timestamptz);
INSERT INTO students SELECT i, 1 + i % 200, i % 4000, lpad(i::text, 9, '0') || 'ab', 'First' || i % 313,
  (ARRAY['Martin', 'Bernard', 'Thomas', 'Petit', 'Robert', 'Richard', 'Durand', 'Dubois', 'Moreau', 'Laurent'])[1 + i % 7 + i % 4] || i % 1201,
  'pupil' || i || '@Example.org', date '2010-01-01' + i % 2500, md5(i::text)::uuid,
  (CASE WHEN i % 20 = 3 THEN 'left' WHEN i % 50 = 7 THEN 'graduated' ELSE 'enrolled' END)::standing,
  jsonb_build_object('bus', i % 90, 'diet', CASE i % 11 WHEN 0 THEN 'none' ELSE 'any' END, 'address', jsonb_build_object('city', 'Town' || i % 700)),
  ARRAY['g' || i % 400, 'h' || i % 3], timestamptz '2025-09-01 08:00+00' + i * interval '1 minute', CASE WHEN i % 10 = 0 THEN timestamptz '2026-09-01 08:00+00' END
FROM generate_series(1, 100000) AS i;

CREATE UNLOGGED TABLE parents (id bigint PRIMARY KEY, student_id bigint NOT NULL, last_name text NOT NULL, phone text NOT NULL, email text NOT NULL);
INSERT INTO parents SELECT i, i, 'Parent' || i % 5003, '06 ' || lpad(i::text, 8, '0'), 'parent' || i || '@Example.org' FROM generate_series(1, 100000) AS i;

CREATE UNLOGGED TABLE absences (id bigint PRIMARY KEY, student_id bigint NOT NULL, day date NOT NULL, minutes integer NOT NULL, justified boolean NOT NULL, reason text,
  recorded_at timestamptz NOT NULL);
INSERT INTO absences SELECT i, 1 + i % 100000, date '2026-01-01' + i / 100000 * 30 + i % 30, 30 + i % 7 * 30, i % 3 = 0,
  CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'flu ' || i % 1013 ELSE 'dentist ' || i % 4001 END, timestamptz '2026-01-01 08:00+00' + i * interval '20 seconds'
FROM generate_series(0, 999999) AS i;

CREATE UNLOGGED TABLE grades (id bigint PRIMARY KEY, student_id bigint NOT NULL, teacher_id bigint NOT NULL, subject text NOT NULL, mark numeric(4,2), weight integer NOT NULL,
  given_on date NOT NULL);
INSERT INTO grades SELECT i, 1 + i % 100000, (1 + i % 100000) % 200 + 200 * (i % 40), (ARRAY['maths', 'french', 'history', 'music'])[1 + i % 4], (i * 7 % 2001) / 100.0, 1 + i % 3,
  date '2026-01-05' + i % 180 FROM generate_series(0, 299999) AS i;

CREATE INDEX ON classes (school_id);
CREATE INDEX ON teachers (school_id);
CREATE INDEX ON teachers (lower(email));
CREATE UNIQUE INDEX ON students (ine);
CREATE UNIQUE INDEX ON students (uid);
CREATE INDEX ON students (school_id, last_name, first_name);
CREATE INDEX ON students (class_id);
CREATE INDEX ON students (last_name text_pattern_ops);
CREATE INDEX ON students (upper(last_name::text));
CREATE INDEX ON students (lower(email));
-- What lists are paged by: a filter on the school comes first in each.
CREATE INDEX ON students (school_id, id);
CREATE INDEX ON students (school_id, created_at, id);
CREATE INDEX ON students (school_id, updated_at);
CREATE INDEX ON students (created_at);
CREATE INDEX ON students (created_at, id);
CREATE INDEX ON students (birth_date);
CREATE INDEX ON students (updated_at) WHERE updated_at IS NOT NULL;
CREATE INDEX ON students USING gin (last_name gin_trgm_ops);
CREATE INDEX ON students USING gin (profile jsonb_path_ops);
CREATE INDEX ON students USING gin (tags);
CREATE INDEX ON students ((profile ->> 'bus'));
CREATE INDEX ON parents (student_id);
CREATE INDEX ON parents (replace(phone, ' ', ''));
CREATE INDEX ON absences (student_id, day);
CREATE INDEX ON absences (day);
CREATE INDEX ON absences (recorded_at);
CREATE INDEX ON grades (student_id);
CREATE INDEX ON grades (teacher_id);

CREATE VIEW class_lists AS SELECT s.id, s.school_id, s.class_id, c.name AS class_name, s.last_name, s.first_name FROM students AS s JOIN classes AS c ON c.id = s.class_id;
ANALYZE;
