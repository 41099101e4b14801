/** Tests the sending of anchors: what each kind of receiver gets, what happens to those that could not be sent, and that no session waits. */

import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Anchoring } from '../../src/decision-log/anchors/anchoring.ts';
import { lastSeals } from '../../src/decision-log/anchors/last-seals.ts';
import { type AnchorDestination, sendAnchor } from '../../src/decision-log/anchors/send.ts';
import type { Anchor } from '../../src/decision-log/chain/seal.ts';
import { eventually } from '../proxy/support.ts';
import { TestLog } from '../tampering/logs.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-anchors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function anchor(seal: number): Anchor {
  const of = { seq: seal * 10, hash: 'h'.repeat(43) };
  return { guard: 'g1', chain: 'c', seal, of, at: '2026-11-25T09:00:00.000Z', key: 'k', signature: 's' };
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function http(answer: () => number): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createHttp((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(answer()).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closing.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/anchors`, bodies };
}

async function syslog(): Promise<{ port: number; received: () => string }> {
  let received = '';
  const server = createTcp({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closing.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, received: () => received };
}

const send = (destination: AnchorDestination, seal: number) =>
  sendAnchor(destination, anchor(seal), new AbortController().signal);

describe('a receiver gets', () => {
  it('over HTTP: the line', async () => {
    const { url, bodies } = await http(() => 204);
    await send({ kind: 'https', url }, 7);
    expect(bodies).toEqual([`${JSON.stringify(anchor(7))}\n`]);
  });

  it('over syslog: the line behind the front of a message', async () => {
    const { port, received } = await syslog();
    await send({ kind: 'syslog', host: '127.0.0.1', port, tls: false }, 7);
    expect(received()).toMatch(/^\d+ <109>1 2026-11-25T09:00:00\.000Z g1 rowgate - anchor \[[^\]]*\] \{"guard":"g1"/);
    expect(JSON.parse(received().slice(received().indexOf('{')))).toEqual(anchor(7));
  });

  it('in a file: one more line, also behind one that was torn off', async () => {
    const path = join(folder, 'anchors.jsonl');
    await send({ kind: 'file', path }, 1);
    appendFileSync(path, '{"guard":"g1","ch');
    await send({ kind: 'file', path }, 2);
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines).toEqual([JSON.stringify(anchor(1)), '{"guard":"g1","ch', JSON.stringify(anchor(2)), '']);
  });

  it.each<[string, AnchorDestination]>([
    ['no server listens', { kind: 'https', url: 'http://127.0.0.1:1/' }],
    ['no server listens', { kind: 'syslog', host: '127.0.0.1', port: 1, tls: false }],
    ['no such folder', { kind: 'file', path: join(folder, 'nowhere', 'anchors') }],
  ])('nothing where %s: that is an error', async (_why, destination) => {
    await expect(send(destination, 1)).rejects.toThrow();
  });
});

describe('again and again', () => {
  function anchoring(everyMs: number, deliver: (anchor: Anchor, signal: AbortSignal) => Promise<void>) {
    const told: string[] = [];
    const keeps = new Anchoring({
      send: deliver,
      everyMs,
      lost: () => told.push('lost'),
      found: () => told.push('found'),
    });
    return { keeps, told };
  }

  it('the last one goes, and none twice', async () => {
    const got: number[] = [];
    const { keeps } = anchoring(50, async ({ seal }) => void got.push(seal));
    for (const seal of [1, 2, 3]) keeps.offer(anchor(seal));
    await eventually(() => got.length > 0, 'one is sent');
    await sleep(300);
    expect(got).toEqual([3]);
    await keeps.stop();
    expect(got).toEqual([3]);
  });

  it('no anchor is sent before its record is on the disk', async () => {
    const got: number[] = [];
    let now = 0;
    const keeps = new Anchoring({
      send: async ({ seal }) => void got.push(seal),
      everyMs: 20,
      lost: () => {},
      found: () => {},
      now: () => now,
    });
    keeps.offer(anchor(1));
    now = 900;
    keeps.offer(anchor(2));
    await sleep(200);
    expect(got).toEqual([]);
    now = 1_100;
    await eventually(() => got.length > 0, 'the first is sent');
    expect(got).toEqual([1]);
    // The log is closed: the last one is on the disk.
    await keeps.stop();
    expect(got).toEqual([1, 2]);
  });

  it('a receiver that was away is told the newest, and the operator once each way', async () => {
    let status = 503;
    const { url, bodies } = await http(() => status);
    const { keeps, told } = anchoring(50, (each, signal) => sendAnchor({ kind: 'https', url }, each, signal));
    keeps.offer(anchor(1));
    await eventually(() => bodies.length > 3, 'it is tried again');
    keeps.offer(anchor(2));
    expect(told).toEqual(['lost']);
    status = 200;
    await eventually(() => JSON.parse(bodies.at(-1) ?? '{}').seal === 2, 'the newest arrives');
    expect(told).toEqual(['lost', 'found']);
    await keeps.stop();
  });

  it('one that never answers does not keep the guard from ending', async () => {
    const { keeps, told } = anchoring(
      50,
      (_anchor, signal) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(new Error('ended')))),
    );
    keeps.offer(anchor(1));
    const started = performance.now();
    await keeps.stop();
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(told).toEqual(['lost']);
  });
});

it('the last seals of a log are anchors of it, one of each worker', async () => {
  const log = TestLog.build({ workers: 2, records: 60, compressed: true });
  const anchors = await lastSeals(log.log);
  expect(anchors.map(({ guard, seal }) => [guard, seal])).toEqual(
    ['g1/1', 'g1/2'].map((guard) => [guard, log.anchors.findLast((each) => each.guard === guard)?.seal]),
  );
  const { findings, anchors: read } = await log.verifyAnchored(anchors);
  expect({ findings, read }).toEqual({ findings: [], read: { used: 2, passedOver: 0 } });
  log.remove();
});
