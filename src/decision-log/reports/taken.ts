/** What one principal took in a time: its statements with their outcomes, and the people that they showed, as tables of the source. */
import { type Database, duckdbLiteral, type Parameter } from '../read/duckdb.ts';
import { type RecordTable, reading, recordsOf } from '../read/source.ts';
import { OF_STATEMENTS, SUM_COLUMNS, SUM_NAMES, SUMS, shownBy, statementsOf, sumsOf } from '../read/sums.ts';
import { instant, type Period, parametersOf } from './period.ts';

export interface WhoAndWhen extends Period {
  readonly principal: string;
  /** The end user; absent: all of them. An outcome without a decision may belong to any, and is included. */
  readonly user?: string | undefined;
  /** `taken` is to have all statements: none are added up by an index. */
  readonly singly?: boolean;
}

export function parametersOfTaken(asked: WhoAndWhen): Record<string, Parameter> {
  return { ...parametersOf(asked), principal: asked.principal, user: asked.user ?? null };
}

/**
 * Makes `sums`, what indexes have added up of the principal; `own`, its records that they have not; `taken`, a row for each statement that ran or was to run in the time and that no index
 * has added up (`unended`: it has no recorded outcome); and `shown`, a row for each person in each of them. Returns the indexes whose sums hold the others.
 */
export async function makeTaken({ db, indexes }: RecordTable, asked: WhoAndWhen): Promise<readonly string[]> {
  const parameters = parametersOfTaken(asked);
  const isSingly = asked.singly === true || asked.user !== undefined;
  await db.run(
    `CREATE OR REPLACE TEMP TABLE own AS SELECT CAST(NULL AS VARCHAR) AS index, ${OF_STATEMENTS} FROM fresh WHERE principal = $principal
     UNION ALL SELECT index, ${OF_STATEMENTS} FROM digests WHERE digest = 'loose' AND principal = $principal`,
    parameters,
  );
  await db.run(
    `CREATE OR REPLACE TEMP TABLE sums AS SELECT index, which, ${SUM_COLUMNS} FROM digests WHERE digest = 'sums' AND principal = $principal`,
    parameters,
  );
  const inTime = await sumsInTime(db, parameters);
  let cut = inTime.filter(({ inside }) => isSingly || !inside).map(({ index }) => index);
  const begun = await begunIn(
    db,
    indexes.filter((index) => !cut.includes(index)),
    apart(cut),
    parameters,
  );
  cut = [...cut, ...begun];
  const records = (kind: string): string => `SELECT * FROM (${apart(cut)}) WHERE kind = '${kind}'`;
  await db.run(
    `CREATE OR REPLACE TEMP TABLE taken AS SELECT * FROM (${statementsOf(
      // A statement that began before the time may have continued in it: only the outcome tells.
      `${records('decision')} AND time < ${instant('$until')}`,
      `${records('outcome')} AND time >= ${instant('$since')}`,
    )}) WHERE started < ${instant('$until')} AND ended >= ${instant('$since')} AND ($user IS NULL OR "user" = $user OR undecided)`,
    parameters,
  );
  await db.run(
    `CREATE OR REPLACE TEMP TABLE shown AS ${shownBy('taken')} UNION ALL ${shownBy(`(SELECT t.* EXCLUDE (subjects), s.subjects FROM taken AS t JOIN (${records('seen')}) AS s USING (id))`)}`,
    parameters,
  );
  return inTime.map(({ index }) => index).filter((index) => !cut.includes(index));
}

/** Makes `by_shape` and the other sums, of these statements and those that the indexes have added up. @param step in milliseconds. */
export async function makeSums(db: Database, summed: readonly string[], step?: number): Promise<void> {
  const sums = sumsOf('taken', 'shown', step);
  for (const name of SUM_NAMES)
    await db.run(
      `CREATE OR REPLACE TEMP TABLE by_${name} AS SELECT ${SUMS[name]} FROM (${sums[name]})
       UNION ALL SELECT ${SUMS[name]} FROM sums WHERE which = '${name}' AND ${isAmong(summed)}`,
    );
}

/** Indexes with sums of statements in the time. `inside`: all of their statements are. */
function sumsInTime(
  db: Database,
  parameters: Record<string, Parameter>,
): Promise<{ readonly index: string; readonly inside: boolean }[]> {
  return db.rows(
    `SELECT index, max(last_started) < ${instant('$until')} AND min(first_ended) >= ${instant('$since')} AS inside
     FROM sums WHERE which = 'shape' GROUP BY index
     HAVING min(time) < ${instant('$until')} AND max(ended) >= ${instant('$since')}`,
    parameters,
  );
}

/** A query of records of the principal: of statements that are not whole in one file, or in one of these. */
function apart(cut: readonly string[]): string {
  const others = `SELECT * EXCLUDE (index) FROM own WHERE index IS NULL OR NOT ${isAmong(cut)}`;
  return cut.length === 0
    ? others
    : `${others} UNION ALL SELECT ${OF_STATEMENTS} FROM (${recordsOf(cut)}) WHERE principal = $principal`;
}

function isAmong(indexes: readonly string[]): string {
  return `index IN (${['', ...indexes].map(duckdbLiteral).join(', ')})`;
}

/** INVARIANT 139: sums leave out no outcome: indexes with the decision of one that stands alone among `records` are found, to be read. */
async function begunIn(
  db: Database,
  indexes: readonly string[],
  records: string,
  parameters: Record<string, Parameter>,
): Promise<string[]> {
  const ids = await db.rows<{ id: string }>(
    `WITH found AS (${records}) SELECT DISTINCT id FROM found WHERE kind IN ('outcome', 'seen') AND id IS NOT NULL
       AND id NOT IN (SELECT id FROM found WHERE kind = 'decision' AND id IS NOT NULL)`,
    parameters,
  );
  if (ids.length === 0 || indexes.length === 0) return [];
  const found = await db.rows<{ index: string }>(
    `SELECT DISTINCT index FROM ${reading(indexes)} WHERE digest IS NULL AND principal = $principal AND kind = 'decision' AND id IN (${ids.map(({ id }) => duckdbLiteral(id)).join(', ')})`,
    parameters,
  );
  return found.map(({ index }) => index);
}
