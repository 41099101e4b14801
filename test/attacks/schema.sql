-- The database that is attacked. What the roles may not see carries marks: HIDDEN… in rows of other schools, SECRET… in withheld
-- columns and ungranted objects, numbers 77000nnn, dates of 1907. `twins.sql` makes databases that differ in nothing else.

CREATE EXTENSION pg_trgm;
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE EXTENSION dblink;
CREATE EXTENSION tablefunc;
CREATE SCHEMA archive;

-- That takes different texts for equal, and fails where patterns are matched.
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION secret_order (provider = icu, locale = 'und');
CREATE COLLATION archive.secret_order (provider = icu, locale = 'und');
CREATE TYPE mood AS ENUM ('calm', 'loud');

CREATE TABLE schools (id integer PRIMARY KEY, name text NOT NULL, city text);
CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL, capacity integer, factor numeric);
CREATE TABLE students (
  id integer PRIMARY KEY,
  school_id integer NOT NULL REFERENCES schools,
  class_id integer,
  first_name text NOT NULL,
  last_name varchar(60) NOT NULL,
  birth_date date,
  ine text UNIQUE,
  ssn text,
  address text DEFAULT 'SECRET default',
  code text,
  points integer,
  score numeric,
  ratio double precision,
  tags text[],
  notes jsonb,
  photo bytea,
  track path,
  nick citext,
  extra hstore,
  feeling mood,
  CONSTRAINT address_known CHECK (address <> 'SECRET check')
);
CREATE INDEX ON students (school_id);
CREATE INDEX ON students (last_name);
CREATE INDEX ON students USING gin (first_name gin_trgm_ops);
COMMENT ON COLUMN students.ssn IS 'SECRET comment on a column';

CREATE TABLE absences (
  id integer PRIMARY KEY,
  student_id integer NOT NULL REFERENCES students,
  day date NOT NULL,
  minutes integer,
  amount numeric,
  place text,
  reason text
);
CREATE INDEX ON absences (student_id);
CREATE INDEX ON absences (day, minutes);
CREATE TABLE grades (
  student_id integer REFERENCES students,
  subject text,
  mark numeric,
  remark text,
  comment text,
  PRIMARY KEY (student_id, subject)
);
-- For a role that sees groups of ten or more. Seven questions: the last two were answered by few.
CREATE TABLE answers (id integer PRIMARY KEY, student_id integer NOT NULL REFERENCES students, question integer NOT NULL, mark integer, word text, big double precision);
CREATE TABLE staff (id integer PRIMARY KEY, name text NOT NULL, salary integer, iban text, boss_id integer);
CREATE TABLE payroll (id integer PRIMARY KEY, holder text, amount integer);
COMMENT ON TABLE payroll IS 'SECRET comment on a table';
CREATE SEQUENCE payroll_numbers START 77000123;
SELECT nextval('payroll_numbers');
CREATE SEQUENCE ticket_numbers;
CREATE SEQUENCE desk_numbers;
CREATE SEQUENCE queue_numbers;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;
CREATE TABLE archive.students (id integer PRIMARY KEY, first_name text, last_name text);

CREATE TABLE events (id integer, school_id integer NOT NULL, title text, details text) PARTITION BY LIST (school_id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2);
CREATE TABLE events_other PARTITION OF events DEFAULT;

-- Before version 18 all generated columns are stored, and what is stored has not failed.
CREATE TABLE prices (id integer PRIMARY KEY, school_id integer NOT NULL, units integer);
DO $$ BEGIN
  IF current_setting('server_version_num')::integer >= 180000 THEN
    EXECUTE 'ALTER TABLE prices ADD rate integer GENERATED ALWAYS AS (1000 / units) VIRTUAL'; -- an older parser does not know the word
  ELSE
    ALTER TABLE prices ADD rate integer GENERATED ALWAYS AS (1000 / nullif(units, 0)) STORED;
  END IF;
END $$;

CREATE VIEW own_students AS SELECT id, first_name, last_name, code, points FROM students WHERE school_id = 1;
CREATE VIEW all_students AS SELECT * FROM students;
CREATE VIEW payroll_view AS SELECT id, holder, 'SECRET constant' AS remark FROM payroll WHERE holder <> 'SECRET literal';
-- That a role may write.
CREATE VIEW pupil_codes WITH (security_barrier) AS SELECT id, school_id, class_id, first_name, last_name, code FROM students WHERE school_id < 3 WITH CHECK OPTION;
CREATE VIEW every_pupil AS SELECT id, school_id, class_id, first_name, code, ssn FROM students;
CREATE VIEW day_view AS SELECT id, student_id, day, minutes FROM absences WHERE minutes < 77000000 WITH CHECK OPTION;
CREATE VIEW staff_desk AS SELECT id, name, iban FROM staff WHERE id > 10 WITH CHECK OPTION;
CREATE VIEW staff_loose AS SELECT id, name FROM staff WHERE id > 10;
CREATE MATERIALIZED VIEW payroll_copy AS SELECT 1 AS id, 'SECRET copy'::text AS holder;

-- Functions that reach everything: none of them is granted, but `school_year` and `plus_one`.
CREATE FUNCTION school_year(d date) RETURNS integer IMMUTABLE LANGUAGE sql AS $$ SELECT extract(year FROM d)::int $$;
CREATE FUNCTION plus_one(n integer, OUT m integer) IMMUTABLE STRICT LANGUAGE plpgsql AS $$ BEGIN m := n + 1; END $$;
CREATE FUNCTION secret_names() RETURNS text SECURITY DEFINER LANGUAGE sql AS $$ SELECT string_agg(holder, ',') FROM payroll $$;
CREATE FUNCTION secret_rows() RETURNS SETOF payroll SECURITY DEFINER LANGUAGE sql AS $$ SELECT * FROM payroll $$;
CREATE FUNCTION secret_of(n integer) RETURNS text SECURITY DEFINER LANGUAGE sql AS $$ SELECT holder FROM payroll WHERE id = n $$;
CREATE FUNCTION room_label(r rooms) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT r.name || '!' $$;
CREATE FUNCTION rooms_beside(r rooms) RETURNS SETOF rooms STABLE LANGUAGE sql AS $$ SELECT * FROM rooms WHERE id = r.id + 1 $$;
CREATE FUNCTION price_step(p prices) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN 100 / p.units; END $$;
CREATE FUNCTION pupil_tag(s students) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT s.ssn $$;
CREATE FUNCTION secret_name(s students) RETURNS text STABLE LANGUAGE sql AS $$ SELECT s.ssn $$;
CREATE FUNCTION run_sql(query text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN EXECUTE query INTO r; RETURN r; END $$;
CREATE FUNCTION tell(n integer) RETURNS boolean SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', (SELECT holder FROM payroll LIMIT 1); END $$;
CREATE FUNCTION tell(n integer, m integer) RETURNS boolean SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', (SELECT holder FROM payroll LIMIT 1); END $$;
CREATE FUNCTION tell(n integer, m text) RETURNS boolean SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', (SELECT holder FROM payroll LIMIT 1); END $$;
CREATE FUNCTION tell(m text) RETURNS boolean SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', (SELECT holder FROM payroll LIMIT 1); END $$;
CREATE FUNCTION secret_sort(a integer, b integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', (SELECT holder FROM payroll LIMIT 1); END $$;
CREATE FUNCTION gather_step(state text, part text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT concat(state, part) $$;
CREATE AGGREGATE gather(text) (SFUNC = gather_step, STYPE = text);
CREATE PROCEDURE secret_call(INOUT r text) LANGUAGE plpgsql AS $$ BEGIN r := (SELECT holder FROM payroll LIMIT 1); END $$;
CREATE PROCEDURE keep(n integer, INOUT m mood DEFAULT NULL) LANGUAGE plpgsql AS $$ BEGIN m := 'calm'; END $$;
-- Named after a built-in, for other types: what resolves to it is not the built-in.
CREATE FUNCTION abs(t text) RETURNS text SECURITY DEFINER LANGUAGE sql AS $$ SELECT holder FROM payroll LIMIT 1 $$;
CREATE FUNCTION round(a numeric, variadic b text[]) RETURNS text SECURITY DEFINER LANGUAGE sql AS $$ SELECT holder FROM payroll LIMIT 1 $$;

CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = tell);
CREATE OPERATOR = (LEFTARG = integer, RIGHTARG = text, FUNCTION = tell);
CREATE OPERATOR !!! (RIGHTARG = text, FUNCTION = tell);
CREATE OPERATOR <<< (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4lt);
-- For functions of the server's: as leaky as these, and no pattern, list or key to who reads names.
CREATE OPERATOR /// (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4div);
CREATE OPERATOR +#+ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4pl);
CREATE OPERATOR =#= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq, COMMUTATOR = =#=, RESTRICT = eqsel, JOIN = eqjoinsel, MERGES, HASHES);
CREATE OPERATOR ==== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq, COMMUTATOR = ====, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR ~?~ (LEFTARG = text, RIGHTARG = text, FUNCTION = textlike, RESTRICT = likesel);
CREATE OPERATOR ~?? (LEFTARG = text, RIGHTARG = text, FUNCTION = textregexeq, RESTRICT = regexeqsel);
CREATE OPERATOR ### (LEFTARG = integer, RIGHTARG = integer, FUNCTION = generate_series);
CREATE OPERATOR **** (LEFTARG = text, RIGHTARG = integer, FUNCTION = repeat);
CREATE OPERATOR |||| (LEFTARG = anycompatiblearray, RIGHTARG = anycompatible, FUNCTION = array_append);
CREATE OPERATOR #-># (LEFTARG = text, RIGHTARG = text, FUNCTION = to_number);
CREATE OPERATOR !-! (RIGHTARG = numeric, FUNCTION = ln);
CREATE OPERATOR #~# (RIGHTARG = record, FUNCTION = row_to_json);
CREATE OPERATOR !@! (RIGHTARG = text, FUNCTION = pg_read_file);
CREATE OPERATOR !&! (RIGHTARG = regclass, FUNCTION = nextval);
CREATE OPERATOR !#! (RIGHTARG = double precision, FUNCTION = pg_sleep);
CREATE OPERATOR !%! (RIGHTARG = text, FUNCTION = current_setting);
CREATE OPERATOR !^! (RIGHTARG = oid, FUNCTION = pg_get_viewdef);
CREATE OPERATOR #!# (LEFTARG = text, RIGHTARG = text, FUNCTION = has_table_privilege);
CREATE OPERATOR CLASS telling_ops FOR TYPE integer USING btree AS OPERATOR 1 <<<, OPERATOR 3 =, OPERATOR 5 >, FUNCTION 1 secret_sort(integer, integer);
CREATE DOMAIN told AS integer CHECK (tell(VALUE));
CREATE DOMAIN told_text AS text CHECK (tell(VALUE));
CREATE DOMAIN percentage AS integer CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE pair AS (part percentage, feeling mood);
CREATE TYPE days AS RANGE (subtype = date);
CREATE TYPE holder_kind AS ENUM ('SECRETkind');
CREATE TYPE holder_pair AS (kind holder_kind);
CREATE FUNCTION pair_of(n percentage, d days) RETURNS pair IMMUTABLE LANGUAGE sql AS $$ SELECT (n, 'calm')::pair $$;
CREATE FUNCTION parts_of(n integer, OUT a integer, OUT b text) IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
  IF n > 1000 AND n < 77000000 THEN RAISE EXCEPTION 'HIDDEN %', n; END IF; a := n; b := 'part ' || n; END $$;
CREATE FUNCTION mood_of(n integer) RETURNS mood SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', (SELECT holder FROM payroll LIMIT 1); END $$;
CREATE CAST (integer AS mood) WITH FUNCTION mood_of(integer) AS IMPLICIT;

-- A schema that one role holds whole, beside pupils of whom it holds some; its code finds names by the path.
CREATE SCHEMA tenant;
CREATE TABLE archive.ledger (id integer, holder text);
SET check_function_bodies = off;
CREATE TABLE tenant.notes (id integer PRIMARY KEY, note text);
CREATE TABLE tenant.rooms (id integer PRIMARY KEY, name text);
CREATE VIEW tenant.all_notes AS SELECT id, note FROM tenant.notes;
CREATE FUNCTION tenant.room_names() RETURNS text LANGUAGE sql STABLE AS 'SELECT max(name) FROM rooms';
CREATE FUNCTION tenant.payer() RETURNS text LANGUAGE sql STABLE AS 'SELECT max(holder) FROM ledger';
CREATE FUNCTION tenant.pupils() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM students); END $$;
CREATE FUNCTION tenant.is_payer(n integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN n = (SELECT max(id) FROM ledger); END $$;
CREATE FUNCTION tenant.same(a integer, b integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN a = (SELECT max(id) FROM ledger); END $$;
CREATE FUNCTION tenant.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF to_regclass('ledger') IS NOT NULL THEN new.note := (SELECT max(holder) FROM ledger); END IF; RETURN new; END $$;
CREATE TRIGGER noted BEFORE INSERT OR UPDATE ON tenant.notes FOR EACH ROW EXECUTE FUNCTION tenant.noted();
CREATE PROCEDURE tenant.tidy(INOUT n text) LANGUAGE plpgsql AS $$ BEGIN n := (SELECT max(holder) FROM ledger); END $$;
CREATE FUNCTION tenant.first_step(state text, n integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT max(holder) FROM ledger); END $$;
CREATE AGGREGATE tenant.first_payer(integer) (SFUNC = tenant.first_step, STYPE = text);
CREATE OPERATOR tenant.==== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = tenant.same);
CREATE OPERATOR tenant.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4ne);
CREATE DOMAIN tenant.payer_number AS integer CHECK (tenant.is_payer(VALUE));
RESET check_function_bodies;
GRANT USAGE ON SCHEMA tenant, archive TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA tenant TO PUBLIC;
GRANT SELECT ON archive.ledger TO PUBLIC;
INSERT INTO tenant.notes SELECT i, 'note ' || i FROM generate_series(1, 5) i;
INSERT INTO tenant.rooms SELECT i, 'tenant room ' || i FROM generate_series(1, 3) i;

INSERT INTO schools SELECT i, 'School ' || i, 'Ville' FROM generate_series(1, 4) i;
INSERT INTO rooms SELECT i, 'Room ' || i, i * 10, i FROM generate_series(1, 300) i;

-- Pupils 1 … 60 are those of school 1; from 1001 on, those of the others.
INSERT INTO students
SELECT i, 1, i % 5, 'Zoé' || i, 'Martin' || i, date '2012-01-01' + i, 'AB' || lpad(i::text, 6, '0') || 'SECRET', 'SECRET' || i,
  'SECRET street ' || i, (i % 7)::text, i, i * 1.5, i / 4.0, ARRAY['a', 'b' || i], jsonb_build_object('n', i, 'd', '2026-01-01'),
  convert_to('é' || i, 'UTF8'), path '((0,0),(1,1))', 'Nick' || i, hstore('k', i::text), 'calm'
FROM generate_series(1, 60) i;
INSERT INTO students
SELECT 1000 + i, 2 + i % 3, i % 5, 'HIDDEN' || i, 'HIDDENname' || i, date '1907-01-01' + i % 300, 'HIDDENine' || i, 'SECRET' || (1000 + i),
  'SECRET street', 'HIDDENcode' || i, 77000000 + i, CASE i % 3 WHEN 0 THEN 'NaN'::numeric WHEN 1 THEN 1e400 ELSE 77000000 + i END,
  CASE i % 2 WHEN 0 THEN 'Infinity'::float8 ELSE 1e300 END, ARRAY['HIDDENtag', 'x'], jsonb_build_object('n', 'HIDDEN' || i, 'd', 'HIDDEN'),
  '\xfffe'::bytea, path '((-1e300,-1e300),(1e300,1e300))', 'HIDDENnick' || i, hstore('k', 'HIDDEN' || i), 'loud'
FROM generate_series(1, 400) i;
-- Common values and histogram bounds that a wrong operator would trip over.
INSERT INTO students (id, school_id, class_id, first_name, last_name, code, points)
SELECT 2000 + i, 2, 1, 'HIDDENcommon', 'HIDDENcommon', 'HIDDENcommon', 0 FROM generate_series(1, 100) i;

INSERT INTO absences SELECT i, 1 + i % 60, date '2026-09-01' + i % 90, i % 50, i, 'place ' || i % 9, 'SECRET reason ' || i FROM generate_series(1, 300) i;
INSERT INTO absences SELECT 5000 + i, 1001 + i % 400, date '1907-06-01' + i % 90, 77000000 + i % 50, CASE i % 2 WHEN 0 THEN 'NaN'::numeric ELSE 1e400 END,
  'HIDDENplace ' || i % 9, 'SECRET reason' FROM generate_series(1, 3000) i;
INSERT INTO grades SELECT i, s, 10 + i % 10, 'well', 'SECRET comment' FROM generate_series(1, 60) i, unnest(ARRAY['maths', 'français']) s;
INSERT INTO grades SELECT 1000 + i, s, 77000000, 'HIDDENremark', 'SECRET comment' FROM generate_series(1, 400) i, unnest(ARRAY['maths', 'HIDDENsubject']) s;
INSERT INTO answers SELECT i * 10 + q, i, q, 10 + i, 'SECRETword' || i % 20, 77000000 + i FROM generate_series(1, 60) i, generate_series(1, 5) q;
INSERT INTO answers SELECT i * 10 + 6, i, 6, 77000000 + i, 'SECRETword', 1e308 FROM generate_series(1, 5) i;
INSERT INTO answers SELECT 110 + 7, 11, 7, 77000011, 'SECRETone', 1;
INSERT INTO answers SELECT 10000 + i, 1000 + i, 1, 77000000 + i, 'HIDDENword', 77000000 FROM generate_series(1, 100) i;
INSERT INTO staff SELECT i, 'Person ' || i, 77000000 + i, 'SECRETiban' || i, nullif(i - 1, 0) FROM generate_series(1, 20) i;
INSERT INTO payroll SELECT i, 'SECRETholder' || i, 77000000 + i FROM generate_series(1, 20) i;
INSERT INTO archive.ledger VALUES (77000001, 'SECRETledger');
INSERT INTO archive.students VALUES (1, 'SECRETarchived', 'SECRETarchived');
INSERT INTO events SELECT i, 1, 'Event ' || i, 'SECRET details' FROM generate_series(1, 10) i;
INSERT INTO events SELECT 100 + i, 2 + i % 3, 'HIDDENevent' || i, 'SECRET details' FROM generate_series(1, 30) i;
INSERT INTO prices (id, school_id, units) SELECT i, 1, 1 + i % 4 FROM generate_series(1, 20) i;
INSERT INTO prices (id, school_id, units) SELECT 1000 + i, 2, 0 FROM generate_series(1, 200) i;
