-- World B: many hidden objects of every kind, of whose names, texts and numbers casts, divisions and patterns fail.
CREATE SCHEMA hidden_schema;
CREATE TYPE hidden_mood AS ENUM ('hidden_label', '0', '\');
CREATE TYPE hidden_place AS (hidden_street text, hidden_town varchar(7));
CREATE DOMAIN hidden_code AS varchar(13) DEFAULT 'hidden' CHECK (VALUE <> 'hidden');
CREATE TYPE hidden_span AS RANGE (SUBTYPE = integer);
CREATE COLLATION hidden_collation_with_the_longest_name_of_all (provider = libc, locale = 'C');
CREATE SEQUENCE hidden_sequence START 77;
CREATE FUNCTION hidden_function(hidden_argument integer DEFAULT 7) RETURNS integer LANGUAGE sql IMMUTABLE SET work_mem = '7MB' AS $$SELECT 1$$;
CREATE FUNCTION hidden_touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE OPERATOR ### (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4pl);
CREATE CAST (hidden_place AS text) WITH INOUT;
CREATE TEXT SEARCH CONFIGURATION hidden_schema.hidden_search (COPY = simple);
CREATE TEXT SEARCH DICTIONARY hidden_schema.hidden_dictionary (TEMPLATE = simple);
CREATE FOREIGN DATA WRAPPER hidden_wrapper OPTIONS (secret 'hidden');
CREATE SERVER hidden_server FOREIGN DATA WRAPPER hidden_wrapper OPTIONS (secret 'hidden');
CREATE FOREIGN TABLE hidden_foreign (id integer) SERVER hidden_server OPTIONS (secret 'hidden');
DO $$ BEGIN FOR i IN 1..40 LOOP
  EXECUTE format('CREATE TABLE %I (%I serial PRIMARY KEY, %I varchar(%s) DEFAULT %L CHECK (%2$I > %4$s), class integer REFERENCES classes)',
    'hidden_' || i, CASE WHEN i % 3 = 0 THEN i::text ELSE 'hidden\' || i END, 'pin' || i, i, 'hidden' || i);
  EXECUTE format('COMMENT ON TABLE %I IS %L', 'hidden_' || i, CASE WHEN i % 2 = 0 THEN '0' ELSE 'hidden\' END);
END LOOP; END $$;
CREATE TABLE hidden_schema.hidden_inside (id integer PRIMARY KEY);
CREATE VIEW hidden_view AS SELECT 1 AS hidden;
CREATE MATERIALIZED VIEW hidden_stored AS SELECT 1 AS hidden;
CREATE TABLE hidden_days (day date) PARTITION BY RANGE (day);
ALTER TABLE hidden_days ATTACH PARTITION kept FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE TABLE hidden_days_1 PARTITION OF hidden_days FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
ALTER TABLE pupils ADD COLUMN pin text COLLATE hidden_collation_with_the_longest_name_of_all DEFAULT 'hidden' NOT NULL,
  ADD COLUMN "0" integer DEFAULT hidden_function(3) CHECK ("0" > 0), ADD COLUMN hidden_mood hidden_mood DEFAULT 'hidden_label',
  ADD COLUMN hidden_twice text GENERATED ALWAYS AS (name || 'hidden') STORED, ADD CONSTRAINT hidden_both UNIQUE (name, pin),
  ADD CONSTRAINT hidden_check CHECK (hidden_function(id) = 1);
ALTER TABLE classes ADD COLUMN hidden text;
ALTER TABLE classes DROP COLUMN hidden;
ALTER TABLE classes ALTER label SET DEFAULT hidden_function(3)::text;
CREATE TABLE hidden_parent (label varchar(10) NOT NULL, CONSTRAINT labelled CHECK (label <> ''));
ALTER TABLE classes INHERIT hidden_parent;
COMMENT ON COLUMN pupils.pin IS 'hidden';
COMMENT ON CONSTRAINT hidden_check ON pupils IS 'hidden';
COMMENT ON FUNCTION hidden_function(integer) IS 'hidden';
COMMENT ON SCHEMA hidden_schema IS 'hidden';
COMMENT ON TYPE hidden_mood IS 'hidden';
CREATE INDEX hidden_index ON pupils (lower(pin));
CREATE INDEX hidden_partial ON pupils (name) WHERE pin = 'hidden';
CREATE STATISTICS hidden_statistics ON name, pin FROM pupils;
CREATE TRIGGER hidden_trigger BEFORE INSERT ON pupils FOR EACH ROW EXECUTE FUNCTION hidden_touch('hidden');
CREATE POLICY hidden_policy ON pupils USING (pin = 'hidden');
CREATE RULE hidden_rule AS ON DELETE TO classes DO INSTEAD NOTHING;
CREATE PUBLICATION hidden_publication FOR TABLE pupils;
ALTER DEFAULT PRIVILEGES IN SCHEMA hidden_schema GRANT SELECT ON TABLES TO PUBLIC;
SELECT lo_create(0);
