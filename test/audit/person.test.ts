/** Tests `rowgate log report person`: what a real guard has logged of one pupil, in three lists, and each doubt that keeps a statement out of the list "others alone". */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { register as catalog } from '../../src/cli/catalog.ts';
import { register as logReport } from '../../src/cli/log-report.ts';
import { runCommand, type Said } from '../support/command.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-person-'));
const keyFile = join(folder, 'subjects.key');
const policies = join(folder, 'policies');
const saved = join(folder, 'catalog.json');
let database: FreshDatabase;
let guard: TestGuard;

interface Answer {
  readonly certainly: readonly Record<string, unknown>[];
  readonly perhaps: readonly {
    doubt: string;
    role: string;
    tables: string[];
    statements: number;
    principal?: string;
  }[];
  readonly cannot_be_told: {
    readonly keys_missing: readonly { name: string; statements: number }[];
    readonly records_missing: number;
    readonly lines_without_record: number;
    readonly functions: readonly string[];
  };
}

beforeAll(async () => {
  writeFileSync(keyFile, `k1 ${'x'.repeat(40)}\n`, { mode: 0o600 });
  database = await freshDatabase();
  await seedSmall(database.url);
  await cp(join(import.meta.dirname, '../../policies'), policies, { recursive: true });
});
afterAll(async () => {
  await guard?.stop();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const report = (...args: string[]): Promise<Said> =>
  runCommand([logReport], ['log', 'report', 'person', '--config', guard.configFile, ...args]);
const asked = async (...args: string[]): Promise<Answer> =>
  JSON.parse((await report('--subject', 'student=7', '--subject-key', keyFile, '--json', ...args)).stdout);
const logFile = () => guard.configFile.replace('rowgate.yaml', 'decisions.jsonl');

/** Starts a guard with a new log. */
async function begin(configuration = `keys: { subjects: ${JSON.stringify(keyFile)} }`): Promise<void> {
  await guard?.stop();
  guard = await guardInFrontOf(database, { policies, configuration });
  const dumped = await runCommand([catalog], ['catalog', 'dump', '--config', guard.configFile, '--out', saved]);
  expect(dumped.stderr).toBe('');
}

/** Another role's statement, and the doubts that it leaves. */
async function doubtsOf(principal: string, ...statements: string[]): Promise<string[]> {
  await begin();
  const client = await guard.connect(principal);
  for (const statement of statements) await client.query(statement);
  await guard.records();
  const { certainly, perhaps } = await asked('--catalog', saved);
  expect(certainly).toEqual([]);
  return perhaps.map(({ doubt, statements }) => `${doubt} ${statements}`);
}

describe('one guard, many readers', () => {
  beforeAll(async () => {
    await begin();
    const office = await guard.connect('office');
    await office.query('BEGIN');
    await office.query('SELECT first_name, address FROM students WHERE id = $1', [7]);
    await office.query('COMMIT');
    for (const id of [9, 11]) await office.query('SELECT id, first_name FROM students WHERE id = $1', [id]);
    await office.query('SELECT name FROM classes');
    await office.query('SELECT ine FROM students WHERE id = 7 AND id IS NULL');
    await expect(office.query('SELECT comment FROM grades WHERE student_id = 7')).rejects.toThrow('comment');
    const dba = await guard.connect('dba');
    await dba.query('UPDATE students SET city = city WHERE id = 7 RETURNING id');
    await guard.records();
  });

  it('are listed if they certainly read or changed this pupil; a refused statement read nothing', async () => {
    const { certainly } = await asked();
    expect(certainly).toMatchObject([
      { what: 'shown', role: 'school_office', rows: 1, columns: expect.arrayContaining(['public.students.address']) },
      { what: 'asked', role: 'school_office', rows: 0 },
      { what: 'changed', role: 'dba', changed: 1 },
    ]);
    expect(certainly[0]).toMatchObject({ statement: 'SELECT first_name, address FROM students WHERE id = $1' });
  });

  it('for others nothing is left open, except where the catalog is missing', async () => {
    expect((await asked('--catalog', saved)).perhaps).toEqual([]);
    expect((await asked()).perhaps).toMatchObject([{ doubt: 'table-without-key', tables: ['public.classes'] }]);
  });

  it('the copy has no account, address or end user, unless that is asked for', async () => {
    for (const form of ['--json', '--html', '--csv', '--since=2020-01-01']) {
      const said = await report('--subject', 'student=7', '--subject-key', keyFile, form);
      expect(said).toMatchObject({ status: 0, stderr: '' });
      expect(said.stdout).toContain('school_office');
      expect(said.stdout).not.toMatch(/\boffice\b|127\.0\.0\.1/);
      const named = await report('--subject', 'student=7', '--subject-key', keyFile, form, '--with-names');
      expect(named.stdout).toMatch(/\boffice\b/);
    }
  });

  it('in French; and no wording denies a disclosure while one is possible', async () => {
    const french = await report('--subject', 'student=7', '--subject-key', keyFile, '--language', 'fr');
    expect(french.stdout).toContain('Certainement : requêtes qui désignaient cette personne (student)');
    expect(french.stdout).toMatch(/\d\d\/\d\d\/\d{4} \d\d:\d\d/);
    const none = await report('--subject', 'student=200', '--subject-key', keyFile);
    expect(none.stdout).toContain('does not prove that the data was not seen');
    const told = await report('--subject', 'student=200', '--subject-key', keyFile, '--catalog', saved);
    expect(told.stdout).toContain('does not prove that the data was not seen');
  });

  it('an unknown subject is an error that offers the nearest name', async () => {
    const said = await report('--subject', 'studnet=7', '--subject-key', keyFile);
    expect(said).toMatchObject({ status: 2, stdout: '' });
    expect(said.stderr).toContain('did you mean "student"?');
  });

  it('without the key nothing is certain, and each statement with ids cannot be told', async () => {
    const other = join(folder, 'other.key');
    await writeFile(other, `k2 ${'y'.repeat(40)}\n`, { mode: 0o600 });
    const said = await report('--subject', 'student=7', '--subject-key', other, '--json');
    const answer = JSON.parse(said.stdout) as Answer;
    expect(answer.certainly).toEqual([]);
    expect(answer.cannot_be_told.keys_missing).toMatchObject([{ name: 'k1', statements: 5 }]);
    const words = await report('--subject', 'student=7', '--subject-key', other);
    expect(words.stdout).toContain('Ids were made with the key k1');
  });

  it('without --subject-key, the key is that of the configuration', async () => {
    const said = await report('--subject', 'student=7', '--json');
    expect((JSON.parse(said.stdout) as Answer).certainly).toEqual((await asked()).certainly);
    expect((await asked()).certainly).not.toEqual([]);
  });

  it('a missing record, a malformed line, a function of the database’s own: cannot be told', async () => {
    const whole = await readFile(logFile(), 'utf8');
    const lines = whole.trimEnd().split('\n');
    await writeFile(logFile(), `${lines.filter((line) => !line.includes('"SELECT name FROM classes')).join('\n')}\n`);
    await appendFile(logFile(), '{"torn\n');
    const { cannot_be_told: open, perhaps } = await asked('--catalog', saved);
    expect(open).toMatchObject({ records_missing: 1, lines_without_record: 1 });
    expect(perhaps).toMatchObject([{ doubt: 'undecided', statements: 1 }]);
    await writeFile(logFile(), whole);
    expect((await asked()).cannot_be_told.functions).toContain('public.school_year');
    expect((await asked('--catalog', saved)).cannot_be_told.functions).toEqual([]);
  });

  it('a policy that is not kept makes each of its statements a perhaps', async () => {
    const kept = logFile().replace('.jsonl', '.policies');
    await rename(kept, `${kept}.away`);
    const { perhaps } = await asked('--catalog', saved);
    expect(new Set(perhaps.map(({ doubt }) => doubt))).toEqual(new Set(['policy-unknown']));
    await rm(kept, { recursive: true, force: true });
    await rename(`${kept}.away`, kept);
  });
});

describe('perhaps', () => {
  it('where rows or values had no key', async () => {
    expect(await doubtsOf('office', 'SELECT count(*) FROM students')).toEqual(['unnamed 1']);
  });

  it('where an unrestricted role read or changed anything without its key', async () => {
    expect(await doubtsOf('dba', 'SELECT last_name FROM students', 'SELECT id FROM students WHERE id = 9')).toEqual([
      'unrestricted 2',
    ]);
  });

  it('where the log counts alone', async () => {
    await begin('');
    const office = await guard.connect('office');
    await office.query('SELECT id FROM students WHERE id = 9');
    await guard.records();
    expect((await asked('--catalog', saved)).perhaps).toMatchObject([{ doubt: 'counted', statements: 1 }]);
  });

  it('where a role was only observed', async () => {
    const file = join(policies, 'roles/school_office.yaml');
    const role = await readFile(file, 'utf8');
    await writeFile(file, `mode: observe\n${role}`);
    try {
      expect(await doubtsOf('office', 'SELECT id FROM students WHERE id = 9')).toEqual(['observed 1']);
    } finally {
      await writeFile(file, role);
    }
  });

  it('where the policy of then did not know the subject, which was declared later on', async () => {
    const bare = join(folder, 'bare');
    const role = 'role: r\nlimits: none\ntables:\n  students: { select: { columns: [id] } }\n';
    await mkdir(join(bare, 'roles'), { recursive: true });
    await writeFile(join(bare, 'roles/r.yaml'), role);
    const principals = await readFile(join(policies, 'principals.yaml'), 'utf8');
    const office = /^ {2}office:\n(?: {4}.*\n)+/m.exec(principals)?.[0] ?? '';
    const login = office.replace('role: school_office', 'role: r').replace(/ {4}attributes.*\n/, '');
    await writeFile(join(bare, 'principals.yaml'), `principals:\n${login}`);
    await guard.stop();
    guard = await guardInFrontOf(database, { policies: bare });
    await (await guard.connect('office')).query('SELECT id FROM students WHERE id = 7');
    await writeFile(join(bare, 'subjects.yaml'), 'subjects:\n  student: { keys: [students.id] }\n');
    await writeFile(join(bare, 'roles/r.yaml'), `${role}scope: { student: all }\n`);
    expect((await guard.reload()).problems).toEqual([]);
    await guard.records();
    const { certainly, perhaps } = await asked();
    expect(certainly).toEqual([]);
    expect(perhaps).toMatchObject([{ doubt: 'subject-undeclared', statements: 1 }]);
  });
});
