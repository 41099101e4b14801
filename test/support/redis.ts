/** A test's own Valkey (Redis's free successor, the same protocol), with its own folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestRedis {
  readonly url: string;
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** With the same port and folder. */
  start(): Promise<void>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** Its end, and that of its folder. */
  remove(): Promise<void>;
}

/** @param program valkey-server. */
export async function startRedis(program: string, ...settings: string[]): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-redis-'));
  const port = await freePort();
  let process: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'];
    process = spawn(program, [...fixed, ...settings], { stdio: 'ignore' });
    for (let tries = 0; tries < 200; tries++) {
      if (await answers(port)) return;
      await new Promise((done) => setTimeout(done, 25));
    }
    throw new Error('valkey-server does not start');
  };
  const kill = async (): Promise<void> => {
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const ended = new Promise((done) => process?.once('exit', done));
    process.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    kill,
    signal: (name) => void process?.kill(name),
    remove: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** It answers PING: it has read its files. */
function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => {
      socket.destroy();
      done(/PONG|NOAUTH/.test(answer.toString()));
    });
    socket.once('error', () => done(false));
  });
}
