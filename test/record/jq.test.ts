/** Tests that the decision log can be read as it is: `jq` and `grep` find in the file itself which principal was refused what, and why. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { testWith, tool } from '../support/tools.ts';

const JQ = tool('jq');
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

function jq(filter: string, ...options: string[]): unknown[] {
  const file = join(dirname(guard.configFile), 'decisions.jsonl');
  const { stdout, stderr } = spawnSync(JQ.path ?? '', ['-c', ...options, filter, file], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

testWith(JQ)('each refusal of a principal, and each outcome by the id of its decision', async () => {
  const canteen = await guard.connect('canteen');
  const teacher = await guard.connect('teacher');
  const REFUSED = 'SELECT address FROM students';
  for (let n = 0; n < 3; n++) {
    await expect(canteen.query(REFUSED)).rejects.toThrow();
    await teacher.query('SELECT id FROM students');
    await canteen.query('SELECT first_name FROM students');
  }
  await expect.poll(() => jq('select(.kind=="outcome")')).toHaveLength(9);
  const refused = jq('select(.principal=="canteen" and .effect=="refuse")');
  expect(refused).toHaveLength(3);
  for (const record of refused)
    expect(record).toMatchObject({
      kind: 'decision',
      guard: 'test',
      principal: 'canteen',
      role: 'canteen_vendor',
      client: expect.stringMatching(/^127\.0\.0\.1:/),
      database: database.name,
      policy: expect.stringMatching(/^sha256:/),
      command: 'SELECT',
      fingerprint: expect.stringMatching(/./),
      statement: REFUSED,
      tables: ['public.students'],
      columns: ['public.students.address'],
      reason: 'column-withheld',
      rule: expect.stringContaining('canteen_vendor.yaml'),
    });
  const ended = jq('[.[] | select(.kind=="decision" or .kind=="outcome")] | group_by(.id)[] | map(.kind)', '-s');
  expect(ended).toHaveLength(9);
  for (const kinds of ended) expect(kinds).toEqual(['decision', 'outcome']);
  expect(jq('select(.kind=="outcome" and .principal=="canteen" and .status=="refused") | .id').sort()).toEqual(
    refused.map((record) => (record as { id: string }).id).sort(),
  );
});
