/** pgbench's tables, and guards before them as processes of their own, as an operator runs them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { grantRows } from '../../src/demo/database.ts';
import { formatVerifier, makeVerifier } from '../../src/wire/scram-verifier.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { initialise } from './pgbench.ts';

export const SCALE = 10;
export const SECONDS = 4;
export const ROUNDS = 5;

export interface BenchWorld {
  readonly database: FreshDatabase;
  /** Starts one; `configuration`: further lines of its `rowgate.yaml`. */
  serve(configuration?: string): Promise<ServedGuard>;
  /** Ends the guards, too. */
  stop(): Promise<void>;
}

export interface ServedGuard {
  readonly configFile: string;
  /** For a principal of the policies here: `bench`, `budgeted`, `owner`. */
  url(principal: string): string;
}

export async function makeWorld(): Promise<BenchWorld> {
  const database = await freshDatabase();
  await initialise(database.url, SCALE);
  const account = await database.createLogin();
  await grantRows(database.url, account.user);
  const verifier = formatVerifier(await makeVerifier('bench', Buffer.from('0123456789abcdef')));
  const principal = (role: string, attributes: string) => `{ role: ${role}, ${attributes}password: "${verifier}" }`;
  const running: { child: ChildProcess; folder: string }[] = [];
  return {
    database,
    async serve(configuration = '') {
      const folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-'));
      await cp(resolve(import.meta.dirname, 'policies'), join(folder, 'policies'), { recursive: true });
      await writeFile(
        join(folder, 'policies', 'principals.yaml'),
        `principals:
  bench: ${principal('bench', 'attributes: { branches: 10 }, ')}
  budgeted: ${principal('budgeted', 'attributes: { branches: 10 }, ')}
  owner: ${principal('owner', '')}
`,
      );
      const configFile = join(folder, 'rowgate.yaml');
      await writeFile(
        configFile,
        `listen: 127.0.0.1:0\nupstream: { url: "${account.url}" }\npolicies: ./policies\nlog: { file: ./decisions.jsonl }\n${configuration}\n`,
      );
      const { child, port } = await start(configFile);
      running.push({ child, folder });
      return { configFile, url: (who) => `postgres://${who}:bench@127.0.0.1:${port}/${database.name}` };
    },
    async stop() {
      for (const { child, folder } of running) {
        const ended = new Promise((done) => child.once('exit', done));
        child.kill('SIGTERM');
        await ended;
        await rm(folder, { recursive: true, force: true });
      }
      await database.drop();
    },
  };
}

async function start(config: string): Promise<{ child: ChildProcess; port: number }> {
  const command = resolve(import.meta.dirname, '../../dist/cli/main.js');
  const child = spawn(process.execPath, [command, 'serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const listening = new Promise<number>((done, fail) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const found = /127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (found) done(Number(found));
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => fail(new Error(`the guard did not start: ${said}`)));
  });
  return { child, port: await listening };
}

/** Puts a section of docs/benchmarks.md in the place of the one with its heading, or before the one on what the server reads. */
export async function writeSection(heading: string, text: string): Promise<void> {
  const page = resolve(import.meta.dirname, '../../docs/benchmarks.md');
  const before = await readFile(page, 'utf8');
  const start = before.indexOf(`## ${heading}\n`);
  const from = start >= 0 ? start : before.indexOf('## What the server reads');
  if (from < 0) throw new Error('docs/benchmarks.md has lost its section on what the server reads');
  const next = start >= 0 ? before.indexOf('\n## ', start + 1) + 1 : from;
  await writeFile(page, `${before.slice(0, from)}## ${heading}\n\n${text.trim()}\n\n${before.slice(next)}`);
}
