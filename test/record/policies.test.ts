/** Tests that policies which were in force are kept beside the log: their text, without anything that logs in; each once, by its hash. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { register } from '../../src/cli/log-policies.ts';
import { keepPolicy, keptFolder, keptPolicy, withoutVerifiers } from '../../src/decision-log/policies/kept-policies.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-kept-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const VERIFIER = 'SCRAM-SHA-256$4096:c2FsdHNhbHQ=$U3RvcmVkS2V5:U2VydmVyS2V5';

describe('the kept text of a file', () => {
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
    // Another password makes no other policy for its readers.
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

  test('no policy is kept beside a log that is no file', () => {
    expect(keepPolicy('/dev/null', files)).toBeUndefined();
  });
});

describe('a guard', () => {
  let database: FreshDatabase;
  let guard: TestGuard;
  let policies: string;
  let log: string;
  const seen = async () => (await guard.records()).filter(({ kind }) => kind === 'policy');

  async function open(options: { logging?: string } = {}): Promise<void> {
    policies = mkdtempSync(join(folder, 'policies-'));
    await samplesWithoutBudgets(policies);
    guard = await guardInFrontOf(database, { policies, ...options });
    log = join(dirname(guard.configFile), 'decisions.jsonl');
  }

  function edit(more: string): void {
    const file = join(policies, 'principals.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}${more}`);
  }

  async function command(...args: string[]): Promise<{ said: string; wrong: string; code: number }> {
    const out = { stdout: '', stderr: '' };
    const spies = (['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        out[name] += String(text);
        return true;
      }),
    );
    try {
      process.exitCode = undefined;
      const program = new Command('rowgate').exitOverride();
      register(program);
      await program.parseAsync(['node', 'rowgate', 'log', 'policies', '--config', guard.configFile, ...args]);
      return { said: out.stdout, wrong: out.stderr, code: Number(process.exitCode ?? 0) };
    } finally {
      process.exitCode = undefined;
      for (const spy of spies) spy.mockRestore();
    }
  }

  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
  });
  afterEach(() => guard.stop());
  afterAll(() => database.drop());

  test('keeps what comes into force at its start and at each reload, and says so in the record', async () => {
    await open();
    edit('\n# one more line\n');
    await expect.poll(async () => (await seen()).length, { timeout: 120_000 }).toBe(2);
    const [first, second] = await seen();
    expect(first).toMatchObject({ via: 'start', kept: expect.stringMatching(/^sha256:/) });
    expect(second).toMatchObject({ from: first?.to, kept: expect.stringMatching(/^sha256:/) });
    const kept = keptPolicy(keptFolder(log), String(second?.kept)) as { path: string; text: string }[];
    expect(kept.find(({ path }) => path === 'principals.yaml')?.text).toContain('# one more line');
    expect(kept.map(({ path }) => path)).toContain('roles/teacher.yaml');
    const all = readdirSync(keptFolder(log)).map((name) => readFileSync(join(keptFolder(log), name), 'utf8'));
    expect(all).toHaveLength(2);
    expect(all.join('')).not.toContain('SCRAM-SHA-256');
  });

  test('goes on when its folder of policies cannot be written to, and its record says why', async () => {
    await open();
    rmSync(keptFolder(log), { recursive: true });
    writeFileSync(keptFolder(log), 'no folder');
    edit('\n# one more line\n');
    await expect.poll(async () => (await seen()).length, { timeout: 120_000 }).toBe(2);
    const [, second] = await seen();
    expect(second).toMatchObject({ message: expect.stringContaining('could not be kept') });
    expect(second).not.toHaveProperty('kept');
    expect((await command('--show', String(second?.to))).wrong).toContain('could not be kept');
  });

  test.each([
    ['in the clear', false],
    ['encrypted', true],
  ])('rowgate log policies shows what was in force when, of a log %s', async (_, encrypted) => {
    const identity = await generateIdentity();
    const identityFile = join(folder, 'auditor.txt');
    writeFileSync(identityFile, `${identity}\n`);
    await open(encrypted ? { logging: `encrypt_to: [${await identityToRecipient(identity)}]` } : {});
    const between = new Date().toISOString();
    const by = encrypted ? ['--identity', identityFile] : [];
    const changes = async () =>
      (await command(...by, '--json')).said
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { to: string; kept: string; via: string });
    edit('\n# one more line\n');
    await expect.poll(async () => (await changes()).length, { timeout: 120_000 }).toBe(2);
    edit('no yaml: [');
    await expect.poll(async () => (await changes()).length, { timeout: 120_000 }).toBe(3);
    const { said } = await command(...by);
    expect(said.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^time/),
      expect.stringContaining('start'),
      expect.stringContaining('file'),
      expect.stringMatching(/not taken.*1 problems/),
    ]);
    const [first, second] = await changes();
    const before = await command(...by, '--at', between);
    expect(before.said).toContain('# --- roles/teacher.yaml');
    expect(before.said).not.toContain('# one more line');
    expect((await command(...by, '--at', new Date().toISOString())).said).toContain('# one more line');
    expect((await command(...by, '--show', second!.to.slice(0, 20))).said).toContain('# one more line');
    expect((await command(...by, '--show', first!.kept.slice(7, 20))).said).not.toContain('# one more line');
    expect((await command(...by, '--at', '2020-01-01')).code).toBe(1);
    const path = join(keptFolder(log), `${first!.kept.slice(7)}.json`);
    writeFileSync(path, readFileSync(path, 'utf8').replace('school_id', 'academy_id'));
    expect(await command(...by, '--at', between)).toMatchObject({
      code: 1,
      wrong: expect.stringContaining('was changed'),
    });
  });
});
