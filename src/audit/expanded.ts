/** Whole records from short ones, in SQL: the same as record/read/expand.ts does one by one, for millions. */
import {
  COLUMNS,
  type Column,
  NAMES,
  OF_DECISION,
  OF_SESSION,
  OF_STATEMENT,
  quoted,
  REFERENCES,
  UNSAID,
} from './columns.ts';
import { literal } from './duckdb.ts';

/** As columns. */
const WRITTEN = { ...COLUMNS, ...REFERENCES };

/**
 * Files of JSON lines as a table of records as they are written. Torn lines and what is no record have no `time`, and are counted, not thrown at.
 * @param paths plain or `.gz`
 */
export function readJson(paths: readonly string[]): string {
  const files = paths.map((path) => literal(exactly(path))).join(', ');
  const columns = Object.entries(WRITTEN)
    .map(([name, type]) => `${quoted(name)}: ${literal(type)}`)
    .join(', ');
  return `read_json([${files}], format = 'newline_delimited', ignore_errors = true, filename = true, columns = {${columns}})`;
}

/** Lines of JSON in the column `line` of a table, as `readJson` would give them. */
export function readLines(table: string, filename: string): string {
  return `(SELECT unnest(record), ${literal(filename)} AS filename FROM (
    SELECT from_json(CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' THEN line ELSE '{}' END, ${literal(JSON.stringify(WRITTEN))}) AS record FROM ${table}))`;
}

/** Records of the table `short` (of one or several files) whole, as a query. */
export function expanded(short: string): string {
  const decision = columns((name) => {
    if (name === 'guard') return ofFile;
    if (OF_SESSION.includes(name)) return filled('who', name);
    return OF_STATEMENT.includes(name) ? filled('what', name) : `r.${quoted(name)}`;
  });
  const outcome = columns((name) => {
    if (name === 'guard') return ofFile;
    if (OF_DECISION.includes(name)) return filled('decision', name);
    const unsaid = UNSAID.get(name);
    return unsaid === undefined ? `r.${quoted(name)}` : `coalesce(r.${quoted(name)}, ${unsaid})`;
  });
  return `WITH decisions AS MATERIALIZED (
      SELECT ${decision}, r.filename FROM ${short} AS r ${guards(short)}
      LEFT JOIN ${referred(short, 'who', OF_SESSION)} ON r.filename = who.filename AND r.who = who.seq
      LEFT JOIN ${referred(short, 'what', OF_STATEMENT)} ON r.filename = what.filename AND r.what = what.seq
      WHERE r.time IS NOT NULL AND r.kind = 'decision')
    SELECT * FROM decisions
    UNION ALL
    SELECT ${outcome}, r.filename FROM ${short} AS r ${guards(short)}
    LEFT JOIN decisions AS decision ON r.filename = decision.filename AND r.decision = decision.seq
    WHERE r.time IS NOT NULL AND r.kind = 'outcome'
    UNION ALL
    SELECT ${columns((name) => `r.${quoted(name)}`)}, r.filename FROM ${short} AS r
    WHERE r.time IS NOT NULL AND r.kind NOT IN ('decision', 'outcome')`;
}

const ofFile = 'coalesce(r.guard, segment.guard)';

function columns(of: (name: Column) => string): string {
  return NAMES.map((name) => `${of(name)} AS ${quoted(name)}`).join(', ');
}

function filled(from: keyof typeof REFERENCES, name: Column): string {
  return `CASE WHEN r.${from} IS NULL THEN r.${quoted(name)} ELSE ${from}.${quoted(name)} END`;
}

function guards(short: string): string {
  return `LEFT JOIN (SELECT filename, min(guard) AS guard FROM ${short} WHERE kind = 'segment' GROUP BY filename) AS segment
      ON r.filename = segment.filename`;
}

/** Decisions that others may refer to; of a line that stands there twice, one. */
function referred(short: string, reference: keyof typeof REFERENCES, names: readonly Column[]): string {
  const said = names.map((name) => `any_value(${quoted(name)}) AS ${quoted(name)}`).join(', ');
  return `(SELECT filename, seq, ${said} FROM ${short}
        WHERE kind = 'decision' AND ${reference} IS NULL GROUP BY filename, seq) AS ${reference}`;
}

/** A name in which nothing is a pattern. */
function exactly(path: string): string {
  return path.replace(/[[*?]/g, (character) => `[${character}]`);
}
