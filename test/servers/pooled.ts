/** A guard with a PgBouncer between it and the test's database. */
import pino from 'pino';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type PgBouncer, type PgBouncerOptions, startPgBouncer } from '../support/pgbouncer.ts';
import { type FreshDatabase, serverAddress } from '../support/postgres.ts';

export interface Pooled {
  readonly bouncer: PgBouncer;
  readonly guard: TestGuard;
  /** The account of the guarded roles. */
  readonly account: { readonly user: string; readonly url: string };
  /** The lines of the operators' log. */
  readonly lines: string[];
  stop(): Promise<void>;
}

export interface PooledOptions {
  readonly program: string;
  /** How PgBouncer pools. */
  readonly mode: PgBouncerOptions['mode'];
  /** The pooling mode in the configuration; default: `mode`. */
  readonly declared?: 'none' | 'session' | 'transaction';
  readonly settings?: PgBouncerOptions['settings'];
  /** Default: true, the settings of the accounts are made before anything connects. */
  readonly pinned?: boolean;
  /** A policies folder; absent: the samples. */
  readonly policies?: string;
  /** Default: true, the role `dba` has an account of its own. */
  readonly apart?: boolean;
}

export async function pooledGuard(database: FreshDatabase, options: PooledOptions): Promise<Pooled> {
  const dba = await database.createLogin();
  const lines: string[] = [];
  let bouncer: PgBouncer | undefined;
  let account = { user: '', url: '' };
  const pin = async (user: string) => {
    await database.query(`ALTER ROLE ${user} IN DATABASE "${database.name}" SET search_path = public`);
    await database.query(`ALTER ROLE ${user} IN DATABASE "${database.name}" SET statement_timeout = '5s'`);
  };
  const upstream = async (url: string): Promise<string> => {
    const { username: user, password } = new URL(url);
    if (options.pinned ?? true) for (const each of [user, dba.user]) await pin(each);
    bouncer = await startPgBouncer({
      program: options.program,
      mode: options.mode,
      server: serverAddress(),
      database: database.name,
      logins: [{ user, password }, dba],
      settings: { ...options.settings },
    });
    account = { user, url: bouncer.through(url) };
    const logins =
      (options.apart ?? true) ? `, logins: { dba: { user: ${dba.user}, password: "${dba.password}" } }` : '';
    return `{ url: "${account.url}", pooling: ${options.declared ?? options.mode}${logins} }`;
  };
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  try {
    const guard = await guardInFrontOf(database, {
      upstream,
      log,
      ...(options.policies !== undefined && { policies: options.policies }),
    });
    const running = bouncer!;
    return {
      bouncer: running,
      guard,
      account,
      lines,
      async stop() {
        await guard.stop();
        await running.stop();
      },
    };
  } catch (error) {
    await bouncer?.stop();
    throw error;
  }
}
