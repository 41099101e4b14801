/** Policies that were in force are kept beside the log: their text, but nothing that anybody could log in by; each once, by its hash. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepPolicy, keptFolder, keptPolicy } from '../../src/record/policies/kept-policies.ts';
import { withoutVerifiers } from '../../src/record/policies/without-verifiers.ts';
import { guardInFrontOf } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-kept-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const VERIFIER = 'SCRAM-SHA-256$4096:c2FsdHNhbHQ=$U3RvcmVkS2V5:U2VydmVyS2V5';

describe('what is kept of a file', () => {
  test.each([
    ['a verifier', `p:\n  password: ${VERIFIER}\n  role: teacher\n`, 'p:\n  password: (removed)\n  role: teacher\n'],
    ['several', `p: { password: [${VERIFIER}, "${VERIFIER}"] }\n`, 'p: { password: [(removed), (removed)] }\n'],
    ['a block', `password: >-\n  ${VERIFIER}\nrole: a\n`, 'password: (removed)\nrole: a\n'],
    ['what should be a verifier', 'password: hunter2 # new\n', 'password: (removed) # new\n'],
    ['in other letters', '"Password": \'hunter2\'\n', '"Password": (removed)\n'],
    ['given twice', 'password: hunter2\npassword: hunter3\n', 'password: (removed)\npassword: (removed)\n'],
    ['under a mapping', 'password: { now: hunter2 }\n', 'password: { now: (removed) }\n'],
    ['out of its place', `role: a\nnote: was ${VERIFIER} before\n`, 'role: a\nnote: was (removed) before\n'],
    ['commented out', `role: a\n# password: hunter2\n#x ${VERIFIER}\n`, 'role: a\n# (removed)\n#x (removed)\n'],
    ['canaries', `canaries: [hmac:${'A'.repeat(43)}]\n`, 'canaries: [(removed)]\n'],
    [
      'nothing else',
      'role: a # why\nrows: "school_id = :school_id"\n',
      'role: a # why\nrows: "school_id = :school_id"\n',
    ],
    ['no YAML', 'password: "hunter2\n', '# (not kept: this is no YAML, and was not in force)\n'],
    ['nested too deeply', '['.repeat(20_000), '# (not kept: this is no YAML, and was not in force)\n'],
  ])('%s', (_, text, kept) => {
    expect(withoutVerifiers({ path: 'principals.yaml', text })).toEqual({ path: 'principals.yaml', text: kept });
  });
});

describe('kept', () => {
  const log = join(folder, 'decisions.jsonl');
  const files = [{ path: 'roles/a.yaml', text: 'role: a\n' }];

  test('once, by its hash, for its owner alone', () => {
    const kept = keepPolicy(log, files)!;
    expect(kept).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(keepPolicy(log, files)).toBe(kept);
    expect(readdirSync(keptFolder(log))).toEqual([`${kept.slice(7)}.json`]);
    expect(statSync(join(keptFolder(log), `${kept.slice(7)}.json`)).mode & 0o777).toBe(0o600);
    expect(statSync(keptFolder(log)).mode & 0o777).toBe(0o700);
    expect(keptPolicy(keptFolder(log), kept)).toEqual(files);
    // Another password is no other policy to whom it is shown.
    const [one, two] = ['x', 'y'].map((word) => keepPolicy(log, [{ path: 'p.yaml', text: `password: ${word}\n` }]));
    expect(one).toBe(two);
  });

  test('a change is found, and what is kept again is whole again', () => {
    const kept = keepPolicy(log, files)!;
    const path = join(keptFolder(log), `${kept.slice(7)}.json`);
    writeFileSync(path, readFileSync(path, 'utf8').replace('role: a', 'role: b'));
    expect(keptPolicy(keptFolder(log), kept)).toMatchObject({ problem: expect.stringContaining('was changed') });
    keepPolicy(log, files);
    expect(keptPolicy(keptFolder(log), kept)).toEqual(files);
    expect(keptPolicy(keptFolder(log), `sha256:${'0'.repeat(64)}`)).toMatchObject({
      problem: expect.stringContaining('ENOENT'),
    });
    expect(keptPolicy(keptFolder(log), 'sha256:../../x')).toMatchObject({
      problem: expect.stringContaining('no hash'),
    });
  });

  test('not beside a log that is no file', () => {
    expect(keepPolicy('/dev/null', files)).toBeUndefined();
  });
});

describe('a guard', () => {
  let database: FreshDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
  });
  afterAll(() => database.drop());

  test('keeps what comes into force at its start and at each reload, and says so in the record', async () => {
    const policies = join(folder, 'policies');
    await samplesWithoutBudgets(policies);
    const guard = await guardInFrontOf(database, { policies });
    try {
      const file = join(policies, 'principals.yaml');
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, `${text}\n# one more line\n`);
      const seen = async () => (await guard.records()).filter(({ kind }) => kind === 'policy');
      await expect.poll(async () => (await seen()).length, { timeout: 10_000 }).toBe(2);
      const [first, second] = await seen();
      expect(first).toMatchObject({ via: 'start', kept: expect.stringMatching(/^sha256:/) });
      expect(second).toMatchObject({ from: first?.to, kept: expect.stringMatching(/^sha256:/) });
      const log = join(dirname(guard.configFile), 'decisions.jsonl');
      const kept = keptPolicy(keptFolder(log), String(second?.kept)) as { path: string; text: string }[];
      expect(kept.find(({ path }) => path === 'principals.yaml')?.text).toContain('# one more line');
      expect(kept.map(({ path }) => path)).toContain('roles/teacher.yaml');
      const all = readdirSync(keptFolder(log)).map((name) => readFileSync(join(keptFolder(log), name), 'utf8'));
      expect(all).toHaveLength(2);
      expect(all.join('')).not.toContain('SCRAM-SHA-256');
      expect(text).toContain('SCRAM-SHA-256');
    } finally {
      await guard.stop();
    }
  });
});
