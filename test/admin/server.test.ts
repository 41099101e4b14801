/** Tests the admin address: its three paths, other methods and paths, and errors. */
import { once } from 'node:events';
import { connect } from 'node:net';
import pino from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { Fleet } from '../../src/operations/admin/fleet.ts';
import { type AdminSources, type Readiness, type RunningAdmin, startAdmin } from '../../src/operations/admin/server.ts';
import { ask } from './support.ts';

const lines: string[] = [];
const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
let admin: RunningAdmin | undefined;

afterEach(async () => {
  await admin?.stop();
  admin = undefined;
  lines.length = 0;
});

async function serving(sources: AdminSources, host = '127.0.0.1'): Promise<number> {
  admin = await startAdmin({ host, port: 0 }, sources, log);
  return admin.address.port;
}

function started(sources: Partial<AdminSources> = {}, host?: string): Promise<number> {
  return serving({ readiness: () => ({ notReady: null, withheld: [] }), metrics: async () => 'm 1', ...sources }, host);
}

/** Writes bytes to the port; resolves with all that came back when the connection is closed. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((done) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => done(answer));
  });
}

/** Asks and does not read; resolves when the other side has had enough. */
function notReading(port: number): Promise<void> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n');
      socket.pause();
    });
    socket.on('error', () => done());
    const asking = setInterval(() => socket.write('G'), 500);
    socket.on('close', () => {
      clearInterval(asking);
      done();
    });
  });
}

describe('three paths', () => {
  test('/healthz answers while the process works, ready or not', async () => {
    const port = await started({ readiness: () => ({ notReady: 'draining', withheld: [] }) });
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
  });

  test('/readyz says in one line why not, and what is withheld where clients are welcome', async () => {
    let readiness: Readiness = { notReady: 'draining', withheld: ['withheld: a'] };
    const port = await started({ readiness: () => readiness });
    expect(await ask(port, '/readyz')).toMatchObject({ status: 503, body: 'draining\n' });
    readiness = { notReady: null, withheld: [] };
    expect(await ask(port, '/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
    readiness = { notReady: null, withheld: ['withheld: a', 'withheld: b'] };
    expect(await ask(port, '/readyz')).toMatchObject({ status: 200, body: 'ready\nwithheld: a\nwithheld: b\n' });
  });

  test('/metrics is Prometheus text, and nothing keeps it', async () => {
    const { status, headers, body } = await ask(await started(), '/metrics');
    expect({ status, body }).toEqual({ status: 200, body: 'm 1\n' });
    expect(headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  test('HEAD has the headers of GET and no body', async () => {
    const port = await started();
    for (const path of ['/healthz', '/readyz', '/metrics', '/']) {
      const [get, head] = [await ask(port, path), await ask(port, path, 'HEAD')];
      expect(head).toMatchObject({ status: get.status, body: '' });
      expect(head.headers['content-length']).toBe(String(get.body.length));
    }
  });

  test.each([
    '/',
    '/healthz/',
    '/healthz?x=1',
    '/metrics/..',
    '//metrics',
    '/METRICS',
    '/metrics%00',
    '/favicon.ico',
    '*',
    'http://127.0.0.1/metrics',
    '/../package.json',
  ])('%s is not found', async (path) => {
    expect(await ask(await started(), path)).toMatchObject({ status: 404, body: 'not found\n' });
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'])('%s is no method', async (method) => {
    const { status, headers } = await ask(await started(), '/metrics', method);
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' });
  });

  test('sources may be an object of a class', async () => {
    const port = await serving(new Fleet(() => []));
    expect(await ask(port, '/readyz')).toMatchObject({ status: 503, body: 'no worker serves\n' });
    expect(await ask(port, '/metrics')).toMatchObject({ status: 200 });
  });

  test('an exception is told to the operator, not to the client', async () => {
    const port = await started({ metrics: () => Promise.reject(new Error('secret')) });
    expect(await ask(port, '/metrics')).toMatchObject({ status: 500, body: 'internal error\n' });
    expect(lines.join()).toContain('secret');
  });
});

describe('on a port that others reach', () => {
  test('the operator is told', async () => {
    await started({}, '0.0.0.0');
    expect(lines.join()).toContain('every client that reaches port');
  });

  test('on one of this host alone there is nothing to tell', async () => {
    await started();
    expect(lines).toEqual([]);
  });

  test('headers that never end or are too long, and clients that do not read, are cut off', async () => {
    const port = await started({ metrics: async () => 'm 1\n'.repeat(10_000_000) });
    const began = Date.now();
    const [, slow, long] = await Promise.all([
      notReading(port),
      raw(port, 'GET /metrics HTTP/1.1\r\nHost: a\r\nX: '),
      raw(port, `GET /metrics HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(5_000)}\r\n\r\n`),
    ]);
    expect(slow).not.toContain('m 1');
    expect(long).not.toContain('m 1');
    expect(Date.now() - began).toBeLessThan(15_000);
  });

  test.each([
    ['say nothing', ''],
    ['never end their headers', 'GET /readyz HTTP/1.1\r\nHost: a\r\nX: '],
    ['rest behind an answer', 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['promise a body', 'GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'],
  ])('connections that %s hide no answer, however many there are', async (_, text) => {
    const port = await started();
    const sockets = Array.from({ length: 300 }, () => connect(port, '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => {}).resume();
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) socket.write(text);
    for (let i = 0; i < 5; i += 1) expect(await ask(port, '/readyz')).toMatchObject({ status: 200 });
    for (const socket of sockets) socket.destroy();
  });

  test('a body is not taken for the next request', async () => {
    const port = await started();
    const inner = 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n';
    const answer = await raw(
      port,
      `GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok\n$/);
  });

  test('a connection that is not HTTP is closed without an answer', async () => {
    const port = await started();
    expect(await raw(port, '\0\0\0\x08\x04\xd2\x16\x2f')).toBe('');
  });

  test('a crowd costs one answer, and connections are bounded', async () => {
    let made = 0;
    let turnedAway = 0;
    let answer: (text: string) => void = () => {};
    const port = await started({
      metrics: () => {
        made += 1;
        // A client that asks after the first answer gets another one.
        if (turnedAway === 36) return Promise.resolve('m 1');
        return new Promise((done) => {
          answer = done;
        });
      },
    });
    const asked = Array.from({ length: 100 }, () =>
      ask(port, '/metrics').catch(() => {
        turnedAway += 1;
        if (turnedAway === 36) answer('m 1');
      }),
    );
    const answers = await Promise.all(asked);
    expect(answers.filter((got) => got?.body === 'm 1\n')).toHaveLength(64);
    expect(turnedAway).toBe(36);
    expect(made).toBeLessThan(5);
  });

  test('stop does not wait for clients that hold a connection', async () => {
    const port = await started();
    const held = raw(port, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    await ask(port, '/healthz');
    await admin?.stop();
    expect(await held).toContain('ok');
    await expect(ask(port, '/healthz')).rejects.toThrow(/ECONNREFUSED/);
  });
});
