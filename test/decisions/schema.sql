-- The database of the golden decisions: small, made up, awkward on purpose. What no restricted role may see says "hidden".
CREATE TYPE public.address AS (street text, city text);
CREATE TYPE public.mood AS ENUM ('sad', 'calm', 'happy');
CREATE DOMAIN public.percent AS integer CHECK (VALUE BETWEEN 0 AND 100);

CREATE TABLE public.schools (id integer PRIMARY KEY, name text NOT NULL, city text);
INSERT INTO public.schools VALUES (12, 'Collège Jean-Moulin', 'Nîmes'), (13, 'Lycée hidden', 'hidden'), (14, 'École vide', NULL);

CREATE TABLE public.classes (
  id integer PRIMARY KEY, school_id integer NOT NULL REFERENCES public.schools, label text NOT NULL, level integer
);
INSERT INTO public.classes VALUES (1, 12, '6e A', 6), (2, 12, '5e B', 5), (3, 13, 'hidden', 6), (4, 12, '4e C', NULL);

CREATE TABLE public.students (
  id integer PRIMARY KEY,
  school_id integer NOT NULL REFERENCES public.schools,
  class_id integer REFERENCES public.classes,
  first_name text NOT NULL,
  last_name text,
  birth_date date,
  ine varchar(11) UNIQUE,
  home public.address,
  mood public.mood,
  tags text[],
  notes jsonb,
  code text,
  score public.percent,
  ssn text
);
INSERT INTO public.students VALUES
  (1, 12, 1, 'Zoé', 'Durand', '2013-02-03', '0123456789A', ('3 rue du Lac', 'Nîmes'), 'happy', '{chess,choir}', '{"lunch": true, "n": 2}', '1', 80, 'hidden-1'),
  (2, 12, 1, 'François-Élie', 'O''Neil', '2013-11-30', '0123456789B', ('4 rue Haute', 'Nîmes'), 'calm', '{choir}', '{"lunch": false}', '22', 60, 'hidden-2'),
  (3, 12, 2, '李雷', NULL, '2012-07-01', NULL, NULL, NULL, NULL, NULL, '3', NULL, 'hidden-3'),
  (4, 12, 2, 'Åsa', 'Durand', '2012-12-31', '0123456789D', (NULL, 'Uzès'), 'sad', '{}', '[]', '4', 100, 'hidden-4'),
  (5, 12, NULL, 'Zoé', 'Durand', NULL, '0123456789E', ('3 rue du Lac', 'Nîmes'), 'happy', '{chess}', '{"lunch": true}', '5', 80, 'hidden-5'),
  (6, 12, 4, '😀 Max', 'D''Été "X"', '2011-05-05', '0123456789F', NULL, 'calm', '{a,b,c}', 'null', '6', 0, 'hidden-6'),
  (7, 13, 3, 'hidden-Ana', 'hidden', '2013-02-03', 'hidden-7', ('hidden', 'hidden'), 'happy', '{hidden}', '{"hidden": 1}', 'hidden', 50, 'hidden-7'),
  (8, 13, 3, 'hidden-Bob', 'Durand', '2010-01-01', 'hidden-8', NULL, 'sad', NULL, NULL, '', 51, 'hidden-8');
CREATE INDEX ON public.students (school_id);
CREATE INDEX ON public.students (last_name);

CREATE TABLE public.absences (
  id bigint PRIMARY KEY,
  student_id integer NOT NULL REFERENCES public.students,
  day date NOT NULL,
  reason text,
  justified boolean,
  minutes numeric(6, 2)
);
INSERT INTO public.absences VALUES
  (100, 1, '2026-09-01', 'hidden flu', true, 60), (101, 1, '2026-09-02', 'hidden flu', NULL, 90.5), (102, 2, '2026-09-02', NULL, false, NULL),
  (103, 4, '2026-10-10', 'hidden', true, 15.25), (104, 7, '2026-09-01', 'hidden', true, 999), (105, 8, '2026-11-11', 'hidden', NULL, 0);

CREATE TABLE public.grades (
  student_id integer REFERENCES public.students, subject text, mark numeric(4, 2), percent public.percent, PRIMARY KEY (student_id, subject)
);
INSERT INTO public.grades VALUES
  (1, 'maths', 15.5, 77), (1, 'français', 12, 60), (2, 'maths', 9, 45), (3, 'maths', NULL, NULL), (4, 'français', 18, 90),
  (7, 'maths', 1, 5), (8, 'hidden', 2, 10);

-- Granted whole to the teacher.
CREATE TABLE public.rooms (id integer PRIMARY KEY, number text NOT NULL, "Étage" integer, label varchar(10) DEFAULT 'salle');
INSERT INTO public.rooms VALUES (1, 'A1', 0, 'salle'), (2, 'A2', 0, NULL), (3, 'B1', 1, 'labo'), (4, 'É"2', 2, 'gymnase');

-- Names that need quotes; one column withheld, every row granted.
CREATE TABLE public."Élèves notés" ("N°" integer PRIMARY KEY, "prénom" text, "SELECT" text, "a.b" text, "hidden" text);
INSERT INTO public."Élèves notés" VALUES (1, 'Zoé', 's1', 'x', 'hidden'), (2, 'Bob', 's2', NULL, 'hidden'), (3, NULL, NULL, 'y', 'hidden');

CREATE TABLE public.events (id integer, day date NOT NULL, school_id integer, what text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE public.events_2025 PARTITION OF public.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public.events_2026 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO public.events VALUES (1, '2025-05-01', 12, 'fête'), (2, '2026-05-01', 12, 'sortie'), (3, '2026-06-01', 13, 'hidden'), (4, '2026-07-01', NULL, 'hidden');

-- The same name in two schemas.
CREATE SCHEMA archive;
CREATE TABLE archive.students (id integer PRIMARY KEY, label text, year integer, ssn text);
INSERT INTO archive.students VALUES (1, 'old Zoé', 2010, 'hidden'), (2, 'old Bob', 2011, 'hidden');

-- A view with a filter of its own, granted whole.
CREATE VIEW public.class_sizes AS SELECT class_id, count(*)::integer AS size FROM public.students WHERE school_id = 12 GROUP BY class_id;
CREATE VIEW public.student_names AS SELECT id, first_name, last_name, school_id FROM public.students;

-- Not granted to any restricted role.
CREATE TABLE public.salaries (id integer PRIMARY KEY, student_id integer, amount numeric);
INSERT INTO public.salaries VALUES (1, 1, 4711);

CREATE FUNCTION public.school_year(d date) RETURNS integer LANGUAGE sql IMMUTABLE
  RETURN extract(year FROM d)::integer - CASE WHEN extract(month FROM d) < 9 THEN 1 ELSE 0 END;
CREATE FUNCTION public.secret_of(s public.students) RETURNS text LANGUAGE sql STABLE AS 'SELECT s.ssn';
CREATE FUNCTION public.all_ssns() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.students';
CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1 || (SELECT ssn FROM public.students LIMIT 1)';
CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT pg_catalog.count(*) > 0 FROM public.students WHERE ssn = $1';
CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
CREATE PROCEDURE public.wipe() LANGUAGE sql AS 'DELETE FROM public.rooms';
CREATE SEQUENCE public.tickets;
