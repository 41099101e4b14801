/** What was refused in a time: before it ran, while it ran, and at login. */
import type { RecordTable } from '../read/source.ts';
import { stepFor } from '../read/steps.ts';
import { type Period, parametersOf, stepOf, within } from './period.ts';

export interface RefusedBy {
  readonly name: string;
  readonly times: number;
  /** Allowed in observe mode, otherwise refused: not included in `times`. */
  readonly observed: number;
  readonly principals: number;
  /** Milliseconds since the epoch. */
  readonly first: number;
  readonly last: number;
}

export interface Refusals {
  readonly statements: number;
  /** Those that were stopped while they ran: by a limit, or by a new row that is not allowed. */
  readonly late: number;
  readonly logins: number;
  /** Allowed in observe mode, otherwise refused. */
  readonly observed: number;
  /** All decisions in the time. */
  readonly decisions: number;
  readonly byReason: readonly RefusedBy[];
  readonly byPrincipal: readonly (RefusedBy & { readonly reasons: readonly string[] })[];
  readonly byTable: readonly RefusedBy[];
  readonly loginsBy: readonly RefusedBy[];
  readonly step: number;
  readonly timeline: readonly {
    readonly at: number;
    readonly times: number;
    readonly observed: number;
    readonly logins: number;
  }[];
}

const MOST = 200;
/** A record of refused logins may stand for several: `n`. */
const sumOf = (which: string): string => `coalesce(sum(n) FILTER (${which}), 0)::BIGINT`;
const COUNTS = `${sumOf('NOT observed')} AS times, ${sumOf('observed')} AS observed`;
const SUMS = `${COUNTS}, count(DISTINCT principal) AS principals, epoch_ms(min(began)) AS first, epoch_ms(max(time)) AS last`;
const ORDER = `ORDER BY times DESC, observed DESC, name LIMIT ${MOST}`;

/** Counts refused statements and logins. Makes temporary tables in the source's database. */
export async function refusalsOf({ db }: RecordTable, period: Period): Promise<Refusals> {
  const parameters = parametersOf(period);
  const rows = <T>(sql: string): Promise<T[]> => db.rows<T>(sql, parameters);
  await db.run(
    `CREATE OR REPLACE TEMP TABLE refused AS
    SELECT time, coalesce("since", time) AS began, coalesce("count", 1) AS n, principal, kind = 'login-refused' AS login, kind = 'outcome' AS late,
      kind = 'decision' AND effect NOT IN ('refuse', 'lock') AS observed, id, tables,
      coalesce(reason, CASE WHEN kind = 'outcome' THEN coalesce("limit".name, status) ELSE effect END, kind) AS reason
    FROM records WHERE ${within('time')} AND (
      (kind = 'decision' AND (effect IN ('refuse', 'lock') OR would = 'refuse')) OR (kind = 'outcome' AND (status = 'cut' OR reason IS NOT NULL)) OR kind = 'login-refused')`,
    parameters,
  );
  await db.run(
    `UPDATE refused SET tables = d.tables FROM (SELECT id, tables FROM records WHERE kind = 'decision' AND id IN (SELECT id FROM refused WHERE late)) AS d
    WHERE refused.id = d.id AND refused.late`,
  );
  const [totals] = await rows<
    Pick<Refusals, 'statements' | 'late' | 'logins' | 'observed'> & { first?: number; last?: number }
  >(
    `SELECT count(*) FILTER (NOT login AND NOT observed) AS statements, count(*) FILTER (observed) AS observed, count(*) FILTER (late) AS late, ${sumOf('login')} AS logins,
      epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last FROM refused`,
  );
  const [all] = await rows<Pick<Refusals, 'decisions'>>(
    `SELECT count(*) AS decisions FROM records WHERE kind = 'decision' AND ${within('time')}`,
  );
  const step = stepFor((totals?.last ?? 0) - (totals?.first ?? 0));
  return {
    statements: totals?.statements ?? 0,
    late: totals?.late ?? 0,
    logins: totals?.logins ?? 0,
    observed: totals?.observed ?? 0,
    decisions: all?.decisions ?? 0,
    byReason: await rows(`SELECT reason AS name, ${SUMS} FROM refused WHERE NOT login GROUP BY reason ${ORDER}`),
    byPrincipal: await rows(
      `SELECT coalesce(principal, '') AS name, ${SUMS}, list_sort(list(DISTINCT reason)) AS reasons FROM refused WHERE NOT login GROUP BY principal ${ORDER}`,
    ),
    byTable: await rows(
      `SELECT name, ${SUMS} FROM (SELECT *, unnest(tables) AS name FROM refused WHERE NOT login) GROUP BY name ${ORDER}`,
    ),
    loginsBy: await rows(
      `SELECT coalesce(principal, '') AS name, ${SUMS} FROM refused WHERE login GROUP BY principal ${ORDER}`,
    ),
    step,
    timeline: await rows(
      `SELECT ${stepOf('time', step)} AS "at", count(*) FILTER (NOT login AND NOT observed) AS times,
        count(*) FILTER (observed) AS observed, ${sumOf('login')} AS logins FROM refused GROUP BY 1 ORDER BY 1`,
    ),
  };
}
