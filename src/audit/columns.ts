/** What reports read of each record, as columns in SQL: the fields of docs/decision-log.md under their own names, beside `filename`. */
import {
  NOTHING_TAKEN,
  OF_SESSION as SAID_OF_SESSION,
  OF_STATEMENT as SAID_OF_STATEMENT,
} from '../record/read/expand.ts';

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
  // `n` and `unnamed` are of records that an older guard has written: read them by `subjectCounts`.
  subjects:
    'MAP(VARCHAR, STRUCT(people BIGINT, questions BIGINT, "values" BIGINT, n BIGINT, unnamed BIGINT, ids VARCHAR[]))',
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
} as const;

/** Of what stands under a subject: whom a statement has named, and what it has told beside that. `of`: where it stands, as `subjects[$subject].`. */
export const subjectCounts = (of = ''): string =>
  `coalesce(${of}people, ${of}n, 0) AS people, coalesce(${of}questions, 0) + coalesce(${of}"values", ${of}unnamed, 0) AS unnamed`;

export type Column = keyof typeof COLUMNS;

export const NAMES = Object.keys(COLUMNS) as Column[];

/** By which records refer to others of their file: numbers of these. Whole records have none of them. */
export const REFERENCES = { who: 'BIGINT', what: 'BIGINT', decision: 'BIGINT' } as const;

/** Of a decision, or of the one to which it refers as `who`. */
export const OF_SESSION: readonly Column[] = SAID_OF_SESSION.filter((name) => name !== 'attributes');
/** Of a decision, or of the one to which it refers as `what`. */
export const OF_STATEMENT: readonly Column[] = SAID_OF_STATEMENT;
/** Of the decision to which an outcome refers. */
export const OF_DECISION: readonly Column[] = ['id', 'principal'];
/** What an outcome has where it does not say it, in SQL. */
export const UNSAID: ReadonlyMap<Column, string> = new Map(
  (Object.keys(NOTHING_TAKEN) as (keyof typeof NOTHING_TAKEN)[]).map((name) => {
    const value = NOTHING_TAKEN[name];
    return [name, typeof value === 'string' ? `'${value}'` : String(value)];
  }),
);

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
