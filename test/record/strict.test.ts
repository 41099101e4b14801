/** Tests `durability: strict` with real processes: PostgreSQL gets no statement before its record is on the disk, and many sessions share a sync. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { verifyLog } from '../../src/decision-log/verify/verify.ts';
import { Backend, Frontend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { sync, terminate } from '../../src/protocol/simple-frontend.ts';
import { cancelRequest } from '../../src/protocol/startup.ts';
import { type RawClient, rawLogin } from '../proxy/raw-client.ts';
import { errorIn, eventually, talk } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';
import { describeWith } from '../support/tools.ts';
import { type Served, serve } from '../workers/served.ts';
import { SLOW_DISK, SlowDisk } from './slow-disk.ts';

const query = (sql: string) => new MessageWriter(Frontend.Query).string(sql).finish();
const parse = (sql: string) => new MessageWriter(Frontend.Parse).string('').string(sql).int16(0).finish();
const bind = () => new MessageWriter(Frontend.Bind).string('').string('').int16(0).int16(0).int16(0).finish();
const execute = () => new MessageWriter(Frontend.Execute).string('').int32(0).finish();
const extended = (sql: string) => Buffer.concat([parse(sql), bind(), execute()]);

describeWith(SLOW_DISK)('strict', () => {
  let database: FreshDatabase;
  let disk: SlowDisk;
  let guard: Served;

  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    await database.query('CREATE TABLE marks (mark text)');
    disk = new SlowDisk();
    const policies = join(disk.folder, 'policies');
    await samplesWithoutBudgets(policies);
    const dba = join(policies, 'roles', 'dba.yaml');
    writeFileSync(dba, readFileSync(dba, 'utf8').replace(/connections: \d+/, 'connections: 100'));
    const configuration = 'log: { durability: strict, level: error }\nstate: memory';
    guard = await serve(database, configuration, disk.environment, policies);
  });

  beforeEach(async () => {
    // No TRUNCATE: it changes the catalog, and a change of policy waits for the disk by itself.
    await database.query('DELETE FROM marks');
  });

  afterEach(() => {
    disk.goesOn();
    disk.recovers();
    disk.slow(0);
  });

  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
    disk?.remove();
  });

  const raw = (): Promise<RawClient> => rawLogin(guard.port, 'dba', 'demo-dba', database.name);
  const marks = async (): Promise<string[]> =>
    (await database.query<{ mark: string }>('SELECT mark FROM marks')).map(({ mark }) => mark).sort();
  const records = async () => Object.values(await guard.records()).flat();
  /** Written, be it on the disk or not. */
  const decisions = () =>
    readFileSync(join(guard.folder, 'decisions.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"kind":"decision"')).length;
  /** The running or last statements of the server's sessions that contain `mark`. */
  const seen = async (mark: string): Promise<string[]> =>
    (
      await database.query<{ query: string }>(
        `SELECT query FROM pg_stat_activity WHERE usename = '${guard.account}' AND query LIKE '%${mark}%'`,
      )
    ).map((row) => row.query);
  const outcomesOf = async (status: string) => (await records()).filter((record) => record.status === status);

  /** Reads until that number of ReadyForQuery. @returns the types of the messages. */
  async function until(client: RawClient, ready: number): Promise<string> {
    let types = '';
    for (let left = ready; left > 0; ) {
      const { type } = await client.reader.readMessage();
      types += String.fromCharCode(type);
      if (type === Backend.ReadyForQuery) left -= 1;
    }
    return types;
  }

  /** Does the work while no sync ends, until `decided` more decisions are written. */
  async function held(work: () => void | Promise<void>, decided: number): Promise<void> {
    const before = decisions();
    disk.stands();
    await work();
    await eventually(() => decisions() >= before + decided, 'the decisions are written');
    await sleep(100);
  }

  const MESSAGES: readonly [name: string, bytes: Buffer | Uint8Array, ready: number, left: readonly string[]][] = [
    ['a Query', query("INSERT INTO marks VALUES ('held')"), 1, ['held']],
    [
      'a Query of several statements',
      query("INSERT INTO marks VALUES ('held'); INSERT INTO marks VALUES ('held2'); SELECT 'held'"),
      1,
      ['held', 'held2'],
    ],
    ['extended messages', Buffer.concat([extended("INSERT INTO marks VALUES ('held')"), sync()]), 1, ['held']],
    [
      'a pipeline',
      Buffer.concat(
        ['held', 'held2', 'held3'].map((mark) =>
          Buffer.concat([extended(`INSERT INTO marks VALUES ('${mark}')`), sync()]),
        ),
      ),
      3,
      ['held', 'held2', 'held3'],
    ],
    ['a transaction in one text', query("BEGIN; INSERT INTO marks VALUES ('held'); COMMIT"), 1, ['held']],
    ['COPY out', query("COPY (SELECT 'held') TO STDOUT"), 1, []],
  ];

  test.each(MESSAGES)('%s reaches the server when its decision is on the disk', async (_name, bytes, ready, left) => {
    const client = await raw();
    try {
      await held(() => void client.socket.write(bytes), 1);
      // A Parse may go before: it is no decision, where the session gives way to others between two messages.
      if (bytes[0] === Frontend.Query) expect(await seen('held')).toEqual([]);
      expect(await marks()).toEqual([]);
      disk.goesOn();
      expect(await until(client, ready)).not.toContain('E');
      expect(await marks()).toEqual(left);
    } finally {
      client.socket.destroy();
    }
  });

  test('a FunctionCall reaches the server when its decision is on the disk', async () => {
    const client = await raw();
    const [row] = await database.query<{ oid: number }>("SELECT 'pg_backend_pid()'::regprocedure::oid::int AS oid");
    const call = new MessageWriter(Frontend.FunctionCall).int32(row!.oid).int16(0).int16(0).int16(0).finish();
    await held(() => void client.socket.write(call), 1);
    expect(client.reader.hasUnread()).toBe(false);
    disk.goesOn();
    expect(await until(client, 1)).toMatch(/[VE]Z$/);
    client.socket.destroy();
  });

  test('a restricted role: what the guard sends in its statement’s place, and around it', async () => {
    const client = await guard.connect('teacher');
    let rows: pg.QueryResult | undefined;
    await held(() => void client.query("SELECT 'held', * FROM students").then((all) => (rows = all)), 1);
    expect(await seen('held')).toEqual([]);
    disk.goesOn();
    await eventually(() => rows !== undefined, 'it is answered');
    expect(rows?.rows.length).toBeGreaterThan(0);
    await client.end();
  });

  test('the data of a COPY, and outcomes, do not wait', async () => {
    const client = await raw();
    client.socket.write(query('COPY marks FROM STDIN'));
    expect((await client.reader.readMessage()).type).toBe(Backend.CopyInResponse);
    disk.stands();
    const data = new MessageWriter(Frontend.CopyData).bytes(Buffer.from('brought\n')).finish();
    client.socket.write(Buffer.concat([data, new MessageWriter(Frontend.CopyDone).finish()]));
    expect(await until(client, 1)).toBe('CZ');
    expect(await marks()).toEqual(['brought']);
    disk.goesOn();
    client.socket.destroy();
  });

  test('a login: no client is let in before it is on the disk', async () => {
    const logins = async () => (await records()).filter(({ kind }) => kind === 'login').length;
    const before = await logins();
    disk.stands();
    let inside = false;
    const login = raw().then((client) => {
      inside = true;
      return client;
    });
    await eventually(async () => (await logins()) > before, 'it is written');
    await sleep(300);
    expect(inside).toBe(false);
    disk.goesOn();
    (await login).socket.destroy();
  });

  test('many sessions share syncs', async () => {
    const clients = await Promise.all(Array.from({ length: 24 }, () => guard.connect('dba')));
    disk.slow(10);
    const before = disk.syncs;
    const work = async (client: pg.Client, name: number) => {
      for (let i = 0; i < 10; i++) await client.query(`INSERT INTO marks VALUES ('${name}-${i}')`);
    };
    await Promise.all(clients.map(work));
    const syncs = disk.syncs - before;
    expect((await marks()).length).toBe(240);
    expect(syncs).toBeLessThan(120);
    expect(syncs).toBeGreaterThanOrEqual(10);
    await Promise.all(clients.map((client) => client.end()));
  });

  test('a cancel that comes before its statement has gone hits it', async () => {
    const client = await raw();
    await held(() => void client.socket.write(query("SELECT 'held', pg_sleep(60)")), 1);
    let told = false;
    const cancel = async () => {
      await talk(guard.port, cancelRequest(client.key.processId, client.key.secretKey));
      told = true;
    };
    const first = cancel();
    await sleep(300);
    expect(told).toBe(false);
    disk.goesOn();
    await first;
    // As with PostgreSQL, one that overtakes its statement on the last step has hit nothing.
    const again = setInterval(() => void cancel(), 2_000);
    try {
      let message = await client.reader.readMessage();
      if (message.type === Backend.RowDescription) message = await client.reader.readMessage();
      expect(errorIn(message.bytes).C).toBe('57014');
    } finally {
      clearInterval(again);
    }
    client.socket.destroy();
  });

  test('statements sent before a Terminate run', async () => {
    const client = await raw();
    await held(() => {
      client.socket.write(Buffer.concat([query("INSERT INTO marks VALUES ('held')"), terminate()]));
      client.socket.end();
    }, 1);
    await sleep(100);
    expect(await seen('held')).toEqual([]);
    disk.goesOn();
    await eventually(async () => (await marks()).length === 1, 'it is done');
    const last = async () => (await records()).findLast(({ kind }) => kind === 'outcome');
    await eventually(async () => (await last())?.changed === 1, 'it is recorded');
  });

  test('statements of a client that has vanished never run', async () => {
    const lost = (await outcomesOf('lost')).length;
    const client = await raw();
    await held(() => void client.socket.write(query("INSERT INTO marks VALUES ('held')")), 1);
    client.socket.destroy();
    await eventually(async () => (await outcomesOf('lost')).length > lost, 'it is recorded');
    disk.goesOn();
    await eventually(async () => (await seen('')).length <= 1, 'its session has ended');
    expect(await marks()).toEqual([]);
  });

  test('a client that sends on while nothing goes is held back', async () => {
    const client = await raw();
    const one = Buffer.concat([extended(`INSERT INTO marks VALUES ('${'x'.repeat(8_000)}')`), sync()]);
    const ALL = 3_000;
    let ready = 0;
    const answers = (async () => {
      while (ready < ALL) ready += (await client.reader.readMessage()).type === Backend.ReadyForQuery ? 1 : 0;
    })();
    await held(() => {
      for (let i = 0; i < ALL; i++) client.socket.write(one);
    }, 10);
    await sleep(500);
    const written = decisions();
    // For the guard, bytes that the kernel holds between the two are at the client.
    expect(client.socket.writableLength).toBeGreaterThan(10_000_000);
    await sleep(200);
    expect(decisions()).toBe(written);
    disk.goesOn();
    await answers;
    expect((await marks()).length).toBe(ALL);
    client.socket.destroy();
  });

  test('a sync that fails: each session that waits for it gets 58030 and ends, its statement does not run, and it is recorded', async () => {
    const refused = (await outcomesOf('refused')).length;
    const clients = await Promise.all(Array.from({ length: 8 }, () => raw()));
    const bystander = await guard.connect('dba');
    await held(() => {
      for (const [i, client] of clients.entries()) client.socket.write(query(`INSERT INTO marks VALUES ('held${i}')`));
    }, 8);
    disk.fails('fails-once');
    disk.goesOn();
    for (const client of clients) {
      const { bytes } = await client.reader.readMessage();
      expect(errorIn(bytes)).toMatchObject({ S: 'FATAL', C: '58030' });
      await expect(client.reader.readMessage()).rejects.toThrow('closed');
    }
    expect(await marks()).toEqual([]);
    await bystander.query("INSERT INTO marks VALUES ('after')");
    expect(await marks()).toEqual(['after']);
    const outcomes = (await outcomesOf('refused')).slice(refused);
    expect(outcomes).toHaveLength(8);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: 'not-recorded', sqlstate: '58030' });
    await bystander.end();
  });

  test('a disk that goes on failing: statements and logins are refused, and all is well when it is', async () => {
    const client = await guard.connect('dba');
    await held(() => {}, 0);
    const waiting = client.query("INSERT INTO marks VALUES ('held')").catch((error) => error);
    await eventually(async () => (await seen('')).length > 0, 'the server has sessions');
    const other = guard.connect('dba').catch((error) => error);
    await sleep(300);
    disk.fails();
    disk.goesOn();
    expect(await waiting).toMatchObject({ code: '58030', severity: 'FATAL' });
    expect(await other).toMatchObject({ code: '58030' });
    expect(await guard.connect('dba').catch((error) => error)).toMatchObject({ code: '58030' });
    expect(await marks()).toEqual([]);
    disk.recovers();
    const again = await guard.connect('dba');
    await again.query("INSERT INTO marks VALUES ('after')");
    expect(await marks()).toEqual(['after']);
    await again.end();
  });

  test('the log of all that is whole', async () => {
    guard.child.kill('SIGTERM');
    expect(await guard.status).toBe(0);
    const { findings } = await verifyLog({ log: join(guard.folder, 'decisions.jsonl'), keys: [], anchors: [] });
    expect(findings).toEqual([]);
  });
});
