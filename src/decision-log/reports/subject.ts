/** Whether one person is among those whom statements have shown: yes, no, or why that is not known. */

import { subjectCounts } from '../read/columns.ts';
import type { RecordTable } from '../read/source.ts';
import { type SubjectKey, subjectId } from '../subject-ids.ts';
import { type Coverage, gapsOf } from './coverage.ts';

export interface PersonSearch {
  readonly subject: string;
  /** The person's key in the server's text form: `4711`. */
  readonly key: string;
  /** Keys that ids may have been made with. */
  readonly keys: readonly SubjectKey[];
}

export interface SubjectAnswer {
  readonly answer: 'yes' | 'no' | 'cannot be excluded';
  readonly statements: number;
  /** Milliseconds since the epoch. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  /** Of the statements that showed this person. */
  readonly columns: readonly string[];
  /** Statements that may have shown any person, by reason. */
  readonly doubts: {
    readonly unnamed: number;
    readonly counted: number;
    readonly unended: number;
    /** Why statements may be missing, in words. */
    readonly gaps: readonly string[];
    readonly coverage: Coverage;
    /** Names of keys that ids were made with, and that were not given. */
    readonly keysMissing: readonly string[];
  };
}

interface Doubts {
  readonly unnamed: number;
  readonly counted: number;
  readonly unended: number;
}

/** Searches `taken` and `shown`. */
export async function findSubject(
  { db }: RecordTable,
  { subject, key, keys }: PersonSearch,
  coverage: Coverage,
): Promise<SubjectAnswer> {
  const gaps = gapsOf(coverage);
  const ids = keys.map((each) => subjectId(each, subject, key));
  const parameters = { subject, ids: ids.join(' ') };
  const [seen] = await db.rows<{ statements: number; first?: number; last?: number; columns: string[] }>(
    `SELECT count(*) AS statements, epoch_ms(min(started)) AS first, epoch_ms(max(ended)) AS last,
       coalesce(list_sort(list_distinct(flatten(list("columns")))), []) AS "columns"
     FROM taken WHERE id IN (SELECT id FROM shown WHERE subject = $subject AND person IN (SELECT unnest(string_split($ids, ' '))))`,
    parameters,
  );
  const [doubts] = await db.rows<Doubts>(
    `SELECT count(*) FILTER (questions + "values" > 0) AS unnamed, count(*) FILTER (people > coalesce(ids, 0)) AS counted,
       (SELECT count(*) FROM taken WHERE unended) AS unended
     FROM (SELECT id, ${subjectCounts('subjects[$subject].')} FROM taken)
     LEFT JOIN (SELECT id, count(DISTINCT person) AS ids FROM shown WHERE subject = $subject GROUP BY id) USING (id)`,
    parameters,
  );
  const named = await db.rows<{ name: string }>(
    `SELECT DISTINCT split_part(person, ':', 1) AS name FROM shown WHERE subject = $subject ORDER BY name`,
    parameters,
  );
  const keysMissing = named.map(({ name }) => name).filter((name) => !keys.some((each) => each.name === name));
  const { unnamed, counted, unended } = doubts ?? { unnamed: 0, counted: 0, unended: 0 };
  const doubtful = unnamed + counted + unended + gaps.length + keysMissing.length > 0;
  const statements = seen?.statements ?? 0;
  return {
    answer: statements > 0 ? 'yes' : doubtful ? 'cannot be excluded' : 'no',
    statements,
    first: seen?.first,
    last: seen?.last,
    columns: seen?.columns ?? [],
    doubts: { unnamed, counted, unended, gaps, coverage, keysMissing },
  };
}
