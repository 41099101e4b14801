/** Asks the server, behind a pooler, which settings are in force in a session, and lists deviations: the pooler may have lost or changed them. */
import { formatSearchPath, isSearchPath, parseSearchPath } from '../guard/search-path.ts';

/** The required settings and account. */
export interface SessionPins {
  readonly pinned: ReadonlyMap<string, string>;
  /** The account that the session must run as. */
  readonly account: string;
  readonly database: string;
  /** The role's, in milliseconds. */
  readonly statementTimeout: number | undefined;
  /** Whether the role may have transactions of this level. */
  readonly mayIsolate: (level: string) => boolean;
}

/** The level of transactions that name none. */
export const ISOLATION = 'default_transaction_isolation';

export interface PinReport {
  /** `search_path is "$user", public`: empty if everything is as it should be. */
  readonly problems: readonly string[];
  /** SQL that would set them in every later connection of the account. */
  readonly remedy: readonly string[];
  /**
   * The defaults, which RESET and a new transaction return to, are wrong too: the connection is older than its account's settings, or they are
   * missing.
   */
  readonly byDefault: boolean;
  /** Identifies the session's server process. */
  readonly backend: string;
  /** When that process started: seconds since the epoch, by the server's clock. */
  readonly began: number;
}

type Rows = readonly (readonly (string | null)[])[];

/** Allowed values of client_min_messages: others would make the server tell the client more. */
export const MESSAGE_LEVELS: ReadonlySet<string> = new Set(['notice', 'warning', 'error']);

/** Every name and operator is qualified: a session with a manipulated search_path must not answer for itself. */
export function pinsQuery({ pinned }: SessionPins): string {
  const names = [...pinned.keys(), 'client_min_messages', 'statement_timeout', ISOLATION]
    .map((name) => `'${name}'`)
    .join(', ');
  return `SELECT s.name, s.setting, s.reset_val, NULL FROM pg_catalog.pg_settings AS s
 WHERE s.name OPERATOR(pg_catalog.=) ANY (ARRAY[${names}]::pg_catalog.text[])
UNION ALL SELECT ' role', pg_catalog.current_setting('role'), NULL, NULL
UNION ALL SELECT ' account', session_user::pg_catalog.text, current_user::pg_catalog.text, NULL
UNION ALL SELECT ' server', pg_catalog.pg_backend_pid()::pg_catalog.text,
 pg_catalog.pg_postmaster_start_time()::pg_catalog.text, pg_catalog.date_part('epoch', a.backend_start)::pg_catalog.text
 FROM pg_catalog.pg_stat_activity AS a WHERE a.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
UNION ALL SELECT ' default', c.setting, NULL, NULL FROM pg_catalog.pg_db_role_setting AS d, pg_catalog.unnest(d.setconfig) AS c (setting)
 WHERE pg_catalog.starts_with(c.setting, 'role=')
 AND (d.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR d.setrole OPERATOR(pg_catalog.=) session_user::pg_catalog.regrole::pg_catalog.oid)`;
}

/** Compares the server's settings with the pinned ones. @param rows those of `pinsQuery`. */
export function readPins(pins: SessionPins, rows: Rows): PinReport {
  const found = new Map(rows.map(([name, ...values]) => [name ?? '', values] as const));
  const report = new Report(pins);
  for (const [name, wanted] of pins.pinned) {
    if (name === 'role') readRole(report, found, wanted);
    else report.expect(name, found.get(name), (value) => readsAs(name, value, wanted), wanted);
  }
  const messages = found.get('client_min_messages');
  report.expect('client_min_messages', messages, (value) => MESSAGE_LEVELS.has(value), 'notice');
  report.expect(ISOLATION, found.get(ISOLATION), pins.mayIsolate, 'repeatable read');
  const cap = pins.statementTimeout;
  if (cap !== undefined) {
    const least = String(Math.max(1, Math.floor(cap)));
    const short = (value: string) => Number(value) >= 1 && Number(value) <= Math.max(1, cap);
    report.expect('statement_timeout', found.get('statement_timeout'), short, least);
  }
  const [session, current] = found.get(' account') ?? [];
  if (session !== pins.account || current !== pins.account) {
    report.problems.push(
      `the session is of "${session ?? ''}", running as "${current ?? ''}", not of "${pins.account}"`,
    );
  }
  const [pid, started, began] = found.get(' server') ?? [];
  if (!pid || !started || !began) report.problems.push('the server did not say which process it is');
  const { problems, remedy, byDefault } = report;
  return { problems, remedy, byDefault, backend: `${started} ${pid}`, began: Number(began) };
}

type Found = ReadonlyMap<string, readonly (string | null)[]>;

function readRole(report: Report, found: Found, wanted: string): void {
  const now = found.get(' role')?.[0];
  const byDefault = found.get(' default')?.[0] ?? 'role=none';
  if (now === wanted && byDefault === `role=${wanted}`) return;
  report.problems.push(`role is ${now ?? 'unknown'}, by default ${byDefault.replace('role=', '')}`);
  report.byDefault ||= byDefault !== `role=${wanted}`;
  report.remedy.push(`${report.alter} RESET role;`);
}

class Report {
  readonly problems: string[] = [];
  readonly remedy: string[] = [];
  byDefault = false;
  readonly alter: string;

  constructor({ account, database }: SessionPins) {
    this.alter = `ALTER ROLE ${quoted(account)} IN DATABASE ${quoted(database)}`;
  }

  expect(
    name: string,
    values: readonly (string | null)[] | undefined,
    holds: (value: string) => boolean,
    wanted: string,
  ): void {
    const [now, reset] = values ?? [];
    if (now === undefined || now === null || reset === undefined || reset === null) {
      this.problems.push(`${name} cannot be read`);
      return;
    }
    // The default, which RESET and a new connection return to, must be right as well.
    if (holds(now) && holds(reset)) return;
    this.problems.push(now === reset ? `${name} is ${now}` : `${name} is ${now}, by default ${reset}`);
    this.byDefault ||= !holds(reset);
    this.remedy.push(`${this.alter} SET ${name} = ${name === 'search_path' ? wanted : `'${wanted}'`};`);
  }
}

/** Whether a value that the server shows equals the required one. */
export function readsAs(name: string, value: string, wanted: string): boolean {
  if (name === 'search_path') return isSearchPath(listOf(value), listOf(wanted) ?? []);
  return value === wanted;
}

/** SET writes the empty list as one name without a letter. */
function listOf(path: string): readonly string[] | undefined {
  return path === '' || path === '""' ? [] : parseSearchPath(path);
}

function quoted(name: string): string {
  return formatSearchPath([name]);
}
