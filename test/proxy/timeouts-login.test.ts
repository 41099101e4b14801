/** Tests the time that a login may take: whatever a client does to delay it, its connection ends, and others go on. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Frontend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { sslRequest, startupMessage } from '../../src/protocol/startup.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { errorIn, policyOf, principal, psql, startTestProxy, type TestProxy, until, verifierOf } from './support.ts';

const LOGIN_MS = 700;
const startup = startupMessage(3, 0, [
  ['user', 'app'],
  ['database', 'x'],
  ['application_name', 'x'.repeat(200)],
]);
const gssencRequest = () => new MessageWriter(undefined).int32(80877104).finish();
const sasl = new MessageWriter(Frontend.Password)
  .string('SCRAM-SHA-256')
  .int32(24)
  .bytes(Buffer.from('n,,n=,r=abcdefghijklmnop'));
/** The beginning of a ClientHello of 4 kB. */
const hello = Buffer.concat([Buffer.from('1603011000010010fc0303', 'hex'), Buffer.alloc(1_000, 7)]);

describe('logins that take their time are ended', () => {
  let database: FreshDatabase;
  let certificates: Certificates;
  let proxy: TestProxy;

  beforeAll(async () => {
    certificates = makeCertificates();
    database = await freshDatabase();
    const login = await database.createLogin();
    const { cert, key } = certificates.server;
    const policy = policyOf([principal('app', [await verifierOf('secret')])]);
    const options = { tls: { cert, key }, loginTimeoutMs: LOGIN_MS };
    proxy = await startTestProxy({ ...login, database: database.name }, policy, options);
  });

  afterAll(async () => {
    await proxy?.stop(1_000);
    await database?.drop();
    rmSync(certificates.folder, { recursive: true, force: true });
  });

  /** Sends one byte after the other until the connection closes, and gives back the answer. */
  async function trickle(bytes: Buffer, first: Buffer = Buffer.alloc(0)): Promise<Buffer> {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write(first);
    if (first.length === 8) await once(socket, 'readable'); // the answer to SSLRequest comes before the handshake
    let at = 0;
    const timer = setInterval(() => socket.writable && socket.write(bytes.subarray(at, ++at)), 20);
    const answer = await until(socket);
    clearInterval(timer);
    expect(at).toBeLessThan(bytes.length);
    return answer;
  }

  test.concurrent.each([
    ['a startup packet', startup, Buffer.alloc(0)],
    ['a SCRAM message', Buffer.concat([sasl.finish().subarray(0, 5), Buffer.alloc(400, 0x41)]), startup],
  ])('byte by byte: %s', async (_what, bytes, first) => {
    const started = performance.now();
    const answer = await trickle(bytes, first);
    expect(answer.toString('latin1')).toContain('login took too long');
    expect(performance.now() - started).toBeGreaterThanOrEqual(LOGIN_MS - 50);
  });

  test.concurrent.each([
    ['after SSLRequest', sslRequest()],
    ['direct', Buffer.alloc(0)],
  ])('byte by byte: a TLS handshake, %s', async (_what, first) => {
    const started = performance.now();
    // In the middle of a handshake the client cannot be told anything.
    expect((await trickle(hello, first)).toString('latin1')).toMatch(/^S?$/);
    expect(performance.now() - started).toBeGreaterThanOrEqual(LOGIN_MS - 50);
  });

  test.concurrent('a challenge that is never answered', async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(Buffer.concat([startup, sasl.finish()]));
    expect((await until(socket)).toString('latin1')).toMatch(/r=abcdefghijklmnop.*login took too long/s);
  });

  test.concurrent('one that was refused, and goes on sending without reading why', async () => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.pause();
    const timer = setInterval(() => socket.write(Buffer.alloc(10_000, 0x41)), 20);
    await new Promise((done) => socket.once('close', done));
    clearInterval(timer);
  });

  test.concurrent.each([
    ['SSL request', sslRequest()],
    ['GSSAPI encryption request', gssencRequest()],
  ])('%s again and again', async (what, request) => {
    const socket = connect(proxy.port, '127.0.0.1');
    // In place of a handshake, where there is TLS, it is no handshake.
    socket.write(Buffer.concat([request, request, request]));
    expect(errorIn(await until(socket))).toMatchObject({ M: `received unencrypted data after ${what}` });
  });

  test('all other clients go on as before', async () => {
    expect((await psql(proxy.url('app', 'secret'), ['-c', 'SELECT 1'])).stdout).toBe('1');
  });
});
