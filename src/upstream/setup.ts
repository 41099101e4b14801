/** Makes a new session at the server ready for a client: verifies what is pinned, and sets what the client chose. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { type LoginRefusal, upstreamRefused } from '../core/login-refusal.ts';
import { mayIsolate } from '../guard/settings.ts';
import { isGuarded } from '../policy/model/is-guarded.ts';
import type { Policy, RolePolicy } from '../policy/model/policy.ts';
import { bind } from '../protocol/bind.ts';
import { close } from '../protocol/describe.ts';
import { execute } from '../protocol/execute.ts';
import { parse } from '../protocol/parse.ts';
import { sync } from '../protocol/simple-frontend.ts';
import type { NewSession, SessionOpener } from './connect.ts';
import { type QueryRows, send } from './own-query.ts';
import { type Pooling, upstreamParameters } from './parameters.ts';
import type { PasswordSource } from './password.ts';
import { UpstreamError } from './upstream-error.ts';
import { ISOLATION, MESSAGE_LEVELS, pinsQuery, readPins, readsAs, type SessionPins } from './verify-settings.ts';

/** The account that a role uses at the server. */
export interface UpstreamAccount {
  readonly user: string;
  readonly password?: PasswordSource;
}

export interface SetupOptions {
  readonly pooling: Pooling;
  readonly pinned: ReadonlyMap<string, string>;
  readonly database: string;
}

export class UpstreamSetup {
  /** Server processes of the live sessions, with a session pooler. */
  private readonly backends = new Set<string>();
  /** By account: when the youngest connection with wrong defaults was opened. */
  private readonly badUntil = new Map<string, number>();
  /** Accounts of roles with statements that are not held to the policy. */
  private readonly free = new Set<string>();
  /** Accounts with connections that may all have been changed; the time is still to be asked of the server. */
  private readonly distrusted = new Set<string>();

  constructor(private readonly options: SetupOptions) {}

  /**
   * A policy came into force. With a transaction pooler, a role that relies on pinned settings must not get a connection that a role was free to
   * change, not even its own earlier ones: the pool must be restarted first.
   */
  follow({ roles }: Policy, accountOf: (role: string) => UpstreamAccount): void {
    if (this.options.pooling !== 'transaction') return;
    const accounts = (guarded: boolean) =>
      [...roles.values()].filter((role) => isGuarded(role) === guarded).map(({ name }) => accountOf(name).user);
    for (const account of accounts(true)) if (this.free.delete(account)) this.distrusted.add(account);
    for (const account of accounts(false)) this.free.add(account);
  }

  /** How to open a session for this role, with the settings that its client chose. `path`: its search_path, if that is another one than is pinned. */
  opener(
    account: UpstreamAccount,
    role: RolePolicy,
    chosen: ReadonlyMap<string, string>,
    path?: string,
  ): SessionOpener | { readonly refusal: LoginRefusal } {
    const { pooling, database } = this.options;
    const own = path === undefined ? this.options.pinned : new Map([...this.options.pinned, ['search_path', path]]);
    const pinned = pooling === 'none' ? marked(own) : own;
    const parameters = upstreamParameters(pooling, pinned, role, chosen);
    if ('refusal' in parameters) return parameters;
    const { user, password } = account;
    const pins: SessionPins = {
      pinned,
      account: user,
      database,
      statementTimeout: role.limits.statementTimeout,
      mayIsolate: (level) => mayIsolate(role, ISOLATION, level),
    };
    const opener = {
      user,
      password,
      database,
      parameters: parameters.startup,
      ...(path !== undefined && { searchPath: path }),
    };
    if (pooling === 'none') {
      const verify = (rows: QueryRows) => demandNone(startupProblems(pins, rows));
      return { ...opener, atOnce: { sql: startupPinsQuery(pins), verify } };
    }
    return { ...opener, setUp: (fresh) => this.setUpPooled(fresh, pins, parameters.later) };
  }

  private async setUpPooled(fresh: NewSession, pins: SessionPins, later: ReadonlyMap<string, string>): Promise<void> {
    const { pooling } = this.options;
    // Removes what an earlier client left, even if the pooler does not.
    if (pooling === 'session') await fresh.ask('DISCARD ALL');
    await this.verifyPooled(fresh, pins);
    if (pooling === 'transaction') await demandPreparedStatements(fresh);
    if (later.size === 0) return;
    const calls = [...later].map(
      ([name, value]) => `pg_catalog.set_config(${escapedLiteral(name)}, ${escapedLiteral(value)}, false)`,
    );
    await fresh.ask(`SELECT ${calls.join(', ')}`);
  }

  private async verifyPooled(fresh: NewSession, pins: SessionPins): Promise<void> {
    const report = readPins(pins, await fresh.ask(pinsQuery(pins)));
    const { account } = pins;
    if (report.problems.length > 0) {
      const seen = Math.max(report.began, this.badUntil.get(account) ?? 0);
      if (report.byDefault) this.badUntil.set(account, seen);
      const run = report.byDefault
        ? `run: ${report.remedy.join(' ')} and then in PgBouncer's console`
        : "in PgBouncer's console";
      demandNone(report.problems, `; ${run}: RECONNECT`);
    }
    await this.demandNoOlder(fresh, account);
    if (this.options.pooling === 'session') this.demandOwn(fresh, report.backend);
  }

  /** Changed defaults of an account affect only new connections: older ones must leave the pool first. */
  private async demandNoOlder({ ask }: NewSession, account: string): Promise<void> {
    if (this.distrusted.has(account)) {
      const [row] = await ask(`SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())`);
      this.badUntil.set(account, Number(row?.[0]));
      this.distrusted.delete(account);
    }
    const bad = this.badUntil.get(account);
    if (bad === undefined) return;
    const [row] = await ask(
      `SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.usename OPERATOR(pg_catalog.=) session_user
 AND pg_catalog.date_part('epoch', a.backend_start) OPERATOR(pg_catalog.<=) ${bad}::pg_catalog.float8`,
    );
    if (row?.[0] === '0') this.badUntil.delete(account);
    else {
      const detail = `the pool has ${row?.[0]} connections of "${account}" that began before its settings held, or before its role was restricted; in PgBouncer's console: RECONNECT`;
      throw new UpstreamError(notPinned(), detail);
    }
  }

  /** If two live sessions share a server process, the pooler does not pool sessions, whatever the configuration says. */
  private demandOwn({ messages }: NewSession, backend: string): void {
    if (this.backends.has(backend)) {
      const detail = 'two sessions share one server process: the pooler does not pool sessions; see upstream.pooling';
      throw new UpstreamError(notPinned(), detail);
    }
    this.backends.add(backend);
    messages.socket.once('close', () => this.backends.delete(backend));
  }
}

const PROBE = 'rowgate_probe';

/**
 * A transaction pooler must keep prepared statements apart, under names of its own. Otherwise a client's Bind could run a statement that another
 * client prepared under the same name.
 */
async function demandPreparedStatements({ messages, reported }: NewSession): Promise<void> {
  const text = `SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements AS p WHERE p.name OPERATOR(pg_catalog.=) '${PROBE}'`;
  const message = {
    portal: '',
    statement: PROBE,
    formats: [],
    valueCount: 0,
    values: Buffer.alloc(0),
    resultFormats: [],
  };
  const probe = [
    parse({ name: PROBE, text, types: [] }),
    bind(message),
    execute({ portal: '', maxRows: 0 }),
    close({ of: 'statement', name: PROBE }),
    sync(),
  ];
  const [row] = await send(messages, reported, Buffer.concat(probe));
  if (row?.[0] === '0') return;
  const detail =
    'the pooler does not keep prepared statements apart; PgBouncer 1.21 or later with max_prepared_statements does';
  throw new UpstreamError(notPinned(), detail);
}

/** INVARIANT 24: a client gets a session only if its pinned settings are known to be in force. */
function demandNone(problems: readonly string[], remedy = ''): void {
  if (problems.length === 0) return;
  throw new UpstreamError(notPinned(), `what must be pinned is not: ${problems.join('; ')}${remedy}`);
}

function notPinned(): LoginRefusal {
  return upstreamRefused('08001', 'the session with the database server is not as Rowgate needs it');
}

/** As E'…': read alike whatever standard_conforming_strings is. */
export function escapedLiteral(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** A made-up setting: if the server shows this session's value, the startup packet arrived unchanged, and for this session alone. */
const MARK = 'rowgate.connection';

/** The pinned settings, and a mark that is unique to the session. */
export function marked(pinned: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...pinned, [MARK, randomBytes(12).toString('hex')]]);
}

/** Compares the values that RESET returns to, so a pooler that only ran SET is noticed. No name in it depends on the search_path. */
export function startupPinsQuery({ pinned }: SessionPins): string {
  const names = [...pinned.keys(), 'client_min_messages', ISOLATION];
  return `${names.map((name) => `RESET ${name};SHOW ${name};`).join('')}SHOW session_authorization`;
}

/** Problems in the answer to it; empty if everything is as it should be. */
function startupProblems(
  { pinned, account, mayIsolate: mayHave }: SessionPins,
  rows: readonly (readonly (string | null)[])[],
): string[] {
  const shown = rows.map(([value]) => value ?? '');
  if (shown.length !== pinned.size + 3) return ['the settings cannot be read'];
  const problems: string[] = [];
  [...pinned].forEach(([name, wanted], at) => {
    const value = shown[at]!;
    if (readsAs(name, value, wanted)) return;
    problems.push(
      name === MARK
        ? 'the settings of the startup packet have not come to the server: is there a pooler? then set upstream.pooling'
        : `${name} is ${value}`,
    );
  });
  const [messages = '', isolation = '', user = ''] = shown.slice(pinned.size);
  if (!MESSAGE_LEVELS.has(messages)) problems.push(`client_min_messages is ${messages}`);
  if (!mayHave(isolation))
    problems.push(`${ISOLATION} is ${isolation}, under which errors tell of rows that are not shown`);
  // No other role is in force (that is pinned), so this is the account that statements run as.
  if (user !== account) problems.push(`the session is of "${user}", not of "${account}"`);
  return problems;
}
