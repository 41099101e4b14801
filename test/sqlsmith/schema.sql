-- Many types, and the rows of two schools; what the other school has does not convert, divides by zero, lies far away.
-- No partitions and no children: the catalogs name them, and a role that was granted the parent cannot read them by their own names.

CREATE TYPE mood AS ENUM ('sad', 'calm', 'happy');
CREATE TYPE address AS (street text, city text);
CREATE DOMAIN percent AS integer CHECK (VALUE BETWEEN 0 AND 100);

CREATE TABLE schools (id integer PRIMARY KEY, name text NOT NULL, city varchar(40), founded date, open boolean);
CREATE TABLE students (
  id integer PRIMARY KEY,
  school_id integer NOT NULL REFERENCES schools,
  first_name text NOT NULL,
  last_name varchar(60),
  birth_date date,
  ine text,
  code text,
  points integer,
  small smallint,
  big bigint,
  score numeric(8, 2),
  ratio double precision,
  pace real,
  rating percent,
  home address,
  feeling mood,
  tags text[],
  marks integer[],
  notes jsonb,
  raw json,
  photo bytea,
  ssn text
);
CREATE INDEX ON students (school_id);
CREATE TABLE absences (
  id bigint PRIMARY KEY,
  student_id integer NOT NULL REFERENCES students,
  day date,
  begins time,
  ends timetz,
  noted timestamp,
  sent timestamptz,
  lasted interval,
  justified boolean,
  amount money,
  reason text
);
CREATE INDEX ON absences (student_id);
CREATE TABLE devices (
  id uuid PRIMARY KEY,
  school_id integer NOT NULL,
  address inet,
  net cidr,
  mac macaddr,
  flags bit(8),
  bits bit varying,
  kind "char",
  label name,
  object oid,
  secret text
);
CREATE TABLE places (
  id integer PRIMARY KEY,
  school_id integer NOT NULL,
  at point,
  around circle,
  bounds box,
  edge lseg,
  way path,
  area polygon,
  floors int4range,
  prices numrange,
  open daterange,
  shifts int4multirange,
  words tsvector,
  asked tsquery,
  plan xml,
  cost integer
);
-- Of these the role has every row and column: SQLsmith takes a sample of every second table, which is for whole ones alone.
CREATE TABLE terms (id integer PRIMARY KEY, name text, lasts daterange);
CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL, seats smallint, spot point);
CREATE TABLE lessons (id bigint PRIMARY KEY, room_id integer REFERENCES rooms, starts time, minutes integer);
CREATE TABLE books (id uuid PRIMARY KEY, title text, price numeric(6, 2), printed date);
CREATE TABLE meals (day date PRIMARY KEY, dish text, cost money);
CREATE TABLE buses (id integer PRIMARY KEY, line varchar(10), leaves timetz);
CREATE TABLE signals (at timestamptz PRIMARY KEY, level real, heard boolean);
CREATE TABLE labels (id integer PRIMARY KEY, label name, flags bit(8));

CREATE VIEW visits AS
SELECT a.id, a.day, a.amount, s.first_name, s.points FROM absences a JOIN students s ON s.id = a.student_id WHERE s.school_id = 1;
CREATE VIEW machines AS SELECT id, school_id, address, label FROM devices;
CREATE VIEW names AS SELECT id, first_name, last_name, points FROM students WHERE school_id = 1;
CREATE VIEW paces AS SELECT id, code::integer AS number, 1000 / points AS pace FROM students WHERE school_id = 1;
CREATE MATERIALIZED VIEW totals AS SELECT school_id, count(*) AS pupils, sum(points) AS points, max(score) AS best FROM students GROUP BY school_id;

INSERT INTO schools SELECT i, 'School ' || i, 'City ' || i, date '1900-01-01' + i * 400, i % 2 = 0 FROM generate_series(1, 5) i;
INSERT INTO students
SELECT i, 1 + (i > 40)::integer, 'Zoé' || i, 'Martin', CASE WHEN i > 40 THEN date '5874897-12-31' ELSE date '2012-01-01' + i END, 'AB' || i,
  CASE WHEN i > 40 THEN 'none' ELSE i::text END, CASE WHEN i > 40 THEN 0 ELSE i END, i, CASE WHEN i > 40 THEN 9223372036854775807 ELSE i END,
  i, CASE WHEN i > 40 THEN 'Infinity' ELSE i / 4.0 END, i, i % 101, ROW('Street ' || i, 'City')::address, (enum_range(NULL::mood))[1 + i % 3],
  ARRAY['a', 'b' || i], ARRAY[i, i % 3], jsonb_build_object('n', i, 'd', '2026-01-01'), CASE WHEN i > 40 THEN '{"n": "\u0000"}' ELSE '{"n": 1}' END::json,
  convert_to('é' || i, 'UTF8'), 'secret'
FROM generate_series(1, 400) i;
INSERT INTO absences
SELECT i, 1 + i % 400, date '2026-09-01' + i % 90, time '08:00' + i * interval '1 minute', timetz '09:00+02', timestamp '2026-09-01' + i * interval '1 hour',
  timestamptz '2026-09-01' + i * interval '1 hour', i * interval '1 minute', i % 3 = 0, i, 'secret'
FROM generate_series(1, 800) i;
INSERT INTO devices
SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, 1 + i % 2, '10.0.0.1'::inet + i, '10.0.0.0/8', '08:00:2b:01:02:03', (i % 256)::bit(8), B'101', 'k',
  'label' || i, i, 'secret'
FROM generate_series(1, 60) i;
INSERT INTO places
SELECT i, 1 + i % 2, point(i, i), circle(point(i, i), 1), box(point(0, 0), point(i, i)), lseg(point(0, 0), point(i, 1)), path '((0,0),(1,1),(2,0))', polygon '((0,0),(1,1),(2,0))',
  int4range(i, i + 3), numrange(i, i + 1), daterange('2026-01-01', '2026-12-31'), int4multirange(int4range(1, 3)), to_tsvector('simple', 'place ' || i), 'place & 1',
  '<a/>', i % 4
FROM generate_series(1, 60) i;
INSERT INTO terms SELECT i, 'Term ' || i, daterange('2026-01-01', date '2026-01-01' + i) FROM generate_series(1, 5) i;
INSERT INTO rooms SELECT i, 'Room ' || i, i, point(i, 1) FROM generate_series(1, 20) i;
INSERT INTO lessons SELECT i, 1 + i % 20, time '08:00' + i * interval '10 minutes', 50 FROM generate_series(1, 40) i;
INSERT INTO books SELECT ('00000000-0000-0000-0001-' || lpad(i::text, 12, '0'))::uuid, 'Book ' || i, i / 2.0, date '2000-01-01' + i FROM generate_series(1, 30) i;
INSERT INTO meals SELECT date '2026-09-01' + i, 'Dish ' || i, i FROM generate_series(1, 30) i;
INSERT INTO buses SELECT i, 'L' || i, timetz '07:00+02' FROM generate_series(1, 10) i;
INSERT INTO signals SELECT timestamptz '2026-09-01' + i * interval '1 day', i, i % 2 = 0 FROM generate_series(1, 30) i;
INSERT INTO labels SELECT i, 'label' || i, (i % 256)::bit(8) FROM generate_series(1, 30) i;
REFRESH MATERIALIZED VIEW totals;
