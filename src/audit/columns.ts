/** What reports read of each record, as columns in SQL: the fields of docs/decision-log.md under their own names, beside `filename`. */

const NUMBERED_LIMIT = 'STRUCT(name VARCHAR, used DOUBLE, "of" DOUBLE)';

export const COLUMNS = {
  time: 'TIMESTAMP',
  kind: 'VARCHAR',
  guard: 'VARCHAR',
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
  subjects: 'MAP(VARCHAR, STRUCT(n BIGINT, unnamed BIGINT, ids VARCHAR[]))',
  policy: 'VARCHAR',
  by: 'VARCHAR',
  until: 'VARCHAR',
  message: 'VARCHAR',
  canary: 'STRUCT(subject VARCHAR, hash VARCHAR)',
} as const;

export type Column = keyof typeof COLUMNS;

export const NAMES = Object.keys(COLUMNS) as Column[];

/** In the first decision of a session in a file. */
export const OF_SESSION: readonly Column[] = [
  'user',
  'role',
  'client',
  'certificate',
  'database',
  'application',
  'policy',
];
/** In the first decision with its fingerprint in a file. */
export const OF_STATEMENT: readonly Column[] = ['command', 'statement', 'tables', 'columns'];
/** An outcome leaves them out where they are 0. */
export const ZERO: readonly Column[] = ['rows', 'bytes', 'changed', 'ms'];

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
