/** Tests a Django project, migrated by its owner and served as a restricted role: its own tests pass as they do at a database that holds nothing else. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { python } from '../drivers/python.ts';
import { describeWith } from '../support/tools.ts';
import { type Installed, install, runIn, type TestOutcomes } from './application.ts';

const PYTHON = python('django', 'psycopg');

const FOLDER = join(import.meta.dirname, 'django');
/** How the driver sends parameters: written into the text, as by default, or in the extended protocol. */
const BINDINGS = process.env.ROWGATE_LONG === '1' ? ['off', 'on'] : ['off'];
const RESTRICTED = 'school.tests.test_restricted.';

describeWith(PYTHON)('a Django project', () => {
  const run = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> =>
    runIn(FOLDER, PYTHON.path!, ['-B', 'run.py', ...args], env);
  const test = async (env: Readonly<Record<string, string>>): Promise<TestOutcomes> =>
    JSON.parse((await run(['test'], env)).trimEnd().split('\n').at(-1)!) as TestOutcomes;
  let installed: Installed;

  beforeAll(async () => {
    installed = await install({
      run,
      policies: join(FOLDER, 'policies'),
    });
  }, 180_000);
  afterAll(() => installed?.stop());

  it.each(BINDINGS)('passes its own tests, server_side_binding %s', { timeout: 300_000 }, async (binding) => {
    const [direct, guarded] = await Promise.all([
      test(installed.direct),
      test({ ...installed.guarded, RESTRICTED: 'yes', SERVER_SIDE_BINDING: binding }),
    ]);
    const names = Object.keys(direct);
    const restricted = names.filter((name) => name.startsWith(RESTRICTED));
    const shared = names.filter((name) => !restricted.includes(name));
    console.log(`${shared.length} tests both ways, ${restricted.length} more through Rowgate`);
    expect(direct).toEqual(
      Object.fromEntries(names.map((name) => [name, shared.includes(name) ? 'passed' : 'skipped'])),
    );
    expect(guarded).toEqual(Object.fromEntries(names.map((name) => [name, 'passed'])));
  });

  it('was refused nothing but by name', async () => {
    expect(await installed.refusals()).toEqual([
      'collects',
      'column-withheld',
      'estimates',
      'relation-not-granted',
      'statement-not-allowed',
    ]);
  });
});
