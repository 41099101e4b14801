/** Tests the ends of idle sessions and idle transactions, and what does not count as idle. */
import { once } from 'node:events';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Backend, Frontend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { type IdleLimits, sweepIdle } from '../../src/server/idle-sweep.ts';
import type { LiveSession } from '../../src/server/sessions.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { rawLogin } from './raw-client.ts';
import { eventually } from './support.ts';

describe('the sweep', () => {
  const both = { idleMs: 1_000, idleInTransactionMs: 500 };
  test.each<[LiveSession['activity'] extends () => infer A ? A : never, number, IdleLimits, string | undefined]>([
    ['idle', 999, both, undefined],
    ['idle', 1_000, both, '57P05'],
    ['in-transaction', 499, both, undefined],
    ['in-transaction', 500, both, '25P03'],
    ['failed-transaction', 500, both, '25P03'],
    ['active', 1_000_000, both, undefined],
    ['idle', 1_000_000, { idleInTransactionMs: 500 }, undefined],
    ['in-transaction', 1_000_000, { idleMs: 1_000 }, undefined],
  ])('%s for %i ms, limits %j: %s', (activity, idleMs, limits, expected) => {
    const told: string[] = [];
    const session = {
      activity: () => activity,
      idleMs: () => idleMs,
      terminate: ({ sqlstate }: { sqlstate: string }) => void told.push(sqlstate),
    };
    sweepIdle([session as unknown as LiveSession], limits, 0);
    expect(told).toEqual(expected === undefined ? [] : [expected]);
  });
});

describe('idle sessions', () => {
  let database: FreshDatabase;
  let guard: TestGuard;

  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    guard = await guardInFrontOf(database, { configuration: 'timeouts: { idle: 1500 ms, idle_in_transaction: 1 s }' });
  });

  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
  });

  /** A client, and what ends it: the error, and how long that took. */
  async function connected(): Promise<{ client: pg.Client; ended: Promise<{ error: Error; afterMs: number }> }> {
    const started = performance.now(); // before the guard can begin to count
    const client = new pg.Client({ connectionString: guard.url('dba') });
    await client.connect();
    client.on('error', () => {}); // node-postgres tells the end of the connection as well
    const ended = once(client, 'error').then(([error]) => ({ error, afterMs: performance.now() - started }));
    return { client, ended };
  }

  const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

  test.concurrent('end after their time, told in the words of PostgreSQL', async () => {
    const { ended } = await connected();
    const { error, afterMs } = await ended;
    expect(error).toMatchObject({ code: '57P05', message: 'terminating connection due to idle-session timeout' });
    expect(afterMs).toBeGreaterThanOrEqual(1_500);
  });

  test.concurrent.each(['BEGIN', 'BEGIN; SELECT 1/0'])(
    'with a transaction open, by the other limit: %s',
    async (sql) => {
      const { client, ended } = await connected();
      await client.query(sql).catch(() => {});
      const { error, afterMs } = await ended;
      expect(error).toMatchObject({
        code: '25P03',
        message: 'terminating connection due to idle-in-transaction timeout',
      });
      expect(afterMs).toBeGreaterThanOrEqual(1_000);
    },
  );

  test.concurrent('what the transaction did is undone, and nothing is left at the server', async () => {
    const { client, ended } = await connected();
    await client.query("SET application_name = 'left behind'");
    await client.query('BEGIN');
    expect((await client.query('DELETE FROM absences')).rowCount).toBeGreaterThan(0);
    await ended;
    const there = "SELECT FROM pg_stat_activity WHERE application_name = 'left behind'";
    await eventually(async () => (await database.query(there)).length === 0, 'the session at the server is gone');
    expect((await database.query('SELECT FROM absences LIMIT 1')).length).toBe(1);
  });

  test.concurrent('a statement that runs is not idle', async () => {
    const { client, ended } = await connected();
    await client.query('SELECT pg_sleep(2.2)');
    expect((await ended).error).toMatchObject({ code: '57P05' });
  });

  test.concurrent('nor a client that asks again and again', async () => {
    const { client, ended } = await connected();
    for (let i = 0; i < 11; i++) {
      await client.query('SELECT 1');
      await sleep(200);
    }
    expect((await ended).error).toMatchObject({ code: '57P05' });
  });

  test.concurrent('nor a COPY that waits for its data', async () => {
    const { socket, reader } = await rawLogin(guard.port, 'dba', 'demo-dba', database.name);
    const query = (sql: string) => new MessageWriter(Frontend.Query).string(sql).finish();
    socket.write(query('CREATE TEMP TABLE slow (id int); COPY slow FROM STDIN'));
    await reader.readMessage(Backend.CommandComplete);
    await reader.readMessage(Backend.CopyInResponse);
    await sleep(2_200);
    socket.write(new MessageWriter(Frontend.CopyData).bytes(Buffer.from('1\n')).finish());
    socket.write(new MessageWriter(Frontend.CopyDone).finish());
    const { bytes } = await reader.readMessage(Backend.CommandComplete);
    expect(bytes.toString('latin1')).toContain('COPY 1');
    socket.destroy();
  });

  test.concurrent('nor one that reads slowly', async () => {
    const { socket, reader } = await rawLogin(guard.port, 'dba', 'demo-dba', database.name);
    socket.write(
      new MessageWriter(Frontend.Query).string("SELECT repeat('x', 1000) FROM generate_series(1, 50000)").finish(),
    );
    await reader.readMessage(Backend.RowDescription);
    await sleep(2_200);
    let rows = 0;
    for (let type = 0; type !== Backend.ReadyForQuery; ) {
      ({ type } = await reader.readMessage());
      if (type === Backend.DataRow) rows += 1;
    }
    expect(rows).toBe(50_000);
    const { bytes } = await reader.readMessage(Backend.ErrorResponse);
    expect(bytes.toString('latin1')).toContain('57P05');
    socket.destroy();
  });
});
