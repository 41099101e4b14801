/** What each principal did in a time, and how it differs from the weeks before. */
import type { RecordTable } from '../read/source.ts';
import { QUARTER } from '../read/sums.ts';
import { instant, type Period, parametersOf, within } from './period.ts';

/** The maxima of a single day. */
export interface BusiestDay {
  readonly statements: number;
  readonly rows: number;
  readonly people: number;
  readonly refused: number;
}

export interface PrincipalDone {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly logins: number;
  /** Milliseconds since the epoch; absent if the log has none. */
  readonly lastLogin?: number;
  readonly statements: number;
  readonly refused: number;
  readonly rows: number;
  readonly bytes: number;
  readonly changed: number;
  /** Different ids of people; people that the log only counts are left out. */
  readonly people: number;
  readonly busiest: BusiestDay;
  /** Earlier days on which it sent statements. */
  readonly daysBefore: number;
  readonly busiestBefore: BusiestDay;
  /** Addresses and tables that it used in this time, but not in the weeks before. */
  readonly newAddresses: readonly string[];
  readonly newTables: readonly string[];
}

/** How many days before the time are compared with. */
export const DAYS_BEFORE = 28;
const BEFORE_MS = DAYS_BEFORE * 86_400_000;

/** One entry for each principal with records in the time. Makes temporary tables in the source's database. */
export async function principalsOf({ db }: RecordTable, period: Period): Promise<PrincipalDone[]> {
  const parameters = { ...parametersOf(period), before: period.since - BEFORE_MS };
  for (const [name, query] of Object.entries(TABLES))
    await db.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${query}`, parameters);
  return db.rows<PrincipalDone>(PRINCIPALS);
}

const INSIDE = `${within('time')} AS inside`;
const ASKED = `principal IS NOT NULL AND time >= ${instant('$before')} AND time < ${instant('$until')}`;
const QUARTER_OF = `epoch_ms(time) // ${QUARTER}`;

/** Each query reads the columns that it needs, and keeps its totals. */
const TABLES = {
  /** The local day of each quarter: computed once for each quarter, not for each record. */
  quarters: `SELECT quarter, CAST(timezone($zone, timezone('UTC', epoch_ms(quarter * ${QUARTER}))) AS DATE) AS "day"
    FROM (SELECT DISTINCT ${QUARTER_OF} AS quarter FROM records WHERE ${ASKED})`,
  days: `SELECT principal, ${INSIDE}, "day", count(*) FILTER (kind = 'login') AS logins, max(time) FILTER (kind = 'login') AS "lastLogin",
      count(*) FILTER (kind = 'decision') AS statements, count(*) FILTER (effect IN ('refuse', 'lock')) AS refused,
      coalesce(sum("rows"), 0)::BIGINT AS "rows", coalesce(sum(bytes), 0)::BIGINT AS bytes, coalesce(sum(changed), 0)::BIGINT AS changed
    FROM records JOIN quarters ON ${QUARTER_OF} = quarter
    WHERE ${ASKED} AND kind IN ('decision', 'outcome', 'seen', 'login') GROUP BY ALL`,
  /** `known`: before the time; `used`: in it. */
  clients: `SELECT principal, role, client, bool_or(NOT inside) AS known, bool_or(inside) AS used
    FROM (SELECT principal, role, client, ${INSIDE} FROM records WHERE ${ASKED} AND kind IN ('decision', 'login')) GROUP BY ALL`,
  reads: `SELECT principal, unnest(tables) AS name, known FROM (SELECT principal, tables, bool_or(NOT inside) AS known
    FROM (SELECT principal, tables, ${INSIDE} FROM records WHERE ${ASKED} AND kind = 'decision') GROUP BY ALL)`,
  met: `SELECT DISTINCT principal, inside, "day", subject, unnest(ids) AS person FROM
    (SELECT principal, inside, "day", key AS subject, ids FROM
      (SELECT principal, ${INSIDE}, "day", unnest(map_entries(subjects), recursive := true)
        FROM records JOIN quarters ON ${QUARTER_OF} = quarter WHERE ${ASKED} AND kind IN ('outcome', 'seen') AND subjects IS NOT NULL))`,
};

const BUSIEST = `{ 'statements': max(statements), 'rows': max("rows"), 'people': max(coalesce(people, 0)), 'refused': max(refused) }`;

const PRINCIPALS = `
WITH sums AS (
  SELECT principal, sum(logins)::BIGINT AS logins, epoch_ms(max("lastLogin")) AS "lastLogin", sum(statements)::BIGINT AS statements,
    sum(refused)::BIGINT AS refused, sum("rows")::BIGINT AS "rows", sum(bytes)::BIGINT AS bytes, sum(changed)::BIGINT AS changed
  FROM days WHERE inside GROUP BY principal),
each_day AS (
  SELECT * FROM days LEFT JOIN (SELECT principal, inside, "day", count(*) AS people FROM met GROUP BY ALL) USING (principal, inside, "day")),
now AS (SELECT principal, ${BUSIEST} AS busiest FROM each_day WHERE inside GROUP BY principal),
earlier AS (SELECT principal, ${BUSIEST} AS "busiestBefore", count(*) FILTER (statements > 0) AS "daysBefore" FROM each_day WHERE NOT inside GROUP BY principal),
persons AS (SELECT principal, count(*) AS people FROM (SELECT DISTINCT principal, subject, person FROM met WHERE inside) GROUP BY principal),
roles AS (SELECT principal, list_sort(list(DISTINCT role)) AS roles FROM clients WHERE role IS NOT NULL AND used GROUP BY principal),
addresses AS (SELECT principal, list_sort(list(name)) AS "newAddresses" FROM
  (SELECT principal, regexp_replace(client, ':[0-9]+$', '') AS name FROM clients WHERE client IS NOT NULL GROUP BY ALL HAVING NOT bool_or(known)) GROUP BY principal),
tables AS (SELECT principal, list_sort(list(name)) AS "newTables" FROM
  (SELECT principal, name FROM reads GROUP BY ALL HAVING NOT bool_or(known)) GROUP BY principal)
SELECT principal, coalesce(roles, []) AS roles, logins, "lastLogin", statements, refused, "rows", bytes, changed, coalesce(people, 0) AS people, busiest,
  coalesce("daysBefore", 0) AS "daysBefore", coalesce("busiestBefore", { 'statements': 0, 'rows': 0, 'people': 0, 'refused': 0 }) AS "busiestBefore",
  coalesce("newAddresses", []) AS "newAddresses", coalesce("newTables", []) AS "newTables"
FROM sums JOIN now USING (principal) LEFT JOIN earlier USING (principal) LEFT JOIN persons USING (principal) LEFT JOIN roles USING (principal)
  LEFT JOIN addresses USING (principal) LEFT JOIN tables USING (principal)
ORDER BY "rows" DESC, statements DESC, principal`;
