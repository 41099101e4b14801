/** Tests `rowgate access --unused`: from a log of a whole year it lists the grants that no statement used, to be deleted; from a shorter log it proposes nothing. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { register as access } from '../../src/cli/access.ts';
import { register as catalog } from '../../src/cli/catalog.ts';
import { keepPolicy } from '../../src/decision-log/policies/kept-policies.ts';
import { readPolicyFolder } from '../../src/policy-files/folder.ts';
import { runCommand } from '../support/command.ts';
import { guardInFrontOf } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const DAY_MS = 86_400_000;
let database: FreshDatabase;
let folder: string;
let saved: string;
let policies: string;
let kept: string;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  folder = mkdtempSync(join(tmpdir(), 'rowgate-unused-'));
  policies = join(folder, 'policies');
  cpSync(join(import.meta.dirname, '../../policies'), policies, { recursive: true });
  const upstream = `upstream: { url: "${database.url}" }\npolicies: ./policies\n`;
  await writeFile(join(folder, 'rowgate.yaml'), `listen: 127.0.0.1:0\n${upstream}log: { file: ./d.jsonl }\n`);
  saved = join(folder, 'catalog.json');
  expect((await run('catalog', 'dump', '--out', saved)).status).toBe(0);
  kept = keepPolicy(join(folder, 'd.jsonl'), await readPolicyFolder(policies)) ?? '';
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const run = (...args: string[]) => runCommand([access, catalog], [...args, '--config', join(folder, 'rowgate.yaml')]);
const unused = (...args: string[]) => run('access', '--unused', '--catalog', saved, '--time-zone', 'UTC', ...args);

interface Found {
  readonly kind: string;
  readonly name: string;
  readonly roles: string[];
  readonly command?: string;
  readonly columns?: string[];
  readonly standing: string;
  readonly rule: string;
}
interface Answer {
  readonly monthsNotSeen: string[];
  readonly gaps: string[];
  readonly observed: string[];
  readonly unused: Found[];
  readonly limits: { role: string; limit: string; most: number; proposed: number }[];
}
const asJson = async (): Promise<Answer> => JSON.parse((await unused('--json')).stdout);
const of = (answer: Answer, role: string) => answer.unused.filter(({ roles }) => roles.includes(role));

type Statement = Readonly<Record<string, unknown>>;

/**
 * A log of so many days: a record each week, and these statements with an outcome of five rows nine days ago. The last record is of now: this month may
 * have begun less than a week ago.
 */
async function log(days: number, statements: readonly Statement[], drop = -1): Promise<void> {
  const at = (day: number): string => new Date(Date.now() - day * DAY_MS).toISOString();
  const weeks = Array.from({ length: Math.ceil(days / 7) + 1 }, (_, week) => ({
    kind: 'usage',
    time: at(Math.max(days - week * 7, 0)),
  }));
  const policy = { kind: 'policy', time: at(days), to: 'sha256:p', kept };
  const done = statements.flatMap((statement, index) => [
    {
      kind: 'decision',
      id: `${index}`,
      time: at(9),
      policy: 'sha256:p',
      principal: 'p',
      effect: 'allow',
      command: 'SELECT',
      ...statement,
    },
    { kind: 'outcome', id: `${index}`, time: at(9), principal: 'p', rows: 5, bytes: 50, status: 'ok' },
  ]);
  const lines = [policy, ...weeks, ...done]
    .map((record, seq) => ({ guard: 'g1', seq: seq + 1, ...record }))
    .filter(({ seq }) => seq !== drop);
  await writeFile(join(folder, 'd.jsonl'), `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
}

const read = (role: string, columns: string[], more: Statement = {}): Statement => ({
  role,
  tables: ['public.students'],
  columns: columns.map((column) => `public.students.${column}`),
  statement: `SELECT ${columns.join(', ')} FROM students`,
  ...more,
});

describe('by a log of more than 395 days', () => {
  it('columns and tables that nothing used may be deleted; what was used, or refused, may not', async () => {
    const ofCanteen = ['id', 'first_name', 'last_name'];
    await log(420, [
      read('canteen_vendor', ofCanteen),
      read('canteen_vendor', ['class_id'], { effect: 'refuse' }),
      read('school_office', ['id', 'first_name'], { statement: 'SELECT id, school_year() FROM students' }),
    ]);
    const answer = await asJson();
    expect(answer).toMatchObject({ monthsNotSeen: [], gaps: [] });
    const canteen = of(answer, 'canteen_vendor').filter(({ name }) => name === 'public.students');
    expect(canteen).toMatchObject([{ kind: 'columns', command: 'select', standing: 'delete' }]);
    expect(canteen[0]?.columns).toContain('class_id');
    expect(canteen[0]?.columns).not.toContain('first_name');
    const [file = '', line] = canteen[0]?.rule.split(':') ?? [];
    expect((await readFile(join(policies, file), 'utf8')).split('\n')[Number(line) - 1]).toMatch(
      /students|select|columns/,
    );
    const office = of(answer, 'school_office');
    expect(office.filter(({ kind }) => kind === 'function').map(({ name }) => name)).not.toContain(
      'public.school_year',
    );
    expect(office).toContainEqual(
      expect.objectContaining({ kind: 'table', name: 'public.grades', standing: 'delete' }),
    );
    expect((await unused()).status).toBe(1);
  });

  it('a grant by * has no line, and a grant that is newer than the time is not proposed', async () => {
    await log(420, [
      read('school_office', ['id']),
      { ...read('school_office', []), tables: ['public.classes'], columns: ['public.classes.id'] },
    ]);
    const star = of(await asJson(), 'school_office').filter(({ name }) => name === 'public.classes');
    expect(star).toMatchObject([{ kind: 'columns', standing: 'star' }]);
    const file = join(policies, 'roles/canteen_vendor.yaml');
    const before = await readFile(file, 'utf8');
    await writeFile(file, before.replace(/columns: \[id,/, 'columns: [id, sex,'));
    try {
      await log(420, [read('canteen_vendor', ['id'])]);
      const found = of(await asJson(), 'canteen_vendor').filter(({ columns }) => columns?.includes('sex'));
      expect(found).toMatchObject([{ columns: ['sex'], standing: 'new' }]);
    } finally {
      await writeFile(file, before);
    }
  });

  it('a function in a text that was cut cannot be told', async () => {
    await log(420, [read('school_office', ['id'], { statement: 'SELECT id FROM students WHERE …' })]);
    const fn = of(await asJson(), 'school_office').find(({ name }) => name === 'public.school_year');
    expect(fn).toMatchObject({ standing: 'cannot tell' });
  });

  it('accept keeps a seasonal grant', async () => {
    const file = join(policies, 'roles/school_office.yaml');
    const before = await readFile(file, 'utf8');
    await writeFile(
      file,
      before.replace('  grades:\n', '  grades:\n    accept: { until: 2100-01-01, reason: report cards }\n'),
    );
    try {
      await log(420, [read('school_office', ['id'])]);
      const grades = of(await asJson(), 'school_office').filter(({ name }) => name === 'public.grades');
      expect(grades).toMatchObject([
        { standing: 'accepted', accepted: { until: '2100-01-01', reason: 'report cards' } },
      ]);
    } finally {
      await writeFile(file, before);
    }
  });

  it('a limit far above what was used is proposed lower', async () => {
    await log(420, [read('school_office', ['id'])]);
    expect((await asJson()).limits).toContainEqual(
      expect.objectContaining({ role: 'school_office', limit: 'rows_per_statement', most: 5, proposed: 8 }),
    );
  });

  it('a record that is missing leaves nothing proposed', async () => {
    await log(420, [read('school_office', ['id'])], 20);
    const { gaps, unused: found } = await asJson();
    expect(gaps).toHaveLength(1);
    expect(found.some(({ standing }) => standing === 'delete')).toBe(false);
  });
});

it('by a shorter log the months that it has not seen are named, and nothing is proposed', async () => {
  await log(100, [read('school_office', ['id'])]);
  const { monthsNotSeen, unused: found } = await asJson();
  expect(monthsNotSeen.length).toBeGreaterThanOrEqual(10);
  expect(new Set(found.map(({ standing }) => standing))).toEqual(new Set(['keep']));
  const { stdout } = await unused();
  expect(stdout).toContain('So nothing is proposed to be deleted.');
});

it('a real guard’s statements count: reads, writes and functions', async () => {
  const guard = await guardInFrontOf(database, { policies });
  try {
    const office = await guard.connect('office');
    await office.query('SELECT id, first_name, school_year() FROM students WHERE id = 7').catch(() => undefined);
    await office.query('SELECT id, first_name FROM students WHERE id = 7');
    const text = (await guard.records()).map((record) => JSON.stringify(record)).join('\n');
    await writeFile(join(folder, 'd.jsonl'), `${text}\n`);
    const students = of(await asJson(), 'school_office').find(({ name }) => name === 'public.students');
    expect(students?.columns).toContain('address');
    expect(students?.columns).not.toContain('first_name');
  } finally {
    await guard.stop();
  }
});
