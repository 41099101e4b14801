/** Tests that syslog messages arrive at a real rsyslog as they were meant, and that the sender knows when they have. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SyslogMessage, syslogFrame } from '../../src/decision-log/sending/syslog-message.ts';
import { sendSyslog } from '../../src/decision-log/sending/syslog-send.ts';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { eventually } from '../proxy/support.ts';
import { describeWith } from '../support/tools.ts';
import { freePort, makeRsyslog, type Rsyslog, type RsyslogOptions, rsyslogd } from './rsyslog.ts';

const MESSAGE: SyslogMessage = {
  time: '2026-11-25T09:00:00.007Z',
  severity: 'warning',
  host: 'guard.example',
  id: 'decision',
  data: { guard: 'g1/2', seq: '4711' },
  text: '{"kind":"decision"}',
};

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => syslogFrame({ ...MESSAGE, text: `message ${from + n}` }));

describe('a frame', () => {
  it('begins with the length of the message in bytes, priority and header behind it', () => {
    const message =
      '<108>1 2026-11-25T09:00:00.007Z guard.example rowgate - decision [rowgate@32473 guard="g1/2" seq="4711"] élève';
    expect(Buffer.byteLength(message)).toBe(message.length + 2);
    expect(syslogFrame({ ...MESSAGE, text: 'élève' }).toString()).toBe(`${Buffer.byteLength(message)} ${message}`);
  });

  it('holds no value that ends the structured data, and no header field with a blank', () => {
    const text = syslogFrame({ ...MESSAGE, host: 'a b\u00e9', id: '', data: { name: 'x"] y\\' } }).toString();
    expect(text).toContain(' a_b_ rowgate - - [rowgate@32473 name="x\\"\\] y\\\\"] ');
  });
});

describeWith(rsyslogd)('to rsyslog', () => {
  let certificates: Certificates;
  const running: Rsyslog[] = [];
  beforeAll(() => {
    certificates = makeCertificates();
  });
  afterEach(async () => {
    for (const rsyslog of running.splice(0)) await rsyslog.remove();
  });

  async function rsyslog(options: RsyslogOptions = {}): Promise<Rsyslog> {
    const made = await makeRsyslog(options);
    running.push(made);
    await made.start();
    return made;
  }

  const serverFiles = () => ({ ca: certificates.ca, cert: certificates.server.cert, key: certificates.server.key });

  it('over TCP: it understands every part', async () => {
    const { port, received } = await rsyslog();
    const text = '{"application":"a \\"quoted\\" ] élève 😀"}';
    const data = { guard: 'a"]\\b', seq: '1' };
    await sendSyslog({ host: '127.0.0.1', port }, [syslogFrame({ ...MESSAGE, data, text })]);
    await eventually(() => received().length === 1, 'it was written');
    expect(received()[0]).toMatchObject({
      pri: '108',
      time: '2026-11-25T09:00:00.007Z',
      host: 'guard.example',
      app: 'rowgate',
      id: 'decision',
      data: '[rowgate@32473 guard="a\\"\\]\\\\b" seq="1"]',
      text,
    });
  });

  it.each(['gtls', 'ossl'] as const)('over TLS (%s), with certificates on both sides, in order', async (driver) => {
    const { port, received } = await rsyslog({ driver, tls: { ...serverFiles(), clients: true } });
    const { ca, client } = certificates;
    const receiver = { host: 'localhost', port, tls: { ca, cert: client.cert, key: client.key } };
    await sendSyslog(receiver, numbered(0, 3000));
    await sendSyslog(receiver, numbered(3000, 3010));
    await eventually(() => received().length >= 3010, 'all were written');
    expect(received().map(({ text }) => text)).toEqual(Array.from({ length: 3010 }, (_, n) => `message ${n}`));
  });

  it.each(['gtls', 'ossl'] as const)(
    'not without the certificate that it wants (%s): it turns us away',
    async (driver) => {
      const { port, received } = await rsyslog({ driver, tls: { ...serverFiles(), clients: true } });
      const receiver = { host: 'localhost', port, tls: { ca: certificates.ca } };
      for (let n = 0; n < 5; n++)
        await expect(sendSyslog(receiver, numbered(0, 1), { graceMs: 500 })).rejects.toThrow();
      expect(received()).toEqual([]);
    },
  );

  it('is not sent to a server of another authority or name', async () => {
    const { port, received } = await rsyslog({ tls: serverFiles() });
    await expect(sendSyslog({ host: 'localhost', port, tls: {} }, numbered(0, 1))).rejects.toThrow(/certificate/);
    const named = { host: '127.0.0.1', port, tls: { ca: certificates.ca } };
    await expect(sendSyslog(named, numbered(0, 1))).rejects.toThrow(/IP|altnames/);
    expect(received()).toEqual([]);
  });

  it('as docs/operations.md has it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowgate-rsyslog-docs-'));
    const port = await freePort();
    const text = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
    const { ca, server: own, client } = certificates;
    const written = join(folder, 'rowgate.jsonl');
    const configuration = (/```\n(global\(default[\s\S]*?)```/.exec(text)?.[1] ?? '')
      .replace('/etc/rsyslog.d/ca.crt', ca)
      .replace('/etc/rsyslog.d/siem.crt', own.cert)
      .replace('/etc/rsyslog.d/siem.key', own.key)
      .replace('/var/log/rowgate.jsonl', written)
      .replace('port="6514"', `address="127.0.0.1" port="${port}"`);
    const made = await makeRsyslog({ configuration, port });
    running.push(made);
    await made.start();
    await sendSyslog({ host: 'localhost', port, tls: { ca, cert: client.cert, key: client.key } }, numbered(0, 3));
    expect(readFileSync(written, 'utf8')).toBe('message 0\nmessage 1\nmessage 2\n');
    rmSync(folder, { recursive: true });
  });

  it('says nothing of what a stopped one has not read, and fails when it is killed', async () => {
    const made = await rsyslog();
    await made.pause();
    let settled = '';
    const sending = sendSyslog({ host: '127.0.0.1', port: made.port }, numbered(0, 100)).then(
      () => (settled = 'sent'),
      () => (settled = 'failed'),
    );
    await new Promise((done) => setTimeout(done, 1_000));
    expect(settled).toBe('');
    process.kill(made.pid(), 'SIGKILL');
    await sending;
    expect(settled).toBe('failed');
    expect(made.received()).toEqual([]);
  });

  it('waits for a stopped one that goes on', async () => {
    const made = await rsyslog();
    await made.pause();
    const sending = sendSyslog({ host: '127.0.0.1', port: made.port }, numbered(0, 2000));
    await new Promise((done) => setTimeout(done, 500));
    made.signal('SIGCONT');
    await sending;
    await eventually(() => made.received().length === 2000, 'all were written');
  });
});

describe('to a receiver that', () => {
  let server: Server;
  const sockets: Socket[] = [];
  afterAll(() => server?.close());
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  async function receiver(take: (socket: Socket) => void) {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      sockets.push(socket);
      take(socket);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  it('never closes: fails after a while', async () => {
    const to = await receiver((socket) => socket.resume());
    await expect(sendSyslog(to, numbered(0, 1), { quietMs: 300, graceMs: 50 })).rejects.toThrow(
      'nothing has moved for 0.3 s',
    );
  });

  it('reads nothing: fails after a while', async () => {
    const to = await receiver((socket) => socket.pause());
    await expect(sendSyslog(to, [Buffer.alloc(64 << 20)], { quietMs: 500 })).rejects.toThrow('nothing has moved');
  });

  it('reads slowly has its time: what counts is that something moves', async () => {
    const to = await receiver((socket) => {
      socket.on('end', () => socket.end());
      socket.on('data', () => {
        socket.pause();
        setTimeout(() => socket.resume(), 2);
      });
    });
    await sendSyslog(to, [Buffer.alloc(24 << 20)], { quietMs: 400, graceMs: 100 });
  });

  it('turns us away at once, though it takes what was sent: fails', async () => {
    const to = await receiver((socket) => {
      socket.resume();
      socket.end();
    });
    await expect(sendSyslog(to, numbered(0, 1))).rejects.toThrow('before it had everything');
  });

  it('closes in the middle, or resets: fails', async () => {
    const early = await receiver((socket) => socket.end());
    await expect(sendSyslog(early, [Buffer.alloc(64 << 20)])).rejects.toThrow();
    server.close();
    const reset = await receiver((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expect(sendSyslog(reset, numbered(0, 1))).rejects.toThrow(/ECONNRESET/);
  });

  it('is not there: fails', async () => {
    const to = { ...(await receiver(() => {})), port: 1 };
    await expect(sendSyslog(to, numbered(0, 1))).rejects.toThrow(/ECONNREFUSED/);
  });
});
