/** A test's own servers, which it may stop and start, and a guard in front of them with one unrestricted and one restricted role. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import pino from 'pino';
import type { RunningGuard } from '../../src/app/keep-running.ts';
import { startGuard } from '../../src/app/run-guard.ts';
import { formatProblem } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type Server, startServer } from '../../src/demo/server.ts';
import { verifierOf } from '../proxy/support.ts';
import { recordsOf } from '../support/decision-log.ts';

/** A cluster in a folder: its server may be down. */
export interface Cluster {
  readonly folder: string;
  readonly port: number;
  readonly url: string;
  query(sql: string): Promise<Record<string, unknown>[]>;
  start(): Promise<void>;
  /** Fast shutdown: sessions are ended with 57P01. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

/** Starts a new cluster; its unix socket is in its folder. */
export async function newCluster(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-server-'));
  await chmod(folder, 0o755);
  return cluster(folder, await startServer({ folder, settings: settingsOf(folder) }), {});
}

/** A streaming standby of a cluster, which is stopped for a moment to be copied. */
export async function standbyOf(primary: Cluster): Promise<Cluster> {
  await primary.stop();
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-standby-'));
  await chmod(folder, 0o755);
  await promisify(execFile)('cp', ['-a', `${primary.folder}/.`, folder]);
  await writeFile(join(folder, 'data', 'standby.signal'), '');
  await primary.start();
  const { username, password } = new URL(primary.url);
  const conninfo = `host=127.0.0.1 port=${primary.port} user=${username} password=${password}`;
  const extra = { primary_conninfo: conninfo };
  return cluster(folder, await startServer({ folder, settings: { ...settingsOf(folder), ...extra } }), extra);
}

function settingsOf(folder: string): Record<string, string> {
  return { shared_buffers: '16MB', max_connections: '20', unix_socket_directories: folder };
}

function cluster(folder: string, first: Server, extra: Record<string, string>): Cluster {
  let server: Server | undefined = first;
  const { port, url } = first;
  return {
    folder,
    port,
    url,
    async query(sql) {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => {});
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(sql);
      await client.end();
      return rows;
    },
    async start() {
      server ??= await startServer({ folder, port, settings: { ...settingsOf(folder), ...extra } });
    },
    async stop() {
      await server?.stop();
      server = undefined;
    },
    async remove() {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface World {
  readonly guard: RunningGuard;
  /** The lines of the operators' log. */
  readonly lines: string[];
  /** A connected client of the unrestricted role; ended by `stop` at the latest. */
  connect(options?: pg.ClientConfig): Promise<pg.Client>;
  records(): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** @param upstream the mapping `upstream` of rowgate.yaml. @param limits of the role. */
export async function guardBefore(upstream: string, limits = 'none'): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-before-'));
  await mkdir(join(folder, 'policies', 'roles'), { recursive: true });
  await writeFile(
    join(folder, 'policies', 'roles', 'dba.yaml'),
    `role: dba\naccess: unrestricted\nlimits: ${limits}\n`,
  );
  const principals = `principals:\n  dba: { role: dba, password: "${await verifierOf('secret')}" }\n`;
  await writeFile(join(folder, 'policies', 'principals.yaml'), principals);
  const file = join(folder, 'rowgate.yaml');
  await writeFile(file, `listen: 127.0.0.1:0\nupstream: ${upstream}\nlog: { file: ./log.jsonl }\n`);
  const { config, problems } = loadConfig(file, {});
  if (!config) throw new Error(problems.map(formatProblem).join('\n'));
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const guard = await startGuard(config, log).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const clients: pg.Client[] = [];
  return {
    guard,
    lines,
    async connect(options) {
      const { port } = guard.address;
      const client = new pg.Client({
        host: '127.0.0.1',
        port,
        user: 'dba',
        password: 'secret',
        ...options,
        database: 'postgres',
      });
      client.on('error', () => {});
      await client.connect();
      clients.push(client);
      return client;
    },
    async records() {
      // An outcome is written a moment after its client has the answer.
      await sleep(20);
      return recordsOf(await readFile(config.log.file, 'utf8'));
    },
    async stop() {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      await guard.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
