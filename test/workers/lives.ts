/** A guard that is killed, and starts again in its folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { eventually } from '../proxy/support.ts';
import { childrenOf, isAlive } from './served.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface Life {
  readonly child: ChildProcess;
  readonly port: number;
}

/** Resolves when it listens. */
export async function again({ folder }: { readonly folder: string }): Promise<Life> {
  const child = spawn(process.execPath, [MAIN, 'serve'], { cwd: folder });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  await eventually(() => / listens on .*\n/.test(said) || child.exitCode !== null, 'it listens');
  const [, port] = /listens on [^\n]*:(\d+)[,\n]/.exec(said) ?? [];
  if (port === undefined) throw new Error(said);
  return { child, port: Number(port) };
}

/** All its processes, by SIGKILL. */
export async function kill({ pid = 0 }: ChildProcess, workers: number): Promise<void> {
  const pids = workers === 1 ? [pid] : [pid, ...childrenOf(pid)];
  // Processes that compress its files end by themselves.
  const all = [...pids, ...pids.flatMap(childrenOf)];
  for (const each of pids) process.kill(each, 'SIGKILL');
  await eventually(() => !all.some(isAlive), 'all of them have ended');
}
