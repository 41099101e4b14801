/** Tests postgres.js through the guard: it prepares every statement, pipelines its queue, and reads types from the catalog. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { statementsIn } from './decision-log.ts';
import { createTypedTable, grantTypedTable, THINGS } from './typed-table.ts';
import { startWorld, type World } from './world.ts';

let world: World;
const opened: postgres.Sql[] = [];

beforeAll(async () => {
  world = await startWorld({
    prepare: createTypedTable,
    policies: async (folder) => {
      await grantTypedTable(folder);
      const file = join(folder, 'roles/statistics.yaml');
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace('rows_per_statement: 2000', 'rows_per_statement: 50'));
    },
  });
});
afterAll(() => world?.stop());
afterEach(() => endAll());

async function endAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((sql) => sql.end({ timeout: 5 })));
}

type Options = postgres.Options<Record<string, postgres.PostgresType>>;

function open(principal = 'teacher', options: Options = {}): postgres.Sql {
  const sql = postgres(world.url(principal), { max: 1, onnotice: () => {}, ...options });
  opened.push(sql);
  return sql;
}

function openDirect(options: Options = {}): postgres.Sql {
  const sql = postgres(world.database.url, { max: 1, ...options });
  opened.push(sql);
  return sql;
}

const failure = (work: PromiseLike<unknown>): Promise<postgres.PostgresError> =>
  Promise.resolve(work).then(
    () => {
      throw new Error('it did not fail');
    },
    (error: postgres.PostgresError) => error,
  );

const alive = async (sql: postgres.Sql): Promise<void> => {
  expect([...(await sql`SELECT 6 * 7 AS n`)]).toEqual([{ n: 42 }]);
};

const MANY = 'SELECT s.id, n FROM students AS s, generate_series(1, 20) AS n';

describe.each([
  ['prepared', {}],
  ['prepare: false', { prepare: false }],
] as const)('%s', (_mode, options) => {
  it('values of each type are the same as from the server, arrays of the database’s own types too', async () => {
    const direct = openDirect(options);
    const sql = open('teacher', options);
    const expected = await direct`SELECT ${direct.unsafe(THINGS)} FROM things WHERE school_id = ${1} ORDER BY id`;
    const rows = await sql`SELECT * FROM things ORDER BY id`;
    expect(expected.length).toBe(21);
    expect([...rows]).toEqual([...expected]);
    expect(rows.columns.map(({ name, type }) => [name, type])).toEqual(
      expected.columns.map(({ name, type }) => [name, type]),
    );
  });

  it('parameters: numbers, text, dates, JSON, arrays, lists', async () => {
    const sql = open('teacher', options);
    const [row] = await sql`SELECT * FROM things WHERE id = ${4}`;
    expect([
      ...(await sql`SELECT id FROM things WHERE day = ${row?.day} AND label = ${row?.label} AND doc = ${sql.json(row?.doc)}`),
    ]).toEqual([{ id: 4 }]);
    expect([...(await sql`SELECT id FROM things WHERE id IN ${sql([2, 3, 4])} ORDER BY id`)]).toEqual([
      { id: 2 },
      { id: 4 },
    ]);
    expect([...(await sql`SELECT id FROM things WHERE id = ANY(${[5, 6, 8]}) ORDER BY id`)]).toEqual([
      { id: 6 },
      { id: 8 },
    ]);
    expect([...(await sql`SELECT id FROM things WHERE feelings = ${row?.feelings} AND id < ${3}`)]).toEqual([
      { id: 2 },
    ]);
  });

  it('the same text again and again, with other parameters', async () => {
    const sql = open('teacher', options);
    for (const id of [2, 3, 4, 5]) {
      expect([...(await sql`SELECT id FROM things WHERE id = ${id}`)]).toEqual(id % 2 === 0 ? [{ id }] : []);
    }
  });

  it('a refusal in the middle of a pipeline leaves the others and the connection as they are', async () => {
    const sql = open('teacher', options);
    await alive(sql);
    const outcomes = await Promise.all(
      Array.from({ length: 48 }, async (_, i) => {
        const id = i + 2;
        const one = [
          () => sql`SELECT id FROM things WHERE id = ${id}`,
          () => sql`SELECT secret FROM things WHERE id = ${id}`,
          () => sql`SELECT count(*)::int AS n FROM things WHERE id < ${id}`,
          () => sql`SELECT 1 / ${0}::int AS x`,
        ][i % 4]!;
        return one().then(
          (rows) => [...rows],
          (error: postgres.PostgresError) => error.code,
        );
      }),
    );
    outcomes.forEach((outcome, i) => {
      const below = [{ n: Math.min(20, Math.floor((i + 1) / 2)) }];
      expect(outcome, `query ${i}`).toEqual([i + 2 <= 40 ? [{ id: i + 2 }] : [], '42501', below, '22012'][i % 4]);
    });
    await alive(sql);
  });

  it('cursors', async () => {
    const sql = open('teacher', options);
    const sizes: number[] = [];
    for await (const rows of sql`SELECT id FROM things ORDER BY id`.cursor(8)) sizes.push(rows.length);
    expect(sizes).toEqual([8, 8, 5]);
    let seen = 0;
    await sql`SELECT id FROM things ORDER BY id`.cursor(5, (rows) => {
      seen += rows.length;
      return seen >= 10 ? sql.CLOSE : undefined;
    });
    expect(seen).toBe(10);
    await alive(sql);
  });

  it('a cursor that would pass a limit', async () => {
    const sql = open('teacher', options);
    let rows = 0;
    const error = await failure(
      (async () => {
        for await (const page of sql.unsafe(MANY).cursor(90)) rows += page.length;
      })(),
    );
    expect(error).toMatchObject({ code: '53400' });
    expect(rows).toBeLessThanOrEqual(500);
    await sql`SELECT 'rows left from the page that failed stand in the places before this one: see below'`;
    await alive(sql);
  });

  it('after an error behind rows the driver begins its next result where they ended: with PostgreSQL itself too', async () => {
    const lengths = async (sql: postgres.Sql, failing: string): Promise<(number | string | undefined)[]> => {
      await alive(sql);
      const { code } = await failure(sql.unsafe(failing, []));
      return [code, (await sql`SELECT 1`).length, (await sql`SELECT 1`).length];
    };
    const divided = 'SELECT 1 / (n - 100) FROM generate_series(1, 600) AS n';
    expect(await lengths(openDirect(options), divided)).toEqual(['22012', 100, 1]);
    expect(await lengths(open('dba', options), divided)).toEqual(['22012', 100, 1]);
    expect(await lengths(open('teacher', options), MANY)).toEqual(['53400', 501, 1]);
  });
});

describe('unsafe', () => {
  it('one statement, and several', async () => {
    const sql = open();
    expect([...(await sql.unsafe('SELECT count(*)::int AS n FROM things'))]).toEqual([{ n: 21 }]);
    expect([...(await sql.unsafe('SELECT id FROM things WHERE id = $1', [2]))]).toEqual([{ id: 2 }]);
    const several = (await sql.unsafe(
      'SELECT 1 AS a; SELECT count(*)::int AS n FROM things; SELECT 3 AS c',
    )) as unknown as postgres.Row[][];
    expect(several.map((rows) => [...rows])).toEqual([[{ a: 1 }], [{ n: 21 }], [{ c: 3 }]]);
  });

  it('several statements with a refused one among them: none runs', async () => {
    const sql = open();
    expect(
      await failure(sql.unsafe("INSERT INTO notes (id, body) VALUES (50, 'no'); SELECT secret FROM things").simple()),
    ).toMatchObject({ code: '42501' });
    expect([...(await sql`SELECT id FROM notes WHERE id = 50`)]).toEqual([]);
  });

  it('raw and values', async () => {
    const sql = open();
    expect([...(await sql`SELECT id, flag FROM things WHERE id = 6`.values())]).toEqual([[6, true]]);
    expect([...(await sql`SELECT id FROM things WHERE id = 6`.raw())]).toEqual([[Buffer.from('6')]]);
  });
});

describe('describe', () => {
  it('tells types of parameters and columns, and runs nothing', async () => {
    const sql = open();
    const expected =
      await openDirect()`SELECT id, label, doc FROM things WHERE id = ${1} AND label = ${'x'}`.describe();
    const found = await sql`SELECT id, label, doc FROM things WHERE id = ${1} AND label = ${'x'}`.describe();
    expect(found.types).toEqual(expected.types);
    expect(found.columns.map(({ name, type, table, number }) => [name, type, table, number])).toEqual(
      expected.columns.map(({ name, type, table, number }) => [name, type, table, number]),
    );
  });

  it('of what is withheld is refused', async () => {
    const sql = open();
    expect(await failure(sql`SELECT secret FROM things`.describe())).toMatchObject({ code: '42501' });
    await alive(sql);
  });
});

describe('transactions', () => {
  it('with a refusal, undone', async () => {
    const sql = open();
    const error = await failure(
      sql.begin(async (transaction) => {
        await transaction`INSERT INTO notes (id, body) VALUES (${60}, ${'undone'})`;
        await transaction`SELECT ine FROM students`;
      }),
    );
    expect(error).toMatchObject({ code: '42501' });
    expect([...(await sql`SELECT id FROM notes WHERE id = 60`)]).toEqual([]);
  });

  it('with a refusal inside a savepoint', async () => {
    const sql = open();
    const rows = await sql.begin(async (transaction) => {
      await transaction`INSERT INTO notes ${transaction({ id: 61, body: 'kept' })}`;
      const inner = await failure(transaction.savepoint((point) => point`SELECT secret FROM things WHERE id = ${2}`));
      expect(inner).toMatchObject({ code: '42501' });
      const over = await failure(transaction.savepoint((point) => point.unsafe(MANY)));
      expect(over).toMatchObject({ code: '53400' });
      return transaction`UPDATE notes SET body = body || '!' WHERE id = 61 RETURNING id, body`;
    });
    expect([...rows]).toEqual([{ id: 61, body: 'kept!' }]);
  });

  it('pipelined', async () => {
    const sql = open();
    const results = await sql.begin((transaction) => [
      transaction`INSERT INTO notes (id, body) VALUES (62, 'a')`,
      transaction`SELECT id FROM notes WHERE id = 62`,
      transaction`DELETE FROM notes WHERE id = 62`,
    ]);
    expect(results.map((rows) => rows.count)).toEqual([1, 1, 1]);
  });
});

describe('the connection', () => {
  it('reads the array types of the catalog at its start, though they are more rows than the role may take of a table', async () => {
    const sql = open('statistics', { fetch_types: true });
    expect(await failure(sql`SELECT sex FROM students`)).toMatchObject({ code: '53400' });
    const [reading] = statementsIn(await world.log()).filter(
      ({ statement, principal }) => principal === 'statistics' && statement.includes('pg_catalog.pg_type'),
    );
    expect(reading).toMatchObject({ status: 'ok' });
    expect(reading?.rows).toBeGreaterThan(50);
  });

  it('is cancelled by query.cancel()', async () => {
    const sql = open();
    await alive(sql);
    const query = sql`SELECT count(*) FROM generate_series(1, 100000000) AS n WHERE n::text <> 'x'`;
    const outcome = failure(query);
    const active =
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%100000000%' AND pid <> pg_backend_pid()";
    await eventually(async () => (await world.database.query(active)).length > 0, 'it runs');
    query.cancel();
    expect(await outcome).toMatchObject({ code: '57014' });
    await alive(sql);
  });

  it('may not listen', async () => {
    const sql = open();
    expect(await failure(sql.listen('news', () => {}))).toMatchObject({ code: '42501' });
    await alive(sql);
  });

  it('copies only where it was granted', async () => {
    expect(await failure(open()`COPY things TO STDOUT`.readable())).toMatchObject({ code: '42501' });
    const chunks: Buffer[] = [];
    for await (const chunk of await open('dba')`COPY (SELECT id FROM things ORDER BY id LIMIT 2) TO STDOUT`.readable())
      chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe('1\n2\n');
  });

  it('of several, in parallel, with reserve', async () => {
    const sql = open('teacher', { max: 4 });
    const rows = await Promise.all(
      Array.from({ length: 40 }, (_, i) => sql`SELECT ${i}::int AS i, count(*)::int AS n FROM things`),
    );
    expect(rows.map(([row]) => row)).toEqual(Array.from({ length: 40 }, (_, i) => ({ i, n: 21 })));
    const reserved = await sql.reserve();
    expect([...(await reserved`SELECT 1 AS one`)]).toEqual([{ one: 1 }]);
    reserved.release();
  });
});

it('recorded: a decision before each statement, and what came of it', async () => {
  await endAll();
  const statements = statementsIn(await world.log());
  const cut = statements.filter(({ status }) => status === 'cut');
  expect(cut).toHaveLength(6);
  expect(cut.every(({ sqlstate, rows }) => sqlstate === '53400' && rows <= 500)).toBe(true);
  expect(statements.filter(({ status }) => status === 'lost')).toEqual([]);
  expect(
    statements
      .filter(({ statement }) => statement.startsWith('UPDATE notes'))
      .map(({ rows, changed, status }) => [rows, changed, status]),
  ).toEqual([[1, 1, 'ok']]);
});
