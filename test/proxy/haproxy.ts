/** HAProxy in front of a port of this machine, configured as in front of Rowgate: TCP, PROXY protocol 2, health checks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from '../support/tools.ts';
import { eventually, until } from './support.ts';

export const haproxy = tool('haproxy');

/** The address from which HAProxy connects; clients come from 127.0.0.1. */
export const HAPROXY_ADDRESS = '127.0.0.2';

export interface RunningHaproxy {
  readonly port: number;
  /** The state of its one server: `UP`, and `L7OK` where the last check got an answer of PostgreSQL's protocol. */
  status(): Promise<{ readonly status: string; readonly check: string }>;
  stop(): Promise<void>;
}

/** Checks with a startup packet, which is answered where TLS is not required; and with SSLRequest, where it is. */
const CHECKS = {
  startup: 'option pgsql-check user haproxy',
  tls: `option tcp-check
  tcp-check send-binary 0000000804d2162f
  tcp-check expect string S`,
};

export interface HaproxyOptions {
  readonly checks?: keyof typeof CHECKS;
  /** Default true. */
  readonly sendProxy?: boolean;
}

export async function startHaproxy(target: number, options: HaproxyOptions = {}): Promise<RunningHaproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-haproxy-'));
  const stats = join(folder, 'stats');
  const port = await freePort();
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `global
  maxconn 200
  stats socket ${stats} mode 600
defaults
  mode tcp
  timeout connect 5s
  timeout check 5s
  timeout client 30s
  timeout server 30s
listen postgres
  bind 127.0.0.1:${port}
  ${CHECKS[options.checks ?? 'startup']}
  server rowgate 127.0.0.1:${target} source ${HAPROXY_ADDRESS} check inter 300ms ${options.sendProxy === false ? '' : 'send-proxy-v2 check-send-proxy'}
`,
  );
  const child = spawn(haproxy.path ?? '', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const status = async () => {
    const socket = connect(stats);
    socket.write('show stat\n');
    const [head = '', ...lines] = (await until(socket, 5_000)).toString().replace('# ', '').trim().split('\n');
    const line = lines.find((candidate) => candidate.startsWith('postgres,rowgate,'))?.split(',') ?? [];
    const field = (name: string) => line[head.split(',').indexOf(name)] ?? '';
    return { status: field('status'), check: field('check_status') };
  };
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await eventually(() => accepts(port), 'HAProxy listens');
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, status, stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}
