/** The parts of records that reports use, as SQL columns: the fields of docs/decision-log.md under their own names, and `filename`. */

const NUMBERED_LIMIT = 'STRUCT(name VARCHAR, used DOUBLE, "of" DOUBLE)';

export const COLUMNS = {
  time: 'TIMESTAMP',
  kind: 'VARCHAR',
  guard: 'VARCHAR',
  chain: 'VARCHAR',
  seq: 'BIGINT',
  id: 'VARCHAR',
  session: 'VARCHAR',
  principal: 'VARCHAR',
  user: 'VARCHAR',
  role: 'VARCHAR',
  client: 'VARCHAR',
  certificate: 'VARCHAR',
  database: 'VARCHAR',
  application: 'VARCHAR',
  command: 'VARCHAR',
  fingerprint: 'VARCHAR',
  statement: 'VARCHAR',
  tables: 'VARCHAR[]',
  columns: 'VARCHAR[]',
  effect: 'VARCHAR',
  would: 'VARCHAR',
  reason: 'VARCHAR',
  rule: 'VARCHAR',
  sqlstate: 'VARCHAR',
  limit: NUMBERED_LIMIT,
  rows: 'BIGINT',
  bytes: 'BIGINT',
  changed: 'BIGINT',
  ms: 'DOUBLE',
  status: 'VARCHAR',
  subjects: 'MAP(VARCHAR, STRUCT(people BIGINT, questions BIGINT, "values" BIGINT, ids VARCHAR[]))',
  policy: 'VARCHAR',
  to: 'VARCHAR',
  kept: 'VARCHAR',
  by: 'VARCHAR',
  until: 'VARCHAR',
  count: 'BIGINT',
  since: 'TIMESTAMP',
  message: 'VARCHAR',
  canary: 'STRUCT(subject VARCHAR, hash VARCHAR)',
  break_glass:
    'STRUCT(id VARCHAR, used_by VARCHAR, requested_by VARCHAR, until VARCHAR, approved_by STRUCT(name VARCHAR, "key" VARCHAR)[])',
  observe: 'STRUCT(id VARCHAR, requested_by VARCHAR, approved_by STRUCT(name VARCHAR, "key" VARCHAR)[])',
} as const;

/** The counts under a subject: people named by a statement, and what else it told. `of`: a prefix, such as `subjects[$subject].`. */
export const subjectCounts = (of = ''): string =>
  `coalesce(${of}people, 0) AS people, coalesce(${of}questions, 0) AS questions, coalesce(${of}"values", 0) AS "values"`;

export const NAMES = Object.keys(COLUMNS);

/** An identifier of DuckDB. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
