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
    if (name === 'guard') return GUARD;
    if (name === 'chain') return CHAIN;
    if (OF_SESSION.includes(name)) return filled('who', name);
    return OF_STATEMENT.includes(name) ? filled('what', name) : `r.${quoted(name)}`;
  });
  const outcome = columns((name) => {
    if (name === 'guard') return GUARD;
    if (name === 'chain') return CHAIN;
    if (OF_DECISION.includes(name)) return filled('decision', name);
    const unsaid = UNSAID.get(name);
    return unsaid === undefined ? `r.${quoted(name)}` : `coalesce(r.${quoted(name)}, ${unsaid})`;
  });
  const other = columns((name) => (name === 'chain' ? CHAIN : `r.${quoted(name)}`));
  return `WITH named AS MATERIALIZED (${guardNames(short)}),
    chained AS MATERIALIZED (${chains(short)}),
    decisions AS MATERIALIZED (
      SELECT ${decision}, r.filename FROM ${short} AS r ${OF_FILE}
      LEFT JOIN ${referred(short, 'who', OF_SESSION)} ON r.filename = who.filename AND r.who = who.seq
      LEFT JOIN ${referred(short, 'what', OF_STATEMENT)} ON r.filename = what.filename AND r.what = what.seq
      WHERE r.time IS NOT NULL AND r.kind = 'decision')
    SELECT * FROM decisions
    UNION ALL
    SELECT ${outcome}, r.filename FROM ${short} AS r ${OF_FILE}
    LEFT JOIN decisions AS decision ON r.filename = decision.filename AND r.decision = decision.seq
    WHERE r.time IS NOT NULL AND r.kind = 'outcome'
    UNION ALL
    SELECT ${other}, r.filename FROM ${short} AS r LEFT JOIN chained ON r.filename = chained.filename
    WHERE r.time IS NOT NULL AND r.kind NOT IN ('decision', 'outcome')`;
}

/** Greater than every number of a record. */
const LAST = Number.MAX_SAFE_INTEGER;
const GUARD = 'coalesce(r.guard, named.guard)';
const CHAIN = 'coalesce(chained.chain, r.chain)';
const OF_FILE = `LEFT JOIN named ON r.filename = named.filename AND r.seq >= named."from" AND r.seq < named."until"
      LEFT JOIN chained ON r.filename = chained.filename`;

function columns(of: (name: Column) => string): string {
  return NAMES.map((name) => `${of(name)} AS ${quoted(name)}`).join(', ');
}

function filled(from: keyof typeof REFERENCES, name: Column): string {
  return `CASE WHEN r.${from} IS NULL THEN r.${quoted(name)} ELSE ${from}.${quoted(name)} END`;
}

/** The guard's name in each part of a file. A guard that was renamed goes on in the open file, and says its name when it starts. */
function guardNames(short: string): string {
  return `SELECT filename, guard, seq AS "from", lead(seq, 1, ${LAST}) OVER (PARTITION BY filename ORDER BY seq) AS "until"
    FROM (SELECT DISTINCT ON (filename, seq) filename, seq, guard FROM ${short} WHERE kind IN ('segment', 'start') AND guard IS NOT NULL)`;
}

/** The chain of each file: the segment at its beginning says it, and each seal. */
function chains(short: string): string {
  return `SELECT filename, min(chain) AS chain FROM ${short} WHERE kind IN ('segment', 'seal') GROUP BY filename`;
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
