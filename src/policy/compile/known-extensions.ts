/** Extensions that every role may use: their functions, operators and types, also in the catalogs. */

/** They compute from their arguments alone. Their functions that do more are listed in `guard/builtin-functions.ts`. */
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
