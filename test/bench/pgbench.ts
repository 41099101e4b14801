/** Runs pgbench -S for some seconds and reads its figure. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '../support/programs.ts';

const run = promisify(execFile);

export type Mode = 'simple' | 'extended' | 'prepared';

/** Makes pgbench's tables; 100,000 accounts for each of `scale`. */
export async function initialise(url: string, scale: number): Promise<void> {
  await run(program(), ['-i', '-q', '-s', String(scale), url]);
}

/** Transactions a second, connecting not counted. */
export async function selectOnly(url: string, clients: number, mode: Mode, seconds: number): Promise<number> {
  const args = ['-n', '-S', '-M', mode, '-c', String(clients), '-j', '1', '-T', String(seconds), url];
  const { stdout } = await run(program(), args);
  const tps = /tps = ([\d.]+) \(without initial connection time\)/.exec(stdout)?.[1];
  const failed = /number of failed transactions: ([1-9]\d*)/.exec(stdout)?.[1];
  if (tps === undefined || failed !== undefined) throw new Error(`pgbench: ${stdout}`);
  return Number(tps);
}

function program(): string {
  const found = findProgram('pgbench');
  if (!found) throw new Error('pgbench is not installed');
  return found;
}
