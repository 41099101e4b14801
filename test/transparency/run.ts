/** Runs a suite's program, bounded in time, and gives all that it printed: tests that fail are for the reader of it. */
import { spawn } from 'node:child_process';
import type { Environment } from './world.ts';

export interface Ran {
  readonly printed: string;
  /** Null where a signal ended it. */
  readonly status: number | null;
}

/** `limit`: milliseconds. */
export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Environment,
  limit = 180_000,
): Promise<Ran> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limit,
      killSignal: 'SIGKILL',
    });
    const printed: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => printed.push(chunk));
    child.on('error', fail);
    child.on('close', (status) => done({ printed: Buffer.concat(printed).toString(), status }));
  });
}
