-- What each restricted role's world would be if the tables really held only what it may see. Written by hand, from the policies' words.
-- Before each part, the tables of `schema.sql` are moved to the schemas `raw` and `raw_archive`;
-- after it, these are dropped.

-- role: teacher
CREATE TABLE public.students AS
  SELECT id, school_id, class_id, first_name, last_name,
         (extract(year FROM birth_date) || '-01-01')::date AS birth_date,
         (substr(ine, 1, 2) || '***')::varchar(11) AS ine,
         home, mood, tags, notes, code, score
  FROM raw.students WHERE id IN (1, 2, 3, 4, 5, 6);
ALTER TABLE public.students ADD PRIMARY KEY (id);
CREATE INDEX ON public.students (last_name);
CREATE TABLE public.absences AS SELECT id, student_id, day, justified, minutes FROM raw.absences WHERE id IN (100, 101, 102, 103);
ALTER TABLE public.absences ADD PRIMARY KEY (id);
CREATE TABLE public.grades AS SELECT student_id, subject, mark, percent FROM raw.grades WHERE student_id < 7;
ALTER TABLE public.grades ADD PRIMARY KEY (student_id, subject);
CREATE TABLE public.classes AS SELECT * FROM raw.classes WHERE id IN (1, 2, 4);
ALTER TABLE public.classes ADD PRIMARY KEY (id);
CREATE TABLE public.rooms AS SELECT * FROM raw.rooms;
ALTER TABLE public.rooms ADD PRIMARY KEY (id);
CREATE TABLE public."Élèves notés" AS SELECT "N°", "prénom", "SELECT", "a.b" FROM raw."Élèves notés";
ALTER TABLE public."Élèves notés" ADD PRIMARY KEY ("N°");
CREATE TABLE public.events (LIKE raw.events) PARTITION BY RANGE (day);
CREATE TABLE public.events_2025 PARTITION OF public.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public.events_2026 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO public.events SELECT * FROM raw.events WHERE id IN (1, 2);
ALTER TABLE public.events ADD PRIMARY KEY (id, day);
CREATE TABLE public.class_sizes AS SELECT * FROM raw.class_sizes;
CREATE TABLE public.student_names AS SELECT id, first_name, last_name, school_id FROM raw.students WHERE id < 7;
CREATE TABLE archive.students AS SELECT id, label, year FROM raw_archive.students;
ALTER TABLE archive.students ADD PRIMARY KEY (id);

-- role: clerk
CREATE TABLE public.students AS SELECT id, school_id, first_name, last_name FROM raw.students;
ALTER TABLE public.students ADD PRIMARY KEY (id);
CREATE TABLE public.schools AS SELECT * FROM raw.schools;
ALTER TABLE public.schools ADD PRIMARY KEY (id);
CREATE TABLE public.rooms AS SELECT * FROM raw.rooms;
ALTER TABLE public.rooms ADD PRIMARY KEY (id);
ALTER TABLE public.rooms ALTER label SET DEFAULT 'salle';
CREATE TABLE public.events AS SELECT * FROM raw.events;
ALTER TABLE public.events ADD PRIMARY KEY (id, day);
