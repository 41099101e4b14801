/** Extensions whose functions, operators and types every role may use, and finds in the catalogs. */

/** They compute from their arguments alone. Functions of theirs that do more are named in `guard/builtin-functions.ts`. */
export const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set([
  'citext',
  'hstore',
  'pg_trgm',
  'btree_gist',
  'btree_gin',
  'unaccent',
  'uuid-ossp',
  'fuzzystrmatch',
  'intarray',
  'ltree',
  'cube',
  'earthdistance',
  'isn',
]);
