/** Runs a suite's program, bounded in time, and gives all that it printed: tests that fail are for the reader of it. */
import { spawn } from 'node:child_process';
import type { Environment } from './world.ts';

const TIME_LIMIT_MS = 180_000;

export function run(command: string, args: readonly string[], cwd: string, env: Environment): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIME_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const printed: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => printed.push(chunk));
    child.on('error', fail);
    child.on('close', () => done(Buffer.concat(printed).toString()));
  });
}
