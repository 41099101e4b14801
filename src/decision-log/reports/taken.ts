/** What one principal took in a time: its statements with their outcomes, and the people that they showed, as tables of the source. */
import { type Database, duckdbLiteral, type Parameter } from '../read/duckdb.ts';
import { type RecordTable, reading, recordsOf } from '../read/source.ts';
import { SUM_NAMES, SUMS, shownBy, statementsOf, sumsOf } from '../read/sums.ts';
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
 * Makes `taken`, a row for each statement that ran or was to run in the time and that no index has added up (`unended`: it has no recorded outcome), and `shown`, a
 * row for each person in each of them. Returns the indexes whose sums hold the others.
 */
export async function makeTaken(source: RecordTable, asked: WhoAndWhen): Promise<readonly string[]> {
  const { db } = source;
  const parameters = parametersOfTaken(asked);
  const isSingly = asked.singly === true || asked.user !== undefined;
  const inTime = await sumsInTime(source, parameters);
  let cut = inTime.filter(({ inside }) => isSingly || !inside).map(({ index }) => index);
  await readApart(source, cut);
  const begun = await begunIn(source, cut, parameters);
  if (begun.length > 0) {
    cut = [...cut, ...begun];
    await readApart(source, cut);
  }
  const records = (kind: string): string => `SELECT * FROM apart WHERE kind = '${kind}' AND principal = $principal`;
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
export async function makeSums(
  db: Database,
  summed: readonly string[],
  principal: string,
  step?: number,
): Promise<void> {
  const sums = sumsOf('taken', 'shown', step);
  for (const name of SUM_NAMES) {
    const kept = `UNION ALL SELECT ${SUMS[name]} FROM ${reading(summed)} WHERE digest = '${name}' AND principal = $principal`;
    await db.run(
      `CREATE OR REPLACE TEMP TABLE by_${name} AS SELECT ${SUMS[name]} FROM (${sums[name]}) ${summed.length > 0 ? kept : ''}`,
      { principal },
    );
  }
}

/** Indexes with sums of statements in the time. `inside`: all of their statements are. */
function sumsInTime(
  { db }: RecordTable,
  parameters: Record<string, Parameter>,
): Promise<{ readonly index: string; readonly inside: boolean }[]> {
  return db.rows(
    `SELECT index, max(last_started) < ${instant('$until')} AND min(first_ended) >= ${instant('$since')} AS inside
     FROM digests WHERE digest = 'shape' AND principal = $principal GROUP BY index
     HAVING min(time) < ${instant('$until')} AND max(ended) >= ${instant('$since')}`,
    parameters,
  );
}

/** Makes `apart`, the records of statements that are not whole in one file, or in one of these. */
async function readApart({ db }: RecordTable, cut: readonly string[]): Promise<void> {
  await db.run(
    `CREATE OR REPLACE TEMP VIEW apart AS SELECT * FROM fresh ${cut.length > 0 ? `UNION ALL BY NAME ${recordsOf(cut)}` : ''}
     UNION ALL BY NAME SELECT * FROM digests WHERE digest = 'loose' AND index NOT IN ('', ${cut.map(duckdbLiteral).join(', ')})`,
  );
}

/** INVARIANT 139: sums leave out no outcome: files with the decision of an outcome that stands alone in `apart` are read. */
async function begunIn(
  { db, indexes }: RecordTable,
  cut: readonly string[],
  parameters: Record<string, Parameter>,
): Promise<string[]> {
  const alone = `SELECT id FROM apart WHERE principal = $principal AND kind IN ('outcome', 'seen')
    AND id NOT IN (SELECT id FROM apart WHERE principal = $principal AND kind = 'decision' AND id IS NOT NULL)`;
  const ids = await db.rows<{ id: string }>(`SELECT DISTINCT id FROM (${alone}) WHERE id IS NOT NULL`, parameters);
  const others = indexes.filter((index) => !cut.includes(index));
  if (ids.length === 0 || others.length === 0) return [];
  const found = await db.rows<{ index: string }>(
    `SELECT DISTINCT index FROM ${reading(others)} WHERE digest IS NULL AND principal = $principal AND kind = 'decision' AND id IN (${ids.map(({ id }) => duckdbLiteral(id)).join(', ')})`,
    parameters,
  );
  return found.map(({ index }) => index);
}
