/** Makes a fresh session of the server one that a client may have: what is pinned is verified, what the client chose is set. */
import { Buffer } from 'node:buffer';
import { type LoginRefusal, upstreamRefused } from '../core/login-refusal.ts';
import { isGuarded } from '../policy/model/is-guarded.ts';
import type { Policy, RolePolicy } from '../policy/model/policy.ts';
import { bind } from '../protocol/bind.ts';
import { close } from '../protocol/describe.ts';
import { execute } from '../protocol/execute.ts';
import { parse } from '../protocol/parse.ts';
import { sync } from '../protocol/simple-frontend.ts';
import type { Fresh, Opener } from './connect.ts';
import { type QueryRows, send } from './own-query.ts';
import { type Pooling, upstreamParameters } from './parameters.ts';
import type { PasswordSource } from './password.ts';
import { marked, startupPinsQuery, startupProblems } from './startup-check.ts';
import { UpstreamError } from './upstream-error.ts';
import { pinsQuery, readPins, type SessionPins } from './verify-settings.ts';

/** With which a role logs in at the server. */
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
  /** Server processes behind the sessions that live, through a pooler that pools sessions. */
  private readonly backends = new Set<string>();
  /** By account: when the youngest connection began that was seen with defaults that do not hold. */
  private readonly badUntil = new Map<string, number>();
  /** Accounts of roles of which not every statement is held to the policy. */
  private readonly free = new Set<string>();
  /** Accounts of which every connection that there is may have been changed; when that was, the server is still to say. */
  private readonly distrusted = new Set<string>();

  constructor(private readonly options: SetupOptions) {}

  /**
   * A policy came into force. Through a pooler of transactions, connections that a role was free to change are not used by
   * one that relies on pinned settings, though it be the same role: the pool must be made anew before.
   */
  follow({ roles }: Policy, accountOf: (role: string) => UpstreamAccount): void {
    if (this.options.pooling !== 'transaction') return;
    const accounts = (guarded: boolean) =>
      [...roles.values()].filter((role) => isGuarded(role) === guarded).map(({ name }) => accountOf(name).user);
    for (const account of accounts(true)) if (this.free.delete(account)) this.distrusted.add(account);
    for (const account of accounts(false)) this.free.add(account);
  }

  /** How a session for this role is opened, with the settings that its client chose. */
  opener(
    account: UpstreamAccount,
    role: RolePolicy,
    chosen: ReadonlyMap<string, string>,
  ): Opener | { readonly refusal: LoginRefusal } {
    const { pooling, database } = this.options;
    const pinned = pooling === 'none' ? marked(this.options.pinned) : this.options.pinned;
    const parameters = upstreamParameters(pooling, pinned, role, chosen);
    if ('refusal' in parameters) return parameters;
    const { user, password } = account;
    const pins: SessionPins = { pinned, account: user, database, statementTimeout: role.limits.statementTimeout };
    const opener = { user, password, database, parameters: parameters.startup };
    if (pooling === 'none') {
      const verify = (rows: QueryRows) => demandNone(startupProblems(pins, rows));
      return { ...opener, atOnce: { sql: startupPinsQuery(pins), verify } };
    }
    return { ...opener, setUp: (fresh) => this.setUpPooled(fresh, pins, parameters.later) };
  }

  private async setUpPooled(fresh: Fresh, pins: SessionPins, later: ReadonlyMap<string, string>): Promise<void> {
    const { pooling } = this.options;
    // Whatever an earlier client left, even where the pooler does not clean up.
    if (pooling === 'session') await fresh.ask('DISCARD ALL');
    await this.verifyPooled(fresh, pins);
    if (pooling === 'transaction') await demandPreparedStatements(fresh);
    if (later.size === 0) return;
    const calls = [...later].map(
      ([name, value]) => `pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`,
    );
    await fresh.ask(`SELECT ${calls.join(', ')}`);
  }

  private async verifyPooled(fresh: Fresh, pins: SessionPins): Promise<void> {
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

  /** Settings of an account hold for connections that begin after them: those that began before must go from the pool first. */
  private async demandNoOlder({ ask }: Fresh, account: string): Promise<void> {
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

  /** Two sessions that live at once have two server processes, or it is no session pooling, whatever the configuration says. */
  private demandOwn({ messages }: Fresh, backend: string): void {
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
 * A pooler of transactions must keep prepared statements apart, under names of its own. Otherwise one client's Bind
 * could run what another one has prepared under the same name.
 */
async function demandPreparedStatements({ messages, reported }: Fresh): Promise<void> {
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

/** INVARIANT 24: no client gets a session of which it is not known that the pinned settings are in force. */
function demandNone(problems: readonly string[], remedy = ''): void {
  if (problems.length === 0) return;
  throw new UpstreamError(notPinned(), `what must be pinned is not: ${problems.join('; ')}${remedy}`);
}

function notPinned(): LoginRefusal {
  return upstreamRefused('08001', 'the session with the database server is not as Rowgate needs it');
}

/** As E'…': read the same whatever standard_conforming_strings says. */
function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
