/** `rowgate access --stale`: principals that were not used for long, by the decision log, and what they could read. */

import type { RecordTable } from '../decision-log/read/source.ts';
import { coverageOf, gapsOf } from '../decision-log/reports/coverage.ts';
import { grantsOfTables, type Policy, type Principal } from '../policy/model/policy.ts';
import { shownTime } from '../policy/source/calendar.ts';
import { table } from './ask-guard.ts';
import { groundOf } from './ground.ts';
import { type IndexOptions, type LogCommandOptions, logSource, withRecords } from './log-source.ts';

interface StaleOptions extends LogCommandOptions, IndexOptions {
  readonly catalog?: string;
  readonly days: number;
}

interface StalePrincipal {
  readonly principal: string;
  readonly role: string;
  /** ISO times; absent: never in this log. */
  readonly lastLogin?: string;
  readonly lastUsed?: string;
  /** It could not log in now as it is. */
  readonly closed?: 'expired' | 'break-glass' | 'errors';
  /** Names of tables that it is granted to read; absent: everything. */
  readonly reads?: readonly string[];
}

interface Stale {
  readonly days: number;
  /** Not used since then, ISO time. */
  readonly since: string;
  /** The first record, ISO time. */
  readonly logBegins?: string;
  /** Reasons why the access may have been used although the log does not show it; empty if the log covers the whole time. */
  readonly doubts: readonly string[];
  readonly stale: readonly StalePrincipal[];
  readonly principals: number;
  readonly timeZone: string;
}

const DAY_MS = 86_400_000;

/** Undefined if nothing could be found out: the problem was printed, and the exit code is set. */
export async function findStale(options: StaleOptions): Promise<Stale | undefined> {
  const log = logSource(options);
  const ground = log && (await groundOf(options, 'whole'));
  if (!ground) return undefined;
  const { policy } = ground;
  const now = Date.now();
  const since = now - options.days * DAY_MS;
  const { timeZone } = log;
  return withRecords(log, options, async (source) => {
    const uses = new Map((await lastUseOf(source)).map((use) => [use.principal, use]));
    const coverage = await coverageOf(source, since);
    const stale = [...policy.principals.values()].flatMap((principal): StalePrincipal[] => {
      const use = uses.get(principal.name);
      if (use && use.lastUse >= since) return [];
      const { lastLogin, lastUse } = use ?? {};
      return [
        {
          ...described(principal, policy, now),
          ...(lastLogin !== undefined && { lastLogin: iso(lastLogin) }),
          ...(lastUse !== undefined && { lastUsed: iso(lastUse) }),
        },
      ];
    });
    const { first } = coverage;
    const short = first === undefined || first > since ? [shortLog(first, now, timeZone)] : [];
    const doubts = [...short, ...gapsOf(coverage)];
    const begins = first === undefined ? {} : { logBegins: iso(first) };
    const principals = policy.principals.size;
    return {
      days: options.days,
      since: iso(since),
      ...begins,
      doubts,
      stale: stale.sort(byUse),
      principals,
      timeZone,
    };
  });
}

function described(principal: Principal, { roles }: Policy, now: number): StalePrincipal {
  const role = roles.get(principal.role);
  const reads = role ? grantsOfTables(role).filter(({ select }) => select !== undefined) : [];
  const names = reads.map(({ relation }) => `${relation.schema}.${relation.name}`).sort();
  const closed = closedBy(principal, role?.disabled !== undefined || !role, now);
  return {
    principal: principal.name,
    role: principal.role,
    ...(closed && { closed }),
    ...(role?.access !== 'unrestricted' && { reads: names }),
  };
}

function closedBy(
  { disabled, validUntil, breakGlass }: Principal,
  roleIs: boolean,
  now: number,
): StalePrincipal['closed'] {
  if (disabled !== undefined || roleIs) return 'errors';
  if (validUntil !== undefined && validUntil < now) return 'expired';
  return breakGlass ? 'break-glass' : undefined;
}

function shortLog(first: number | undefined, now: number, timeZone: string): string {
  if (first === undefined) return 'The log is empty: it does not say when principals were used.';
  const days = Math.floor((now - first) / DAY_MS);
  const back = `The log reaches back to ${shownTime(first, timeZone)} alone, ${days === 1 ? '1 day' : `${days} days`}`;
  return `${back}: those named here were not there since then, and what was before it does not say.`;
}

/** Those who were never there first, then by how long it is ago. */
function byUse(one: StalePrincipal, other: StalePrincipal): number {
  const [a, b] = [one.lastUsed ?? '', other.lastUsed ?? ''];
  return a < b ? -1 : a > b ? 1 : one.principal < other.principal ? -1 : 1;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

/** More tables than this are counted. */
const LISTED = 3;

export function staleInWords({ days, since, doubts, stale, principals, timeZone }: Stale): string {
  const at = (time: string | undefined): string =>
    time === undefined ? 'never in this log' : shownTime(time, timeZone);
  const head = ['principal', 'role', 'last login', 'last used', 'now', 'may read'];
  const rows = stale.map(({ principal, role, lastLogin, lastUsed, closed, reads }) => [
    principal,
    role,
    at(lastLogin),
    at(lastUsed),
    closed ?? 'open',
    tables(reads),
  ]);
  const lines = [
    `not used for ${days} days, since ${at(since)}: ${stale.length} of ${principals} principals\n`,
    ...doubts.map((doubt) => `${doubt}\n`),
    ...(rows.length === 0 ? [] : ['\n', table([head, ...rows])]),
  ];
  return lines.join('');
}

function tables(reads: readonly string[] | undefined): string {
  if (!reads) return 'everything';
  if (reads.length === 0) return 'nothing';
  const more = reads.length - LISTED;
  return `${reads.slice(0, LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

interface LastUse {
  readonly principal: string;
  /** Milliseconds since the epoch; absent if the session began before the log. */
  readonly lastLogin?: number;
  readonly lastUse: number;
}

/** By principal, in alphabetical order; principals without a record are missing. */
async function lastUseOf({ db }: RecordTable): Promise<LastUse[]> {
  return db.rows<LastUse>(
    `SELECT principal, epoch_ms(max(time) FILTER (kind = 'login')) AS "lastLogin", epoch_ms(max(time)) AS "lastUse"
     FROM records WHERE kind IN ('login', 'decision') AND principal IS NOT NULL GROUP BY principal ORDER BY principal`,
  );
}
