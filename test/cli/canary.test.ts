/** Tests `rowgate canary` as the shell calls it: the people that it makes up look like others and exist nowhere, and the guard knows the hashes of their keys. */
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register as canary } from '../../src/cli/canary.ts';
import { register as check } from '../../src/cli/check.ts';
import { SampledPeople } from '../../src/cli/plausible-person.ts';
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

interface Made {
  subject: string;
  inserts: string[];
  canaries: string[];
}

test('people who look like others: unused keys and numbers, values that belong together stay together, and no copy of a real person', async () => {
  const { stdout, status } = await run('canary', 'make', 'students', '--count', '20', '--json', '--config', config);
  expect(status).toBe(0);
  const made: Made = JSON.parse(stdout);
  expect(made.subject).toBe('student');
  const before = await database.query('SELECT count(*)::int AS n FROM students');
  await database.query('CREATE TABLE real AS SELECT * FROM students');
  for (const insert of made.inserts) await database.query(insert);
  const people = await database.query(
    `SELECT s.*, s.id::text AS key, c.school_id = s.school_id AS together, s.city = real.city AS at_home
     FROM students s LEFT JOIN classes c ON c.id = s.class_id
       LEFT JOIN LATERAL (SELECT city FROM real WHERE real.school_id = s.school_id AND real.id < 1000 LIMIT 1) real ON true
     WHERE s.id NOT IN (SELECT id FROM real)`,
  );
  expect(people).toHaveLength(20);
  expect(new Set(people.map(({ key }) => canaryHash(Buffer.from(KEY), 'student', String(key))))).toEqual(
    new Set(made.canaries),
  );
  // Between others, not behind them: the rows that the seed skips.
  const [most] = await database.query('SELECT max(id)::int AS id FROM real');
  expect(people.every(({ id }) => Number(id) < Number(most?.id))).toBe(true);
  const twins = await database.query(
    `SELECT s.id FROM students s JOIN real r USING (first_name, last_name, birth_date, address)
     WHERE s.id NOT IN (SELECT id FROM real) AND s.id <> r.id`,
  );
  expect(twins).toEqual([]);
  expect(people.filter(({ together }) => together === false)).toEqual([]);
  const names = await database.query('SELECT first_name, sex FROM real');
  const known = new Set(names.map(({ first_name: name, sex }) => `${name} ${sex}`));
  expect(people.filter(({ first_name: name, sex }) => !known.has(`${name} ${sex}`))).toEqual([]);
  const usual = people.filter(({ ine }) => /^[0-9]{9}[A-Z]{2}$/.test(String(ine)));
  expect(usual.length).toBeGreaterThan(15);
  expect(before).toEqual([{ n: 250 }]);
});

test('in words: INSERTs, and the lines for subjects.yaml; with what was asked for', async () => {
  const { stdout, status } = await run('canary', 'make', 'students', '--set', 'school_id=2', '--config', config);
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[1]).toMatch(/^INSERT INTO "public"."students" \("id", "ine", "first_name", .*\) VALUES \(.*\);$/);
  expect(lines.at(-1)).toMatch(/^-- {3}- hmac:[A-Za-z0-9_-]{43}$/);
  await database.query(lines[1]!);
  const made = await database.query('SELECT school_id FROM students WHERE id NOT IN (SELECT id FROM real) ORDER BY id');
  expect(made.filter(({ school_id: school }) => school === 2).length).toBeGreaterThan(0);
});

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
  [['make', 'classes'], 'does not hold one row for each person of a subject; subjects.yaml says which do: students'],
  [['make', 'nothing'], 'relation "nothing" does not exist'],
  [['make', 'students', '--set', 'nothing=1'], 'column "nothing" of relation "students" cannot be set'],
  [['make', 'students', '--set', 'id=1'], 'column "id" of relation "students" cannot be set'],
  [['hash', 'é'], 'must be ASCII'],
  [['hash', '1', '--subject', 'teacher'], 'there is no subject "teacher"'],
];

test.each(wrong)('%j is refused in words', async (words, problem) => {
  const { stderr, status } = await run('canary', ...words, '--config', config);
  expect(stderr).toContain(problem);
  expect(status).toBeGreaterThan(0);
});

test.each(['0044-03-15 BC', '5874897-12-31', 'infinity'])('a date of no life stays as it is: %s', (born) => {
  for (let days = 0; days < 100; days += 1) {
    const people = new SampledPeople([{ born }], [{ name: 'born', kind: 'date', notNull: true }], (n) => days % n);
    expect(people.make({})).toEqual({ born });
  }
});
