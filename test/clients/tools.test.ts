/** Tests tools and libraries that read a schema and write by it, driven as a restricted role: they do what they do at a database that holds only its grants. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runIn } from '../applications/application.ts';
import { python } from '../drivers/python.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { describeWith, file } from '../support/tools.ts';
import { type Copies, copiesFor, dropCopies } from './copies.ts';
import { startWorld, type World } from './world.ts';

const TOOLS = join(import.meta.dirname, 'tools');
const INSTALLED = join(TOOLS, 'node_modules');
/** `npm ci --prefix test/clients/tools --ignore-scripts` brings it. */
const packaged = (name: string) => file(join(INSTALLED, name));

const TASKS = `
CREATE TYPE stage AS ENUM ('begun', 'done');
CREATE TABLE tasks (id serial PRIMARY KEY, stage stage DEFAULT 'begun', class_id integer REFERENCES classes, title text NOT NULL, due date)`;
const GRANTS = `
tables:
  tasks:
    select: { columns: "*" }
    insert: { columns: [stage, class_id, title, due] }
    update: { columns: [stage, class_id, title, due] }
    delete: {}
`;

let world: World;
let copies: Copies;
let owned: FreshDatabase;
/** What the tools write of their own. */
let folder: string;

beforeAll(async () => {
  world = await startWorld({
    prepare: async (database) => {
      await database.query(TASKS);
    },
    policies: async (policies) => {
      await writeFile(join(policies, 'grants/tasks.yaml'), GRANTS);
      const teacher = join(policies, 'roles/teacher.yaml');
      await writeFile(teacher, (await readFile(teacher, 'utf8')).replace('[reference]', '[reference, tasks]'));
    },
  });
  await world.database.query(`
    GRANT CREATE ON SCHEMA public TO ${world.account.user};
    CREATE SCHEMA planned AUTHORIZATION ${world.account.user}`);
  owned = await freshDatabase();
  await owned.query('CREATE SCHEMA planned');
  copies = await copiesFor(['teacher'], world.account.user, TASKS);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-tools-'));
  await symlink(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'));
});

afterAll(async () => {
  await dropCopies(copies);
  await owned?.drop();
  await world?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  for (const database of [world.database, copies.get('teacher')!])
    await database.query('TRUNCATE tasks RESTART IDENTITY');
});

/** As the role, and as an account that may read and write the rows of a database that holds only the role's. */
const asTeacher = (): readonly [through: string, beside: string] => {
  const { user, password } = world.account;
  return [world.url('teacher'), copies.get('teacher')!.urlFor(user, password)];
};

/** As an unrestricted role, and as the owner of a database. */
const asOwner = (): readonly [through: string, beside: string] => [world.url('dba'), owned.url];

type Step = { readonly step: string; readonly result?: unknown; readonly error?: string };

/** The steps that a program prints, by name. */
async function steps(url: string, command: string, ...args: readonly string[]): Promise<Record<string, Step>> {
  const printed = await runIn(TOOLS, command, [args[0]!, url, ...args.slice(1)], {});
  const all = printed
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Step);
  return Object.fromEntries(all.map((one) => [one.step, one]));
}

const failed = (all: Record<string, Step>): string[] =>
  Object.values(all).flatMap(({ step, error }) => (error === undefined ? [] : `${step}: ${error}`));

describeWith(packaged('sequelize'))('Sequelize', () => {
  const ran = (url: string, ...what: readonly string[]) =>
    steps(url, process.execPath, 'sequelize.mjs', ...what).then(({ tables, ...all }) => all);

  it('reads the schema, reads and writes', async () => {
    const [through, beside] = await Promise.all(asTeacher().map((url) => ran(url)));
    // It would make a function in pg_temp, with code of its own.
    const { findOrCreate: made, ...same } = through!;
    const { findOrCreate: _, ...expected } = beside!;
    expect(same).toEqual(expected);
    expect(failed(same)).toEqual(['sync: 42501', 'sync({ alter }): 42501']);
    expect(made).toEqual({ step: 'findOrCreate', error: '42501' });
  });

  it('alters tables as an unrestricted role', async () => {
    const [through, beside] = await Promise.all(asOwner().map((url) => ran(url, 'own')));
    expect(through).toEqual(beside);
    expect(failed(through!)).toEqual([]);
    expect(JSON.stringify(through)).toContain('CHARACTER VARYING(80)');
  });
});

describeWith(packaged('@prisma/adapter-pg'), packaged('@prisma/client'))('Prisma with adapter-pg', () => {
  it('reads and writes', async () => {
    const [through, beside] = await Promise.all(asTeacher().map((url) => steps(url, process.execPath, 'prisma.mjs')));
    const { '$queryRaw of what is not granted': withheld, ...same } = through!;
    const { '$queryRaw of what is not granted': missing, ...expected } = beside!;
    expect(same).toEqual(expected);
    expect(failed(same)).toEqual(['a transaction that is rolled back: not so']);
    expect([withheld!.error, missing!.error]).toEqual(['42501', '42703']);
  });
});

describeWith(packaged('kysely-codegen'))('kysely-codegen', () => {
  it('writes the types of what was granted', async () => {
    const program = join(INSTALLED, 'kysely-codegen/dist/cli/bin.js');
    const [through, beside] = await Promise.all(
      asTeacher().map((url) =>
        runIn(TOOLS, process.execPath, [program, '--dialect', 'postgres', '--url', url, '--print'], {}),
      ),
    );
    expect(through).toBe(beside);
    expect(through).toContain('export type Stage = "begun" | "done"');
    expect(through).not.toMatch(/\bine\b|Parents/);
  });
});

describeWith(packaged('drizzle-kit'))('drizzle-kit', () => {
  async function kit(command: 'pull' | 'push', place: string, more: object): Promise<string> {
    const paths = { schema: `./${place}.ts`, out: `./${place}` };
    await writeFile(join(folder, 'drizzle.json'), JSON.stringify({ dialect: 'postgresql', ...paths, ...more }));
    const args = [command, '--config=drizzle.json', ...(command === 'push' ? ['--force'] : [])];
    return runIn(folder, process.execPath, [join(INSTALLED, 'drizzle-kit/bin.cjs'), ...args], {});
  }

  /** The files that it writes. */
  async function pulled(url: string, more: object = {}): Promise<readonly [schema: string, relations: string]> {
    await kit('pull', 'pulled', { dbCredentials: { url }, ...more });
    const [schema, relations] = ['schema.ts', 'relations.ts'].map((name) =>
      readFile(join(folder, 'pulled', name), 'utf8'),
    );
    return [await schema!, await relations!];
  }

  it('pulls what was granted, and finds nothing to push', async () => {
    const [through, beside] = asTeacher();
    const found = await pulled(through);
    expect(found).toEqual(await pulled(beside));
    expect(found[0]).toContain('pgTable("tasks"');
    expect(found.join()).not.toMatch(/\bine\b|parents/);
    // Of bigint keys it reads the greatest number as another one.
    const where = { dbCredentials: { url: through }, tablesFilter: ['tasks', 'classes', 'schools', 'academies'] };
    await writeFile(join(folder, 'same.ts'), (await pulled(through, where))[0]);
    expect(await kit('push', 'same', where)).toContain('No changes detected');
  });

  it('pushes as an unrestricted role', async () => {
    const [through, beside] = asOwner();
    const found: string[] = [];
    for (const url of [through, beside]) {
      const where = { dbCredentials: { url }, schemaFilter: ['planned'] };
      for (const more of ['', ', due: date().notNull()']) {
        await writeFile(join(folder, 'plans.ts'), plans(more));
        expect(await kit('push', 'plans', where)).toContain('Changes applied');
      }
      found.push((await pulled(url, where))[0]);
    }
    expect(found[0]).toBe(found[1]);
    expect(found[0]).toContain('due: date().notNull()');
  });

  const plans = (more: string): string => `
import { date, index, pgSchema, serial, text } from 'drizzle-orm/pg-core';
export const planned = pgSchema('planned');
export const stage = planned.enum('stage', ['begun', 'done']);
export const plans = planned.table('plans', { id: serial().primaryKey(), stage: stage().default('begun'), title: text().notNull().unique()${more} },
  (table) => [index('plans_title').on(table.title)]);
`;
});

describe.each(['psycopg2', 'psycopg'])('pandas on %s', (driver) => {
  const needs = python('pandas', 'sqlalchemy', driver);
  describeWith(needs)('through SQLAlchemy', () => {
    it('reads frames and appends them', async () => {
      const [through, beside] = await Promise.all(
        asTeacher().map((url) => steps(url.replace(/^postgres/, `postgresql+${driver}`), needs.path!, 'frames.py')),
      );
      expect(through).toEqual(beside);
      expect(failed(through!)).toEqual([
        "to_sql, fail: Table 'tasks' already exists.",
        'to_sql, replace: 42501',
        'to_sql, another table: 42501',
      ]);
    });
  });
});
