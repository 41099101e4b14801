/** Tests `rowgate access --stale`: which principals were not used for so long, by logins and by sessions that go on, and what the log cannot say. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { register as access } from '../../src/cli/access.ts';
import { register as catalog } from '../../src/cli/catalog.ts';
import { runCommand } from '../support/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const POLICIES = join(import.meta.dirname, '../../policies');
const DAY_MS = 86_400_000;
let database: FreshDatabase;
let folder: string;
let saved: string;

const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-stale-'));
  const upstream = `upstream: { url: "${database.url}" }\npolicies: ${JSON.stringify(POLICIES)}\n`;
  await writeFile(join(folder, 'rowgate.yaml'), `listen: 127.0.0.1:0\n${upstream}log: { file: ./d.jsonl }\n`);
  saved = join(folder, 'catalog.json');
  expect((await run('catalog', 'dump', '--out', saved)).status).toBe(0);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

const run = (...args: string[]) => runCommand([access, catalog], [...args, '--config', join(folder, 'rowgate.yaml')]);
const stale = (...args: string[]) => run('access', '--stale', '--catalog', saved, '--time-zone', 'UTC', ...args);

/** `first`: the number of the first record. */
async function log(
  records: readonly (readonly [kind: string, principal: string, days: number])[],
  first = 1,
): Promise<void> {
  const lines = records.map(([kind, principal, days], at) =>
    JSON.stringify({
      time: ago(days),
      kind,
      guard: 'g1',
      seq: first + at,
      principal,
      id: `01${at}`,
      role: 'r',
      session: 's',
    }),
  );
  await writeFile(join(folder, 'd.jsonl'), `${lines.join('\n')}\n`);
}

interface Answer {
  readonly days: number;
  readonly doubts: readonly string[];
  readonly principals: number;
  readonly stale: readonly Record<string, unknown>[];
}
const asJson = async (...args: string[]): Promise<Answer> => JSON.parse((await stale('--json', ...args)).stdout);

it('lists principals that were not used: never, or not for so long; a session that goes on counts', async () => {
  await log([
    ['start', '', 200],
    ['login', 'dba', 120],
    ['login', 'office', 150],
    ['decision', 'office', 2],
    ['login', 'teacher', 100],
    ['decision', 'teacher', 95],
    ['login-refused', 'dba', 1],
  ]);
  const { stale: found, doubts, principals } = await asJson();
  expect(doubts).toEqual([]);
  const names = found.map(({ principal }) => principal);
  expect(names).not.toContain('office');
  expect(names.slice(-2)).toEqual(['dba', 'teacher']);
  expect(names.length).toBe(principals - 1);
  const dba = found.find(({ principal }) => principal === 'dba');
  expect(dba).toEqual({ principal: 'dba', role: 'dba', lastLogin: expect.any(String), lastUsed: expect.any(String) });
  expect(found[0]).not.toHaveProperty('lastLogin');
  expect(found.find(({ principal }) => principal === 'teacher')).toMatchObject({
    reads: expect.arrayContaining(['public.students']),
  });
  expect((await asJson('--days', '110')).stale.map(({ principal }) => principal)).not.toContain('teacher');
});

it('as a table, with exit code 1 where a principal was found', async () => {
  const { stdout, status } = await stale();
  expect(status).toBe(1);
  expect(stdout).toMatch(/^not used for 90 days, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: \d+ of \d+ principals\n/);
  expect(stdout).toMatch(
    /\ndba +dba +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC +open +everything\n/,
  );
  expect(stdout).toMatch(/never in this log/);
});

it('says that the log does not reach back so far, or has gaps', async () => {
  await log([
    ['login', 'office', 27.5],
    ['login', 'dba', 1],
  ]);
  const short = await asJson();
  expect(short.doubts).toEqual([
    expect.stringMatching(/^The log reaches back to .* alone, 27 days: .*before it does not say\.$/),
  ]);
  expect(short.stale.map(({ principal }) => principal)).not.toContain('dba');
  expect((await asJson('--days', '20')).doubts).toEqual([]);
  await log([['login', 'office', 5]], 4711);
  expect((await asJson()).doubts).toContainEqual(expect.stringContaining('what g1 wrote before them'));
  await writeFile(join(folder, 'd.jsonl'), '');
  expect((await asJson()).doubts).toEqual(['The log is empty: it does not say when principals were used.']);
});

it('wrong calls end with 2', async () => {
  for (const args of [['access'], ['access', 'students', '--stale'], ['access', '--stale', '--days', 'ten']])
    await expect(run(...args)).rejects.toMatchObject({ exitCode: 2 });
  await rm(join(folder, 'd.jsonl'));
  expect(await stale()).toMatchObject({ status: 2, stderr: expect.stringContaining('there is no log') });
});
