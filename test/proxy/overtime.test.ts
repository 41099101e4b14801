/** Tests that the guard stops work which PostgreSQL does not hold to `statement_timeout`, as at COMMIT, and nothing that is within its time. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeErrorFields } from '../../src/protocol/error-response.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import type { LiveSession, ServerProgress } from '../../src/server/sessions.ts';
import { Overtime } from '../../src/server/timeout-sweep.ts';
import { B, D, DONE, E, P, Q, S } from '../session/messages.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { rawLogin } from './raw-client.ts';

describe('the sweep', () => {
  let progress: ServerProgress;
  let stopped: number;
  function watched(limits: LiveSession['madeFor']['limits'] = { statementTimeout: 1_000 }) {
    stopped = 0;
    const session = {
      madeFor: { limits },
      progress: () => progress,
      timeOut: () => void stopped++,
    } as unknown as LiveSession;
    const overtime = new Overtime();
    return (now: number, heard: number, owed: number) => {
      progress = { heard, owed };
      overtime.sweep([session], now);
      return stopped;
    };
  }

  test('a server that is silent for longer than all that it owes may take, and a second, is stopped', () => {
    const at = watched();
    expect(at(0, 7, 2)).toBe(0);
    expect(at(3_000, 7, 2)).toBe(0);
    expect(at(3_001, 7, 2)).toBe(1);
    // Not each time that it is looked at; again, where that did not help.
    expect(at(3_500, 7, 2)).toBe(1);
    expect(at(6_500, 7, 2)).toBe(2);
  });

  test.each([
    ['it has sent something', 8, 2],
    ['it owes nothing any more', 7, 0],
  ])('its time starts again where %s', (_, heard, owed) => {
    const at = watched();
    at(0, 7, 2);
    at(3_000, heard, owed);
    at(3_100, 8, 2);
    expect(at(6_000, 8, 2)).toBe(0);
  });

  test('without a statement_timeout it may be silent for ever', () => {
    const at = watched({});
    at(0, 7, 2);
    expect(at(1e9, 7, 2)).toBe(0);
  });
});

describe('a role with 500 ms', () => {
  let database: FreshDatabase;
  let guard: TestGuard;
  let policies: string;

  beforeAll(async () => {
    database = await freshDatabase();
    await database.query(`
      CREATE TABLE t (a int);
      INSERT INTO t SELECT generate_series(1, 3000);
      CREATE TABLE late (seconds float8);
      CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(new.seconds); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
    `);
    policies = await mkdtemp(join(tmpdir(), 'rowgate-test-overtime-'));
    await mkdir(join(policies, 'roles'));
    const limits = 'limits: { statement_timeout: 500 ms }\n';
    await writeFile(join(policies, 'roles/open.yaml'), `role: open\naccess: unrestricted\n${limits}`);
    await writeFile(
      join(policies, 'roles/closed.yaml'),
      `role: closed\ntables:\n  t: { select: { columns: [a], rows: a > 0 } }\n${limits}`,
    );
    const principals = ['open', 'closed'].map((name) => `  ${name}: { role: ${name}, password: "${VERIFIER}" }\n`);
    await writeFile(join(policies, 'principals.yaml'), `principals:\n${principals.join('')}`);
    guard = await guardInFrontOf(database, { policies });
  });

  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
    await rm(policies, { recursive: true, force: true });
  });

  const TIMED_OUT = { code: '57014', message: 'canceling statement due to statement timeout' };
  const MOST_MS = 10_000; // of the 20 and more that it would take

  async function timed(work: Promise<unknown>): Promise<number> {
    const from = performance.now();
    await work;
    return performance.now() - from;
  }

  async function connected(name: string): Promise<pg.Client> {
    return guard.connect(name, PASSWORD);
  }

  test.concurrent('a deferred trigger at COMMIT is stopped, nothing of the transaction stays, and the session goes on', async () => {
    const client = await connected('open');
    await client.query('BEGIN');
    await client.query('INSERT INTO late VALUES (20.5)');
    expect(await timed(expect(client.query('COMMIT')).rejects.toMatchObject(TIMED_OUT))).toBeLessThan(MOST_MS);
    expect((await client.query('SELECT count(*)::int AS n FROM late WHERE seconds = 20.5')).rows).toEqual([{ n: 0 }]);
  });

  test.concurrent('so is a cursor WITH HOLD of a restricted role', async () => {
    const client = await connected('closed');
    await client.query('BEGIN');
    await client.query('DECLARE c CURSOR WITH HOLD FOR SELECT count(*) FROM t x, t y, t z WHERE x.a + y.a + z.a < 0');
    expect(await timed(expect(client.query('COMMIT')).rejects.toMatchObject({ code: '57014' }))).toBeLessThan(MOST_MS);
    expect((await client.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
  });

  /** Sends the messages, and gives all answers up to that number of ReadyForQuery. */
  async function answersTo(readies: number, ...messages: Uint8Array[]): Promise<string[]> {
    const { socket, reader } = await rawLogin(guard.port, 'open', PASSWORD, database.name);
    const answers: string[] = [];
    socket.write(Buffer.concat(messages));
    while (readies > 0) {
      const { type, bytes } = await reader.readMessage();
      if (type === Backend.ReadyForQuery) readies -= 1;
      if (type === Backend.ErrorResponse) answers.push(decodeErrorFields(bytes).get('C')!);
      if (type === Backend.CommandComplete) answers.push(bytes.subarray(5, -1).toString());
    }
    socket.destroy();
    return answers;
  }

  test.concurrent.each<[string, number, Uint8Array[], string[]]>([
    [
      'the Sync that ends an implicit transaction',
      1,
      [P('INSERT INTO late VALUES (21)'), B(), E(), S()],
      ['INSERT 0 1', '57014'],
    ],
    [
      'an Execute of COMMIT',
      2,
      [Q('BEGIN; INSERT INTO late VALUES (22)'), P('COMMIT'), B(), E(), S()],
      ['BEGIN', 'INSERT 0 1', '57014'],
    ],
    ['a Query that is a transaction by itself', 1, [Q('INSERT INTO late VALUES (23)')], ['57014']],
  ])('so is %s', async (_, readies, messages, expected) => {
    const answers = answersTo(readies, ...messages);
    expect(await timed(answers)).toBeLessThan(MOST_MS);
    expect(await answers).toEqual(expected);
  });

  test.concurrent('of a client that has said goodbye, too', async () => {
    const { socket } = await rawLogin(guard.port, 'open', PASSWORD, database.name);
    socket.end(Buffer.concat([Q('INSERT INTO late VALUES (24)'), Buffer.from([0x58, 0, 0, 0, 4])]));
    const running = async () =>
      (
        await database.query(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%late VALUES (24)%' AND pid <> pg_backend_pid()",
        )
      )[0]?.n as number;
    const until = async (count: number) => {
      while ((await running()) !== count) await new Promise((done) => setTimeout(done, 50));
    };
    await until(1);
    expect(await timed(until(0))).toBeLessThan(MOST_MS);
  });

  const SHORT = 'SELECT pg_sleep(0.35)';
  test.concurrent('many short statements are not, though nothing is heard of them for long', async () => {
    const pipeline = Array.from({ length: 12 }, () => [P(SHORT), B(), E()]).flat();
    const done = Array.from({ length: 12 }, () => 'SELECT 1');
    expect(await answersTo(1, ...pipeline, S())).toEqual(done);
    expect(await answersTo(1, Q(Array.from({ length: 12 }, () => SHORT).join(';')))).toEqual(done);
  });

  test.concurrent('nor is a COPY that waits for its data', async () => {
    const { socket, reader } = await rawLogin(guard.port, 'open', PASSWORD, database.name);
    socket.write(Q('SET statement_timeout = 0; COPY t FROM STDIN'));
    await new Promise((done) => setTimeout(done, 4_000));
    socket.write(Buffer.concat([D('-1\n'), DONE]));
    const answers: number[] = [];
    for (let type = 0; type !== Backend.ReadyForQuery; ) {
      ({ type } = await reader.readMessage());
      answers.push(type);
    }
    expect(answers).not.toContain(Backend.ErrorResponse);
    socket.destroy();
  });
});
