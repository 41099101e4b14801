/** A sample of a table that is held in part is drawn among the rows that the role may see, and by nothing that tells where they lie. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

const sampled = (share: string | number): string =>
  `SELECT id, last_name FROM students TABLESAMPLE BERNOULLI (${share})`;

function sent(sql: string): string {
  const judged = world.guard.judge(sql);
  if (judged.effect === 'refuse') throw new Error(judged.refusal?.message);
  return JSON.stringify(judged);
}

test('of 30 rows each comes now and then, once in a sample, and no other', async () => {
  const { rows: all = [] } = await world.run('SELECT id, last_name FROM students', true);
  const times = new Map<string, number>();
  for (let i = 0; i < 60; i++) {
    const { rows = [] } = await world.run(sampled(50), true);
    expect(new Set(rows).size).toBe(rows.length);
    for (const row of rows) times.set(row, (times.get(row) ?? 0) + 1);
  }
  // That one comes never, or always, has a chance of 1 in 2 ** 54.
  expect([...times.keys()].sort()).toEqual([...all].sort());
  expect([...times.values()].filter((n) => n === 60)).toEqual([]);
});

test('of none none, and of all all', async () => {
  const count = async (share: string): Promise<number> => {
    const sql = `SELECT count(*) FROM generate_series(1, 2000) CROSS JOIN LATERAL (${sampled(share)} OFFSET 0) AS s`;
    return Number(JSON.parse((await world.run(sql, true)).rows![0]!)[0]);
  };
  expect(await count('0')).toBe(0);
  expect(await count('100')).toBe(60_000);
});

test('the share belongs to the text: another one is judged anew', () => {
  const texts = [0.5, 1, 10, 10.5, 99, 100].flatMap((share) => [sent(sampled(share)), sent(sampled(share))]);
  expect(new Set(texts).size).toBe(6);
  expect(sent(sampled(25))).toContain("'40000000-0000-0000-0000-000000000000'");
});

test('of a table that is held whole the server draws it', () => {
  expect(sent('SELECT id FROM rooms TABLESAMPLE SYSTEM (10) REPEATABLE (1)')).toContain(
    'TABLESAMPLE SYSTEM (10) REPEATABLE (1)',
  );
});

test.each(['SYSTEM (50)', 'BERNOULLI (50) REPEATABLE (1)', 'BERNOULLI ($1)', 'BERNOULLI (101)', "BERNOULLI ('50')"])(
  'INVARIANT 193: %s would tell where rows lie, or is not known',
  (method) => {
    const judged = world.guard.judge(`SELECT id FROM students TABLESAMPLE ${method}`);
    expect(judged.refusal?.message).toBe(
      'TABLESAMPLE of "students" is not supported: rows or columns of it are withheld',
    );
  },
);

test('nothing beside a sample of none is evaluated on rows', async () => {
  expect(await world.run(`${sampled(0)} WHERE 1 / (id - id) > 0`, true)).toEqual({ rows: [] });
});
