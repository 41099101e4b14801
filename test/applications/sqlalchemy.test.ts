/** Tests an application on SQLAlchemy that reflects its tables: its own tests pass as a restricted role as they do at a database that holds nothing else. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { python } from '../drivers/python.ts';
import { describeWith } from '../support/tools.ts';
import { type Installed, install, runIn, type TestOutcomes } from './application.ts';

const PYTHON = python('sqlalchemy', 'greenlet', 'pytest', 'psycopg', 'psycopg2', 'asyncpg');

const FOLDER = join(import.meta.dirname, 'sqlalchemy');
const DRIVERS = process.env.ROWGATE_LONG === '1' ? ['psycopg', 'asyncpg', 'psycopg2'] : ['psycopg', 'asyncpg'];
const RESTRICTED = 'tests/test_restricted.py';

describeWith(PYTHON)('an application on SQLAlchemy', () => {
  const run = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> =>
    runIn(FOLDER, PYTHON.path!, ['-B', 'run.py', ...args], env);
  const test = async (driver: string, env: Readonly<Record<string, string>>): Promise<TestOutcomes> =>
    JSON.parse((await run(['test', driver], env)).trimEnd().split('\n').at(-1)!) as TestOutcomes;
  let installed: Installed;

  beforeAll(async () => {
    installed = await install({ run, policies: join(FOLDER, 'policies') });
  }, 180_000);
  afterAll(() => installed?.stop());

  it.each(DRIVERS)('passes its own tests on %s', { timeout: 300_000 }, async (driver) => {
    const [direct, guarded] = await Promise.all([
      test(driver, installed.direct),
      test(driver, { ...installed.guarded, RESTRICTED: 'yes' }),
    ]);
    const names = Object.keys(direct);
    const restricted = names.filter((name) => name.startsWith(RESTRICTED));
    const shared = names.filter((name) => !restricted.includes(name));
    console.log(`${driver}: ${shared.length} tests both ways, ${restricted.length} more through Rowgate`);
    expect(direct).toEqual(
      Object.fromEntries(names.map((name) => [name, shared.includes(name) ? 'passed' : 'skipped'])),
    );
    expect(guarded).toEqual(Object.fromEntries(names.map((name) => [name, 'passed'])));
  });

  it('was refused nothing but by name', async () => {
    expect(await installed.refusals()).toEqual([
      'collects',
      'column-unknown',
      'column-withheld',
      'function-not-granted',
      'relation-not-granted',
      'statement-not-allowed',
      'unsupported',
    ]);
  });
});
