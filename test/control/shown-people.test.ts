/** Tests how limits on people are shown, in three numbers: people who were named, questions, and values; of an account and of an end user behind it. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ShownLimits } from '../../src/operations/control/commands/limits.ts';
import type { Key } from '../identity/issuer.ts';
import { familyPolicies, ROLE, seedFamilies, tokenOf } from '../portal/families.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type Operated, operateWith } from './served.ts';

let database: FreshDatabase;
let guard: Operated;
let key: Key;

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, 20);
  const limits = `limits: { subjects: { pupil: 100 per day }, answers: { pupil: [50 per day, 90 per 30 days] } }
limits_per_user: { subjects: { pupil: 20 per day } }
`;
  const policies = await familyPolicies(ROLE.replace(/^limits: [\s\S]*/m, limits));
  key = policies.key;
  guard = await operateWith(policies.folder, database, 'state: memory\n');
  await rm(policies.folder, { recursive: true });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

const shown = async (principal: string) => {
  const { limits } = await guard.done<ShownLimits>('limits.show', { principal });
  return limits.map(({ name, used, people, questions, values }) => ({ name, used, people, questions, values }));
};

it('each of them as it was counted', async () => {
  const client = await guard.connect('portal');
  await client.query(`SET rowgate.token = '${tokenOf(key, 7)}'`);
  // Two people; then twice eight bytes, and one value; a question that no row answers; and an error, which is an answer.
  await client.query('SELECT id, name FROM pupils');
  await client.query('SELECT max(name), count(*) FROM pupils');
  await client.query("SELECT DISTINCT note FROM pupils WHERE name = 'nobody'");
  const fails = 'SELECT name FROM pupils WHERE id = 71 AND 1 / (id - 71) > 0';
  await expect(client.query(fails)).rejects.toMatchObject({ code: '22012' });
  await client.end();

  const person = [{ name: 'subjects.pupil 20 per day', used: 7, people: 2, questions: 2, values: 3 }];
  // The lease is given back, and counts no people any more.
  await expect.poll(() => shown('portal/f7'), { timeout: 120_000 }).toEqual(person);
  const people = { used: 2, people: 2 };
  const answers = { used: 5, questions: 2, values: 3 };
  await expect
    .poll(() => shown('portal'), { timeout: 120_000 })
    .toEqual([
      { name: 'subjects.pupil 100 per day', ...people },
      { name: 'answers.pupil 50 per day', ...answers },
      { name: 'answers.pupil 90 per 30 days', ...answers },
    ]);
  const { stdout } = await guard.rowgate(['limits', 'show', 'portal']);
  expect(
    stdout
      .split('\n')
      .slice(1, 4)
      .map((line) => line.split(/ {2,}/)),
  ).toEqual([
    ['limit', 'used', 'of', 'people', 'questions', 'values', 'effect', 'by'],
    ['subjects.pupil 100 per day', '2', '100', '2', 'deny', expect.stringMatching(/^roles\/family.yaml:\d+$/)],
    ['answers.pupil 50 per day', '5', '50', '2', '3', 'deny', expect.stringMatching(/^roles\/family.yaml:\d+$/)],
  ]);
  const told = (await guard.recorded('outcome')).flatMap(({ subjects }) => {
    const { pupil } = (subjects ?? {}) as { pupil?: object };
    return pupil ? [{ questions: 0, values: 0, ...pupil }] : [];
  });
  expect(told).toEqual([
    { people: 2, questions: 0, values: 0 },
    { people: 0, questions: 0, values: 3 },
    { people: 0, questions: 1, values: 0 },
    { people: 1, questions: 1, values: 0 },
  ]);
});
