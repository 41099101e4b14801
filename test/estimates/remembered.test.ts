/** Tests remembered estimates: they save a question to the server, and none is used for a statement that was not asked about. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Asked, estimatesInFront, type TestEstimates } from './support.ts';

let under: TestEstimates;

beforeAll(async () => {
  under = await estimatesInFront();
});

afterAll(() => under?.stop());

/** How many plans it cost. */
async function cost(role: string, sql: string, asked?: Asked): Promise<number> {
  const before = under.explains();
  await under.of(role, sql, asked);
  return under.explains() - before;
}

test('the same statement is planned once', async () => {
  const first = await cost('counter', 'SELECT id FROM students WHERE class_id = 7');
  let more = 0;
  for (let i = 0; i < 200; i += 1) more += await cost('counter', 'SELECT id FROM students WHERE class_id = 7');
  expect([first, more]).toEqual([2, 0]);
});

test('lookups by key are one shape', async () => {
  let plans = 0;
  for (let i = 0; i < 1000; i += 1)
    plans += await cost('counter', `SELECT id, last_name FROM students WHERE id = ${i}`);
  expect(plans).toBe(1);
});

test('lookups by key of a parameter too, whatever its format', async () => {
  const sql = 'SELECT class_id FROM students WHERE id = $1';
  const binary = { formats: [1], valueCount: 1, values: Buffer.from([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9]) };
  const costs = [
    await cost('counter', sql, { values: ['5'], parameterTypes: [20] }),
    await cost('counter', sql, { values: ['6'], parameterTypes: [20] }),
    await cost('counter', sql, { bound: binary, parameterTypes: [20] }),
    await cost('counter', sql, { parameterTypes: [20] }),
  ];
  expect(costs).toEqual([1, 0, 0, 0]);
});

test.for([
  ['SELECT id FROM students WHERE id < 3', 'SELECT id FROM students WHERE id < 100000'],
  ['SELECT id FROM students WHERE id BETWEEN 1 AND 2', 'SELECT id FROM students WHERE id BETWEEN 1 AND 100000'],
  ["SELECT id FROM students WHERE last_name = 'x'", "SELECT id FROM students WHERE last_name >= ''"],
  ['SELECT id FROM students WHERE id = 5 OR 1 = 2', 'SELECT id FROM students WHERE id = 5 OR 1 = 1'],
  ['SELECT id FROM students LIMIT 3', 'SELECT id FROM students LIMIT 100000'],
  ['SELECT id FROM students WHERE id IN (1, 2)', 'SELECT id FROM students WHERE id IN (1, 2) OR class_id > 0'],
  ["SELECT id FROM students WHERE last_name LIKE 'x%'", "SELECT id FROM students WHERE last_name LIKE '%'"],
  [
    'SELECT id, generate_series(1, 1) FROM students WHERE id = 1',
    'SELECT id, generate_series(1, 100000) FROM students WHERE id = 1',
  ],
  [
    'SELECT s.id FROM students s JOIN absences a ON a.id > 99999999 WHERE s.id = 1',
    'SELECT s.id FROM students s JOIN absences a ON a.id > 0 WHERE s.id = 1',
  ],
  [
    'SELECT id, (SELECT count(*) FROM absences WHERE id < 2) FROM students WHERE id = 1',
    'SELECT id, (SELECT count(*) FROM absences WHERE id < 1000000) FROM students WHERE id = 1',
  ],
])('a narrow literal warms nothing for a broad one: %s', async ([narrow, broad]) => {
  const narrowed = await under.of('counter', narrow!);
  expect(narrowed.kind === 'rows' && Math.max(narrowed.rows.result, narrowed.rows.read) < 100).toBe(true);
  const broadened = await under.of('counter', broad!);
  expect(broadened.kind === 'rows' && Math.max(broadened.rows.result, broadened.rows.read) > 500).toBe(true);
});

test('a narrow value warms nothing for a broad one', async () => {
  const sql = 'SELECT id FROM students WHERE id > $1 AND id < $2';
  const types = { parameterTypes: [20, 20] };
  expect(await under.short('counter', sql, { values: ['1', '4'], ...types })).toBe('2/2');
  expect(await under.short('counter', sql, { values: ['1', '1000000'], ...types })).toBe('1999/1999');
});

test('the same text is estimated again for another principal, and where dates are read otherwise', async () => {
  const sql = "SELECT id FROM absences WHERE day < '01/12/2026'";
  const read = (datestyle: string) => under.of('counter', sql, { settings: new Map([['DateStyle', datestyle]]) });
  const [american, european] = [await read('ISO, MDY'), await read('ISO, DMY')];
  expect(american.kind === 'rows' && european.kind === 'rows' && american.rows.read < european.rows.read).toBe(true);
});

test('values that were not seen let nothing pass that reads', async () => {
  expect(await under.short('counter', 'SELECT id FROM students WHERE id < $1', { parameterTypes: [20] })).toBe('53400');
  const insert = 'INSERT INTO absences (student_id, day) VALUES ($1, $2)';
  expect(await under.short('teacher', insert, { parameterTypes: [20, 1082] })).toMatch(/^\d+\/0$/);
});

test('a table that grows is planned again after ten minutes', async () => {
  const sql = 'SELECT id, class_id FROM students WHERE school_id = 2';
  const before = await under.short('counter', sql);
  await under.database.query(
    "INSERT INTO students (ine, first_name, last_name, school_id) SELECT 'g' || g, 'a', 'b', 2 FROM generate_series(1, 3000) g; ANALYZE students",
  );
  expect(await under.short('counter', sql)).toBe(before);
  under.pass(10 * 60_000);
  const after = await under.of('counter', sql);
  expect(after.kind === 'rows' && after.rows.read).toBeGreaterThan(3000);
});

test('many at once ask once', async () => {
  const before = under.explains();
  await Promise.all(
    Array.from({ length: 50 }, () => under.of('counter', 'SELECT id FROM students WHERE class_id = 11')),
  );
  expect(under.explains() - before).toBe(2);
});
