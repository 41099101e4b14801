/** A real PgBouncer for tests: its own configuration, port and log in a temporary folder, and its admin console. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Address } from './postgres.ts';
import { tool } from './tools.ts';

/** Before 1.21 it kept no prepared statements. */
export const PGBOUNCER = tool('pgbouncer', { since: '1.21' });

export interface PgBouncerOptions {
  /** The path in `PGBOUNCER`. */
  readonly program: string;
  readonly mode: 'session' | 'transaction';
  readonly server: Address;
  readonly database: string;
  /** The users that may log in, with the passwords by which PgBouncer logs in to the server. */
  readonly logins: readonly { readonly user: string; readonly password: string }[];
  /** Further settings of the section [pgbouncer]. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface PgBouncer {
  readonly pid: number;
  readonly port: number;
  /** `url` as it would be through PgBouncer. */
  through(url: string): string;
  /** Runs a command of the admin console, as `RECONNECT`. */
  command(command: string): Promise<Record<string, unknown>[]>;
  log(): Promise<string>;
  stop(): Promise<void>;
}

const ADMIN = { user: 'pooler_admin', password: 'pooler-admin' };

export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-pgbouncer-'));
  const port = await freePort();
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    admin_users: ADMIN.user,
    pool_mode: options.mode,
    logfile: join(folder, 'pgbouncer.log'),
    max_prepared_statements: 100,
    default_pool_size: 5,
    max_client_conn: 100,
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const { host, port: serverPort } = options.server;
  const section = `[databases]\n${options.database} = host=${host} port=${serverPort} dbname=${options.database}\n`;
  await writeFile(join(folder, 'pgbouncer.ini'), `${section}[pgbouncer]\n${lines.join('\n')}\n`);
  const users = [...options.logins, ADMIN].map(({ user, password }) => `"${user}" "${password}"\n`);
  await writeFile(join(folder, 'users.txt'), users.join(''));
  await chmod(folder, 0o777);
  // It refuses to run as root.
  const as = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(options.program, [...as, join(folder, 'pgbouncer.ini')], { stdio: 'ignore' });
  const through = (url: string): string => {
    const changed = new URL(url);
    changed.hostname = '127.0.0.1';
    changed.port = String(port);
    return changed.href;
  };
  const command = (text: string) => onConsole(port, text);
  const log = () => readFile(join(folder, 'pgbouncer.log'), 'utf8');
  try {
    await untilUp(child, command);
  } catch (error) {
    child.kill('SIGKILL');
    const said = await log().catch(() => '');
    await rm(folder, { recursive: true, force: true });
    throw new Error(`PgBouncer does not come up: ${said}`, { cause: error });
  }
  return {
    pid: child.pid!,
    port,
    through,
    command,
    log,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGQUIT'); // at once
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilUp(child: ChildProcess, command: (text: string) => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await command('SHOW VERSION');
      return;
    } catch (error) {
      if (attempt === 100 || child.exitCode !== null) throw error;
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }
}

async function onConsole(port: number, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ host: '127.0.0.1', port, database: 'pgbouncer', ...ADMIN });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows ?? [];
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  await new Promise<void>((done) => server.close(() => done()));
  return typeof address === 'object' && address ? address.port : 0;
}
