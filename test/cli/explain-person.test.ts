/** Tests `rowgate explain --claim`: the decision for one end user of an account. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register } from '../../src/cli/explain.ts';
import { familyPolicies, seedFamilies } from '../portal/families.ts';
import { runCommand } from '../support/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, 3);
  ({ folder } = await familyPolicies());
  await writeFile(
    join(folder, '.rowgate.yaml'),
    `listen: 127.0.0.1:0\nupstream: { url: "${database.url}" }\npolicies: .\nlog: { file: ./d.jsonl }\n`,
  );
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

const explain = (sql: string, ...claims: string[]) =>
  runCommand(
    [register],
    [
      'explain',
      '--as',
      'portal',
      '--config',
      join(folder, '.rowgate.yaml'),
      ...claims.flatMap((c) => ['--claim', c]),
      sql,
    ],
  );

test('a person’s rows, by their claims', async () => {
  const { stdout, status } = await explain('SELECT name FROM pupils', 'family_id=2', 'sub=f2', 'groups=["a"]');
  expect(stdout).toMatch(/^effect: {3}rewrite\n/);
  expect(stdout).toContain("'2'::bigint");
  expect(status).toBe(0);
});

test('a table about no person needs no claims', async () => {
  expect((await explain('SELECT title FROM news')).status).toBe(0);
  const refused = await explain('SELECT name FROM families');
  expect(refused.stdout).toMatch(/^effect: {3}refuse\nreason: {3}relation-not-granted\n/);
  expect(refused.status).toBe(1);
});

test.each([
  [[], 'it is about the person behind the account: say who with --claim family_id=…'],
  [['family'], 'expected --claim NAME=VALUE, found "family"'],
  [['=2'], 'expected --claim NAME=VALUE, found "=2"'],
  [['family_id=two'], 'the token has no claim that gives the attribute "family_id" of its type'],
  [['sub=f2'], 'the token has no claim that gives the attribute "family_id" of its type'],
])('claims %j', async (claims, problem) => {
  const { stderr, status } = await explain('SELECT name FROM pupils', ...claims);
  expect(stderr).toBe(`rowgate: ${problem}\n`);
  expect(status).toBe(2);
});
