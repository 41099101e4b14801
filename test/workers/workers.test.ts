/** Tests that several processes behind one port are one guard: counts are kept over all, and one that dies ends only its own sessions. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { cancelRequest } from '../../src/protocol/startup.ts';
import { rawLogin } from '../proxy/raw-client.ts';
import { errorIn, eventually, talk, until } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { isAlive, portOf, type Served, serve } from './served.ts';

// Each test starts processes, some of them several times.

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
});

afterAll(() => database?.drop());

async function active(guard: Served): Promise<number> {
  const sql = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${guard.account}' AND state = 'active' AND application_name <> 'rowgate'`;
  return (await database.query<{ n: number }>(sql))[0]?.n ?? -1;
}

async function backends(guard: Served): Promise<number> {
  const sql = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${guard.account}' AND application_name = 'test'`;
  return (await database.query<{ n: number }>(sql))[0]?.n ?? -1;
}

/** Logs in as often at the same time: the clients that came in, and the codes of the others. */
async function logInAtOnce(guard: Served, principal: string, count: number) {
  const tries = await Promise.allSettled(Array.from({ length: count }, () => guard.connect(principal)));
  return {
    clients: tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    codes: tries.flatMap((one) => (one.status === 'rejected' ? [(one.reason as { code?: string }).code] : [])),
  };
}

/** One after the other: so they go to the workers in turn. */
async function logInInTurn(guard: Served, principal: string, count: number): Promise<pg.Client[]> {
  const clients: pg.Client[] = [];
  for (let i = 0; i < count; i++) clients.push(await guard.connect(principal));
  return clients;
}

/** By worker's file: the clients that it serves. */
async function byWorker(guard: Served, clients: readonly pg.Client[]): Promise<pg.Client[][]> {
  const records = Object.values(await guard.records());
  const logins = records
    .flatMap((lines, worker) =>
      lines.filter(({ kind }) => kind === 'login').map(({ time, client }) => ({ time, client, worker })),
    )
    .sort((one, other) => String(one.time).localeCompare(String(other.time)));
  // The system gives a port again: the last login is this client's.
  const workers = new Map(logins.map(({ client, worker }) => [String(client), worker]));
  return records.map((_lines, worker) =>
    clients.filter((client) => workers.get(`127.0.0.1:${portOf(client)}`) === worker),
  );
}

const lost = (client: pg.Client) => new Promise<void>((done) => client.on('end', () => done()));

describe('two workers', () => {
  let guard: Served;

  beforeAll(async () => {
    guard = await serve(
      database,
      'workers: 2\nlimits: { logins: 40, logins_per_address: 20 }\nlog: { seal: { every: 200 ms } }',
    );
  });

  afterAll(() => guard?.stop());

  test('one line says that they listen, and connections go to both', async () => {
    expect(guard.output.stdout).toMatch(/^rowgate listens on 127\.0\.0\.1:\d+, in front of [^\n]+\n$/);
    expect(guard.workers()).toHaveLength(2);
    const clients = await logInInTurn(guard, 'teacher', 6);
    expect((await byWorker(guard, clients)).map((served) => served.length)).toEqual([3, 3]);
    for (const client of clients) await client.end();
  });

  test('each writes a log of its own, without gaps, under its own name', async () => {
    const records = await guard.records();
    expect(Object.keys(records)).toEqual(['decisions.1.jsonl', 'decisions.2.jsonl']);
    for (const [index, lines] of Object.values(records).entries()) {
      expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_line, i) => i + 1));
      expect(new Set(lines.map((line) => line.guard))).toEqual(new Set([`test/${index + 1}`]));
    }
  });

  test('seals its log, and with it how far the other one had come', async () => {
    const [one, two] = await logInInTurn(guard, 'teacher', 2);
    const besides = async () =>
      Object.values(await guard.records()).map((lines) =>
        lines.flatMap(({ beside }) => (beside ? [beside] : [])).at(-1),
      );
    await eventually(async () => {
      await Promise.all([one, two].map((client) => client?.query('SELECT 1')));
      return (await besides()).every((beside) => beside !== undefined);
    }, 'each has heard of the other');
    for (const [index, beside] of (await besides()).entries()) {
      const name = `test/${2 - index}`;
      const head = (beside as Record<string, { seq: number; hash: string; chain: string }>)[name];
      const text = await readFile(join(guard.folder, `decisions.${2 - index}.jsonl`), 'utf8');
      // The head is its last seal, or what was written with it: an outcome that waited.
      const own = text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []));
      expect(own.find(({ seq }) => seq === head?.seq)?.hash).toBe(head?.hash);
      expect(own.find(({ kind }) => kind === 'segment').chain).toBe(head?.chain);
    }
    await Promise.all([one, two].map((client) => client?.end()));
  });

  test('a cancel reaches its session, wherever it comes in; no other key does', async () => {
    for (let round = 0; round < 6; round++) {
      const { key, socket, reader } = await rawLogin(guard.port, 'dba', 'demo-dba', database.name, round % 3);
      const sql = Buffer.from('SELECT pg_sleep(60)\0');
      const query = Buffer.concat([Buffer.from('Q'), Buffer.alloc(4), sql]);
      query.writeUInt32BE(4 + sql.length, 1);
      socket.write(query);
      await eventually(async () => (await active(guard)) === 1, 'the statement runs');
      const wrong = Uint8Array.from(key.secretKey);
      wrong[0]! ^= 1;
      // Two in a row: one lands at each worker.
      for (const _ of [1, 2]) await talk(guard.port, cancelRequest(key.processId, wrong));
      for (const _ of [1, 2]) await talk(guard.port, cancelRequest(key.processId ^ 1, key.secretKey));
      expect(await active(guard)).toBe(1);
      // The right one comes in at the session's own worker and at the other one, by turns.
      if (round % 2 === 1) await talk(guard.port, cancelRequest(1, key.secretKey));
      expect(await talk(guard.port, cancelRequest(key.processId, key.secretKey))).toHaveLength(0);
      for (let message = await reader.readMessage(); ; message = await reader.readMessage()) {
        if (message.bytes.includes('57014')) break;
      }
      socket.destroy();
      await eventually(async () => (await active(guard)) === 0, 'nothing runs');
    }
  });

  test('the connections of a principal are counted over both, exactly, however many come at once', async () => {
    for (let round = 0; round < 2; round++) {
      const { clients, codes } = await logInAtOnce(guard, 'dba', 18);
      expect(clients).toHaveLength(10);
      expect(codes).toEqual(Array.from({ length: 8 }, () => '53300'));
      await Promise.all(clients.map((client) => client.end()));
      await eventually(async () => (await backends(guard)) === 0, 'all have left');
    }
  });

  test('connections that come and go before login leave no place taken', async () => {
    for (let batch = 0; batch < 8; batch++) {
      const sockets = Array.from({ length: 50 }, () => connect({ port: guard.port, host: '127.0.0.1' }));
      await Promise.all(
        sockets.map(
          (socket) => new Promise((done) => socket.on('error', done).once('connect', done).once('close', done)),
        ),
      );
      for (const socket of sockets) socket.destroy();
    }
    // As many as there are places, at the same time: each of them is free again, once the guard has seen all the others go.
    let silent: Socket[] = [];
    await eventually(async () => {
      silent = Array.from({ length: 20 }, () => connect({ port: guard.port, host: '127.0.0.1' }).on('error', () => {}));
      const refused = Promise.race(silent.map((socket) => new Promise((done) => socket.once('data', done))));
      const [first] = silent;
      first!.end();
      await new Promise((done) => first!.resume().once('close', done));
      const waiting = new Promise((done) => setTimeout(() => done('all wait'), 200));
      const allWait = (await Promise.race([refused, waiting])) === 'all wait';
      if (!allWait) for (const socket of silent) socket.destroy();
      return allWait;
    }, 'each place is free again');
    const client = new pg.Client({ connectionString: guard.url('teacher') });
    await client.connect(); // the place of the first
    await client.end();
    const more = Array.from({ length: 3 }, () => connect({ port: guard.port, host: '127.0.0.1' }));
    const turnedAway: Buffer[] = [];
    for (const socket of more) void until(socket, 60_000).then((answer) => turnedAway.push(answer));
    await eventually(() => turnedAway.length === 2, 'there was one place');
    for (const answer of turnedAway) expect(errorIn(answer)).toMatchObject({ C: '53300' });
    for (const socket of [...silent, ...more]) socket.destroy();
  });

  test('guesses slow each other, whichever worker hears them', async () => {
    const began = performance.now();
    for (let guess = 0; guess < 6; guess++) {
      const client = new pg.Client({ connectionString: guard.url('statistics').replace('demo-', 'wrong-') });
      await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
    }
    // 200 + 400 + 800 ms: each worker alone would have seen three guesses, which are free.
    expect(performance.now() - began).toBeGreaterThan(1_300);
  });

  test('a principal that is removed, or gets another password, loses its sessions at both', async () => {
    const clients = [...(await logInInTurn(guard, 'canteen', 4)), ...(await logInInTurn(guard, 'office', 4))];
    const stays = await logInInTurn(guard, 'teacher', 4);
    const told = clients.map((client) => new Promise<unknown>((done) => client.on('error', done)));
    expect((await byWorker(guard, clients)).map((served) => served.length)).toEqual([4, 4]);
    const file = join(guard.folder, 'policies', 'principals.yaml');
    const before = await readFile(file, 'utf8');
    const another = / {2}dba:[\s\S]*password: (\S+)/.exec(before)?.[1] ?? '';
    const changed = before.replace(/( {2}office:[\s\S]*?password: )\S+/, (_all, head: string) => head + another);
    await writeFile(file, changed.replace(/ {2}canteen:\n( {4}.*\n)+/, ''));
    guard.child.kill('SIGHUP');
    for (const heard of told) expect(await heard).toMatchObject({ code: '57P01' });
    for (const client of stays) expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    for (const lines of Object.values(await guard.records())) {
      await eventually(() => lines.some(({ kind, via }) => kind === 'policy' && via !== 'start'), 'it is recorded');
    }
    await Promise.all(stays.map((client) => client.end()));
  });

  test('a worker that dies takes its own sessions along; it is replaced, and what it held is free', async () => {
    const clients = await logInInTurn(guard, 'dba', 10);
    const [mine = [], others = []] = await byWorker(guard, clients);
    expect([mine.length, others.length]).toEqual([5, 5]);
    const gone = Promise.all(mine.map(lost));
    const [first = 0, second = 0] = guard.workers();
    process.kill(first, 'SIGKILL');
    await gone;
    for (const client of others) expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await eventually(() => guard.output.stderr.includes('a worker was replaced'), 'it was replaced');
    expect(guard.workers()).toContain(second);
    const again = await logInAtOnce(guard, 'dba', 9);
    expect([again.clients.length, again.codes.length]).toEqual([5, 4]);
    await Promise.all([...others, ...again.clients].map((client) => client.end()));
    const records = await guard.records();
    expect(Object.keys(records)).toEqual(['decisions.1.jsonl', 'decisions.2.jsonl']);
    for (const lines of Object.values(records)) expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, i) => i + 1));
  });

  test('without the primary nothing is left', async () => {
    const workers = guard.workers();
    expect(workers).toHaveLength(2);
    const clients = await logInInTurn(guard, 'dba', 4);
    const gone = Promise.all(clients.map(lost));
    guard.child.kill('SIGKILL');
    await gone;
    await eventually(() => !workers.some(isAlive), 'the workers have ended');
    await expect(guard.connect('dba')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await eventually(async () => (await backends(guard)) === 0, 'no session is left at the server');
  });
});

/** Of each log. */
async function beginningsAndEnds(guard: Served): Promise<unknown[][]> {
  const kinds = Object.values(await guard.records()).map((lines) => lines.map(({ kind }) => kind));
  return kinds.map((of) => of.filter((kind) => kind === 'start' || kind === 'stop'));
}

describe('workers that cannot start', () => {
  /** Stopped with its test, however that ends. */
  const started: typeof serve = async (...options) => {
    const served = await serve(...options);
    onTestFinished(() => served.stop());
    return served;
  };

  test('a port in use is said once', async () => {
    const taken = createServer();
    const port = await new Promise<number>((done) =>
      taken.listen(0, '127.0.0.1', () => done((taken.address() as { port: number }).port)),
    );
    onTestFinished(() => void taken.close());
    const guard = await started(database, `listen: 127.0.0.1:${port}\nworkers: 3`);
    expect(await guard.status).toBe(1);
    const said = guard.output.stderr.split('\n').filter((line) => line.startsWith('rowgate: '));
    expect(said).toEqual([`rowgate: could not begin to listen on 127.0.0.1:${port}: the port is in use`]);
    expect(await beginningsAndEnds(guard)).toEqual([['start', 'stop']]);
  });

  test('where the control socket cannot be opened, those that serve already come to their end', async () => {
    const guard = await started(database, 'workers: 2\ncontrol: { path: /proc/none.sock }');
    expect(await guard.status).toBe(1);
    expect(guard.output.stderr).toMatch(/could not open the control socket \/proc\/none.sock: /);
    expect(await beginningsAndEnds(guard)).toEqual(Array(2).fill(['start', 'stop']));
  });

  test('a log that the workers of another guard write is not written to', async () => {
    const one = await started(database, 'workers: 2\nstate: memory');
    const log = `log: { file: "${join(one.folder, 'decisions.jsonl')}" }`;
    const other = await started(database, `workers: 2\nstate: memory\n${log}`);
    expect(await other.status).toBe(1);
    expect(other.output.stderr).toMatch(/another guard writes the decision log .*decisions\.\d\.jsonl/);
    const starts = Object.values(await one.records()).map((lines) => lines.filter(({ kind }) => kind === 'start'));
    expect(starts.map(({ length }) => length)).toEqual([1, 1]);
  });

  test('when none is left and none can be started, the guard ends with 1', async () => {
    const guard = await started(database, 'workers: 2');
    await rm(join(guard.folder, 'policies'), { recursive: true });
    for (const worker of guard.workers()) process.kill(worker, 'SIGKILL');
    expect(await guard.status).toBe(1);
    expect(guard.output.stderr).toContain('no worker serves, and none can be started');
  });

  test('while one serves, the others are tried again', async () => {
    const guard = await started(database, 'workers: 2');
    const policies = join(guard.folder, 'policies', 'principals.yaml');
    const text = await readFile(policies, 'utf8');
    await writeFile(policies, 'principals: [');
    const [first = 0] = guard.workers();
    process.kill(first, 'SIGKILL');
    await eventually(() => (guard.output.stderr.match(/a worker has ended/g) ?? []).length >= 2, 'it was tried');
    const client = await guard.connect('teacher');
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await writeFile(policies, text);
    await eventually(() => guard.output.stderr.includes('a worker was replaced'), 'it was replaced');
    expect(guard.workers()).toHaveLength(2);
  });
});
