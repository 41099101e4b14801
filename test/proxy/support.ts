/** A proxy in front of the test server, with hand-made policies and a session that passes everything through. */
import { execFile, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import pino from 'pino';
import { openIdentity } from '../../src/app/run-guard.ts';
import { memoryStore } from '../../src/budget/store/memory.ts';
import { NO_ALARMS } from '../../src/core/alarm-sink.ts';
import type { RecordSink } from '../../src/decision-log/record-sink.ts';
import type { Judgement } from '../../src/guard/decision.ts';
import { LoggedOutTokens } from '../../src/identity/logged-out-tokens.ts';
import type { Policy, Principal, RolePolicy } from '../../src/policy/model/policy.ts';
import { errorResponse } from '../../src/protocol/error-response.ts';
import { formatVerifier, makeVerifier } from '../../src/protocol/scram-verifier.ts';
import type { PolicyReading } from '../../src/server/guard-runtime.ts';
import type { SessionMachine } from '../../src/server/relay.ts';
import { type RunningProxy, type StartOptions, startProxy } from '../../src/server/start.ts';
import type { SessionPorts } from '../../src/session/ports.ts';
import { emptyCatalog } from '../support/empty-catalog.ts';
import { serverAddress, serverVersion } from '../support/postgres.ts';
import { need, tool } from '../support/tools.ts';

export interface Recorded {
  readonly kind: string;
  readonly fields: Record<string, unknown>;
}

export interface TestProxy extends RunningProxy {
  readonly port: number;
  readonly records: Recorded[];
  /** The lines of the operators' log. */
  readonly lines: string[];
  setPolicy(policy: Policy): Promise<void>;
  url(user: string, password: string, database?: string): string;
}

/** The clocks of an identity: the machine's, with no token given back yet. */
export function clocksOfTests() {
  const now = () => Date.now();
  return {
    now,
    elapsed: () => performance.now(),
    loggedOut: new LoggedOutTokens(memoryStore({ timeZone: 'UTC', now })),
  };
}

export async function verifierOf(password: string, salt = Buffer.from('0123456789abcdef')): Promise<string> {
  return formatVerifier(await makeVerifier(password, salt));
}

export function principal(name: string, verifiers: readonly string[], extra: Partial<Principal> = {}): Principal {
  return {
    name,
    role: 'app',
    attributes: new Map(),
    verifiers,
    from: [],
    limits: {},
    rule: 'principals.yaml:1',
    ...extra,
  };
}

export function role(name: string, extra: Partial<RolePolicy> = {}): RolePolicy {
  return {
    name,
    mode: 'enforce',
    access: 'unrestricted',
    attributes: new Map(),
    relations: new Map(),
    functions: new Set(),
    statements: new Set(),
    collect: 'deny',
    minGroup: undefined,
    limits: {},
    rule: `roles/${name}.yaml:1`,
    ...extra,
  };
}

export function policyOf(principals: readonly Principal[], roles: readonly RolePolicy[] = [role('app')]): Policy {
  return {
    hash: `sha256:${Math.random()}`,
    roles: new Map(roles.map((r) => [r.name, r])),
    principals: new Map(principals.map((p) => [p.name, p])),
    subjects: new Map(),
  };
}

/** An empty catalog beside it, of a server of that version; absent: of the tests' own. */
export function readingOf(policy: Policy, version = serverVersion() * 10_000): PolicyReading {
  return { policy, catalog: emptyCatalog(version), catalogVersion: '1', errors: [], withheld: [], warnings: [] };
}

/** Forwards all bytes; ends as a real session does. */
export function passThrough(ports: SessionPorts): SessionMachine {
  return {
    onClient: (chunk) => {
      if (chunk.length === 5 && chunk[0] === 0x58) return ports.end();
      return ports.toServer(chunk);
    },
    onServer: (chunk) => ports.toClient(chunk),
    onCancelDone: () => {},
    onBudget: () => {},
    onTurn: () => {},
    onClientCancel: () => false,
    onClientLeft: () => {},
    onNotRecorded: () => ports.end(),
    activity: () => 'idle',
    underWay: () => ({ rows: 0 }),
    owed: () => 0,
    onOvertime: () => {},
    keepPaid: () => {},
    leaving: () => true,
    isSettled: () => true,
    onClientClosed: () => ports.end(),
    onServerClosed: () => ports.end(),
    terminate: (refusal) => {
      const fields = { S: 'FATAL', V: 'FATAL', C: refusal.sqlstate, M: refusal.message };
      ports.toClient(errorResponse(new Map(Object.entries(fields))));
      ports.end();
    },
  };
}

export async function startTestProxy(
  account: { user: string; password?: string; database: string },
  policy: Policy,
  extra: Partial<StartOptions> = {},
): Promise<TestProxy> {
  const records: Recorded[] = [];
  const lines: string[] = [];
  const sink: RecordSink = {
    append: (kind: string, fields: object) => {
      records.push({ kind, fields: { ...fields } });
      return true;
    },
    login: async (fields) => {
      records.push({ kind: 'login', fields: { ...fields } });
      return true;
    },
    session: () => ({ append: () => true, reachDisk: () => undefined, isOnDisk: () => true }),
  };
  let current = readingOf(policy);
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const running = await startProxy({
    database: account.database,
    accountOf: () => account,
    searchPath: ['public'],
    timeZone: 'Europe/Paris',
    store: memoryStore({ timeZone: 'Europe/Paris', now: () => Date.now() }),
    alarms: NO_ALARMS,
    tlsRequired: false,
    proxies: [],
    unixSocketMode: 0o777,
    loginTimeoutMs: 5_000,
    // All tests come from one address.
    firstRefusals: 1_000,
    idle: {},
    limits: { connections: 100, connectionsPerAddress: 100, reservedConnections: 0, logins: 50, loginsPerAddress: 25 },
    mockSecret: Buffer.alloc(32, 1),
    listen: [{ host: '127.0.0.1', port: 0 }],
    tls: undefined,
    upstream: { hosts: [serverAddress()], tls: { mode: 'disable' }, timeoutMs: 5_000 },
    records: sink,
    log,
    identity: openIdentity({ folder: '.', log, ...clocksOfTests() }),
    makeJudge: () => ({ judge: () => ({}) as Judgement }),
    makeSession: passThrough,
    reading: current,
    read: async () => current,
    ...extra,
  });
  const { port } = running.address;
  return {
    ...running,
    port,
    records,
    lines,
    setPolicy: (next) => {
      current = readingOf(next);
      return running.reload('signal').then(() => {});
    },
    url: (user, password, database = account.database) =>
      `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
  };
}

/** For tests that have changed something before they run psql: skipped at once without psql. */
export const PSQL = tool('psql');

/** The first psql that knows these parameters of a connection. */
const SINCE: Readonly<Record<string, number>> = { sslnegotiation: 17, require_auth: 16 };

/** A psql that takes these words. Skips the test that runs without one. */
function psqlFor(conninfo: string): string {
  const since = Math.max(10, ...Object.keys(SINCE).map((name) => (conninfo.includes(name) ? SINCE[name]! : 0)));
  const psql = tool('psql', { since });
  need(psql);
  return psql.path ?? '';
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs psql, bounded in time; where this machine has none that will do, the test is skipped. */
export function psql(conninfo: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const program = psqlFor(conninfo);
  return new Promise((done) => {
    const child = execFile(
      program,
      ['-X', '-A', '-t', '-d', conninfo, ...args],
      { timeout: 120_000, env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env } },
      (_error, stdout, stderr) => done({ status: child.exitCode, stdout: stdout.trim(), stderr: stderr.trim() }),
    );
  });
}

export function psqlProcess(conninfo: string, args: readonly string[]): ReturnType<typeof spawn> {
  return spawn(psqlFor(conninfo), ['-X', '-A', '-t', '-d', conninfo, ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Sends bytes on a new connection and gives back what came until it was closed. */
export async function talk(port: number, bytes: Uint8Array | string, timeoutMs = 20_000): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write(bytes);
  return until(socket, timeoutMs);
}

export function until(socket: Socket, timeoutMs = 20_000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((done, failed) => {
    const timer = setTimeout(() => {
      socket.destroy();
      failed(new Error(`still open after ${timeoutMs} ms`));
    }, timeoutMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      clearTimeout(timer);
      done(Buffer.concat(chunks));
    });
  });
}

/** The fields of the first ErrorResponse in these bytes. */
export function errorIn(bytes: Buffer): Record<string, string> {
  const start = bytes.indexOf('E');
  if (start < 0) return {};
  const end = start + 1 + bytes.readUInt32BE(start + 1);
  const fields = bytes
    .toString('utf8', start + 5, end)
    .split('\0')
    .filter((field) => field !== '');
  return Object.fromEntries(fields.map((field) => [field.charAt(0), field.slice(1)]));
}

/** Waits for something that must come soon. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 150_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`did not happen: ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}
