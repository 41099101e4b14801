-- What the role may see of both databases, and what of it stands in their catalogs.
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN mark AS numeric(4, 2) CHECK (VALUE >= 0);
CREATE FUNCTION shout(text, times integer DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT upper($1)$$;
CREATE TABLE classes (id integer PRIMARY KEY, label varchar(10) NOT NULL, CONSTRAINT labelled CHECK (label <> ''));
CREATE TABLE pupils (id serial PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'nobody', born date, mood mood DEFAULT 'glad', mark mark,
  class integer REFERENCES classes, CONSTRAINT named CHECK (length(name) > 0));
CREATE TABLE lessons (day date NOT NULL, title text) PARTITION BY RANGE (day);
CREATE TABLE lessons_2026 PARTITION OF lessons FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE kept (day date NOT NULL);
CREATE VIEW pupil_names AS SELECT id, name FROM pupils;
CREATE INDEX pupils_name ON pupils (lower(name)) WHERE name > 'a';
COMMENT ON TABLE pupils IS 'everybody';
COMMENT ON COLUMN pupils.name IS 'a name';
