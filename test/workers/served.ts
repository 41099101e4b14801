/** `rowgate serve`, the built command, as processes: tests of workers start, watch and kill them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { grantRows } from '../../src/demo/database.ts';
import { eventually } from '../proxy/support.ts';
import { allRecords } from '../support/decision-log.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface Served {
  readonly folder: string;
  readonly port: number;
  readonly database: string;
  /** The process that was started: the primary, or the only one. */
  readonly child: ChildProcess;
  readonly pid: number;
  /** The guard's own account at the server. */
  readonly account: string;
  readonly output: { stdout: string; stderr: string };
  /** Resolves with exit code or signal. */
  readonly status: Promise<number | NodeJS.Signals | null>;
  url(principal: string): string;
  /** A connected client; closed by `stop` where the test has not done it. */
  connect(principal: string): Promise<pg.Client>;
  /** Process ids of the workers, by slot. */
  workers(): number[];
  /** All records of all decision logs, file by file. */
  records(): Promise<Record<string, Record<string, unknown>[]>>;
  stop(): Promise<void>;
}

/** In front of the database, with the sample policies but their budgets; `configuration`: further lines of `rowgate.yaml`. */
export async function serve(
  database: FreshDatabase,
  configuration: string,
  environment: Record<string, string> = {},
  policies?: string,
): Promise<Served> {
  const account = await database.createLogin();
  await grantRows(database.url, account.user);
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-workers-'));
  if (policies) await cp(policies, join(folder, 'policies'), { recursive: true });
  else await samplesWithoutBudgets(join(folder, 'policies'));
  const listen = configuration.includes('listen:') ? '' : 'listen: 127.0.0.1:0\n';
  const upstream = `upstream: { url: "${account.url}" }\n`;
  await writeFile(join(folder, 'rowgate.yaml'), `name: test\n${listen}${upstream}${configuration}\n`);
  const child = spawn(process.execPath, [MAIN, 'serve'], { cwd: folder, env: { ...process.env, ...environment } });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const status = new Promise<number | NodeJS.Signals | null>((done) =>
    child.once('close', (code, signal) => done(code ?? signal)),
  );
  let ended = false;
  void status.then(() => {
    ended = true;
  });
  await eventually(() => ended || output.stdout.includes('\n'), 'it listens').catch((error: Error) => {
    child.kill('SIGKILL');
    throw new Error(`${error.message}\n${output.stderr}`);
  });
  const port = Number(/:(\d+)[,\n]/.exec(output.stdout)?.[1]);
  const clients: pg.Client[] = [];
  const pid = child.pid ?? 0;
  const url = (principal: string) =>
    `postgres://${principal}:demo-${principal}@127.0.0.1:${port}/${database.name}?application_name=test`;
  return {
    folder,
    port,
    database: database.name,
    child,
    pid,
    account: account.user,
    output,
    status,
    url,
    async connect(principal) {
      const client = new pg.Client({ connectionString: url(principal) });
      client.on('error', () => {});
      await client.connect();
      clients.push(client);
      return client;
    },
    workers: () => childrenOf(pid),
    async records() {
      // An outcome is written a moment after its client has the answer.
      await sleep(50);
      const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort();
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
      return Object.fromEntries(names.map((name, i) => [name, allRecords(texts[i] ?? '')]));
    },
    async stop() {
      const left = ended ? [] : childrenOf(pid);
      if (!ended) child.kill('SIGKILL');
      await status;
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      for (const worker of left)
        if (isAlive(worker)) await eventually(() => !isAlive(worker), `worker ${worker} ended`);
      // A process that compresses a closed file may outlive the guard by a moment.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie answers to signals as well.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter((text) => text !== '')
      .map(Number);
  } catch {
    return [];
  }
}

/** The port at the client's end of its connection: records of a login name it. */
export function portOf(client: pg.Client): number {
  const { connection } = client as unknown as { connection: { stream: { localPort: number } } };
  return connection.stream.localPort;
}
