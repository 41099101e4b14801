/** Tests what a refusal says of people: before a statement runs, what it costs and what is left; while it runs, only what is left. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { budgetWorld, failure, rowsOf, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  // The larger window first: the message must name the same window, however far a row would exceed them.
  const twin = 'limits: { subjects: { pupil: [50 per 30 days, 5 per day] } }\n';
  const changes = 'limits: { changed: 50 per day }\n';
  const counted = 'limits: { subjects: { pupil: 5 per day } }\n';
  world = await budgetWorld({
    keys: counted,
    failing: counted,
    questions: counted,
    held: 'limits: { subjects: { pupil: 5 per day }, bytes_per_statement: 200 }\n',
    answers: 'limits: { subjects: { pupil: 5 per day }, answers: { pupil: 2 per hour } }\n',
    short: twin,
    long: twin,
    fewer: changes,
    more: changes,
  });
});

afterAll(async () => {
  await world?.stop();
});

const listed = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, i) => from + i).join();

const told = async (principal: string, sql: string) => {
  const { message, detail, hint } = await failure(await world.connect(principal), sql);
  // Each has an id and a rule of its own.
  return { message, detail: detail?.replace(/ Decision \w+, rule \S+$/, ''), hint };
};

const MIDNIGHT = 'The next day begins at midnight (Europe/Paris).';
const RAISE = 'ask who keeps the policies: they may raise a limit for a time.';

test('for people whose keys are given: how many of them are new, and how many are left', async () => {
  const named = (from: number, to: number): string => `SELECT name FROM pupils WHERE id IN (${listed(from, to)})`;
  const left = (asked: string, many: number) => ({
    message: `statement asks about ${asked}, and principal "keys" has ${many} of 5 per day left`,
    detail: MIDNIGHT,
    hint: `Ask for fewer of them, or ${RAISE}`,
  });
  expect(await told('keys', named(1, 12))).toEqual(left('12 people of subject "pupil"', 5));
  expect(await rowsOf(await world.connect('keys'), named(1, 3))).toBe(3);
  expect(await told('keys', named(1, 12))).toEqual(left('12 people of subject "pupil"', 2));
  expect(await told('keys', named(2, 6))).toEqual(
    left('5 people of subject "pupil", of whom 3 are not counted yet', 2),
  );
  expect(await rowsOf(await world.connect('keys'), named(4, 5))).toBe(2);
  expect(await told('keys', named(5, 6))).toEqual(left('2 people of subject "pupil", of whom 1 is not counted yet', 0));
});

test('a statement that may fail needs one more', async () => {
  const sql = `SELECT name FROM pupils WHERE id IN (${listed(1, 5)}) AND 1 / (class - 100) < 5`;
  expect(await told('failing', sql)).toMatchObject({
    message: 'statement asks about 5 people of subject "pupil", and principal "failing" has 5 of 5 per day left',
    detail: `${MIDNIGHT} One more is needed for its answer or an error.`,
  });
});

test('of a question where nothing is left; what it advises is so', async () => {
  const client = await world.connect('questions');
  expect(await rowsOf(client, `SELECT name FROM pupils WHERE id IN (${listed(1, 5)})`)).toBe(5);
  expect(await told('questions', 'SELECT count(*) FROM pupils')).toEqual({
    message:
      'statement costs an answer about people of subject "pupil", and principal "questions" has 0 of 5 per day left',
    detail: MIDNIGHT,
    hint: `Give the keys of people who are counted already, in a statement that cannot fail, or ${RAISE}`,
  });
  expect(await rowsOf(client, 'SELECT name FROM pupils WHERE id IN (2, 4)')).toBe(2);
});

test('a row asked for by its own key is not looked at with nothing left: another limit would tell of it', async () => {
  await world.database.query("UPDATE visits SET note = repeat('z', 1000) WHERE id = 5006");
  const client = await world.connect('held');
  expect(await rowsOf(client, `SELECT id FROM pupils WHERE id IN (${listed(1, 5)})`)).toBe(5);
  const [known, ...others] = await Promise.all(
    [5001, 5006, 99_999].map((id) => told('held', `SELECT note FROM visits WHERE id = ${id}`)),
  );
  expect(known?.message).toMatch(/ costs an answer about people of subject "pupil", .* has 0 of 5 per day left$/);
  expect(others).toEqual([known, known]);
});

test('amounts reserved for running statements are not left', async () => {
  const client = await world.connect('answers');
  await client.query('BEGIN');
  await client.query('DECLARE c CURSOR FOR SELECT id FROM pupils WHERE class = 3 ORDER BY id');
  await client.query("DECLARE d CURSOR FOR SELECT count(*) FROM pupils WHERE name LIKE 'a%'");
  await client.query('FETCH 1 FROM d');
  expect(await told('answers', 'SELECT max(name), min(name) FROM pupils')).toMatchObject({
    message: expect.stringMatching(
      /^statement tells more about people of subject "pupil" than principal "answers" has left: [12] of 2 answers per hour$/,
    ),
    detail: 'What was taken becomes free again an hour later.',
  });
  await client.query('ROLLBACK');
});

test.each([
  ['the text of another person', 'short', 'long', 'SELECT max(name) FROM pupils WHERE class = 3'],
  ['the number of rows that are changed', 'fewer', 'more', "UPDATE pupils SET name = 'x' WHERE class = 3"],
])('once a statement runs, the same whatever rows hold: %s', async (_what, one, other, sql) => {
  const { database } = world;
  await database.query("UPDATE pupils SET name = repeat('z', 100) WHERE id = 3");
  const before = await told(one, sql);
  await database.query(
    "UPDATE pupils SET name = repeat('z', 5000) WHERE id = 3; UPDATE pupils SET class = 3 WHERE class = 4",
  );
  const after = await told(other, sql);
  await database.query('UPDATE pupils SET class = 4 WHERE id % 10 = 4');
  expect(after).toEqual({ ...before, message: before.message.replace(`"${one}"`, `"${other}"`) });
});
