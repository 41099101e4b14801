/** What a principal took in a time, as figures, without judgement or wording. */
import type { RecordTable } from '../read/source.ts';
import { stepFor } from '../read/steps.ts';
import { QUARTER } from '../read/sums.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { peopleOf } from './people.ts';
import type { ShownSubjects } from './people-bounds.ts';
import { instant, stepOf } from './period.ts';
import { makeSums, makeTaken, parametersOfTaken, type WhoAndWhen } from './taken.ts';

export interface Totals {
  readonly statements: number;
  readonly refused: number;
  /** Stopped by a limit while they ran. */
  readonly stopped: number;
  /** Allowed in observe mode; an enforced role's would have been refused. */
  readonly observed: number;
  readonly rows: number;
  readonly bytes: number;
  readonly changed: number;
  /** Statements without a recorded outcome. */
  readonly unended: number;
  /** Outcomes with a decision that is not in the log: the statements are not known. */
  readonly undecided: number;
  /** Milliseconds since the epoch, for the first and last statement. */
  readonly first?: number;
  readonly last?: number;
  readonly users: readonly string[];
  readonly roles: readonly string[];
  readonly databases: readonly string[];
}

/** A table or column, and the totals of the statements that read it. A statement that reads several counts for each. */
export interface ReadTotals {
  readonly name: string;
  readonly statements: number;
  readonly rows: number;
  readonly bytes: number;
  readonly changed: number;
}

export interface StatementTaken extends ReadTotals {
  readonly fingerprint: string;
  readonly refused: number;
  readonly people: number;
  readonly first: number;
  readonly last: number;
}

export interface BreachStep {
  /** Local time, in milliseconds. */
  readonly at: number;
  readonly statements: number;
  readonly refused: number;
  readonly rows: number;
  readonly bytes: number;
  readonly people: number;
}

export interface ClientSeen {
  readonly address: string;
  readonly application: string;
  readonly certificate?: string;
  readonly sessions: number;
  readonly statements: number;
  readonly rows: number;
  readonly first: number;
  readonly last: number;
}

/** Events: locks, releases, raises, permits, openings, canaries, warnings, refused logins. */
export interface Event {
  readonly at: number;
  readonly kind: string;
  readonly what: string;
  readonly by?: string;
  readonly times: number;
}

/** Statements that the guard refused or, `late`, stopped while they ran. */
export interface RefusedStatements {
  readonly reason: string;
  readonly late: boolean;
  readonly times: number;
  /** Milliseconds since the epoch. */
  readonly last: number;
  /** The newest of them. */
  readonly example: {
    readonly id: string;
    readonly rule?: string;
    readonly command?: string;
    readonly statement?: string;
  };
}

/** Statements without an outcome, grouped by who could take how much. */
export interface WithoutOutcome {
  readonly role?: string;
  readonly policy?: string;
  /** Hashes of that policy's kept files, if the log has them. */
  readonly kept: readonly string[];
  readonly statements: number;
}

export interface Breach {
  readonly coverage: Coverage;
  readonly totals: Totals;
  readonly people: readonly ShownSubjects[];
  readonly tables: readonly ReadTotals[];
  readonly columns: readonly ReadTotals[];
  readonly statements: readonly StatementTaken[];
  /** The number of different normalized texts. */
  readonly shapes: number;
  readonly step: number;
  readonly timeline: readonly BreachStep[];
  readonly clients: readonly ClientSeen[];
  readonly refusals: readonly RefusedStatements[];
  readonly events: readonly Event[];
  readonly unended: readonly WithoutOutcome[];
  /** By command: statements that changed rows, or may have. */
  readonly removing: readonly { readonly command: string; readonly statements: number; readonly changed: number }[];
}

const MOST_STATEMENTS = 100;
const MOST_EVENTS = 500;
const AMOUNTS = `sum(n)::BIGINT AS statements, sum("rows")::BIGINT AS "rows"`;
const REFUSED = 'coalesce(sum(n) FILTER (refused), 0)::BIGINT AS refused';
const SUMS = `${AMOUNTS}, sum(bytes)::BIGINT AS bytes, sum(changed)::BIGINT AS changed`;
const READ = `${SUMS} FROM (SELECT *, unnest(NAMES) AS name FROM by_shape WHERE NOT refused) GROUP BY name ORDER BY "rows" DESC, bytes DESC, name`;

/** With `singly`, leaves the tables `taken` and `shown` behind, for the search for one person. */
export async function breachOf(source: RecordTable, asked: WhoAndWhen): Promise<Breach> {
  const { db } = source;
  const parameters = parametersOfTaken(asked);
  const rows = <T>(sql: string): Promise<T[]> => db.rows<T>(sql, parameters);
  const sums = async (singly: boolean, step?: number): Promise<Totals> => {
    const summed = await makeTaken(source, { ...asked, singly });
    await makeSums(db, summed, step);
    const [totals] = await rows<Totals>(TOTALS);
    if (!totals) throw new Error('a sum without a row');
    return totals;
  };
  const totals = await sums(asked.singly ?? false);
  const { first, last } = totals;
  const step = stepFor((last ?? 0) - (first ?? 0));
  // The steps of sums are too long.
  if (step < QUARTER && totals.statements > 0) await sums(true, step);
  return {
    coverage: await coverageOf(source, asked.since),
    totals,
    people: await peopleOf(db),
    tables: await rows(`SELECT name, ${READ.replace('NAMES', 'tables')}`),
    columns: await rows(`SELECT name, ${READ.replace('NAMES', '"columns"')}`),
    statements: await rows(STATEMENTS),
    shapes:
      (await rows<{ n: number }>("SELECT count(DISTINCT coalesce(fingerprint, '')) AS n FROM by_shape"))[0]?.n ?? 0,
    step,
    timeline: await rows(timeline(step)),
    clients: await rows(CLIENTS),
    refusals: await rows(
      `SELECT reason, bool_or(NOT refused) AS late, sum(n)::BIGINT AS times, epoch_ms(max(ended)) AS last,
         max_by({ 'id': id, 'rule': rule, 'command': command, 'statement': statement }, last_started) AS example
       FROM by_shape WHERE refused OR status = 'cut' GROUP BY 1 ORDER BY times DESC, 1`,
    ),
    events: await rows(EVENTS),
    unended: totals.unended === 0 ? [] : await rows(UNENDED),
    removing: await rows(
      `SELECT command, sum(n)::BIGINT AS statements, sum(changed)::BIGINT AS changed FROM by_shape
       WHERE NOT refused AND command IS NOT NULL AND coalesce(status, '') <> 'error' AND regexp_matches(command, '^(DELETE|TRUNCATE|DROP)') GROUP BY command ORDER BY command`,
    ),
  };
}

const UNENDED = `SELECT role, policy, coalesce(kept, []) AS kept, statements FROM
    (SELECT role, policy, count(*) AS statements FROM taken WHERE unended GROUP BY role, policy)
    LEFT JOIN (SELECT "to" AS policy, list_sort(list(DISTINCT kept)) AS kept FROM events WHERE kind = 'policy' AND kept IS NOT NULL GROUP BY "to") USING (policy)
  ORDER BY statements DESC, role, policy`;

function names(column: string): string {
  return `(SELECT coalesce(list_sort(list(DISTINCT ${column}) FILTER (${column} IS NOT NULL)), []) FROM by_session)`;
}

const TOTALS = `SELECT coalesce(sum(n), 0)::BIGINT AS statements, ${REFUSED}, coalesce(sum(n) FILTER (status = 'cut'), 0)::BIGINT AS stopped,
  coalesce(sum(n) FILTER (would = 'refuse'), 0)::BIGINT AS observed,
  coalesce(sum("rows"), 0)::BIGINT AS "rows", coalesce(sum(bytes), 0)::BIGINT AS bytes, coalesce(sum(changed), 0)::BIGINT AS changed,
  (SELECT count(*) FILTER (unended) FROM taken) AS unended, (SELECT count(*) FILTER (undecided) FROM taken) AS undecided,
  epoch_ms(min(time)) AS first, epoch_ms(max(ended)) AS last,
  ${names('"user"')} AS users, ${names('role')} AS roles, ${names('"database"')} AS databases FROM by_shape`;

const STATEMENTS = `SELECT t.fingerprint, max(coalesce(statement, command, '')) AS name, sum(n)::BIGINT AS statements, ${REFUSED},
  sum("rows")::BIGINT AS "rows", sum(bytes)::BIGINT AS bytes, sum(changed)::BIGINT AS changed,
  coalesce(max(people), 0) AS people, epoch_ms(min(time)) AS first, epoch_ms(max(ended)) AS last
  FROM by_shape AS t LEFT JOIN (SELECT fingerprint, count(*) AS people FROM (${each('fingerprints', 'fingerprint')}) GROUP BY fingerprint) AS p ON coalesce(t.fingerprint, '') = p.fingerprint
  GROUP BY t.fingerprint ORDER BY "rows" DESC, statements DESC, t.fingerprint LIMIT ${MOST_STATEMENTS}`;

/** Of each person, each once. */
function each(list: string, name: string): string {
  return `SELECT subject, person, unnest(list_distinct(flatten(list(${list})))) AS ${name} FROM by_met GROUP BY subject, person`;
}

function timeline(step: number): string {
  const at = stepOf('time', step);
  return `WITH steps AS (SELECT time, ${at} AS "at" FROM (SELECT DISTINCT time FROM by_step))
    SELECT "at", statements, refused, "rows", bytes, coalesce(people, 0) AS people FROM
    (SELECT "at", ${AMOUNTS}, ${REFUSED}, sum(bytes)::BIGINT AS bytes FROM by_step JOIN steps USING (time) GROUP BY 1)
    LEFT JOIN (SELECT "at", count(*) AS people FROM (
      SELECT DISTINCT "at", subject, person FROM (${each('steps', 'step')}) JOIN steps ON epoch_ms(time) = step)
      GROUP BY 1) USING ("at")
    ORDER BY "at"`;
}

const CLIENTS = `SELECT coalesce(client, 'not known') AS address, coalesce(application, '') AS application, certificate,
  count(DISTINCT session) AS sessions, ${AMOUNTS}, epoch_ms(min(time)) AS first, epoch_ms(max(ended)) AS last
  FROM by_session GROUP BY ALL ORDER BY "rows" DESC, statements DESC, address, application`;

/** Events of the principal, whichever end user acted; repetitions within a minute count as one. */
const EVENTS = `SELECT epoch_ms(min(began)) AS "at", kind, what, any_value("by") AS "by", sum(n)::BIGINT AS times FROM (
    SELECT coalesce("since", time) AS began, coalesce("count", 1) AS n, kind, "by", concat_ws('; ', CASE WHEN kind = 'canary' THEN 'made-up ' || canary.subject END, status,
      CASE WHEN "limit".name <> coalesce(reason, '') THEN "limit".name END,
      nullif(reason, ''), message, CASE WHEN until IS NOT NULL THEN 'until ' || until END) AS what
    FROM events WHERE principal = $principal AND kind <> 'policy'
      AND time >= ${instant('$since')} AND time < ${instant('$until')})
  GROUP BY kind, what, date_trunc('minute', began) ORDER BY "at", kind LIMIT ${MOST_EVENTS}`;
