/** Tests the work limit: no statement delays others. The parser is given only what it can do in time, and a judgement that takes too long is given up. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isUnderWay } from '../../src/guard/guard.ts';
import { judgementDeadline } from '../../src/server/judgement-deadline.ts';
import { isParsed, parse } from '../../src/sql/parse/parse.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzz, fuzzRuns } from '../support/random.ts';
import { seedSmall } from '../support/seed.ts';
import { BOMBS, randomBomb } from './bombs.ts';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld({ deadline: judgementDeadline });
});
afterAll(() => world.drop());

/**
 * What one judgement takes at most, in milliseconds of this process's work. It is 80, of the first one, for which V8 has compiled nothing
 * yet, 300, and of 6,000 statements 900; a busy machine took 1,630 for these.
 */
const MOST = 5_000;

/** Milliseconds of processor time: what the machine does beside it does not count. */
function workOf(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe('a judgement ends in time', () => {
  test.each(Object.entries(BOMBS))('%s', (_, sql) => {
    let effect: string | undefined;
    const work = workOf(() => {
      const judged = world.guard.judge(sql);
      effect = judged.refusal?.sqlstate ?? judged.effect;
      expect(judged.fault).toBeUndefined();
    });
    expect(work).toBeLessThan(MOST);
    expect(effect).toMatch(/^(allow|rewrite|54001|54000|54011|54023|42\w{3}|0A000)$/);
  });

  test('it reads as many columns as PostgreSQL does, with the same error for more', () => {
    const columns = (count: number) => `SELECT ${Array(count).fill('id').join(', ')} FROM students`;
    // The first ones may be given up: V8 has compiled nothing of it yet, and a busy machine compiles slowly.
    const tries = Array.from({ length: 10 }, () => world.guard.judge(columns(1664)).refusal);
    expect(tries).toContain(undefined);
    const work = workOf(() =>
      expect(world.guard.judge(columns(9000)).refusal).toMatchObject({
        sqlstate: '54011',
        message: 'target lists can have at most 1664 entries',
      }),
    );
    expect(work).toBeLessThan(MOST);
  });

  test('random statements of many pieces', () => {
    fuzz(fuzzRuns(30, 20_000), (random) => {
      const sql = randomBomb(random);
      const work = workOf(() => expect(world.guard.judge(sql).fault).toBeUndefined());
      expect(work, sql.slice(0, 200)).toBeLessThan(MOST);
    });
  });

  test('the parser works as before', () => {
    const parsed = parse('SELECT a FROM t WHERE b IN (1, 2)');
    expect(isParsed(parsed) && parsed.statements).toHaveLength(1);
  });

  test('texts that would break the parser are not given to it, however often they come', () => {
    const deep = Object.entries(BOMBS).filter(([name]) => / in |chain|brackets/.test(name));
    for (let round = 0; round < 4; round += 1)
      for (const [name, sql] of deep) expect(isParsed(parse(sql)), name).toBe(false);
    expect(isParsed(parse('SELECT 1'))).toBe(true);
  });
});

test('many statements are judged in many steps, each stage by itself', () => {
  const begun = world.guard.begin(Array.from({ length: 2_000 }, (_, i) => `SELECT ${i}`).join(';'));
  if (!isUnderWay(begun)) throw new Error('it was known');
  let steps = 1;
  while (!begun.next().done) steps += 1;
  // Seven stages that look at each statement, and the judgement in the end.
  expect(steps).toBeGreaterThan((8 * 2_000) / 50 - 20);
});

describe('a judgement that is given up', () => {
  test('is refused as too complex, by steps and not by chance, and judged again when it comes again', async () => {
    let asked = 0;
    const isOver = (): boolean => {
      asked += 1;
      return asked > 3;
    };
    const late = await teacherWorld({ deadline: () => isOver });
    try {
      const sql = `SELECT 1 FROM rooms WHERE ${Array.from({ length: 1_500 }, (_, i) => `id + ${i} = 1`).join(' OR ')}`;
      for (let round = 0; round < 2; round += 1) {
        asked = 0;
        const judged = late.guard.judge(sql);
        expect(judged.refusal).toMatchObject({
          reason: 'too-complex',
          sqlstate: '54001',
          message: 'statement is too complex to judge',
        });
        expect(judged.effect).toBe('refuse');
        expect(asked).toBe(4);
      }
      // A small statement never is, whatever the clock says.
      expect(late.guard.judge('SELECT last_name FROM students WHERE id = 3').effect).toBe('rewrite');
    } finally {
      await late.drop();
    }
  });
});

describe('bulk statements of applications are judged', () => {
  const rows = (n: number, row: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => row(i)).join(', ');
  const ten = (i: number): string => Array.from({ length: 10 }, (_, k) => `$${i * 10 + k + 1}`).join(', ');
  test.each([
    ['1,000 rows of 10 parameters', `SELECT count(*) FROM (VALUES ${rows(1_000, (i) => `(${ten(i)})`)}) AS v`],
    [
      '10,000 rows of literals',
      `INSERT INTO rooms VALUES ${rows(10_000, (i) => `(${i}, 'room number ${i}', ${i % 40})`)}`,
    ],
    [
      '30,000 rows of literals',
      `INSERT INTO rooms (id, number) VALUES ${rows(30_000, (i) => `(${i}, 'room ${i}')`)} ON CONFLICT DO NOTHING`,
    ],
    ['10,000 keys', `SELECT last_name FROM students WHERE id IN (${rows(10_000, String)})`],
    ['10,000 keys as parameters', `SELECT last_name FROM students WHERE id IN (${rows(10_000, (i) => `$${i + 1}`)})`],
    ['1,000 columns', `SELECT ${rows(1_000, (i) => `last_name AS c${i}`)} FROM students`],
    [
      '1,000 conditions',
      `SELECT last_name FROM students WHERE ${rows(1_000, (i) => `id = ${i}`).replaceAll(', ', ' OR ')}`,
    ],
    ['200 unions', rows(200, (i) => `SELECT id FROM rooms WHERE id = ${i}`).replaceAll(', ', ' UNION ALL ')],
    ['100 statements', rows(100, (i) => `SELECT last_name FROM students WHERE id = ${i}`).replaceAll(', ', '; ')],
  ])('%s', (_, sql) => {
    // A judgement that was given up is not remembered: on a slow machine the compiler may take some rounds.
    let judged = world.guard.judge(sql);
    for (let round = 0; round < 8 && judged.refusal; round += 1) judged = world.guard.judge(sql);
    expect(judged.refusal).toBeUndefined();
    if (/\$10000\b/.test(sql)) expect(judged.parameters).toBe(10_000);
  });

  test('a bulk statement is sent whole', async () => {
    const sql = `SELECT count(*)::int, sum(a)::int FROM (VALUES ${rows(9_000, (i) => `(${i}, 'x')`)}) AS v(a, b), students WHERE students.id = 3`;
    expect(await world.run(sql, true)).toEqual({ rows: [JSON.stringify([9_000, (8_999 * 9_000) / 2])] });
  });

  test('a refusal names the place in the whole text', () => {
    const before = `SELECT id FROM students WHERE id IN (${rows(3_000, String)}) AND `;
    expect(world.guard.judge(`${before}nope = 1`).refusal).toMatchObject({ position: before.length + 1 });
  });
});

describe('a live guard', () => {
  let database: FreshDatabase;
  let guard: TestGuard;
  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    guard = await guardInFrontOf(database);
  });
  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
  });

  test('serves others while the worst is thrown at it', async () => {
    const [hostile, other] = await Promise.all([guard.connect('teacher'), guard.connect('teacher')]);
    let done = false;
    const start = performance.now();
    const throwing = (async () => {
      for (const sql of Object.values(BOMBS)) await hostile.query(sql).catch((error: pg.DatabaseError) => error.code);
      done = true;
    })();
    const waits: number[] = [];
    while (!done) {
      const began = performance.now();
      await other.query('SELECT first_name FROM students WHERE id = 3');
      waits.push(performance.now() - began);
    }
    await throwing;
    waits.sort((a, b) => a - b);
    expect(waits.length).toBeGreaterThan(Object.keys(BOMBS).length / 2);
    // A part of the whole, which a busy machine makes longer too. The time itself is held by `test/stalls`.
    expect(waits.at(-1)).toBeLessThan((performance.now() - start) / 3);
  });
});
