/** Tests node-postgres through the guard: each of its ways to query, and the connection after a statement is refused or cut off. */
import { connect } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { statementsIn } from './decision-log.ts';
import { PagedQuery } from './paged-query.ts';
import { createTypedTable, grantTypedTable, THINGS } from './typed-table.ts';
import { startWorld, type World } from './world.ts';

let world: World;
const clients: pg.Client[] = [];

beforeAll(async () => {
  world = await startWorld({ prepare: createTypedTable, policies: grantTypedTable });
});
afterAll(() => world?.stop());
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
});

async function login(principal = 'teacher', config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: world.url(principal), ...config });
  client.on('error', () => {});
  clients.push(client);
  await client.connect();
  return client;
}

async function superuser(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: world.database.url });
  clients.push(client);
  await client.connect();
  return client;
}

const failure = (work: Promise<unknown>): Promise<pg.DatabaseError> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: pg.DatabaseError) => error,
  );

const alive = async (client: pg.Client): Promise<void> => {
  expect((await client.query('SELECT 6 * 7 AS n')).rows).toEqual([{ n: 42 }]);
};

/** Sent in the extended protocol, though it has no parameter. */
const extended = (text: string): pg.QueryConfig => ({ text, queryMode: 'extended' }) as pg.QueryConfig;

const MANY = 'SELECT s.id, n FROM students AS s, generate_series(1, 20) AS n';

describe('values', () => {
  it.each([
    ['text', {}],
    ['binary', { binary: true }],
  ] as const)('%s: the same as from the server', async (_format, config) => {
    const own = await superuser();
    const text = (where: string) => `SELECT ${THINGS} FROM things ${where} ORDER BY id`;
    const expected = await own.query({ text: text('WHERE school_id = $1'), values: [1], ...config });
    const client = await login();
    const result = await client.query({ text: text('WHERE id >= $1'), values: [0], ...config });
    expect(expected.rows.length).toBe(21);
    expect(result.rows).toEqual(expected.rows);
    expect(
      result.fields.map(({ name, dataTypeID, dataTypeSize, dataTypeModifier, columnID, tableID }) => [
        name,
        dataTypeID,
        dataTypeSize,
        dataTypeModifier,
        columnID,
        tableID,
      ]),
    ).toEqual(
      expected.fields.map(({ name, dataTypeID, dataTypeSize, dataTypeModifier, columnID, tableID }) => [
        name,
        dataTypeID,
        dataTypeSize,
        dataTypeModifier,
        columnID,
        tableID,
      ]),
    );
  });

  it('parameters of each type', async () => {
    const client = await login();
    const { rows } = await client.query('SELECT * FROM things WHERE id = $1', [4]);
    const row = rows[0];
    for (const name of [
      'flag',
      'big',
      'amount',
      'label',
      'day',
      'at',
      'local',
      'doc',
      'numbers',
      'names',
      'bytes',
      'ref',
      'feeling',
    ]) {
      const found = await client.query(`SELECT id FROM things WHERE ${name} = $1 AND id = $2`, [row[name], '4']);
      expect(found.rows, name).toEqual([{ id: 4 }]);
    }
    const { rows: hits } = await client.query(
      'SELECT id FROM things WHERE id = ANY($1) AND feeling = ANY($2::mood[]) ORDER BY 1',
      [
        [2, 3, 4, 100],
        ['glad', 'sad'],
      ],
    );
    expect(hits).toEqual([{ id: 2 }, { id: 4 }]);
  });

  it('rows of other schools are not there, whatever the parameter', async () => {
    const client = await login();
    expect((await client.query('SELECT id FROM things WHERE id = $1 OR school_id = $2', [3, 2])).rows).toEqual([]);
  });

  it('rowMode array, and a star', async () => {
    const client = await login();
    const result = await client.query({ text: 'SELECT * FROM things WHERE id = 2', rowMode: 'array' });
    expect(result.fields.map(({ name }) => name).join(', ')).toBe(THINGS);
    expect(result.rows[0]).toHaveLength(result.fields.length);
  });
});

describe('named statements', () => {
  it('are prepared once, by text and by name', async () => {
    const client = await login();
    for (const id of [2, 4, 6]) {
      const { rows } = await client.query({
        name: 'one',
        text: 'SELECT id, label FROM things WHERE id = $1',
        values: [id],
      });
      expect(rows).toEqual([{ id, label: `label ${id}` }]);
    }
  });

  it('that are refused can be sent again, and another may take the name', async () => {
    const client = await login();
    const bad = { name: 'bad', text: 'SELECT secret FROM things WHERE id = $1', values: [2] };
    for (let i = 0; i < 2; i++) expect(await failure(client.query(bad))).toMatchObject({ code: '42501' });
    expect((await client.query({ ...bad, text: 'SELECT label FROM things WHERE id = $1' })).rows).toEqual([
      { label: 'label 2' },
    ]);
  });

  it('with the types of their parameters said', async () => {
    const client = await login();
    const config = { text: 'SELECT $1 AS x, id FROM things WHERE id = $2', values: ['7', 2], types: undefined };
    expect((await client.query(config)).rows).toEqual([{ x: '7', id: 2 }]);
  });
});

describe('errors', () => {
  it('carry SQLSTATE, position, detail and hint', async () => {
    const client = await login();
    const text = 'SELECT "é", ine FROM (SELECT 1 AS "é") AS x, students';
    for (const query of [client.query(text), client.query(`${text} WHERE $1`, [true])]) {
      const error = await failure(query);
      expect(error).toMatchObject({
        severity: 'ERROR',
        code: '42501',
        message: 'permission denied for column "ine" of relation "students"',
        position: String(text.indexOf('ine') + 1),
      });
      expect(error.detail).toMatch(/^Decision [0-9A-Z]{26}, rule roles\/teacher\.yaml:\d+\.$/);
      expect(error.hint).toContain('"teacher"');
    }
    await alive(client);
  });

  it.each([
    ['an unknown column', 'SELECT nothing FROM students', '42703'],
    ['an unknown table', 'SELECT 1 FROM nothing', '42P01'],
    ['a table that was not granted', 'SELECT 1 FROM parents', '42501'],
    ['a syntax error', 'SELEC 1', '42601'],
    ['division by zero', 'SELECT 1 / 0', '22012'],
    ['COPY', 'COPY students TO STDOUT', '42501'],
    ['LISTEN', 'LISTEN news', '42501'],
    ['NOTIFY', 'NOTIFY news', '42501'],
    ['DDL', 'CREATE TABLE x (id int)', '42501'],
    ['SET ROLE', 'SET ROLE postgres', '42501'],
    ['sleeping', 'SELECT pg_sleep(1)', '42501'],
  ])('%s', async (_what, text, code) => {
    const client = await login();
    for (const queryMode of ['simple', 'extended'] as const) {
      const error = await failure(client.query(queryMode === 'extended' ? extended(text) : text));
      expect([error.code, error.severity], queryMode).toEqual([code, 'ERROR']);
      await alive(client);
    }
  });
});

describe('transactions', () => {
  it('a refusal in the middle fails the transaction, until a savepoint is returned to', async () => {
    const client = await login();
    await client.query('BEGIN');
    await client.query('INSERT INTO notes (id, body) VALUES ($1, $2)', [1, 'kept']);
    await client.query('SAVEPOINT s');
    expect(await failure(client.query('SELECT ine FROM students WHERE id = $1', [1]))).toMatchObject({ code: '42501' });
    expect(await failure(client.query('SELECT 1'))).toMatchObject({ code: '25P02' });
    await client.query('ROLLBACK TO s');
    await client.query('INSERT INTO notes (id, body) VALUES ($1, $2)', [2, 'kept too']);
    await client.query('COMMIT');
    expect((await client.query('SELECT id FROM notes ORDER BY id')).rows).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('without a savepoint, the whole transaction is undone', async () => {
    const client = await login();
    await client.query('BEGIN');
    await client.query("INSERT INTO notes (id, body) VALUES (3, 'undone')");
    expect(await failure(client.query('TABLE parents'))).toMatchObject({ code: '42501' });
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK');
    expect((await client.query('SELECT id FROM notes WHERE id = 3')).rows).toEqual([]);
  });

  it('writes, with RETURNING and with the number of rows', async () => {
    const client = await login();
    const inserted = await client.query('INSERT INTO notes (id, body) VALUES ($1, $2), ($3, $4) RETURNING id, body', [
      10,
      'a',
      11,
      'b',
    ]);
    expect(inserted).toMatchObject({
      command: 'INSERT',
      rowCount: 2,
      rows: [
        { id: 10, body: 'a' },
        { id: 11, body: 'b' },
      ],
    });
    expect(await client.query('UPDATE notes SET body = body || $1 WHERE id >= 10', ['!'])).toMatchObject({
      rowCount: 2,
    });
    expect((await client.query('SELECT body FROM notes WHERE id >= 10 ORDER BY id')).rows).toEqual([
      { body: 'a!' },
      { body: 'b!' },
    ]);
    expect(await client.query('DELETE FROM notes WHERE id >= 10')).toMatchObject({ rowCount: 2 });
    expect(await failure(client.query('INSERT INTO notes (id) VALUES (12)'))).toMatchObject({ code: '23502' });
    expect(await failure(client.query('UPDATE things SET label = $1', ['x']))).toMatchObject({ code: '42501' });
  });

  it('several statements in one text', async () => {
    const client = await login();
    const results = (await client.query(
      'SELECT 1 AS a; SELECT count(*)::int AS n FROM things; SELECT 3 AS c',
    )) as unknown as pg.QueryResult[];
    expect(results.map(({ rows }) => rows)).toEqual([[{ a: 1 }], [{ n: 21 }], [{ c: 3 }]]);
    expect(
      await failure(client.query("INSERT INTO notes (id, body) VALUES (20, 'no'); SELECT secret FROM things")),
    ).toMatchObject({ code: '42501' });
    expect((await client.query('SELECT 1 FROM notes WHERE id = 20')).rows).toEqual([]);
  });
});

describe('a limit is passed', () => {
  const over = { code: '53400', message: 'statement returns more than 500 rows' };

  it('in the simple and in the extended protocol', async () => {
    const client = await login();
    expect(await failure(client.query(MANY))).toMatchObject(over);
    await alive(client);
    expect(await failure(client.query(`${MANY} WHERE n > $1`, [0]))).toMatchObject(over);
    await alive(client);
    expect((await client.query(`${MANY} LIMIT 500`)).rowCount).toBe(500);
    expect((await client.query(`${MANY} LIMIT $1`, [500])).rowCount).toBe(500);
  });

  it('in a transaction, which is then failed', async () => {
    const client = await login();
    await client.query('BEGIN');
    expect(await failure(client.query(`${MANY} WHERE n > $1`, [0]))).toMatchObject(over);
    expect(await failure(client.query('SELECT 1'))).toMatchObject({ code: '25P02' });
    await client.query('ROLLBACK');
    await alive(client);
  });

  it('by bytes', async () => {
    const client = await login();
    const text = "SELECT s.id, repeat('x', 100000) FROM students AS s LIMIT 100";
    expect(await failure(client.query(text))).toMatchObject({
      code: '53400',
      message: 'statement returns more than 1048576 bytes',
    });
    await alive(client);
  });

  it('within a portal: pages come until the one that would pass it', async () => {
    const client = await login();
    const paged = client.query(new PagedQuery(`${MANY} WHERE n > $1`, [0]));
    let rows = 0;
    const error = await failure(
      (async () => {
        for (let page = 0; page < 100; page++) rows += (await paged.next(90)).length;
      })(),
    );
    expect(error).toMatchObject(over);
    expect(rows).toBe(450);
    await alive(client);
  });

  it('within a cursor of SQL', async () => {
    const client = await login();
    await client.query('BEGIN');
    await client.query(`DECLARE c CURSOR FOR ${MANY}`);
    for (let page = 0; page < 5; page++) expect((await client.query('FETCH 100 FROM c')).rowCount).toBe(100);
    expect(await failure(client.query('FETCH 100 FROM c'))).toMatchObject({ code: '53400' });
    await client.query('ROLLBACK');
    await alive(client);
  });
});

describe('portals', () => {
  it('hand out pages, and can be closed before the end', async () => {
    const client = await login();
    const paged = client.query(new PagedQuery('SELECT id FROM things WHERE id < $1 ORDER BY id', [30]));
    expect((await paged.next(3)).map(([id]) => id)).toEqual(['2', '4', '6']);
    expect((await paged.next(2)).map(([id]) => id)).toEqual(['8', '10']);
    await paged.close();
    const whole = client.query(new PagedQuery('SELECT id FROM things ORDER BY id', []));
    const sizes: number[] = [];
    do sizes.push((await whole.next(9)).length);
    while (sizes.at(-1) === 9);
    expect(sizes).toEqual([9, 9, 3]);
    await whole.close();
    await alive(client);
  });

  it('node-postgres’ own `rows`', async () => {
    const client = await login();
    const config = { text: 'SELECT id FROM things ORDER BY id', rows: 4, portal: 'mine' };
    expect((await client.query(config)).rows).toHaveLength(21);
  });

  it('of a statement that is refused', async () => {
    const client = await login();
    const paged = client.query(new PagedQuery('SELECT secret FROM things', []));
    expect(await failure(paged.next(3))).toMatchObject({ code: '42501' });
    await alive(client);
  });
});

describe('pipelining', () => {
  it('many at once, some refused: each gets its own answer', async () => {
    const client = await login('teacher', { pipeline: true });
    const texts = [
      'SELECT id FROM things WHERE id = $1',
      'SELECT secret FROM things WHERE id = $1',
      `${MANY} WHERE s.id > $1`,
      'SELECT 1 / ($1::int - $1)',
    ];
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        client.query(texts[i % 4]!, [i % 4 === 0 ? i + 2 : 2]).then(
          ({ rows }) => rows,
          (error: pg.DatabaseError) => error.code,
        ),
      ),
    );
    outcomes.forEach((outcome, i) => {
      const expected = [i + 2 <= 40 ? [{ id: i + 2 }] : [], '42501', '53400', '22012'][i % 4];
      expect(outcome, `query ${i}`).toEqual(expected);
    });
    await alive(client);
  });

  it('in a transaction: what follows a refusal fails, as with PostgreSQL', async () => {
    const client = await login('teacher', { pipeline: true });
    const codes = await Promise.all(
      ['BEGIN', 'SELECT 1', 'SELECT ine FROM students', 'SELECT 2', 'ROLLBACK', 'SELECT 3'].map((text) =>
        client.query(extended(text)).then(
          ({ command }) => command,
          (error: pg.DatabaseError) => error.code,
        ),
      ),
    );
    expect(codes).toEqual(['BEGIN', 'SELECT', '42501', '25P02', 'ROLLBACK', 'SELECT']);
  });
});

describe('cancelling', () => {
  const LONG = "SELECT count(*) FROM generate_series(1, 100000000) AS n WHERE n::text <> 'x'";

  it('by CancelRequest', async () => {
    const client = await login();
    const running = failure(client.query(LONG));
    await eventuallyActive();
    await sendCancel(client);
    expect(await running).toMatchObject({ code: '57014', message: 'canceling statement due to user request' });
    await alive(client);
  });

  it('by statement_timeout, which the role’s limit holds down', async () => {
    const client = await login('teacher', { statement_timeout: 100 });
    expect(await failure(client.query(LONG))).toMatchObject({ code: '57014' });
    await client.query('SET statement_timeout = 50');
    expect(await failure(client.query(LONG))).toMatchObject({ code: '57014' });
    await alive(client);
    await client.query('RESET statement_timeout');
    expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '100ms' }]);
  });

  const eventuallyActive = (): Promise<void> =>
    eventually(async () => {
      const sql =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%100000000%' AND pid <> pg_backend_pid()";
      return (await world.database.query(sql)).length > 0;
    }, 'it runs');

  /** As the protocol has it (manual, section 54.2.8). */
  async function sendCancel(client: pg.Client): Promise<void> {
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const message = Buffer.alloc(16);
    [16, 80877102, processID, secretKey].forEach((word, i) => {
      message.writeInt32BE(word, i * 4);
    });
    const socket = connect(world.port, '127.0.0.1');
    socket.end(message);
    await new Promise((done) => socket.resume().on('close', done));
  }
});

describe('a pool', () => {
  it('goes on with its connections after errors', async () => {
    const pool = new pg.Pool({ connectionString: world.url('teacher'), max: 3 });
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        pool
          .query(
            i % 3 === 1 ? 'SELECT ine FROM students' : i % 3 === 2 ? MANY : 'SELECT count(*)::int AS n FROM things',
            [],
          )
          .then(
            ({ rows }) => rows,
            (error: pg.DatabaseError) => error.code,
          ),
      ),
    );
    expect(outcomes).toEqual(Array.from({ length: 30 }, (_, i) => [[{ n: 21 }], '42501', '53400'][i % 3]));
    expect(pool.totalCount).toBeLessThanOrEqual(3);
    await pool.end();
  });

  it('of more connections than the role may have is told so', async () => {
    const pool = new pg.Pool({ connectionString: world.url('canteen'), max: 6 });
    const held = await Promise.allSettled(Array.from({ length: 6 }, () => pool.connect()));
    const refused = held.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason.code);
    expect(refused).toEqual(['53300', '53300']);
    for (const outcome of held) if (outcome.status === 'fulfilled') outcome.value.release();
    await pool.end();
  });
});

it('an unrestricted role: DDL, COPY, LISTEN as always', async () => {
  const client = await login('dba');
  const heard: string[] = [];
  client.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await client.query('LISTEN news');
  await client.query("NOTIFY news, 'hello'");
  await client.query('CREATE TEMP TABLE t (id int)');
  await client.query('INSERT INTO t SELECT generate_series(1, 5000)');
  expect((await client.query('SELECT * FROM t')).rowCount).toBe(5000);
  expect(heard).toEqual(['hello']);
});

it('recorded: a decision before each statement; rows, changes and reasons in the outcomes', async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
  const statements = statementsIn(await world.log());
  const of = (text: string) => statements.filter((s) => s.statement.includes(text));
  expect(of('RETURNING id, body').map(({ status, rows, changed }) => [status, rows, changed])).toEqual([['ok', 2, 2]]);
  expect(new Set(of('SELECT secret').map(({ effect, reason }) => `${effect} ${reason}`))).toEqual(
    new Set(['refuse column-withheld']),
  );
  const cut = statements.filter(({ status }) => status === 'cut');
  expect(cut.length).toBeGreaterThan(20);
  expect(cut.every(({ sqlstate, rows }) => sqlstate === '53400' && rows <= 500)).toBe(true);
  expect(statements.filter(({ status }) => status === 'lost')).toEqual([]);
});
