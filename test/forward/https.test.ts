/** Tests batches for an HTTPS receiver: sent until it has taken them, smaller where it asks for that, to no other host, and not without its certificate. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ForwardConfig } from '../../src/config/forward.ts';
import { collectorOf } from '../../src/decision-log/forward/collector.ts';
import { Forwarder } from '../../src/decision-log/forward/forwarder.ts';
import { Positions } from '../../src/decision-log/forward/position.ts';
import { post } from '../../src/net/https-post.ts';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { eventually } from '../proxy/support.ts';
import { LogFolder } from './log-folder.ts';

/** The receiver's reaction to a request: a status, a redirect, or nothing at all. */
type Answer = number | 'hang up' | 'elsewhere';

let certificates: Certificates;
let folder: LogFolder;
let server: Server;
let url: string;
let requests: { readonly headers: IncomingMessage['headers']; readonly body: string; readonly known: boolean }[];
let answer: (body: string, request: IncomingMessage) => Answer;
let said: string[];
const running: Forwarder[] = [];

beforeAll(() => {
  certificates = makeCertificates();
});
beforeEach(async () => {
  folder = new LogFolder();
  requests = [];
  said = [];
  answer = () => 200;
  const { ca, server: own } = certificates;
  const files = { ca: readFileSync(ca), cert: readFileSync(own.cert), key: readFileSync(own.key) };
  server = createServer({ ...files, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const what = answer(body, request);
      requests.push({ headers: request.headers, body, known: (request.socket as TLSSocket).authorized });
      if (what === 'hang up') request.socket.destroy();
      else if (what === 'elsewhere') response.writeHead(307, { location: `${url}elsewhere` }).end();
      else response.writeHead(what).end('x'.repeat(10_000));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `https://localhost:${(server.address() as AddressInfo).port}/`;
});
afterEach(async () => {
  for (const forwarder of running.splice(0)) await forwarder.stop(0);
  server?.closeAllConnections();
  server?.close();
  folder.remove();
});

afterAll(() => {
  rmSync(certificates.folder, { recursive: true });
});

const path = () => `${folder.log}.forward`;

type Files = Pick<ForwardConfig['destination'], 'ca' | 'cert' | 'key' | 'authorization'>;

function forward(files: Files = { ca: certificates.ca }, positions = new Positions(path(), url)): Forwarder {
  const destination: ForwardConfig['destination'] = { kind: 'https', url, ...files };
  const options = { form: 'json' as const, longest: 100_000, version: '0.1.0', host: 'h' };
  const log = pino({}, { write: (line: string) => void said.push(line) });
  const collector = collectorOf(destination, options);
  const forwarder = new Forwarder({ logs: [folder.log], collector, positions, log, firstWaitMs: 20, lookMs: 20 });
  running.push(forwarder);
  return forwarder;
}

const lines = (body: string) =>
  body
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { seq: number }).seq);
/** The numbers of the received records. */
let taken: number[] = [];
function take(decide: (seqs: number[], request: IncomingMessage) => Answer = () => 200): void {
  taken = [];
  answer = (body, request) => {
    const seqs = lines(body);
    const what = decide(seqs, request);
    if (what === 200) taken.push(...seqs);
    return what;
  };
}
const upTo = (last: number) => Array.from({ length: last }, (_, n) => n + 1);

describe('a receiver of HTTPS', () => {
  it('gets lines of JSON, with what it knows us by', async () => {
    for (let n = 0; n < 50; n++) folder.record();
    const { cert, key } = certificates.client;
    forward({ ca: certificates.ca, cert, key, authorization: 'Splunk 0-1-2' });
    await eventually(() => requests.length === 1, 'it came');
    expect(lines(requests[0]?.body ?? '')).toEqual(upTo(51));
    expect(requests[0]).toMatchObject({
      known: true,
      headers: { authorization: 'Splunk 0-1-2', 'content-type': 'application/x-ndjson' },
    });
  });

  it.each<Answer>([301, 400, 403, 404, 429, 500, 503, 'hang up', 'elsewhere'])(
    'that answers %s has taken nothing: it is sent again, and said once',
    async (first) => {
      for (let n = 0; n < 20; n++) folder.record();
      let times = 0;
      take(() => (++times < 4 ? first : 200));
      forward();
      await eventually(() => taken.length > 0, 'it was taken');
      folder.record();
      await eventually(() => taken.length >= 22, 'the rest as well');
      expect(taken).toEqual(upTo(22));
      expect(said.filter((line) => line.includes('cannot be forwarded'))).toHaveLength(1);
      expect(said.filter((line) => line.includes('forwarded again'))).toHaveLength(1);
      expect(requests.every(({ headers }) => headers.host === new URL(url).host)).toBe(true);
    },
  );

  it('that takes nothing falls behind: by how much can be asked', async () => {
    folder.record();
    let isUp = false;
    take(() => (isUp ? 200 : 503));
    const forwarder = forward();
    await eventually(() => requests.length > 1, 'it was tried');
    folder.record();
    // The first record is of 1 ms behind that instant.
    expect(forwarder.lag(1.78e12 + 60_001)).toBe(60);
    isUp = true;
    await eventually(() => taken.length >= 3, 'all were taken');
    await eventually(() => forwarder.lag(Date.now()) === 0, 'it is not behind any more');
  });

  it('to which it is too much gets fewer at once', async () => {
    for (let n = 0; n < 400; n++) folder.record();
    take((seqs) => (seqs.length > 30 ? 413 : 200));
    forward();
    await eventually(() => taken.length >= 401, 'all were taken');
    expect(taken).toEqual(upTo(401));
    // It learns how much that is, and takes it for no failure.
    expect(requests.length).toBeLessThan(30);
    expect(said).toEqual([]);
  });

  it('that takes not even one of them is told of', async () => {
    folder.record();
    take(() => 413);
    forward();
    await eventually(() => said.some((line) => line.includes('cannot be forwarded')), 'it is said');
    expect(JSON.parse(said[0] ?? '{}')).toMatchObject({ log: folder.log, seq: 1 });
  });

  it('that says nothing is waited for, but not for ever', async () => {
    server.removeAllListeners('request');
    const receiver = { url, ca: certificates.ca };
    await expect(post(receiver, 'application/json', '{}', undefined, 300)).rejects.toThrow(/aborted|timeout/);
  });

  it('of another authority gets nothing', async () => {
    folder.record();
    forward({});
    await eventually(() => said.some((line) => line.includes('certificate')), 'it is said');
    expect(requests).toEqual([]);
  });

  it('that is slow and fails at random gets all of it in order, from one life to the next', async () => {
    for (let n = 0; n < 3_000; n++) folder.record();
    let random = 7;
    take(() => {
      random = (random * 48271) % 2147483647;
      return random % 3 === 0 ? 500 : 200;
    });
    for (let life = 0; life < 6; life++) {
      const forwarder = forward();
      await new Promise((done) => setTimeout(done, 150));
      await forwarder.stop(0);
      for (let n = 0; n < 100; n++) folder.record();
      if (life === 2) folder.compress(folder.rotate());
    }
    forward();
    await eventually(() => new Set(taken).size >= folder.last, 'all were taken');
    expect([...new Set(taken)]).toEqual(upTo(folder.last));
  });

  it('gets what is there when the guard ends, unless it does not take it', async () => {
    const forwarder = forward();
    await eventually(() => requests.length > 0, 'the first came');
    take();
    for (let n = 0; n < 5_000; n++) folder.record();
    await forwarder.stop(20_000);
    expect(taken).toEqual(upTo(folder.last).slice(1));
    take(() => 500);
    folder.record();
    const begun = performance.now();
    await forward().stop(20_000);
    expect(performance.now() - begun).toBeLessThan(15_000);
    take();
    await forward().stop(20_000);
    expect(taken).toEqual([folder.last]);
  });

  it('is told apart from another one: each has its own place in the log', async () => {
    folder.record();
    take();
    await forward().stop(20_000);
    await forward({ ca: certificates.ca }, new Positions(`${path()}-other`, url)).stop(20_000);
    expect(taken).toEqual([1, 2, 1, 2]);
  });
});

describe('how far a log was taken', () => {
  it('is kept in a file that is there as a whole, for its owner alone', () => {
    const kept = mkdtempSync(join(tmpdir(), 'rowgate-positions-'));
    const file = join(kept, 'p');
    const positions = new Positions(file, 'syslog://a');
    expect(positions.isNew).toBe(true);
    positions.set('decisions.jsonl', { chain: 'c', file: 1, offset: 10, seq: 2 });
    positions.save();
    expect(readdirSync(kept)).toEqual(['p']);
    const again = new Positions(file, 'syslog://a');
    expect([again.isNew, again.logs(), again.of('decisions.jsonl')]).toEqual([
      false,
      ['decisions.jsonl'],
      { chain: 'c', file: 1, offset: 10, seq: 2 },
    ]);
    for (const damaged of [
      '',
      '{',
      '{"logs":{"a":{"file":1}}}',
      '{"logs":{"a":{"file":1,"offset":"x","seq":1}}}',
      '[]',
    ]) {
      writeFileSync(file, damaged);
      expect(() => new Positions(file, 'syslog://a'), damaged).toThrow();
    }
    rmSync(kept, { recursive: true });
  });
});
