/** What each principal did in a time, and what of it is unlike its own weeks before. */
import type { Source } from '../source.ts';
import { instant, type Period, parametersOf, within } from './period.ts';

/** The most of one day. */
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
  /** Milliseconds since the epoch; absent where none is in the log. */
  readonly lastLogin?: number;
  readonly statements: number;
  readonly refused: number;
  readonly rows: number;
  readonly bytes: number;
  readonly changed: number;
  /** Different ids of people; without those whom the log only counts. */
  readonly people: number;
  readonly busiest: BusiestDay;
  /** Of the days before, on which it sent statements. */
  readonly daysBefore: number;
  readonly busiestBefore: BusiestDay;
  /** Addresses and tables that it used in this time, and not in the weeks before. */
  readonly newAddresses: readonly string[];
  readonly newTables: readonly string[];
}

/** Days with which a time is compared. */
export const DAYS_BEFORE = 28;
const BEFORE_MS = DAYS_BEFORE * 86_400_000;

export async function principalsOf({ db }: Source, period: Period): Promise<PrincipalDone[]> {
  const parameters = { ...parametersOf(period), before: period.since - BEFORE_MS };
  await db.run(
    `CREATE OR REPLACE TEMP TABLE done AS
    SELECT principal, kind, role, id, session, ${within('time')} AS inside, time, CAST(timezone($zone, timezone('UTC', time)) AS DATE) AS "day",
      coalesce(effect IN ('refuse', 'lock'), false) AS refused, coalesce("rows", 0) AS "rows", coalesce(bytes, 0) AS bytes, coalesce(changed, 0) AS changed,
      subjects, tables, regexp_replace(client, ':[0-9]+$', '') AS address
    FROM records WHERE kind IN ('decision', 'outcome', 'seen', 'login') AND principal IS NOT NULL
      AND time >= ${instant('$before')} AND time < ${instant('$until')}`,
    parameters,
  );
  await db.run(
    `CREATE OR REPLACE TEMP TABLE met AS SELECT principal, inside, "day", key AS subject, unnest(ids) AS person FROM
      (SELECT principal, inside, "day", unnest(map_entries(subjects), recursive := true) FROM done WHERE subjects IS NOT NULL)`,
  );
  return db.rows<PrincipalDone>(PRINCIPALS);
}

const BUSIEST = `{ 'statements': coalesce(max(statements), 0), 'rows': coalesce(max("rows"), 0), 'people': coalesce(max(people), 0), 'refused': coalesce(max(refused), 0) }`;

const PRINCIPALS = `
WITH sums AS (
  SELECT principal, coalesce(list_sort(list(DISTINCT role) FILTER (role IS NOT NULL)), []) AS roles, count(*) FILTER (kind = 'login') AS logins,
    epoch_ms(max(time) FILTER (kind = 'login')) AS "lastLogin", count(*) FILTER (kind = 'decision') AS statements,
    count(*) FILTER (refused) AS refused, sum("rows")::BIGINT AS "rows", sum(bytes)::BIGINT AS bytes, sum(changed)::BIGINT AS changed
  FROM done WHERE inside GROUP BY principal),
days AS (
  SELECT principal, inside, "day", statements, "rows", coalesce(people, 0) AS people, refused FROM
    (SELECT principal, inside, "day", count(*) FILTER (kind = 'decision') AS statements, sum("rows")::BIGINT AS "rows", count(*) FILTER (refused) AS refused
      FROM done GROUP BY ALL)
    LEFT JOIN (SELECT principal, inside, "day", count(DISTINCT (subject, person)) AS people FROM met GROUP BY ALL) USING (principal, inside, "day")),
now AS (SELECT principal, ${BUSIEST} AS busiest FROM days WHERE inside GROUP BY principal),
earlier AS (SELECT principal, ${BUSIEST} AS "busiestBefore", count(*) FILTER (statements > 0) AS "daysBefore" FROM days WHERE NOT inside GROUP BY principal),
addresses AS (SELECT principal, address AS name, bool_or(NOT inside) AS known FROM done WHERE address IS NOT NULL GROUP BY ALL),
reads AS (SELECT principal, name, bool_or(NOT inside) AS known FROM (SELECT principal, inside, unnest(tables) AS name FROM done WHERE kind = 'decision') GROUP BY ALL)
SELECT principal, roles, logins, "lastLogin", statements, refused, "rows", bytes, changed,
  coalesce((SELECT count(DISTINCT (subject, person)) FROM met WHERE met.principal = sums.principal AND met.inside), 0) AS people, busiest,
  coalesce("daysBefore", 0) AS "daysBefore", coalesce("busiestBefore", { 'statements': 0, 'rows': 0, 'people': 0, 'refused': 0 }) AS "busiestBefore",
  coalesce((SELECT list_sort(list(name)) FROM addresses AS a WHERE a.principal = sums.principal AND NOT known), []) AS "newAddresses",
  coalesce((SELECT list_sort(list(name)) FROM reads AS r WHERE r.principal = sums.principal AND NOT known), []) AS "newTables"
FROM sums JOIN now USING (principal) LEFT JOIN earlier USING (principal)
ORDER BY "rows" DESC, statements DESC, principal`;
