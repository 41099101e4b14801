-- Rows that the teacher may not see, so many and so awkward that any plan which touches one too early fails or shows it.
INSERT INTO public.classes SELECT i, 13, 'hidden ' || i, CASE WHEN i % 2 = 0 THEN 0 END FROM generate_series(1000, 3000) AS i;
INSERT INTO public.students
  SELECT i, 13, 1000 + i % 2000, 'hidden \', CASE i % 3 WHEN 0 THEN 'Durand' WHEN 1 THEN 'hidden' END,
         CASE i % 2 WHEN 0 THEN 'infinity'::date ELSE '4713-01-01 BC'::date END, 'h' || i, ROW('hidden', NULL)::public.address,
         (enum_range(NULL::public.mood))[1 + i % 3], '{hidden,NULL}', '{"lunch": "hidden", "n": "hidden"}', 'hidden', 0, 'hidden'
  FROM generate_series(1000, 20999) AS i;
INSERT INTO public.absences SELECT i, i, date '2026-09-01' + i % 100, 'hidden', i % 2 = 0, 9999 FROM generate_series(1000, 20999) AS i;
INSERT INTO public.grades SELECT i, 'maths', -1, 0 FROM generate_series(1000, 20999) AS i;
INSERT INTO public.events SELECT i, date '2025-01-01' + i % 700, 13, 'hidden' FROM generate_series(1000, 20999) AS i;
DROP INDEX public.students_school_id_idx;
-- The planner runs what is cheap first: so it would rather run the client's expressions than the filter.
ALTER FUNCTION pg_catalog.int4eq(integer, integer) COST 1000000;
ANALYZE;
