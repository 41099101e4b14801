/** Makes, starts and stops one PostgreSQL server in its own folder, listening on 127.0.0.1 only. Callers make the databases. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, lstat, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { canReach, type SystemAccount, serverAccount } from './account.ts';
import { type Binaries, findBinaries } from './binaries.ts';

export interface ServerOptions {
  /**
   * Holds `data/`, `postgresql.log` and the superuser's password; created if missing. If this process runs as root, PostgreSQL's account must be able
   * to reach it.
   */
  readonly folder: string;
  /** Absent: a free port. */
  readonly port?: number;
  /** Further settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The folder is removed when the server stops, even if this process is killed. */
  readonly temporary?: boolean;
  /** Another PostgreSQL than the installed one: its package's folder, and initdb's options for the locale. */
  readonly other?: { readonly home: string; readonly locale: readonly string[] };
}

export interface Server {
  readonly port: number;
  /** The superuser's connection string, to the database `postgres`. */
  readonly url: string;
  readonly log: string;
  /** Resolves when the server has ended, by `stop` or by itself. */
  readonly ended: Promise<void>;
  /** Fast shutdown: sessions are ended, and no process is left. May be called twice. */
  stop(): Promise<void>;
}

/** The data can be made again, so it is not flushed to disk; passwords are always required. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  timezone: 'Europe/Paris',
  log_timezone: 'UTC',
};

const PASSWORD_FILE = 'superuser.password';

/**
 * Keeps PostgreSQL from outliving this process: the pipe on fd 3 closes when this process ends, in whatever way. It runs in its own process group, so
 * that Ctrl-C reaches only this process, which stops everything in order.
 */
const SUPERVISE = `
postgres=$1 folder=$2 temporary=$3; shift 3
"$postgres" "$@" 3<&- &
server=$!
( read _ <&3; kill -INT $server ) 2>/dev/null &
owner=$!
exec 3<&-
wait $server
status=$?
if kill $owner 2>/dev/null; then exit $status; fi
if [ "$temporary" = yes ]; then cd / && rm -rf "$folder"; fi
exit $status`;

/** Starts the server, and makes its cluster first if there is none. Throws with the end of its log if it does not start. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const folder = resolve(options.folder);
  const account = await serverAccount();
  await refuseIfRunning(folder);
  await makeFolder(folder, account);
  const binaries = await findBinaries(account, folder, options.other?.home);
  if (!(await exists(join(folder, 'data')))) {
    await makeCluster(folder, binaries, account, options.other?.locale ?? LOCALE);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(options, folder, options.port ?? (await freePort()), binaries, account);
    } catch (error) {
      // Another process may take a free port first.
      if (options.port === undefined && attempt < 5 && String(error).includes('could not bind')) continue;
      if (options.temporary) await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

/** A server already runs in the folder. */
export class AlreadyRuns extends Error {}

/** Throws AlreadyRuns if a server runs in that folder: a second one would not start, and the files of a running one must not be removed. */
export async function refuseIfRunning(folder: string): Promise<void> {
  const file = join(folder, 'data', 'postmaster.pid');
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  if (Number.isNaN(pid)) return;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return; // left by a crash
  }
  throw new AlreadyRuns(`PostgreSQL runs in ${folder} already: process ${pid}, by ${file}`);
}

async function makeFolder(folder: string, account: SystemAccount): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { uid } = await lstat(folder);
  if (process.getuid && uid !== process.getuid() && uid !== account.uid) {
    throw new Error(`folder ${folder} belongs to another user`);
  }
  if (account.uid !== undefined && account.gid !== undefined) await chown(folder, account.uid, account.gid);
  if (!canReach(account, folder)) {
    throw new Error(`folder ${folder} is out of reach of the account that runs PostgreSQL; choose another one`);
  }
}

/** The builtin locale provider: the same order and case rules on every system. */
const LOCALE = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

async function makeCluster(
  folder: string,
  binaries: Binaries,
  account: SystemAccount,
  locale: readonly string[],
): Promise<void> {
  const draft = join(folder, 'data.draft'); // an interrupted initdb must not look like a cluster
  await rm(draft, { recursive: true, force: true });
  const passwordFile = join(folder, PASSWORD_FILE);
  // Random: a superuser can run programs, and other users of this machine can reach the port.
  await writeFile(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 });
  if (account.uid !== undefined && account.gid !== undefined) await chown(passwordFile, account.uid, account.gid);
  const login = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const child = spawn(binaries.initdb, [`--pgdata=${draft}`, '--no-sync', '--encoding=UTF8', ...locale, ...login], {
    ...account,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const status = await ending(child);
  if (status !== 0) throw new Error(`initdb failed: ${complaint.trim()}`);
  await rename(draft, join(folder, 'data'));
}

async function launch(
  options: ServerOptions,
  folder: string,
  port: number,
  binaries: Binaries,
  account: SystemAccount,
): Promise<Server> {
  const data = join(folder, 'data');
  const log = join(folder, 'postgresql.log');
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const output = await open(log, 'a');
  const supervisor = spawn(
    '/bin/sh',
    [
      ...['-c', SUPERVISE, 'sh', binaries.postgres, folder, options.temporary ? 'yes' : 'no'],
      ...['-D', data, '-p', String(port), ...settings],
    ],
    { ...account, cwd: folder, detached: true, stdio: ['ignore', output.fd, output.fd, 'pipe'] },
  );
  await output.close();
  const ended = ending(supervisor).then(() => undefined);
  const stop = async (): Promise<void> => {
    supervisor.stdio[3]?.destroy();
    await ended;
    if (options.temporary) await rm(folder, { recursive: true, force: true });
  };
  await ready(supervisor, join(data, 'postmaster.pid'), log).catch(async (error) => {
    supervisor.stdio[3]?.destroy();
    await ended;
    throw error;
  });
  const password = await readFile(join(folder, PASSWORD_FILE), 'utf8');
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  return { port, url, log, ended, stop };
}

/** The eighth line of postmaster.pid is `ready` (or `standby`) when the server accepts connections; pg_ctl reads it too. */
async function ready(supervisor: ChildProcess, pidFile: string, log: string): Promise<void> {
  const since = Date.now();
  while (Date.now() - since < 60_000) {
    if (supervisor.exitCode !== null || supervisor.signalCode !== null) break;
    const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n');
    // The file may be an earlier server's: the third line is the start time in seconds.
    const fresh = Number(lines[2]) >= Math.floor(since / 1000) - 1;
    if (fresh && /^(ready|standby)\s*$/.test(lines[7] ?? '')) return;
    await sleep(15);
  }
  const tail = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-8).join('\n');
  throw new Error(`PostgreSQL did not start; the end of ${log}:\n${tail}`);
}

function ending(child: ChildProcess): Promise<number | null> {
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code) => done(code));
  });
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === 'object' ? done(address.port) : failed(new Error('no port'))));
    });
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
