/**
 * The digest of a closed file: what reports ask of a whole log, added up once and kept in the file's index as rows of their own. A report reads digests, and
 * records only of what they do not hold: of open and encrypted files, and of statements that are not whole in one file.
 */
import { type Database, duckdbLiteral } from './duckdb.ts';
import { takesSomething } from './statement-kinds.ts';
import { QUARTER, shownBy, statementsOf, sumsOf } from './sums.ts';

/** Columns of an index besides those of records, in which they are NULL. Other columns mean what they mean in records, if nothing else is said here. */
export const DIGEST_COLUMNS = {
  /** Which of the rows below; NULL: a record. */
  digest: 'VARCHAR',
  /** Of sums. */
  which: 'VARCHAR',
  n: 'BIGINT',
  /** `time`, `last_started`, `first_ended`, `ended`: the least and the greatest beginning and end of the statements that were added up. */
  ended: 'TIMESTAMP',
  last_started: 'TIMESTAMP',
  first_ended: 'TIMESTAMP',
  last_seq: 'BIGINT',
  subject: 'VARCHAR',
  person: 'VARCHAR',
  seqs: 'BIGINT[]',
  told: 'STRUCT(name VARCHAR, counted BOOLEAN, told BOOLEAN, people BOOLEAN, ids BOOLEAN, keys VARCHAR[])[]',
  refused: 'BOOLEAN',
  steps: 'BIGINT[]',
  fingerprints: 'VARCHAR[]',
  counts: 'STRUCT(counted BIGINT, questions BIGINT, "values" BIGINT, "namedIn" BIGINT, "countedIn" BIGINT)',
} as const;

/** What one record tells of each subject: SQL of a list. */
const TOLD = `list_transform(map_entries(subjects), lambda one: {
    'name': one.key,
    'counted': coalesce(one.value.people, 0) > coalesce(len(one.value.ids), 0),
    'told': coalesce(one.value.questions, 0) + coalesce(one.value."values", 0) > 0,
    'people': coalesce(one.value.people, 0) > 0,
    'ids': coalesce(len(one.value.ids), 0) > 0,
    'keys': coalesce(list_sort(list_distinct(list_transform(one.value.ids, lambda id: split_part(id, ':', 1)))), []) })`;

/** Of records that are few. */
export const IS_EVENT = `kind IN ('policy', 'lock', 'release', 'raise', 'permit', 'break-glass', 'canary', 'warning', 'login-refused')`;

/** Writes the digest's rows, from the records of one file, into Parquet files, and returns their paths. @param write does it for one query. */
export async function writeDigest(
  db: Database,
  records: string,
  write: (query: string) => Promise<string>,
): Promise<string[]> {
  // One decision and one outcome, and no `seen`: all of it is known from this file.
  await db.run(`CREATE TEMP TABLE whole_ids AS SELECT id FROM ${records} WHERE kind IN ('decision', 'outcome', 'seen')
    GROUP BY id HAVING count(*) = 2 AND count(seq) = 2 AND count(principal) = 2 AND min(principal) = max(principal)
      AND count(*) FILTER (kind = 'decision') = 1 AND count(*) FILTER (kind = 'outcome') = 1`);
  const whole = (kind: string): string => `SELECT * FROM ${records} WHERE kind = '${kind}' AND id IN (FROM whole_ids)`;
  await db.run(`CREATE TEMP TABLE whole AS ${statementsOf(whole('decision'), whole('outcome'))}`);
  const loose = `kind IN ('outcome', 'seen') AND id NOT IN (FROM whole_ids)
         OR kind = 'decision' AND id NOT IN (FROM whole_ids) AND (${takesSomething('command')} OR id IN (SELECT id FROM ${records} WHERE kind IN ('outcome', 'seen')))`;
  // Decisions that show nothing, and have no outcome here.
  await db.run(
    `CREATE TEMP TABLE alone AS ${statementsOf(
      `SELECT * FROM ${records} WHERE kind = 'decision' AND principal IS NOT NULL AND id NOT IN (FROM whole_ids) AND NOT coalesce(${loose}, false)`,
      `SELECT * FROM ${records} WHERE false`,
    )}`,
  );
  const sums: string[] = [];
  for (const [which, query] of Object.entries(sumsOf('(FROM whole UNION ALL FROM alone)', `(${shownBy('whole')})`)))
    sums.push(await write(`SELECT 'sums' AS digest, '${which}' AS which, * FROM (${query})`));
  const rows = [
    // All of a principal is in one place.
    `FROM read_parquet([${sums.map(duckdbLiteral).join(', ')}], union_by_name = true) ORDER BY principal, which`,
    // Statements that ran, alike in all by which the report on a person tells them apart.
    `SELECT 'ran' AS digest, principal, "user", role, policy, tables, would, status, least(changed, 1) AS changed, ${TOLD} AS told,
         count(*) AS n, min(started) AS time, max(started) AS last_started, min(ended) AS first_ended, max(ended) AS ended
       FROM whole WHERE NOT refused AND (command IS NULL OR ${takesSomething('command')}) GROUP BY ALL`,
    // Records of those that are not whole here.
    `SELECT 'loose' AS digest, * EXCLUDE (filename) FROM ${records} WHERE ${loose}`,
    `SELECT 'event' AS digest, * EXCLUDE (filename) FROM ${records} WHERE ${IS_EVENT}`,
    // In which records a person stands.
    `SELECT 'person' AS digest, subject, person, principal, list(seq) AS seqs FROM
         (SELECT principal, seq, key AS subject, unnest(ids) AS person FROM
           (SELECT principal, seq, unnest(map_entries(subjects), recursive := true) FROM ${records} WHERE kind IN ('outcome', 'seen') AND subjects IS NOT NULL))
       GROUP BY ALL ORDER BY subject, person, principal`,
    `SELECT DISTINCT 'subject' AS digest, unnest(map_keys(subjects)) AS subject FROM ${records} WHERE subjects IS NOT NULL`,
    // What was used.
    `SELECT 'use' AS digest, d.role, d.command, d.statement, d.tables, d.columns, d.would, d.policy, d.effect, max(o."rows") AS "rows", max(o.bytes) AS bytes,
         count(*) AS n, min(d.time) AS time, max(d.time) AS ended
       FROM ${records} AS d LEFT JOIN whole AS o USING (id) WHERE d.kind = 'decision' AND d.role IS NOT NULL
       GROUP BY d.role, d.command, d.statement, d.tables, d.columns, d.would, d.policy, d.effect`,
    // Runs of numbers in chains, and when there were records.
    `SELECT 'part' AS digest, chain, guard, min(seq) AS seq, max(seq) AS last_seq, count(*) AS n, min(time) AS time, max(time) AS ended
       FROM ${records} WHERE seq IS NOT NULL GROUP BY chain, guard`,
    `SELECT DISTINCT 'quarter' AS digest, epoch_ms(epoch_ms(time) // ${QUARTER} * ${QUARTER}) AS time FROM ${records}`,
  ];
  const written: string[] = [];
  for (const query of rows) written.push(await write(query));
  return written;
}
