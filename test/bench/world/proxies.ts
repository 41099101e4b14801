/** PgBouncer, HAProxy and pgpool-II before the measured database, each by its own configuration; one that is not installed is left out. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPgBouncer } from '../../support/pgbouncer.ts';
import { serverAddress } from '../../support/postgres.ts';
import { tool } from '../../support/tools.ts';
import { freePort, startProgram } from './program.ts';
import { haproxySettings, pgpoolSettings } from './proxy-settings.ts';
import type { Account, Database } from './world.ts';

/** Where pgbench connects to. */
export interface Place {
  readonly name: string;
  readonly url: string;
  /** Absent: the server itself. */
  readonly pid?: number;
}

export interface StartedProxy extends Place {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Written in Node as the guard is, and looking at nothing. */
export const BARE = 'bare relay';

type Start = (database: Database) => Promise<StartedProxy>;

/** Those that are installed; of the others it says so. @param only those of these names. */
export async function startProxies(database: Database, only?: readonly string[]): Promise<StartedProxy[]> {
  const starts: Record<string, Start | undefined> = {
    PgBouncer: pgbouncer(),
    HAProxy: haproxy(),
    'pgpool-II': pgpool(),
    [BARE]: bareRelay(),
  };
  const proxies: StartedProxy[] = [];
  try {
    for (const [name, start] of Object.entries(starts)) {
      if (only && !only.includes(name)) continue;
      if (start) proxies.push(await start(database));
      else process.stdout.write(`${name} is not installed: left out\n`);
    }
  } catch (error) {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    throw error;
  }
  return proxies;
}

/** Session pooling, SCRAM by a list of users with the server's own secrets. Undefined where it is not installed. */
export function pgbouncer(
  settings: Readonly<Record<string, string | number>> = {},
  name = 'PgBouncer',
): Start | undefined {
  const program = tool('pgbouncer').path;
  if (!program) return undefined;
  return async ({ account, name: database }) => {
    const { pid, through, stop } = await startPgBouncer({
      program,
      mode: 'session',
      server: serverAddress(),
      database,
      logins: [{ user: account.user, password: account.secret }],
      settings: {
        max_client_conn: 2500,
        default_pool_size: 1200,
        log_connections: 0,
        log_disconnections: 0,
        ...settings,
      },
    });
    return { name, pid, url: through(account.url), stop };
  };
}

function haproxy(): Start | undefined {
  const program = tool('haproxy').path;
  if (!program) return undefined;
  return ({ account }) =>
    started('HAProxy', account, async (folder, port) => {
      const file = join(folder, 'haproxy.cfg');
      await writeFile(file, haproxySettings(port, serverAddress()));
      return startProgram([program, '-db', '-f', file], port, 'SIGTERM');
    });
}

function pgpool(): Start | undefined {
  const program = tool('pgpool').path;
  if (!program) return undefined;
  return ({ account }) =>
    started('pgpool-II', account, async (folder, port) => {
      const [file, hba] = [join(folder, 'pgpool.conf'), join(folder, 'pool_hba.conf')];
      await writeFile(file, pgpoolSettings(folder, port, await freePort(), serverAddress()));
      await writeFile(hba, 'host all all 127.0.0.1/32 scram-sha-256\n');
      await writeFile(join(folder, 'pool_passwd'), `${account.user}:TEXT${account.password}\n`);
      return startProgram([program, '-n', '-f', file, '-a', hba], port, 'SIGINT');
    });
}

export function bareRelay(): Start {
  return ({ account }) =>
    started(BARE, account, (_, port) => {
      const { host, port: serverPort } = serverAddress();
      const relay = join(import.meta.dirname, 'bare-relay.js');
      return startProgram([process.execPath, relay, String(port), host, String(serverPort)], port, 'SIGTERM');
    });
}

async function started(
  name: string,
  account: Account,
  start: (folder: string, port: number) => ReturnType<typeof startProgram>,
): Promise<StartedProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-proxy-'));
  const port = await freePort();
  const url = new URL(account.url);
  url.port = String(port);
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const { pid, stop } = await start(folder, port);
    return { name, pid, url: url.href, stop: () => stop().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
