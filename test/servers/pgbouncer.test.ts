/** Tests PgBouncer between Rowgate and the server: what is supported works as without it, all else is refused by name, and no client gets another's session. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bind } from '../../src/protocol/bind.ts';
import { decodeErrorFields } from '../../src/protocol/error-response.ts';
import { execute } from '../../src/protocol/execute.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { parse } from '../../src/protocol/parse.ts';
import { query } from '../../src/protocol/query.ts';
import { sync } from '../../src/protocol/simple-frontend.ts';
import { type RawClient, rawLogin } from '../proxy/raw-client.ts';
import { eventually } from '../proxy/support.ts';
import { PGBOUNCER } from '../support/pgbouncer.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';
import { describeWith } from '../support/tools.ts';
import { type Pooled, type PooledOptions, pooledGuard } from './pooled.ts';

const program = PGBOUNCER.path ?? '';
let database: FreshDatabase;
let pooled: Pooled | undefined;

beforeAll(async () => {
  if (program === '') return;
  database = await freshDatabase();
  await seedSmall(database.url);
});

afterAll(() => database?.drop());

const start = async (options: Omit<PooledOptions, 'program'>): Promise<Pooled> => {
  pooled = await pooledGuard(database, { ...options, program });
  return pooled;
};

/** The tests under this title share one setup. */
const INTENDED = 'in the intended setup';

const rawClient = (port: number, principal: string) => rawLogin(port, principal, `demo-${principal}`, database.name);

/** Sends bytes; gives the types of the answers up to that number of ReadyForQuery, an error with its SQLSTATE. */
async function exchange({ socket, reader }: RawClient, bytes: Uint8Array, ready: number): Promise<string> {
  socket.write(bytes);
  const types: string[] = [];
  for (let seen = 0; seen < ready; ) {
    const { type, bytes: message } = await reader.readMessage();
    if (type === Backend.ReadyForQuery) seen += 1;
    if (type === Backend.RowDescription || type === Backend.NoticeResponse) continue;
    const code = type === Backend.ErrorResponse ? decodeErrorFields(message).get('C') : '';
    types.push(`${String.fromCharCode(type)}${code}`);
  }
  return types.join(' ');
}

/** The error of a login or a statement. */
const failure = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'none', message: 'no error' }),
    (error: { code: string; message: string }) => ({ code: error.code, message: error.message }),
  );

describeWith(PGBOUNCER)('pooling of transactions', () => {
  describe(INTENDED, () => {
    beforeAll(() => start({ mode: 'transaction', settings: { default_pool_size: 1 } }));
    afterAll(async () => {
      await pooled?.stop();
      pooled = undefined;
    });

    test('many clients take turns on one connection, each with its own statements and its own rows', async () => {
      const { guard } = pooled!;
      const clients = await Promise.all(['teacher', 'office', 'teacher'].map((principal) => guard.connect(principal)));
      const texts = [
        'SELECT DISTINCT school_id FROM students WHERE id > $1',
        'SELECT count(*) > 10 AS many FROM students WHERE id > $1',
        'SELECT count(*)::int AS n FROM grades WHERE id < $1',
      ];
      const results: unknown[][] = [];
      for (let round = 0; round < 5; round += 1) {
        results.push(
          await Promise.all(
            clients.map(async (client, at) => {
              // The same name for three statements.
              const { rows } = await client.query({ name: 's1', text: texts[at]!, values: [0] });
              return rows[0];
            }),
          ),
        );
      }
      for (const result of results) expect(result).toEqual([{ school_id: 1 }, { many: true }, { n: 0 }]);
      const pids = await Promise.all(
        clients.map(async (client) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid),
      );
      expect(new Set(pids).size).toBe(1);
      for (const client of clients) await client.end();
    });

    test('transactions, SET LOCAL, cursors, and what PgBouncer keeps for each client', async () => {
      const { guard } = pooled!;
      const [one, two] = [await guard.connect('teacher'), await guard.connect('teacher')];
      await one.query(`SET TimeZone = 'Asia/Tokyo'`);
      await two.query(`SET TimeZone = 'America/Lima'`);
      expect((await one.query('SHOW TimeZone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }]);
      expect((await two.query('SHOW TimeZone')).rows).toEqual([{ TimeZone: 'America/Lima' }]);
      // As Django and asyncpg do it.
      await one.query(`SELECT set_config('TimeZone', $1, false)`, ['Europe/Paris']);
      await one.query(`SELECT set_config('jit', 'off', false)`);
      expect((await two.query('SHOW TimeZone')).rows).toEqual([{ TimeZone: 'America/Lima' }]);
      expect((await one.query('SHOW TimeZone')).rows).toEqual([{ TimeZone: 'Europe/Paris' }]);
      await one.query('BEGIN');
      await one.query(`SET LOCAL lock_timeout = '1s'`);
      await one.query('DECLARE c CURSOR FOR SELECT id FROM students ORDER BY id');
      expect((await one.query('FETCH 2 FROM c')).rowCount).toBe(2);
      await one.query('COMMIT');
      expect((await two.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '0' }]);
      await one.query(`SELECT set_config('statement_timeout', '1s', true)`);
      expect((await one.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '5s' }]);
      for (const client of [one, two]) await client.end();
    });

    test.each([
      ['teacher', `SET lock_timeout = '1s'`],
      ['teacher', 'RESET ALL'],
      ['teacher', 'RESET statement_timeout'],
      ['teacher', `SELECT set_config('lock_timeout', '1s', false)`],
      ['teacher', 'PREPARE p AS SELECT 1'],
      ['teacher', 'EXECUTE p'],
      ['teacher', 'DEALLOCATE p'],
      ['teacher', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'],
      ['teacher', 'DISCARD ALL'],
      ['teacher', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY'],
      ['dba', 'SET search_path = pg_temp'],
      ['dba', 'SET ROLE postgres'],
      ['dba', `SELECT 1 FROM (SELECT set_config('search_path', 'x', false)) AS s`],
      ['dba', `SELECT set_config('search_path', 'x', $1)`],
      ['dba', `SELECT set_config(setting_name => 'search_path', new_value => 'x', is_local => true)`],
      ['dba', 'LISTEN c'],
      ['dba', 'SELECT pg_advisory_lock(1)'],
      ['dba', 'SELECT pg_catalog.pg_try_advisory_lock(1)'],
      ['dba', `SELECT currval('students_id_seq')`],
      ['dba', 'CREATE TEMP TABLE t (a int)'],
      ['dba', 'CREATE TABLE pg_temp.t (a int)'],
      ['dba', 'SELECT 1 AS a INTO TEMP t'],
      ['dba', 'EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1'],
      ['dba', 'CREATE TEMP VIEW v AS SELECT 1'],
      ['dba', `CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`],
      ['dba', 'CREATE TYPE pg_temp.t AS (a int)'],
      ['dba', `LOAD 'auto_explain'`],
    ])('%s: %s is refused by name, and the session goes on', async (principal, text) => {
      const client = await pooled!.guard.connect(principal);
      const values = text.includes('$1') ? ['on'] : [];
      const told = await failure(client.query(text, values));
      expect(told).toMatchObject({
        code: '0A000',
        message: expect.stringContaining('through a pooler of transactions'),
      });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await client.end();
    });

    test.each([
      ['extra_float_digits', '3', 'none'],
      ['DateStyle', 'ISO, DMY', 'none'],
      ['lock_timeout', '1s', '0A000'],
    ])('at startup %s = %s gives %s', async (name, value, code) => {
      const client = new pg.Client({
        connectionString: pooled!.guard.url('teacher'),
        options: `-c ${name}=${value.replace(/ /g, '\\ ')}`,
      });
      expect(await failure(client.connect())).toMatchObject({ code });
      await client.end().catch(() => {});
    });

    test('the unnamed statement of another client is never run: it does not outlive its transaction', async () => {
      const { guard } = pooled!;
      const [one, two] = [await rawClient(guard.port, 'teacher'), await rawClient(guard.port, 'office')];
      const prepare = (text: string) => Buffer.concat([parse({ name: '', text, types: [] }), sync()]);
      const run = Buffer.concat([
        bind({ portal: '', statement: '', formats: [], valueCount: 0, values: Buffer.alloc(0), resultFormats: [] }),
        execute({ portal: '', maxRows: 0 }),
        sync(),
      ]);
      expect(await exchange(one, prepare(`SELECT 'mine'`), 1)).toBe('1 Z');
      expect(await exchange(two, prepare(`SELECT 'of another'`), 1)).toBe('1 Z');
      expect(await exchange(one, run, 1)).toBe('E26000 Z');
      // Also in one message, before any answer.
      expect(await exchange(one, Buffer.concat([prepare(`SELECT 'mine'`), run]), 2)).toBe('1 Z E26000 Z');
      // Inside a transaction the connection stays.
      expect(await exchange(one, query('BEGIN'), 1)).toBe('C Z');
      expect(await exchange(one, prepare(`SELECT 'mine'`), 1)).toBe('1 Z');
      expect(await exchange(one, run, 1)).toBe('2 D C Z');
      expect(await exchange(one, query('COMMIT'), 1)).toBe('C Z');
      expect(await exchange(one, run, 1)).toBe('E26000 Z');
      for (const { socket } of [one, two]) socket.destroy();
    });

    test('refused, failing and good statements in one pipeline leave the pool as it was', async () => {
      const { guard } = pooled!;
      const [one, two] = [await rawClient(guard.port, 'teacher'), await guard.connect('teacher')];
      const part = (name: string, text: string) => [
        parse({ name, text, types: [] }),
        bind({ portal: '', statement: name, formats: [], valueCount: 0, values: Buffer.alloc(0), resultFormats: [] }),
        execute({ portal: '', maxRows: 0 }),
        sync(),
      ];
      const pipeline = Buffer.concat([
        ...part('a', 'SELECT 1'),
        ...part('b', 'SELECT ine FROM students'),
        ...part('c', 'SELECT 1 / 0'),
        ...part('a', 'SELECT 2'),
        ...part('', 'SELECT 3'),
      ]);
      expect(await exchange(one, pipeline, 5)).toBe('1 2 D C Z E42501 Z 1 E22012 Z E42P05 Z 1 2 D C Z');
      expect((await two.query({ name: 'a', text: 'SELECT 4 AS n' })).rows).toEqual([{ n: 4 }]);
      one.socket.destroy();
      await two.end();
    });

    test('a function is not called past what is refused by its name', async () => {
      const { guard } = pooled!;
      const client = await rawClient(guard.port, 'dba');
      // pg_advisory_lock(bigint) by its OID, argument and result binary.
      const body = Buffer.from('00000b40' + '00010001' + '000100000008' + '0000000000000007' + '0001', 'hex');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length + 4);
      expect(await exchange(client, Buffer.concat([Buffer.from('F'), length, body]), 1)).toBe('E0A000 Z');
      expect(await exchange(client, query('SELECT 1'), 1)).toBe('D C Z');
      expect(
        await database.query(
          `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        ),
      ).toEqual([]);
      client.socket.destroy();
    });

    test('DEALLOCATE ALL forgets the statements of its own client, and of no other', async () => {
      const { guard } = pooled!;
      const [one, two] = [await guard.connect('teacher'), await guard.connect('teacher')];
      const named = { name: 'mine', text: 'SELECT $1::int AS n', values: [7] };
      await one.query(named);
      await two.query('DEALLOCATE ALL');
      expect((await one.query(named)).rows).toEqual([{ n: 7 }]);
      for (const client of [one, two]) await client.end();
    });
  });

  afterEach(async (context) => {
    if (context.task.suite?.name === INTENDED) return;
    await pooled?.stop();
    pooled = undefined;
  });

  test('without the settings of the account no login succeeds; the log has the SQL, and connections from before must go', async () => {
    const { guard, lines, bouncer, account } = await start({ mode: 'transaction', pinned: false });
    const told = await failure(guard.connect('teacher'));
    expect(told).toEqual({ code: '08001', message: 'the session with the database server is not as Rowgate needs it' });
    const logged = lines.join('\n');
    expect(logged).toContain('search_path is');
    for (const [, sql] of logged.matchAll(/(ALTER ROLE [^;]+;)/g)) await database.query(JSON.parse(`"${sql}"`));
    expect(await failure(guard.connect('teacher'))).toMatchObject({ code: '08001' });
    await bouncer.command('RECONNECT');
    // The old connections close when they are next wanted.
    for (let tries = 0; tries < 50 && (await failure(guard.connect('teacher'))).code !== 'none'; tries += 1) {
      await new Promise((wake) => setTimeout(wake, 100));
    }
    const client = await guard.connect('teacher');
    expect((await client.query('SHOW search_path')).rows).toEqual([{ search_path: 'public' }]);
    expect(account.user).not.toBe('');
  });

  test('a connection that was changed past the guard is not used', async () => {
    const { guard, lines, account } = await start({ mode: 'transaction', settings: { default_pool_size: 1 } });
    const past = new pg.Client({ connectionString: account.url });
    await past.connect();
    await past.query('SET search_path = pg_temp, public');
    expect(await failure(guard.connect('teacher'))).toMatchObject({ code: '08001' });
    expect(lines.join('\n')).toContain('search_path is pg_temp, public, by default public');
    await past.query('RESET search_path');
    await past.end();
    await guard.connect('teacher');
  });

  test('a pooler that does not keep prepared statements apart is refused', async () => {
    const { guard, lines } = await start({ mode: 'transaction', settings: { max_prepared_statements: 0 } });
    expect(await failure(guard.connect('teacher'))).toMatchObject({ code: '08001' });
    expect(lines.join('\n')).toContain('max_prepared_statements');
  });

  test('a role that is not judged in all needs an account of its own', async () => {
    const { guard, lines } = await start({ mode: 'transaction', apart: false });
    expect(await failure(guard.connect('dba'))).toMatchObject({ code: '28000' });
    expect(lines.join('\n')).toContain('it needs its own, in upstream.logins');
    await guard.connect('teacher');
  });

  test('connections that a role was free to change are not used when it is restricted, until the pool is reconnected', async () => {
    const policies = await mkdtemp(join(tmpdir(), 'rowgate-test-pooled-'));
    try {
      await samplesWithoutBudgets(policies);
      const { guard, bouncer, lines } = await start({
        mode: 'transaction',
        policies,
        settings: { default_pool_size: 2 },
      });
      const [one, two] = [await guard.connect('dba'), await guard.connect('dba')];
      // One connection is changed in a way that no text shows; the other one, which is used first afterwards, is unchanged.
      await one.query('BEGIN');
      await two.query(`DO $$ BEGIN PERFORM set_config('search_path', 'pg_temp', false); END $$`);
      await one.query('COMMIT');
      const restricted =
        'role: dba\nscope: { student: all }\ntables: { students: { select: { columns: [id] } } }\nlimits: none\n';
      await writeFile(join(policies, 'roles', 'dba.yaml'), restricted);
      const records = async () => (await guard.records()).filter(({ kind }) => kind === 'policy').length;
      await eventually(async () => (await records()) > 1, 'the role is restricted');
      expect(await failure(guard.connect('dba'))).toMatchObject({ code: '08001' });
      expect(lines.join('\n')).toMatch(/RECONNECT/);
      await bouncer.command('RECONNECT');
      await eventually(
        async () => (await failure(guard.connect('dba'))).code === 'none',
        'it comes in by new connections',
      );
      const client = await guard.connect('dba');
      for (let i = 0; i < 5; i += 1) {
        expect((await client.query('SHOW search_path')).rows).toEqual([{ search_path: 'public' }]);
      }
    } finally {
      await rm(policies, { recursive: true, force: true });
    }
  });

  test('a result cut off at its bytes ends its session, and no cancel hits another', async () => {
    const { guard } = await start({ mode: 'transaction' });
    const other = await guard.connect('teacher');
    const client = await guard.connect('teacher');
    const told = await failure(client.query(`SELECT repeat('x', 300000) FROM generate_series(1, 20)`));
    expect(told.code).toBe('53400');
    expect(await failure(client.query('SELECT 1'))).not.toMatchObject({ code: 'none' });
    for (let i = 0; i < 20; i += 1) expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    const outcome = (await guard.records()).find(({ status }) => status === 'cut');
    expect(outcome).toMatchObject({ kind: 'outcome', sqlstate: '53400' });
  });
});

describeWith(PGBOUNCER)("when the server takes Rowgate's account no more", () => {
  afterEach(async () => {
    await pooled?.stop();
    pooled = undefined;
  });

  test.each([
    ['its password was changed', (user: string) => `ALTER ROLE ${user} PASSWORD 'other'`, '08006'],
    ['it may not log in', (user: string) => `ALTER ROLE ${user} NOLOGIN`, '08006'],
    ['it has no connection left', (user: string) => `ALTER ROLE ${user} CONNECTION LIMIT 0`, '53300'],
  ])(
    '%s: the client hears nothing of it in an open session, nor at its login; the operator does',
    async (_why, change, code) => {
      const { guard, account, lines, bouncer } = await start({
        mode: 'transaction',
        settings: { server_login_retry: 1, default_pool_size: 2 },
      });
      const client = await rawClient(guard.port, 'teacher');
      await database.query(change(account.user));
      await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${account.user}'`);
      const servers = async () => (await bouncer.command('SHOW SERVERS')).filter(({ user }) => user === account.user);
      await eventually(async () => (await servers()).length === 0, 'PgBouncer has seen it');
      client.socket.write(query('SELECT 1'));
      const { type, bytes } = await client.reader.readMessage(Backend.ErrorResponse);
      expect([type, decodeErrorFields(bytes).get('C')]).toEqual([Backend.ErrorResponse, code]);
      expect(bytes.toString('latin1')).not.toContain(account.user);
      const told = await failure(guard.connect('teacher'));
      // PgBouncer gives its remembered error a code of its own.
      expect(told.code).toMatch(/^(08001|53300)$/);
      expect(told.message).not.toContain(account.user);
      expect(lines.join('\n')).toMatch(
        /password authentication failed|not permitted to log in|too many connections for role/,
      );
      await database.query(`ALTER ROLE ${account.user} LOGIN CONNECTION LIMIT -1`);
    },
  );
});

describeWith(PGBOUNCER)('pooling of sessions', () => {
  afterEach(async () => {
    await pooled?.stop();
    pooled = undefined;
  });

  test('a session is one connection: SET holds, RESET ALL and DISCARD ALL come back to what is pinned', async () => {
    const { guard } = await start({ mode: 'session' });
    const client = await guard.connect('teacher');
    await client.query(`SET lock_timeout = '7s'`);
    await client.query('PREPARE p AS SELECT 1 AS one');
    expect((await client.query('EXECUTE p')).rows).toEqual([{ one: 1 }]);
    expect((await client.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '7s' }]);
    for (const text of ['RESET ALL', 'DISCARD ALL']) {
      await client.query(text);
      expect((await client.query('SHOW search_path')).rows).toEqual([{ search_path: 'public' }]);
      expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '5s' }]);
      expect((await client.query('SHOW client_encoding')).rows).toEqual([{ client_encoding: 'UTF8' }]);
    }
    expect((await client.query('SELECT DISTINCT school_id FROM students')).rows).toEqual([{ school_id: 1 }]);
  });

  test('settings of the startup packet hold', async () => {
    const { guard } = await start({ mode: 'session' });
    const options = {
      connectionString: guard.url('teacher'),
      application_name: `o'ne\\`,
      options: '-c lock_timeout=3s',
    };
    const client = new pg.Client(options);
    await client.connect();
    expect((await client.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '3s' }]);
    expect((await client.query('SHOW application_name')).rows).toEqual([{ application_name: `o'ne\\` }]);
    await client.end();
  });

  test('nothing of an earlier session is found, even where PgBouncer does not clean up', async () => {
    const settings = { default_pool_size: 1, server_reset_query: '' };
    const { guard } = await start({ mode: 'session', settings });
    const first = await guard.connect('dba');
    await first.query(`SET search_path = pg_temp, public; SET ROLE none; SET lock_timeout = '9s'`);
    await first.query('CREATE TEMP TABLE students (id int, school_id int)');
    await first.query('SELECT pg_advisory_lock(42)');
    const { pid } = (await first.query('SELECT pg_backend_pid() AS pid')).rows[0];
    await first.end();
    const second = await guard.connect('dba');
    const { rows } = await second.query(
      `SELECT pg_backend_pid() AS pid, current_setting('search_path') AS path, current_setting('lock_timeout') AS lock,
        (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory') AS locks, to_regclass('pg_temp.students') AS temp`,
    );
    expect(rows).toEqual([{ pid, path: 'public', lock: '0', locks: 0, temp: null }]);
  });

  test('a pooler of transactions that is called one of sessions is found out', async () => {
    const { guard, lines } = await start({
      mode: 'transaction',
      declared: 'session',
      settings: { default_pool_size: 1 },
    });
    await guard.connect('teacher');
    expect(await failure(guard.connect('teacher'))).toMatchObject({ code: '08001' });
    expect(lines.join('\n')).toContain('does not pool sessions');
  });

  test('a pooler that is not declared is found out, even where the settings happen to hold', async () => {
    const settings = { ignore_startup_parameters: 'options, search_path' };
    const { guard, lines } = await start({ mode: 'session', declared: 'none', settings });
    expect(await failure(guard.connect('teacher'))).toMatchObject({ code: '08001' });
    expect(lines.join('\n')).toMatch(/is there a pooler\? then set upstream.pooling|unsupported startup parameter/);
  });
});
