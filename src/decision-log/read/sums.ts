/**
 * What a principal's statements add up to, as the report on it shows them. A closed file's index has these sums for each principal; of what no index has added
 * up, a report makes the same sums from records.
 */
import { subjectCounts } from './columns.ts';
import { takesSomething } from './statement-kinds.ts';

/** In milliseconds. In every time zone, a day begins at one of these. */
export const QUARTER = 900_000;

/** SQL of a list of columns. The sums have them too, besides `principal` in a digest. */
export const SUMS = {
  /** Alike in text and result. `id`: the newest; `time` to `last_started` and `first_ended` to `ended`: when they began and ended. */
  shape:
    'fingerprint, command, statement, tables, columns, rule, reason, status, would, refused, n, "rows", bytes, changed, id, time, last_started, first_ended, ended',
  session: 'session, "user", role, "database", client, application, certificate, n, "rows", time, ended',
  /** `time`: when the step began. */
  step: 'time, refused, n, "rows", bytes',
  /** A person who was shown: in which steps, by which fingerprints. */
  met: 'subject, person, steps, fingerprints',
  counts: 'subject, counts',
} as const;
export type SumName = keyof typeof SUMS;
export const SUM_NAMES = Object.keys(SUMS) as SumName[];
export const SUM_COLUMNS = [...new Set(Object.values(SUMS).flatMap((columns) => columns.split(', ')))].join(', ');

const AMOUNTS = 'count(*) AS n, sum("rows")::BIGINT AS "rows"';

/**
 * Queries of the sums for each principal. `statements`: a table that `statementsOf` made; `shown`: as `shownBy` makes. `step`: in milliseconds.
 */
export function sumsOf(statements: string, shown: string, step = QUARTER): Readonly<Record<SumName, string>> {
  return {
    shape: `SELECT principal, fingerprint, command, statement, tables, columns, rule,
        CASE WHEN refused OR status = 'cut' THEN coalesce(reason, status, effect) END AS reason,
        CASE WHEN status IN ('cut', 'error') THEN status END AS status, would, refused, ${AMOUNTS}, sum(bytes)::BIGINT AS bytes, sum(changed)::BIGINT AS changed,
        max_by(id, started) AS id, min(started) AS time, max(started) AS last_started, min(ended) AS first_ended, max(ended) AS ended
      FROM ${statements} GROUP BY ALL`,
    session: `SELECT principal, session, "user", role, "database", regexp_replace(client, ':[0-9]+$', '') AS client, application, certificate, ${AMOUNTS},
        min(started) AS time, max(ended) AS ended FROM ${statements} GROUP BY ALL`,
    step: `SELECT principal, ${beginOf('ended', step)} AS time, refused, ${AMOUNTS}, sum(bytes)::BIGINT AS bytes FROM ${statements} GROUP BY ALL`,
    met: `SELECT principal, subject, person, list(epoch_ms(ended) // ${step} * ${step}) AS steps, list(coalesce(fingerprint, '')) AS fingerprints
      FROM ${shown} GROUP BY ALL`,
    counts: `SELECT principal, subject, { 'counted': sum(greatest(people - coalesce(ids, 0), 0))::BIGINT, 'questions': sum(questions)::BIGINT,
        'values': sum("values")::BIGINT, 'namedIn': count(*) FILTER (people > 0), 'countedIn': count(*) FILTER (people = 0 AND questions + "values" > 0) } AS counts
      FROM (SELECT principal, id, key AS subject, ${subjectCounts()} FROM
        (SELECT principal, id, unnest(map_entries(subjects), recursive := true) FROM ${statements} WHERE subjects IS NOT NULL))
      LEFT JOIN (SELECT id, subject, count(DISTINCT person) AS ids FROM ${shown} GROUP BY ALL) USING (id, subject) GROUP BY ALL`,
  };
}

function beginOf(column: string, step: number): string {
  return `epoch_ms(epoch_ms(${column}) // ${step} * ${step})`;
}

/** Fields of records that statements are made of. */
export const OF_STATEMENTS =
  'kind, time, id, principal, session, "user", role, client, certificate, "database", application, command, fingerprint, statement, tables, columns, effect, would, rule, policy, reason, status, "limit", "rows", bytes, changed, subjects';

/** A query of statements, a row for each that ran or was to run (`unended`: it has no recorded outcome). `decisions`, `outcomes`: records. */
export function statementsOf(decisions: string, outcomes: string): string {
  return `SELECT coalesce(d.principal, o.principal) AS principal, coalesce(d.id, o.id) AS id, coalesce(d.time, o.time) AS started, coalesce(o.time, d.time) AS ended,
      d.session, d."user", d.role, d.client, d.certificate, d."database", d.application, d.command, d.fingerprint, d.statement,
      coalesce(d.tables, []) AS tables, coalesce(d.columns, []) AS columns, d.effect, d.would, d.rule, d.policy, d.id IS NULL AS undecided,
      coalesce(d.effect IN ('refuse', 'lock') OR o.status IN ('refused', 'skipped'), false) AS refused,
      coalesce(o.reason, d.reason, CASE WHEN o.status = 'cut' THEN o."limit".name END) AS reason, o.status,
      o.id IS NULL AND coalesce(d.effect, '') NOT IN ('refuse', 'lock') AND ${takesSomething('d.command')} AS unended,
      coalesce(o.rows, 0) AS "rows", coalesce(o.bytes, 0) AS bytes, coalesce(o.changed, 0) AS changed, o.subjects
    FROM (${decisions}) AS d FULL JOIN (${outcomes}) AS o ON d.id = o.id`;
}

/** A query of the people in these statements' `subjects`, a row for each person in each of them. */
export function shownBy(statements: string): string {
  return `SELECT principal, id, ended, fingerprint, subject, person FROM (SELECT principal, id, ended, fingerprint, key AS subject, unnest(ids) AS person FROM
    (SELECT principal, id, ended, fingerprint, unnest(map_entries(subjects), recursive := true) FROM ${statements} WHERE subjects IS NOT NULL))`;
}
