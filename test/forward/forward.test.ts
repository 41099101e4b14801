/** Tests that each decision of a real guard arrives at a real rsyslog, whichever of the two fails meanwhile. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type pg from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { collectorOf } from '../../src/decision-log/forward/collector.ts';
import { Forwarder } from '../../src/decision-log/forward/forwarder.ts';
import { Positions } from '../../src/decision-log/forward/position.ts';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { describeWith } from '../support/tools.ts';
import { type Served, serve } from '../workers/served.ts';
import { violations } from './facts.ts';
import { LogFolder } from './log-folder.ts';
import { makeRsyslog, type Rsyslog, type RsyslogOptions, rsyslogd } from './rsyslog.ts';

// Each test starts processes, some of them several times.
vi.setConfig({ testTimeout: 180_000 });

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

/** Minutes for which the collector is away. */
const MINUTES = process.env.ROWGATE_LONG === '1' ? 60 : 20;

let database: FreshDatabase;
let certificates: Certificates;
const running: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  certificates = makeCertificates();
});
afterAll(async () => {
  await database?.drop();
  rmSync(certificates.folder, { recursive: true });
});
afterEach(async () => {
  for (const each of running.splice(0).reverse()) await each.stop();
});

async function rsyslog(options: RsyslogOptions = {}): Promise<Rsyslog> {
  const made = await makeRsyslog(options);
  running.push({ stop: () => made.remove() });
  return made;
}

/** `log`: further keys of it. */
async function guard(forward: string, configuration = '', log = ''): Promise<Served> {
  const served = await serve(database, `log: { forward: [${forward}] ${log} }\n${configuration}`);
  running.push(served);
  return served;
}

/** Another life of that guard. */
async function again({ folder }: Served): Promise<ChildProcess> {
  const child = spawn(process.execPath, [MAIN, 'serve'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  running.push({
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await ended;
    },
  });
  await eventually(() => said.includes('rowgate listens'), 'the guard listens again');
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = new Promise((done) => child.once('exit', done));
  child.kill(signal);
  await ended;
}

type Fields = Record<string, unknown>;

/** The records in the files of a log, closed ones too: [guard, seq], in each guard's order. */
function written({ folder }: Served): string[] {
  const names = readdirSync(folder).flatMap((name) => /^(decisions.*\.jsonl)(\.gz)?$/.exec(name)?.[1] ?? []);
  return [...new Set(names)]
    .flatMap((name) => {
      const text = textOf(join(folder, name));
      let who: unknown;
      return text.split('\n').flatMap((line) => {
        try {
          const { guard, seq } = JSON.parse(line) as Fields;
          // Decisions and outcomes leave it to the beginning of their file.
          who = guard ?? who;
          return [`${who} ${seq}`];
        } catch {
          return [];
        }
      });
    })
    .sort(byGuardAndNumber);
}

/** It may be compressed at this very moment: the one is there before the other goes. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return gunzipSync(readFileSync(`${file}.gz`)).toString();
  }
}

/** The records that have arrived, each once, in the order of their first arrival. */
function arrived(received: readonly { data: string }[]): string[] {
  const names = received.map(({ data }) => {
    const [, who, seq] = /guard="([^"]+)" seq="([0-9]+)"/.exec(data) ?? [];
    return `${who} ${seq}`;
  });
  return [...new Set(names)];
}

function byGuardAndNumber(a: string, b: string): number {
  const [[guardA = '', seqA], [guardB = '', seqB]] = [a.split(' '), b.split(' ')];
  return guardA === guardB ? Number(seqA) - Number(seqB) : guardA < guardB ? -1 : 1;
}

/** Expects all records that were in the log, in each guard's order; records beside them were written since. */
function expectAll(collector: Rsyslog, served: Served, stood = written(served)): void {
  const came = arrived(collector.received());
  const sought = new Set(stood);
  const ofThese = came.filter((name) => sought.has(name));
  const guards = [...new Set(ofThese.map((name) => name.split(' ')[0]))].sort();
  expect(guards.flatMap((who) => ofThese.filter((name) => name.startsWith(`${who} `)))).toEqual(stood);
  const since = new Set(written(served));
  expect(came.filter((name) => !since.has(name))).toEqual([]);
}

/** Expects all records once the log rests: a client may see its answer before the outcome is in the file, and a seal may be written at any time. */
async function expectAllToArrive(collector: Rsyslog, served: Served): Promise<void> {
  let stood: string[] = [];
  const rests = async (): Promise<boolean> => {
    const now = written(served);
    const isSame = now.length === stood.length;
    stood = now;
    if (!isSame) await new Promise((done) => setTimeout(done, 300));
    return isSame && arrived(collector.received()).length >= now.length;
  };
  await eventually(rests, 'all have arrived');
  expectAll(collector, served, stood);
}

async function work(client: pg.Client, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await client.query('SELECT count(*) FROM students WHERE id > $1', [n]);
    if (n % 10 === 0) await client.query('SELECT ine FROM students').catch(() => {});
  }
}

describeWith(rsyslogd)('the log of a guard', () => {
  it('arrives as valid OCSF, each record, whole, in order, the last one before the guard has ended', async () => {
    const collector = await rsyslog();
    await collector.start();
    const served = await guard(`{ to: "syslog://127.0.0.1:${collector.port}" }`);
    const client = await served.connect('teacher');
    await work(client, 30);
    await served.connect('nobody').catch(() => {});
    await client.end();
    await end(served.child, 'SIGTERM');
    expectAll(collector, served);
    const events = collector.received().map(({ text }) => JSON.parse(text) as Fields);
    expect(events.flatMap((event) => violations(event))).toEqual([]);
    const classes = new Set(events.map(({ type_name }) => type_name));
    for (const name of [
      'Datastore Activity: Query',
      'Authentication: Logon',
      'Application Lifecycle: Start',
      'Entity Management: Update',
    ]) {
      expect(classes).toContain(name);
    }
    const statements = events.filter(({ type_uid }) => type_uid === 600504);
    for (const event of statements) {
      expect(event).toMatchObject({ src_endpoint: { ip: '127.0.0.1' }, actor: { user: { name: 'teacher' } } });
      expect((event.query_info as Fields).query_string).toMatch(/^SELECT /);
    }
    const ends = events.map(({ type_name }) => type_name);
    // The last seal comes behind it.
    expect(ends.slice(-2)).toContain('Application Lifecycle: Stop');
  });

  it.each(['gtls', 'ossl'] as const)(
    'arrives over TLS (%s) from all workers, and over a restart of rsyslog',
    async (driver) => {
      const { ca, server, client: own } = certificates;
      const collector = await rsyslog({ driver, tls: { ca, cert: server.cert, key: server.key, clients: true } });
      await collector.start();
      const to = `to: "syslog+tls://localhost:${collector.port}", ca: ${ca}, cert: ${own.cert}, key: ${own.key}, form: json`;
      const served = await guard(`{ ${to} }`, 'workers: 2');
      const clients = await Promise.all([1, 2, 3, 4].map(() => served.connect('teacher')));
      await Promise.all(clients.map((client) => work(client, 30)));
      await collector.end('SIGTERM');
      await Promise.all(clients.map((client) => work(client, 30)));
      await collector.start();
      await expectAllToArrive(collector, served);
      expect(new Set(arrived(collector.received()).map((name) => name.split(' ')[0]))).toEqual(
        new Set(['test/1', 'test/2']),
      );
      const decisions = collector
        .received()
        .map(({ text }) => JSON.parse(text) as Fields)
        .filter(({ kind }) => kind === 'decision');
      for (const decision of decisions) expect(decision).toMatchObject({ role: 'teacher', command: 'SELECT' });
    },
  );

  it('loses nothing when rsyslog is killed, stopped and slow again and again', async () => {
    const collector = await rsyslog();
    await collector.start();
    const served = await guard(`{ to: "syslog://127.0.0.1:${collector.port}", form: json }`);
    const client = await served.connect('teacher');
    let busy = true;
    const working = (async () => {
      while (busy) await work(client, 20);
    })();
    for (let round = 0; round < 2; round++) {
      await new Promise((done) => setTimeout(done, 700));
      await collector.end('SIGKILL');
      await new Promise((done) => setTimeout(done, 300));
      await collector.start();
      await new Promise((done) => setTimeout(done, 700));
      await collector.pause();
      await new Promise((done) => setTimeout(done, 900));
      // Half of the time what it has not read dies with it.
      if (round % 2 === 0) {
        process.kill(collector.pid(), 'SIGKILL');
        await eventually(() => collector.start().then(() => true), 'it starts again');
      } else collector.signal('SIGCONT');
    }
    busy = false;
    await working;
    await expectAllToArrive(collector, served);
    expect(served.output.stderr).toContain('the decision log cannot be forwarded; it waits');
    expect(served.output.stderr).toContain('the decision log is forwarded again');
  });

  it('queues while the collector is away, over guards that are killed, and delays no statement', async () => {
    const collector = await rsyslog();
    const served = await guard(`{ to: "syslog://127.0.0.1:${collector.port}", form: json }`);
    await work(await served.connect('teacher'), 300);
    await end(served.child, 'SIGKILL');
    const second = await again(served);
    await end(second, 'SIGKILL');
    await collector.start();
    const third = await again(served);
    await eventually(() => collector.received().length > 100, 'the first have come');
    await end(third, 'SIGKILL');
    await again(served);
    await expectAllToArrive(collector, served);
  });

  it('arrives whole although its files were closed and compressed meanwhile, and the guard has ended in between', async () => {
    const collector = await rsyslog();
    const served = await guard(`{ to: "syslog://127.0.0.1:${collector.port}", form: json }`, '', ', rotate: 64 kB');
    await work(await served.connect('teacher'), 500);
    await end(served.child, 'SIGTERM');
    await again(served);
    await eventually(
      () => readdirSync(served.folder).filter((name) => name.endsWith('.gz')).length > 2,
      'files are compressed',
    );
    await collector.start();
    await expectAllToArrive(collector, served);
  });

  it('tells the operator when retention has deleted unsent records, and goes on', async () => {
    const collector = await rsyslog();
    const files = ', rotate: 64 kB, keep: 1 second';
    const served = await guard(`{ to: "syslog://127.0.0.1:${collector.port}", form: json }`, '', files);
    const client = await served.connect('teacher');
    // More than is in memory.
    const closed = () => readdirSync(served.folder).filter((name) => /[0-9]{12}/.test(name));
    for (let n = 0; n < 300; n++) await client.query('SELECT count(*) FROM students;'.repeat(10));
    const [waiting = ''] = closed().slice(-2);
    await eventually(async () => {
      await work(client, 50);
      return !closed().some((name) => name.startsWith(waiting.slice(0, 'decisions.000000000001'.length)));
    }, 'what waits is deleted');
    await collector.start();
    await eventually(() => served.output.stderr.includes('were gone before they could be forwarded'), 'it is said');
    const gone = /"from":([0-9]+),"until":([0-9]+),"msg":"records of the decision log were gone/.exec(
      served.output.stderr,
    );
    await eventually(() => arrived(collector.received()).includes(`test ${Number(gone?.[2]) + 1}`), 'it goes on');
    expect(arrived(collector.received())).toContain(`test ${Number(gone?.[1]) - 1}`);
  });

  it('keeps no guard from ending, nor a statement from running, though the collector is stopped', async () => {
    const collector = await rsyslog();
    await collector.start();
    const served = await guard(`{ to: "syslog://127.0.0.1:${collector.port}", form: json }`);
    await collector.pause();
    await work(await served.connect('teacher'), 50);
    const begun = performance.now();
    await end(served.child, 'SIGTERM');
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(await served.status).toBe(0);
    collector.signal('SIGCONT');
    await again(served);
    await expectAllToArrive(collector, served);
  });
});

describeWith(rsyslogd)('a collector', () => {
  function forward(folder: LogFolder, port: number, form: 'ocsf' | 'json'): Forwarder {
    const destination = { kind: 'syslog', host: '127.0.0.1', port, tls: false } as const;
    return new Forwarder({
      logs: [folder.log],
      collector: collectorOf(destination, { form, longest: 8192, version: '0.1.0', host: 'h' }),
      positions: new Positions(`${folder.log}.forward`, 'test'),
      log: pino({ level: 'silent' }),
    });
  }

  function log(): LogFolder {
    const folder = new LogFolder();
    running.push({ stop: async () => folder.remove() });
    return folder;
  }

  it('that was away gets what was written meanwhile, seven records a second, in their order', async () => {
    const collector = await rsyslog();
    const folder = log();
    for (let minute = 0; minute < MINUTES; minute++) {
      for (let n = 0; n < 210; n++) {
        folder.decision(`${minute}-${n}`);
        folder.outcome(`${minute}-${n}`);
      }
      if (minute % 5 === 4) folder.compress(folder.rotate());
    }
    await collector.start();
    await forward(folder, collector.port, 'ocsf').stop(100_000);
    const received = collector.received();
    expect(received.length).toBe(folder.last);
    expect(arrived(received)).toEqual(Array.from({ length: folder.last }, (_, n) => `g1 ${n + 1}`));
    expect(received.flatMap(({ text }) => violations(JSON.parse(text) as Fields))).toEqual([]);
  });

  it('that is slow has its time, and gets nothing twice', async () => {
    const collector = await rsyslog();
    const folder = log();
    for (let n = 0; n < 2_500; n++) folder.record();
    await collector.start();
    let turn = 0;
    // It works a tenth of the time.
    const slow = setInterval(() => collector.signal(turn++ % 10 === 0 ? 'SIGCONT' : 'SIGSTOP'), 30);
    running.push({ stop: async () => clearInterval(slow) });
    await forward(folder, collector.port, 'json').stop(100_000);
    expect(collector.received().length).toBe(folder.last);
    expect(arrived(collector.received())).toEqual(Array.from({ length: folder.last }, (_, n) => `g1 ${n + 1}`));
  });
});
