/** Tests `rowgate explain`: it shows the line that decided and the grant that is missing, and with that grant the statement passes. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { register as catalogCommand } from '../../src/cli/catalog.ts';
import { register } from '../../src/cli/explain.ts';
import { ANY, adviceFor } from '../../src/cli/explain-advice.ts';
import { explanationOf } from '../../src/cli/explanation.ts';
import { register as learn } from '../../src/cli/learn.ts';
import { register as replay } from '../../src/cli/replay.ts';
import { isReason, REASONS, type Reason } from '../../src/core/reasons.ts';
import { refusal } from '../../src/core/refusal.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { readCases } from '../decisions/cases.ts';
import { catalogOf, loadPolicies, type Policies, type PolicyChange } from '../decisions/policies.ts';
import { realDatabase } from '../decisions/world.ts';
import { runCommand } from '../support/command.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const POLICIES = resolve(import.meta.dirname, '../decisions/policies');

let database: FreshDatabase;
let folder: string;
let config: string;

beforeAll(async () => {
  database = await realDatabase();
  folder = mkdtempSync(join(tmpdir(), 'rowgate-explain-'));
  config = writeConfig('rowgate.yaml', database.url);
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

function writeConfig(name: string, url: string, policies = POLICIES): string {
  const file = join(folder, name);
  const lines = [`listen: 127.0.0.1:0`, `upstream: { url: "${url}" }`, `policies: ${JSON.stringify(policies)}`];
  writeFileSync(file, `${lines.join('\n')}\nlog: { file: ./d.jsonl }\n`);
  return file;
}

const run = (...args: string[]) => runCommand([register], ['explain', ...args]);

const asTeacher = (sql: string, ...more: string[]) => run('--as', 'the_teacher', '--config', config, ...more, sql);

describe('the command', () => {
  test('a refusal names its line, and what to grant; exit code 1', async () => {
    const { stdout, status } = await asTeacher('SELECT id, ssn FROM students');
    expect(status).toBe(1);
    expect(stdout).toBe(`effect:   refuse
reason:   column-withheld
rule:     roles/teacher.yaml:8
message:  permission denied for column "ssn" of relation "students" (42501, at character 12)
hint:     Column "ssn" is not among the columns granted to role "teacher".
tables:   public.students
columns:  public.students.id, public.students.ssn
to allow: Add "ssn" to the columns of public.students at roles/teacher.yaml:8, or under its masks where a part of the value is enough.

    tables:
      students:
        select:
          columns: [ssn] # beside those that are granted
`);
  });

  test('a column in USING is refused at its place, as in ON', async () => {
    const { stdout } = await asTeacher('SELECT s.id FROM students s JOIN (SELECT 1 AS ssn) x USING (ssn)');
    expect(stdout).toContain(
      'rule:     roles/teacher.yaml:8\nmessage:  permission denied for column "ssn" of relation "students" (42501, at character 61)\n',
    );
    expect(stdout).toContain('to allow: Add "ssn" to the columns of public.students at roles/teacher.yaml:8');
  });

  test.each([
    ['UPDATE salaries SET amount = 1 WHERE id = 2', 'select: { columns: [id] }\n        update: { columns: [amount] }'],
    ['UPDATE salaries SET amount = 1', 'select: { columns: [] }\n        update: { columns: [amount] }'],
    ['UPDATE salaries SET amount = amount + 1', 'select: { columns: [amount] }\n        update: { columns: [amount] }'],
    ["UPDATE students SET notes = 'x' WHERE id = 2", 'students:\n        update: { columns: [notes] }'],
    [
      "UPDATE students SET ssn = 'x' WHERE ssn = '4'",
      'students:\n        select: { columns: [ssn] } # beside those that are granted\n        update: { columns: [ssn] }\n',
    ],
    ['INSERT INTO salaries (amount) VALUES (1)', 'salaries:\n        insert: { columns: [amount] }'],
    ['DELETE FROM salaries WHERE amount = 0', 'select: { columns: [amount] }\n        delete: {}'],
    [
      'INSERT INTO salaries (amount) VALUES (1) RETURNING id',
      'select: { columns: [id] }\n        insert: { columns: [amount] }',
    ],
  ])('advises the least that lets a statement write: %s', async (sql, snippet) => {
    const { stdout } = await asTeacher(sql);
    expect(stdout).toContain(snippet);
  });

  test('an allowed statement shows the SQL that would be sent; exit code 0', async () => {
    const { stdout, status } = await asTeacher('SELECT label FROM classes');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^effect: {3}rewrite\nrule: {5}roles\/teacher\.yaml:\d+\ntables: {3}public\.classes\n/);
    expect(stdout).toMatch(
      /\nsql: {6}SELECT label FROM \(SELECT .* WHERE .*'12'::integer.*\) AS classes\nplan: {5}the same text\n$/,
    );
  });

  test('COPY shows the query as which it is sent, or the word that grants it', async () => {
    const copies = await run('--as', 'the_clerk', '--config', config, 'COPY schools TO STDOUT WITH CSV');
    expect(copies.stdout).toContain(
      'COPY (SELECT id, "name", city FROM ONLY public.schools LIMIT 501) TO STDOUT WITH CSV',
    );
    expect((await asTeacher('COPY schools TO STDOUT')).stdout).toContain('statements: [copy_to]');
    expect((await asTeacher('COPY schools FROM STDIN')).stdout).toContain('statements: [copy_from]');
  });

  test('--json prints one object with every key', async () => {
    const refused = await asTeacher('SELECT amount FROM salaries', '--json');
    expect(refused.status).toBe(1);
    expect(refused.stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(refused.stdout)).toEqual({
      effect: 'refuse',
      reason: 'relation-not-granted',
      rule: 'roles/teacher.yaml:1',
      sqlstate: '42501',
      message: 'permission denied for table salaries',
      hint: 'Role "teacher" was not granted SELECT on public.salaries.',
      position: 20,
      tables: ['public.salaries'],
      columns: expect.any(Array),
      sql: null,
      plan: null,
      would: null,
      advice: {
        text: expect.stringContaining('Grant public.salaries in roles/teacher.yaml'),
        snippet: expect.any(String),
      },
    });
    const allowed = JSON.parse((await asTeacher('SELECT 1', '--json')).stdout);
    expect(allowed).toMatchObject({
      effect: 'allow',
      reason: null,
      rule: null,
      sqlstate: null,
      message: null,
      sql: 'SELECT 1',
      advice: null,
    });
  });

  test('a repeated statement is prepared; one that is always sent as text has no plan', async () => {
    const planOf = async (sql: string) => JSON.parse((await asTeacher(sql, '--json')).stdout).plan;
    expect(await planOf("SELECT id FROM students WHERE id = 7 AND first_name = 'Ada'")).toMatch(
      /id = \$1 AND .*first_name = \$2/,
    );
    expect(await planOf("SELECT id FROM students WHERE birth_date > '2010-01-01'")).toBeNull();
    const { stdout } = await asTeacher('SELECT id FROM students WHERE id = 7');
    expect(stdout).toMatch(/\nsql: .* id = 7\b.*\nplan: .* id = \$1\b/s);
  });

  test('observe mode shows what would have been done, and that it runs', async () => {
    const { stdout, status } = await run('--as', 'the_watched', '--config', config, 'SELECT ssn FROM students');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^effect: {3}allow \(observed; enforced: refuse\)\nreason: {3}column-withheld\n/);
    expect(stdout).toContain('\nsql:      SELECT ssn FROM students\n');
  });

  test.each([
    [
      'an unknown principal',
      () => ['--as', 'nobody', '--config', config, 'SELECT 1'],
      /principal "nobody" does not exist/,
    ],
    [
      'no configuration',
      () => ['--as', 'the_teacher', '--config', join(folder, 'no.yaml'), 'SELECT 1'],
      /no\.yaml:1:1: no such file/,
    ],
    [
      'no database',
      () => ['--as', 'the_teacher', '--config', writeConfig('a.yaml', 'postgres://x:y@127.0.0.1:1/z'), 'SELECT 1'],
      /could not read the catalog of the database: .*ECONNREFUSED/,
    ],
    [
      'no policies',
      () => ['--as', 'the_teacher', '--config', writeConfig('b.yaml', database.url, '/no/such/folder'), 'SELECT 1'],
      /\/no\/such\/folder/,
    ],
  ])('%s: exit code 2, and why', async (_, args, why) => {
    const { stdout, stderr, status } = await run(...args());
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(why);
    expect(stderr).toMatch(/^rowgate: [^\n]*\n$/);
  });

  test('a call without a principal is a wrong one', async () => {
    await expect(run('SELECT 1')).rejects.toMatchObject({ code: 'commander.missingMandatoryOptionValue' });
  });
});

describe('without the database', () => {
  test('by a saved catalog, and by policies that are not in force', async () => {
    const saved = join(folder, 'catalog.json');
    expect((await runCommand([catalogCommand], ['catalog', 'dump', '--config', config, '--out', saved])).status).toBe(
      0,
    );
    const unreachable = writeConfig('offline.yaml', 'postgres://x:y@127.0.0.1:1/z');
    const offline = (...args: string[]) => run('--as', 'the_teacher', '--config', unreachable, ...args);
    const sql = 'SELECT id, ssn FROM students';
    expect((await offline('--catalog', saved, sql)).stdout).toBe((await asTeacher(sql)).stdout);
    const other = join(folder, 'other');
    cpSync(POLICIES, other, { recursive: true });
    const role = join(other, 'roles/teacher.yaml');
    writeFileSync(role, readFileSync(role, 'utf8').replace(/(students:\n +select:\n +columns: \[)/, '$1ssn, '));
    cpSync(saved, join(other, 'catalog.json'));
    expect(await offline('--policies', other, sql)).toMatchObject({ status: 0, stderr: '' });
    expect((await offline('--catalog', join(folder, 'no.json'), sql)).status).toBe(2);
  });
});

describe('of a decision in the log', () => {
  let guarded: FreshDatabase;
  let guard: TestGuard;
  const policies = () => join(folder, 'samples');
  const byId = (id: string, ...args: string[]) => run('--id', id, '--config', guard.configFile, ...args);
  const idOf = async (fails: Promise<unknown>): Promise<string> => {
    const error = (await fails.catch((thrown: unknown) => thrown)) as { detail?: string };
    return /Decision (\w+)/.exec(error.detail ?? '')?.[1] ?? '';
  };

  beforeAll(async () => {
    cpSync(resolve(import.meta.dirname, '../../policies'), policies(), { recursive: true });
    guarded = await freshDatabase();
    await seedSmall(guarded.url);
    guard = await guardInFrontOf(guarded, { policies: policies() });
  });
  afterAll(async () => {
    await guard.stop();
    await guarded.drop();
  });

  test('it is judged by the policy of then, whatever is in force now; --policies takes another', async () => {
    const client = await guard.connect('canteen');
    const id = await idOf(client.query("SELECT first_name, address FROM students WHERE first_name = 'secret'"));
    const file = join(policies(), 'roles/canteen_vendor.yaml');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace(/columns: \[id,/, 'columns: [id, address,'));
    await guard.reload();
    const then = await byId(id);
    expect(then).toMatchObject({ status: 1, stderr: '' });
    expect(then.stdout).toMatch(new RegExp(`^decision: ${id}, .*, canteen\nrecorded: refuse, column-withheld, roles/`));
    expect(then.stdout).not.toContain('not judged so again');
    expect(then.stdout).not.toContain('secret');
    expect(then.stdout).toContain('columns: [address] # beside those that are granted');
    const now = await byId(id, '--policies', policies(), '--json');
    expect(JSON.parse(now.stdout)).toMatchObject({
      effect: 'rewrite',
      recorded: { id, effect: 'refuse', reason: 'column-withheld' },
    });
    writeFileSync(file, before);
  });

  test('the catalog is that of then as well: for replay, too, and what it has lost since is no column that never was', async () => {
    await guard.reload();
    const client = await guard.connect('canteen');
    await client.query('SELECT level FROM classes');
    const id = await idOf(client.query('SELECT address FROM students'));
    await guarded.query('ALTER TABLE students RENAME address TO home');
    try {
      const replayed = async () => {
        const args = ['replay', '--config', guard.configFile, '--policies', policies(), '--json'];
        const { stdout } = await runCommand([replay], [...args, '--principal', 'canteen']);
        return JSON.parse(stdout) as { all: number; unknown: number; otherCatalog: number };
      };
      await guard.reload();
      const then = await byId(id);
      expect(then).toMatchObject({ status: 1, stderr: '' });
      expect(then.stdout).toContain('recorded: refuse, column-withheld');
      expect(then.stdout).not.toContain('not judged so again');
      const before = await replayed();
      expect(before.unknown).toBe(0);
      expect(before.otherCatalog).toBe(before.all);
      await client.query('SELECT name FROM classes');
      expect(await replayed()).toMatchObject({ unknown: 0, otherCatalog: before.all, all: before.all + 1 });
      const learned = await runCommand([learn], ['learn', '--config', guard.configFile, '--role', 'canteen_vendor']);
      expect(learned.stderr).toBe(
        `rowgate: ${before.all} statements came when the catalog was another than today's: they are judged by today's\n`,
      );
    } finally {
      await guarded.query('ALTER TABLE students RENAME home TO address');
      await guard.reload();
    }
  });

  test('a malformed id is an error, and a statement beside an id a wrong call', async () => {
    expect((await byId('01NONE')).stderr).toBe('rowgate: no decision of this log has the id "01NONE"\n');
    await expect(byId('01NONE', 'SELECT 1')).rejects.toThrow('name a statement, or a decision');
  });
});

describe('of each reason', () => {
  const reasons = Object.keys(REASONS).filter(isReason);

  let catalog: Catalog;
  let policies: Policies;

  beforeAll(async () => {
    catalog = await catalogOf(database);
    policies = loadPolicies(catalog, POLICIES);
  });

  test.each(reasons)('%s: an advice in whole sentences', (reason: Reason) => {
    const { role } = policies.of('teacher');
    const refused = { refusal: refusal(reason, '42501', 'refused'), statement: undefined, role, catalog };
    expect(adviceFor(refused).text).toMatch(/^[A-Z"][^{}]*[.]$/);
  });

  test('a meaning that no other has', () => {
    expect(new Set(reasons.map((reason) => REASONS[reason].meaning)).size).toBe(reasons.length);
  });
});

/** Every refused golden case, with what is said about it. */
const refused = readCases().flatMap(({ role, cases }) =>
  cases.filter((c) => c.effect === 'refuse').map((c) => [`${role}: ${c.name}`, role, c.sql] as const),
);

describe('of each refused golden case', () => {
  let catalog: Catalog;
  let policies: Policies;

  beforeAll(async () => {
    catalog = await catalogOf(database);
    policies = loadPolicies(catalog, POLICIES);
  });

  test.each(refused)('%s', (_, role, sql) => {
    const { effect, reason, rule, message, hint, advice } = explanationOf(sql, policies.of(role), catalog);
    expect({ effect, message }).toEqual({ effect: 'refuse', message: expect.any(String) });
    if (reason !== 'syntax' && reason !== 'too-large') expect(rule).toMatch(/^roles\/\w+\.yaml:\d+$/);
    expect(advice?.text).toMatch(/^[A-Z"].*[.]$/);
    if (advice?.snippet === undefined) return;
    const followed = loadPolicies(catalog, POLICIES, follow(role, advice.snippet, catalog));
    const after = explanationOf(sql, followed.of(role), catalog);
    // It runs, or what is missing now is another thing.
    const { snippet } = advice;
    expect({
      ...{ reason: after.reason, message: after.message, hint: after.hint },
      snippet: after.advice?.snippet,
    }).not.toEqual({ reason, message, hint, snippet });
  });
});

/** The role's file with the snippet merged into it; where the DBA has to choose, every column. */
function follow(role: string, snippet: string, catalog: Catalog): PolicyChange {
  return (path, text) => {
    if (path !== `roles/${role}.yaml`) return text;
    const file = parse(text);
    const { tables, functions, ...rest } = parse(snippet);
    for (const [name, table] of Object.entries<{ select?: { columns: string[] } }>(tables ?? {})) {
      const every = catalog.relation('public', name)?.columns.map((column) => column.name);
      if (table.select?.columns.includes(ANY)) table.select.columns = every ?? [];
      const before = file.tables[name] ?? {};
      const all = [before.select?.columns ?? [], table.select?.columns ?? []].flat();
      const columns = all.includes('*') ? '*' : all;
      const select = { ...before.select, ...table.select, columns };
      file.tables[name] = { ...before, ...table, ...((before.select || table.select) && { select }) };
    }
    if (functions) file.functions = [...(file.functions ?? []), ...functions];
    return stringify({ ...file, ...rest });
  };
}
