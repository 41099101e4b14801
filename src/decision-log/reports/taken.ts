/** What one principal took in a time: its statements with their outcomes, and the people that they showed, as tables of the source. */
import type { Parameter } from '../read/duckdb.ts';
import type { RecordTable } from '../read/source.ts';
import { takesSomething } from '../read/statement-kinds.ts';
import { instant, type Period, parametersOf } from './period.ts';

export interface WhoAndWhen extends Period {
  readonly principal: string;
  /** The end user; absent: all of them. An outcome without a decision may belong to any, and is included. */
  readonly user?: string | undefined;
}

export function parametersOfTaken(asked: WhoAndWhen): Record<string, Parameter> {
  return { ...parametersOf(asked), principal: asked.principal, user: asked.user ?? null };
}

/**
 * Makes `taken`, a row for each statement that ran or was to run in the time (`unended`: it has no recorded outcome), and `shown`, a row for each
 * person in each statement.
 */
export async function makeTaken({ db }: RecordTable, asked: WhoAndWhen): Promise<void> {
  const parameters = parametersOfTaken(asked);
  // A statement that began before the time may have continued in it: only the outcome tells.
  await db.run(
    `CREATE OR REPLACE TEMP TABLE taken AS
    SELECT coalesce(d.id, o.id) AS id, coalesce(d.time, o.time) AS started, coalesce(o.time, d.time) AS ended,
      d.session, d."user", d.role, d.client, d.certificate, d.database, d.application, d.command, d.fingerprint, d.statement,
      coalesce(d.tables, []) AS tables, coalesce(d.columns, []) AS columns, d.effect, d.would, d.rule, d.policy, d.id IS NULL AS undecided,
      coalesce(d.effect IN ('refuse', 'lock') OR o.status IN ('refused', 'skipped'), false) AS refused,
      coalesce(o.reason, d.reason, CASE WHEN o.status = 'cut' THEN o."limit".name END) AS reason, o.status,
      o.id IS NULL AND coalesce(d.effect, '') NOT IN ('refuse', 'lock') AND ${takesSomething('d.command')} AS unended,
      coalesce(o.rows, 0) AS "rows", coalesce(o.bytes, 0) AS bytes, coalesce(o.changed, 0) AS changed, o.subjects
    FROM (SELECT * FROM records WHERE kind = 'decision' AND principal = $principal AND time < ${instant('$until')}) AS d
    FULL JOIN (SELECT * FROM records WHERE kind = 'outcome' AND principal = $principal AND time >= ${instant('$since')}) AS o ON d.id = o.id
    WHERE coalesce(d.time, o.time) < ${instant('$until')} AND coalesce(o.time, d.time) >= ${instant('$since')}
      AND ($user IS NULL OR d."user" = $user OR d.id IS NULL)`,
    parameters,
  );
  await db.run(
    `CREATE OR REPLACE TEMP TABLE shown AS
    WITH named AS (
      SELECT id, unnest(map_entries(subjects), recursive := true) FROM taken WHERE subjects IS NOT NULL
      UNION ALL BY NAME
      SELECT id, unnest(map_entries(subjects), recursive := true) FROM records
        WHERE kind = 'seen' AND principal = $principal AND id IN (SELECT id FROM taken)
    )
    SELECT id, subject, person FROM (SELECT id, key AS subject, unnest(ids) AS person FROM named)`,
    parameters,
  );
}
