/** Tests the addresses on which the guard listens: TCP of both families, unix sockets with their permissions, and where TLS is required. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sslRequest } from '../../src/protocol/startup.ts';
import type { StartOptions } from '../../src/server/start.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { policyOf, principal, psql, startTestProxy, type TestProxy, until, verifierOf } from './support.ts';

let database: FreshDatabase;
let account: { user: string; password: string; database: string };
let folder: string;
let proxy: TestProxy | undefined;
const socketFile = () => join(folder, '.s.PGSQL.7432');

beforeAll(async () => {
  database = await freshDatabase();
  account = { ...(await database.createLogin()), database: database.name };
  folder = mkdtempSync(join(tmpdir(), 'rowgate-listen-'));
});

afterEach(async () => {
  await proxy?.stop(1_000);
  proxy = undefined;
});

afterAll(async () => {
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(extra: Partial<StartOptions>): Promise<TestProxy> {
  const verifier = await verifierOf('secret');
  const policy = policyOf([
    principal('app', [verifier]),
    principal('by_socket', [verifier], { from: ['local'] }),
    principal('by_tcp', [verifier], { from: ['0.0.0.0/0', '::/0'] }),
    principal('by_both', [verifier], { from: ['127.0.0.1/32', 'local'] }),
  ]);
  proxy = await startTestProxy(account, policy, extra);
  return proxy;
}

/** psql's standard output, or its error. */
async function ask(host: string, port: number, user = 'app', more = ''): Promise<string> {
  const conninfo = `host=${host} port=${port} dbname=${database.name} user=${user} password=secret ${more}`;
  const { stdout, stderr } = await psql(conninfo, ['-c', 'SELECT 1']);
  return stdout || stderr;
}

const unix = () => ({ path: socketFile() });

test('several addresses, of both families and of a unix socket', async () => {
  const running = await start({ listen: [{ host: '127.0.0.1', port: 0 }, { host: '::1', port: 0 }, unix()] });
  const [first, second, third] = running.listening;
  expect(running.address).toEqual(first);
  if (!first || !('port' in first) || !second || !('port' in second)) throw new Error('no TCP');
  expect(await ask('127.0.0.1', first.port)).toBe('1');
  expect(await ask('::1', second.port)).toBe('1');
  expect(third).toEqual(unix());
  expect(await ask(folder, 7432)).toBe('1');
  expect(running.records.map(({ fields }) => fields.client)).toEqual([
    expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^\[::1\]:\d+$/),
    'local',
  ]);
});

describe('a unix socket', () => {
  test('is what "local" in "from" means, and no block of addresses', async () => {
    const running = await start({ listen: [{ host: '127.0.0.1', port: 0 }, unix()] });
    const refused = expect.stringContaining('may not log in from this address');
    expect(await ask(folder, 7432, 'by_socket')).toBe('1');
    expect(await ask('127.0.0.1', running.port, 'by_socket')).toEqual(refused);
    expect(await ask(folder, 7432, 'by_tcp')).toEqual(refused);
    expect(await ask('127.0.0.1', running.port, 'by_tcp')).toBe('1');
    expect(await ask(folder, 7432, 'by_both')).toBe('1');
    expect(await ask('127.0.0.1', running.port, 'by_both')).toBe('1');
  });

  test('has the permissions of the configuration, and is gone at the end', async () => {
    const running = await start({ listen: [unix()], unixSocketMode: 0o770 });
    expect((statSync(socketFile()).mode & 0o777).toString(8)).toBe('770');
    expect(running.address.port).toBe(0);
    await running.stop(1_000);
    expect(existsSync(socketFile())).toBe(false);
  });

  test('replaces one that a dead process left', async () => {
    const program = `require('net').createServer().listen(${JSON.stringify(socketFile())}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(socketFile())).toBe(true);
    await start({ listen: [unix()] });
    expect(await ask(folder, 7432)).toBe('1');
  });

  test('is not replaced while another process listens on it, and listeners opened before are closed again', async () => {
    await start({ listen: [unix()] });
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as { port: number };
    free.close();
    await expect(
      startTestProxy(account, policyOf([]), { listen: [{ host: '127.0.0.1', port }, unix()] }),
    ).rejects.toThrow(`could not begin to listen on unix:${folder}:7432`);
    const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [{ code: string }];
    expect(error.code).toBe('ECONNREFUSED');
    expect(await ask(folder, 7432)).toBe('1');
  });

  test('does not replace a file of another kind', async () => {
    writeFileSync(socketFile(), 'mine');
    await expect(start({ listen: [unix()] })).rejects.toMatchObject({ cause: { code: 'EEXIST' } });
    expect(readFileSync(socketFile(), 'utf8')).toBe('mine');
    rmSync(socketFile());
  });

  test('with a name that is too long is an error', async () => {
    const path = join(folder, 'x'.repeat(100), '.s.PGSQL.7432');
    await expect(start({ listen: [{ path }] })).rejects.toMatchObject({ cause: { code: 'ENAMETOOLONG' } });
  });
});

describe('where TLS is required', () => {
  let certificates: Certificates;
  beforeAll(() => {
    certificates = makeCertificates();
  });
  afterAll(() => rmSync(certificates.folder, { recursive: true, force: true }));

  test('a unix socket needs none, and as with PostgreSQL has none', async () => {
    const { cert, key } = certificates.server;
    const running = await start({
      listen: [{ host: '127.0.0.1', port: 0 }, unix()],
      tls: { cert, key },
      tlsRequired: true,
    });
    expect(await ask('127.0.0.1', running.port, 'app', 'sslmode=disable')).toContain('connection requires TLS');
    expect(await ask('127.0.0.1', running.port, 'app', 'sslmode=require')).toBe('1');
    expect(await ask(folder, 7432)).toBe('1');
    const socket = connect(socketFile());
    socket.end(sslRequest());
    expect((await until(socket)).toString('latin1', 0, 1)).toBe('N');
  });
});
