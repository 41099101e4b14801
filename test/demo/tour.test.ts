/** Tests the breach of `rowgate demo --tour`, with the sample policies: which rows leave, which account is locked out, and which clients notice nothing. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PlayedBreach, playBreach } from '../../src/demo/breach.ts';
import { fillDatabase } from '../../src/demo/database.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const SAMPLES = join(import.meta.dirname, '../../policies');
const PUPILS = 2_000;
/** The limit `subjects: student` a day, in policies/roles/homework_app.yaml. */
const BUDGET = 400;

let database: FreshDatabase;
let guard: TestGuard;
let breach: PlayedBreach;
const lines: string[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  await fillDatabase(database.url, { schools: 4, students: PUPILS });
  guard = await guardInFrontOf(database, { policies: SAMPLES, configuration: 'state: memory' });
  breach = await playBreach({
    url: (principal) => guard.url(principal),
    records: () => guard.records(),
    timeZone: 'Europe/Paris',
    say: (line) => lines.push(line),
    pupils: PUPILS,
    breathMs: 0,
  });
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

it('lets no more than the budget of a day leave, whatever is tried', () => {
  expect(breach.left).toBeLessThanOrEqual(BUDGET);
  // His questions take some of it, and what is set aside for a question of one connection is not left for another.
  expect(breach.left).toBeGreaterThanOrEqual(BUDGET - 20);
});

it('slows the thief, and locks the account out', async () => {
  expect(breach.paces.slowed).toBeLessThanOrEqual(25);
  expect(breach.paces.before).toBeGreaterThan(breach.paces.slowed);
  expect(breach.locked).toBe(true);
  await expect(guard.connect('homework')).rejects.toMatchObject({ code: '28000' });
});

it('disturbs no teacher', () => {
  expect(breach.teacher.map(({ part, failed }) => [part, failed])).toEqual([
    ['before', 0],
    ['during the theft', 0],
  ]);
  for (const { statements } of breach.teacher) expect(statements).toBeGreaterThan(3);
});

it('is all in the log, in order', () => {
  const told = lines.slice(lines.findIndex((line) => line.includes('What the log tells')) + 1).join('\n');
  const steps = [
    /refuse +column-withheld/,
    /cut +bytes_per_statement/,
    /warning .*150 people/,
    /slowed/,
    /cut .*400 per day/,
    /lock /,
    /login-refused +locked/,
  ];
  let from = 0;
  for (const step of steps) {
    const at = told.slice(from).search(step);
    expect(at, `${step} in\n${told}`).toBeGreaterThanOrEqual(0);
    from += at;
  }
});

it('shows the thief of a portal nothing by its password, and one family by a token', async () => {
  const { portal } = breach;
  expect(portal.byPassword).toBe(0);
  const [theirs] = await database.query<{ n: string }>(
    'SELECT count(DISTINCT student_id) AS n FROM parents WHERE id = 7',
  );
  expect(portal.byToken).toBe(Number(theirs?.n));
  expect(portal.byToken).toBeGreaterThan(0);
  expect(portal.honest).toBeGreaterThan(0);
  expect(lines.join('\n')).not.toContain('eyJ');
  expect(lines.join('\n')).toContain('ERROR: no token says for whom this is');
});
