/**
 * The digest of a closed file: what reports ask of a whole log, added up once and kept in the file's index as rows of their own. A report reads digests, and
 * records only of what they do not hold: of open and encrypted files, and of statements that are not whole in one file.
 */
import { COLUMNS, quoted } from './columns.ts';
import type { Database } from './duckdb.ts';
import { takesSomething } from './statement-kinds.ts';

/** Columns of an index besides those of records, in which they are NULL. Other columns mean what they mean in records, if nothing else is said here. */
export const DIGEST_COLUMNS = {
  /** Which of the rows below; NULL: a record. */
  digest: 'VARCHAR',
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
} as const;

/** What one record tells of each subject: SQL of a list. */
const TOLD = `list_transform(map_entries(subjects), lambda one: {
    'name': one.key,
    'counted': coalesce(one.value.people, one.value.n, 0) > coalesce(len(one.value.ids), 0),
    'told': coalesce(one.value.questions, 0) + coalesce(one.value."values", one.value.unnamed, 0) > 0,
    'people': coalesce(one.value.people, one.value.n, 0) > 0,
    'ids': coalesce(len(one.value.ids), 0) > 0,
    'keys': coalesce(list_sort(list_distinct(list_transform(one.value.ids, lambda id: split_part(id, ':', 1)))), []) })`;

/** In milliseconds. In every time zone, a month begins at one of these. */
const QUARTER = 900_000;

/** Makes the table from the records of one file. */
export async function makeDigest(db: Database, records: string, table: string): Promise<void> {
  const columns = Object.entries({ ...COLUMNS, ...DIGEST_COLUMNS }).map(([name, type]) => `${quoted(name)} ${type}`);
  await db.run(`CREATE OR REPLACE TEMP TABLE ${table} (${columns.join(', ')})`);
  // One decision and one outcome, and no `seen`: all of it is known from this file.
  await db.run(`CREATE OR REPLACE TEMP TABLE whole AS
    SELECT d.id, d.time AS started, o.time AS ended, coalesce(d.principal, o.principal) AS principal, d."user", d.role, d.policy, d.command, d.tables, d.would,
      d.effect, o.status, o."rows", o.bytes, o.changed, o.subjects
    FROM (SELECT * FROM ${records} WHERE kind = 'decision') AS d JOIN (SELECT * FROM ${records} WHERE kind = 'outcome') AS o ON d.id = o.id
    WHERE d.id IN (SELECT id FROM ${records} WHERE kind IN ('decision', 'outcome', 'seen') GROUP BY id HAVING count(*) = 2 AND count(seq) = 2)`);
  const rows = [
    // Statements that ran, alike in all by which the report on a person tells them apart.
    `SELECT 'ran' AS digest, principal, "user", role, policy, coalesce(tables, []) AS tables, would, status, least(coalesce(changed, 0), 1) AS changed, ${TOLD} AS told,
         count(*) AS n, min(started) AS time, max(started) AS last_started, min(ended) AS first_ended, max(ended) AS ended
       FROM whole WHERE NOT coalesce(effect IN ('refuse', 'lock') OR status IN ('refused', 'skipped'), false) AND (command IS NULL OR ${takesSomething('command')})
       GROUP BY ALL`,
    // Records of those that are not whole here.
    `SELECT 'loose' AS digest, * EXCLUDE (filename) FROM ${records} WHERE kind IN ('outcome', 'seen') AND id NOT IN (SELECT id FROM whole)
         OR kind = 'decision' AND id NOT IN (SELECT id FROM whole) AND (${takesSomething('command')} OR id IN (SELECT id FROM ${records} WHERE kind IN ('outcome', 'seen')))`,
    // In which records a person stands.
    `SELECT 'person' AS digest, subject, person, principal, list(seq) AS seqs FROM
         (SELECT principal, seq, key AS subject, unnest(ids) AS person FROM
           (SELECT principal, seq, unnest(map_entries(subjects), recursive := true) FROM ${records} WHERE kind IN ('outcome', 'seen') AND subjects IS NOT NULL))
       GROUP BY ALL`,
    `SELECT DISTINCT 'subject' AS digest, unnest(map_keys(subjects)) AS subject FROM ${records} WHERE subjects IS NOT NULL`,
    // What was used.
    `SELECT 'use' AS digest, d.role, d.command, d.statement, d.tables, d.columns, d.would, d.policy, d.effect, max(o."rows") AS "rows", max(o.bytes) AS bytes,
         count(*) AS n, min(d.time) AS time, max(d.time) AS ended
       FROM ${records} AS d LEFT JOIN whole AS o USING (id) WHERE d.kind = 'decision' AND d.role IS NOT NULL
       GROUP BY d.role, d.command, d.statement, d.tables, d.columns, d.would, d.policy, d.effect`,
    // Runs of numbers in chains, and when there were records.
    `SELECT 'part' AS digest, chain, guard, min(seq) AS seq, max(seq) AS last_seq, count(*) AS n, min(time) AS time, max(time) AS ended
       FROM ${records} WHERE seq IS NOT NULL AND (chain IS NOT NULL OR guard IS NOT NULL) GROUP BY chain, guard`,
    `SELECT DISTINCT 'quarter' AS digest, epoch_ms(epoch_ms(time) // ${QUARTER} * ${QUARTER}) AS time FROM ${records}`,
  ];
  for (const sql of rows) await db.run(`INSERT INTO ${table} BY NAME ${sql}`);
  await db.run('DROP TABLE whole');
}
