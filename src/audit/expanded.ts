/** Whole records from short ones, in SQL: the same as record/read/expand.ts does one by one, for millions. */
import { COLUMNS, type Column, NAMES, OF_SESSION, OF_STATEMENT, quoted, ZERO } from './columns.ts';
import { literal } from './duckdb.ts';

/**
 * Files of JSON lines as a table of records as they are written. Torn lines and what is no record have no `time`, and are counted, not thrown at.
 * @param paths plain or `.gz`
 */
export function readJson(paths: readonly string[]): string {
  const files = paths.map((path) => literal(exactly(path))).join(', ');
  const columns = NAMES.map((name) => `${quoted(name)}: ${literal(COLUMNS[name])}`).join(', ');
  return `read_json([${files}], format = 'newline_delimited', ignore_errors = true, filename = true, columns = {${columns}})`;
}

/** Lines of JSON in the column `line` of a table, as `readJson` would give them. */
export function readLines(table: string, filename: string): string {
  const structure = Object.fromEntries(NAMES.map((name) => [name, COLUMNS[name]]));
  return `(SELECT unnest(record), ${literal(filename)} AS filename FROM (
    SELECT from_json(CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' THEN line ELSE '{}' END, ${literal(JSON.stringify(structure))}) AS record FROM ${table}))`;
}

/** Records of the table `short` (of one or several files) whole, as a query. */
export function expanded(short: string): string {
  const columns = (of: (name: Column) => string): string =>
    NAMES.map((name) => `${of(name)} AS ${quoted(name)}`).join(', ');
  const decision = columns((name) => {
    if (OF_SESSION.includes(name)) return filled('who', name, 'role');
    return OF_STATEMENT.includes(name) ? filled('what', name, 'command') : `r.${quoted(name)}`;
  });
  const other = columns((name) =>
    ZERO.includes(name)
      ? `CASE WHEN r.kind = 'outcome' THEN coalesce(r.${name}, 0) ELSE r.${name} END`
      : `r.${quoted(name)}`,
  );
  return `SELECT ${other}, r.filename FROM ${short} AS r WHERE r.time IS NOT NULL AND r.kind <> 'decision'
    UNION ALL
    SELECT ${decision}, r.filename FROM ${short} AS r
    ASOF LEFT JOIN ${said(short, 'session', OF_SESSION, 'role')} AS who
      ON r.filename = who.filename AND r.guard = who.guard AND r.session = who.session AND r.seq >= who.seq
    ASOF LEFT JOIN ${said(short, 'fingerprint', OF_STATEMENT, 'command')} AS what
      ON r.filename = what.filename AND r.guard = what.guard AND r.fingerprint = what.fingerprint AND r.seq >= what.seq
    WHERE r.time IS NOT NULL AND r.kind = 'decision'`;
}

function filled(from: string, name: Column, mark: Column): string {
  return `CASE WHEN r.${mark} IS NULL THEN ${from}.${quoted(name)} ELSE r.${quoted(name)} END`;
}

function said(short: string, key: Column, names: readonly Column[], mark: Column): string {
  const columns = ['filename', 'guard', 'seq', key, ...names].map(quoted).join(', ');
  return `(SELECT ${columns} FROM ${short} WHERE kind = 'decision' AND ${mark} IS NOT NULL)`;
}

/** A name in which nothing is a pattern. */
function exactly(path: string): string {
  return path.replace(/[[*?]/g, (character) => `[${character}]`);
}
