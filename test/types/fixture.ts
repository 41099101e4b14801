/** A database that makes resolution hard: extensions, domains, enums, ranges, typed tables, overloads in several schemas. */

export const SEARCH_PATH = ['app', 'public'];

export const FIXTURE = `
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gist;
CREATE EXTENSION ltree; CREATE EXTENSION intarray; CREATE EXTENSION cube; CREATE EXTENSION isn;
CREATE SCHEMA app; CREATE SCHEMA hidden;
SET search_path = app, public;

CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN app.email AS text CHECK (VALUE ~ '@');
CREATE DOMAIN app.login AS app.email;
CREATE DOMAIN app.count AS int4;
CREATE DOMAIN app.grade AS numeric(4,2) NOT NULL;
CREATE DOMAIN app.code AS varchar(3);
CREATE DOMAIN app.tags AS text[];
CREATE DOMAIN app.feeling AS app.mood;
CREATE DOMAIN app.name AS citext;
CREATE TYPE app.point2 AS (x float8, y float8);
CREATE DOMAIN app.place AS app.point2;
CREATE TABLE app.people (id int PRIMARY KEY, name text, born date, label varchar(10));
CREATE TABLE app.pupils (class int) INHERITS (app.people);
CREATE TABLE app.spots OF app.point2;
CREATE TYPE app.floatrange AS RANGE (subtype = float8);

-- the same name and types in two schemas; the same name, other types
CREATE FUNCTION app.size(text) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION public.size(text) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 2';
CREATE FUNCTION public.size(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 3';
CREATE FUNCTION hidden.size(bool) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 4';
CREATE FUNCTION app.lower(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION app.lower(app.code) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION app.upper(varchar) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1::text';
-- defaults, names, VARIADIC, and their conflicts
CREATE FUNCTION app.page(a int, b int DEFAULT 1, c text DEFAULT 'x') RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.page(a int, d numeric) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0';
CREATE FUNCTION app.total(VARIADIC n numeric[]) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0';
CREATE FUNCTION app.total(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.clash(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.clash(a int, b text DEFAULT '1') RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.pick(a anyelement, VARIADIC rest anyarray) RETURNS anyelement LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION app.mix(a anycompatible, VARIADIC rest anycompatiblearray) RETURNS anycompatiblearray LANGUAGE sql AS 'SELECT $2';
CREATE FUNCTION app.pair_of(a anyelement, b anyarray, OUT first anyelement, OUT all_of anyarray) LANGUAGE sql AS 'SELECT $1, $2';
CREATE FUNCTION app.mood_of(a anyenum) RETURNS anyenum LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION app.flat(a anynonarray) RETURNS anynonarray LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION app.low(a anyrange) RETURNS anyelement LANGUAGE sql AS 'SELECT lower($1)';
CREATE FUNCTION app.within(a anycompatible, r anycompatiblerange) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION app.ranges(a anymultirange, b anyrange) RETURNS anymultirange LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION app.spans(a anycompatiblerange) RETURNS anycompatiblemultirange LANGUAGE sql AS 'SELECT multirange($1)';
CREATE FUNCTION app.filled(a anyelement, b anyelement DEFAULT NULL) RETURNS anyelement LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION app.label(app.people) RETURNS text LANGUAGE sql AS 'SELECT $1.name';
CREATE FUNCTION app.name(app.pupils) RETURNS text LANGUAGE sql AS 'SELECT $1.name';
CREATE FUNCTION app.text(app.count) RETURNS text LANGUAGE sql AS 'SELECT 1::text';
CREATE FUNCTION app.anything("any") RETURNS int4 STABLE LANGUAGE internal AS 'pg_num_nulls';
CREATE FUNCTION app.row_text(record) RETURNS json STABLE LANGUAGE internal AS 'row_to_json';
CREATE AGGREGATE app.gather(anycompatible) (SFUNC = array_append, STYPE = anycompatiblearray, INITCOND = '{}');
CREATE AGGREGATE app.sum(app.count) (SFUNC = int4pl, STYPE = int4);
CREATE PROCEDURE app.work(a int, OUT b int) LANGUAGE sql AS 'SELECT 1';
-- operators
CREATE FUNCTION app.eq(text, int4) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR app.= (LEFTARG = text, RIGHTARG = int4, FUNCTION = app.eq);
CREATE FUNCTION app.eq(int4, int4) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR app.= (LEFTARG = int4, RIGHTARG = int4, FUNCTION = app.eq);
CREATE OPERATOR public.= (LEFTARG = int4, RIGHTARG = int4, FUNCTION = app.eq);
CREATE FUNCTION app.near(app.point2, app.point2) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR app.~~ (LEFTARG = app.point2, RIGHTARG = app.point2, FUNCTION = app.near);
CREATE FUNCTION app.neg(app.mood) RETURNS app.mood IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE OPERATOR app.- (RIGHTARG = app.mood, FUNCTION = app.neg);
CREATE FUNCTION app.dom(app.email, app.email) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR app.|| (LEFTARG = app.email, RIGHTARG = app.email, FUNCTION = app.dom);
CREATE OPERATOR hidden.+ (LEFTARG = text, RIGHTARG = text, FUNCTION = textcat);
CREATE FUNCTION app.any_eq(anyelement, anyelement) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR app.=== (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = app.any_eq);
-- casts
CREATE FUNCTION app.to_mood(int4) RETURNS app.mood IMMUTABLE LANGUAGE sql AS $$SELECT 'ok'::app.mood$$;
CREATE CAST (int4 AS app.mood) WITH FUNCTION app.to_mood(int4) AS ASSIGNMENT;
CREATE CAST (app.mood AS text) WITH INOUT AS IMPLICIT;
CREATE CAST (app.point2 AS point) WITH INOUT AS ASSIGNMENT;
`;

/** Names of the types that are crossed with each other; 'unknown' is a literal NULL. */
export const TYPES = [
  'unknown',
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'money',
  'oid',
  'regclass',
  'regproc',
  'xid',
  'text',
  'varchar',
  'bpchar',
  'pg_catalog.name',
  '"char"',
  'citext',
  'hstore',
  'ltree',
  'lquery',
  'cube',
  'isbn',
  'cstring',
  'date',
  'time',
  'timetz',
  'timestamp',
  'timestamptz',
  'interval',
  'uuid',
  'bytea',
  'bit',
  'varbit',
  'json',
  'jsonb',
  'jsonpath',
  'xml',
  'inet',
  'cidr',
  'macaddr',
  'point',
  'box',
  'circle',
  'tsvector',
  'tsquery',
  'tid',
  'pg_lsn',
  'int4[]',
  'int8[]',
  'numeric[]',
  'text[]',
  'varchar[]',
  'citext[]',
  'app.mood[]',
  'int2vector',
  'oidvector',
  'point[]',
  'int4range',
  'numrange',
  'daterange',
  'tstzrange',
  'int4multirange',
  'nummultirange',
  'app.floatrange',
  'app.mood',
  'app.email',
  'app.login',
  'app.count',
  'app.grade',
  'app.code',
  'app.tags',
  'app.feeling',
  'app.name',
  'app.email[]',
  'app.point2',
  'app.place',
  'app.people',
  'app.pupils',
  'app.spots',
  'app.people[]',
  'record',
  'record[]',
  'anyarray',
];

/** Operands that no cast of NULL makes: values of these pseudo-types come from a row, from pg_statistic. */
const SPECIAL: Readonly<Record<string, string>> = {
  unknown: 'NULL',
  record: '(SELECT ROW(1, 2))',
  'record[]': '(SELECT ARRAY[ROW(1)])',
  anyarray: '(SELECT stavalues1 FROM pg_statistic)',
};

/** An expression of that type, the simplest there is. */
export function operand(type: string): string {
  return SPECIAL[type] ?? `NULL::${type}`;
}
