/** Tests `rowgate canary` as the shell calls it: the hashes of keys, by which the guard knows made-up people. */
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register as canary } from '../../src/cli/canary.ts';
import { register as check } from '../../src/cli/check.ts';
import { canaryHash } from '../../src/policy/model/canaries.ts';
import { runCommand } from '../support/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { tool } from '../support/tools.ts';

const KEY = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';
let database: FreshDatabase;
let folder: string;
let config: string;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-canary-'));
  await cp(join(import.meta.dirname, '../../policies'), join(folder, 'policies'), { recursive: true });
  await writeFile(join(folder, 'canary.key'), `${KEY}\n`);
  await chmod(join(folder, 'canary.key'), 0o600);
  config = await configure('rowgate.yaml', 'keys: { canaries: canary.key }');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

async function configure(name: string, more: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(
    file,
    `listen: 127.0.0.1:0\nupstream: { url: "${database.url}" }\nlog: { file: ./d.jsonl }\n${more}\n`,
  );
  return file;
}

const run = (...args: string[]) => runCommand([canary, check], args);

test('hashes of keys, which anyone with the secret key can compute', async () => {
  const { stdout, status } = await run('canary', 'hash', '4711', '12', '--config', config);
  expect(status).toBe(0);
  const expected = ['4711', '12'].map((key) => `${canaryHash(Buffer.from(KEY), 'student', key)}\n`).join('');
  expect(stdout).toBe(expected);
  const openssl = tool('openssl').path;
  if (openssl) {
    const text = execFileSync(openssl, ['dgst', '-sha256', '-hmac', KEY, '-binary'], { input: 'student\x004711' });
    expect(stdout.split('\n')[0]).toBe(`hmac:${text.toString('base64url')}`);
  }
});

test('how many there are, and that check takes them', async () => {
  const subjects = join(folder, 'policies/subjects.yaml');
  const before = await run('canary', 'list', '--json', '--config', config);
  expect(JSON.parse(before.stdout)).toEqual({ student: expect.any(Number) });
  await writeFile(subjects, `subjects: { student: { keys: [students.id], canaries: ["hmac:${'A'.repeat(43)}"] } }\n`);
  expect((await run('canary', 'list', '--config', config)).stdout).toBe('subject  canaries\nstudent  1\n');
  const checked = await run('check', '--json', '--config', config);
  expect(
    JSON.parse(checked.stdout).diagnostics.filter(({ file }: { file: string }) => file.includes('subjects')),
  ).toEqual([]);
  await cp(join(import.meta.dirname, '../../policies/subjects.yaml'), subjects);
});

const keys: [string, string, string][] = [
  ['none.yaml', '', 'there is no key for canaries'],
  ['missing.yaml', 'keys: { canaries: missing.key }', 'cannot be read (ENOENT)'],
  ['open.yaml', 'keys: { canaries: open.key }', 'its mode must be 0600'],
  ['short.yaml', 'keys: { canaries: short.key }', 'holds fewer than 32 characters'],
  ['secret.yaml', `keys: { canaries: { secret: hunter2 } }`, 'keys.canaries.secret: expected at least 32 characters'],
];

test.each(keys)('the key that it needs: %s', async (name, more, problem) => {
  await writeFile(join(folder, 'open.key'), KEY, { mode: 0o644 });
  await writeFile(join(folder, 'short.key'), 'hunter2', { mode: 0o600 });
  const { stdout, stderr, status } = await run('canary', 'hash', '1', '--config', await configure(name, more));
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain(problem);
  expect(stderr).not.toContain('hunter2');
});

const wrong: [string[], string][] = [
  [['hash', 'é'], 'must be ASCII'],
  [['hash', '1', '--subject', 'teacher'], 'there is no subject "teacher"'],
];

test.each(wrong)('%j is refused in words', async (words, problem) => {
  const { stderr, status } = await run('canary', ...words, '--config', config);
  expect(stderr).toContain(problem);
  expect(status).toBeGreaterThan(0);
});
