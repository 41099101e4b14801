/** Tests a role that becomes stricter while its sessions live: none of them can go on with what only the wider role allowed. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { eventually } from './support.ts';

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let original: string;

const roleFile = () => join(folder, 'roles', 'teacher.yaml');

/** Puts another form of the role, or of another file of the policies, into force, and waits until it is. */
async function reload(text: string, file = roleFile()): Promise<void> {
  const count = async () => (await guard.records()).filter(({ kind }) => kind === 'policy').length;
  const before = await count();
  await writeFile(file, text);
  await eventually(async () => (await count()) > before, 'the policy is replaced');
}

const OBSERVED = (text: string) => text.replace(/^role: teacher$/m, 'role: teacher\nmode: observe');
const UNRESTRICTED = () =>
  'role: teacher\naccess: unrestricted\nattributes: { school_id: integer }\nlimits: { statement_timeout: 5 s }\n';
const WITHOUT_TIMEOUT = (text: string) => text.replace(/ {2}statement_timeout: .*\n/, '');

/** As no text shows that the guard reads: by a name that is put together. */
const UNPINNED = "SELECT set_config('standard_conforming_' || 'strings', 'off', false)";

/** Two statements to a server that reads the backslash as an escape; one constant to a reader that does not. */
const SMUGGLED = String.raw`SELECT '\' AS a, ' , (SELECT max(ine) FROM students) AS b --'`;

const ended = (client: pg.Client) => new Promise<string>((done) => client.on('error', (e) => done(e.message)));

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
});

afterAll(() => database?.drop());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-tightened-'));
  await cp(resolve(import.meta.dirname, '../../policies'), folder, { recursive: true });
  original = await readFile(roleFile(), 'utf8');
});

afterEach(async () => {
  await guard?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.each([
  ['observed', OBSERVED],
  ['unrestricted', UNRESTRICTED],
])('a session of a role that was %s', (_was, wider) => {
  test('ends when every statement is held to the policy: it may have unpinned what the guard reads by', async () => {
    await writeFile(roleFile(), wider(original));
    guard = await guardInFrontOf(database, { policies: folder });
    const client = await guard.connect('teacher');
    await client.query(UNPINNED);
    const seen = await client.query(SMUGGLED).catch(() => undefined);
    expect(Object.keys(seen?.rows[0] ?? {}), 'what is kept from restricted roles').toEqual(['?column?', 'b']);
    const end = ended(client);
    await reload(original);
    expect(await end).toBe('terminating connection because its role is restricted now');
    const again = await guard.connect('teacher');
    expect((await again.query('SHOW standard_conforming_strings')).rows).toEqual([
      { standard_conforming_strings: 'on' },
    ]);
  });

  test('… also where it had begun restricted', async () => {
    await writeFile(roleFile(), original);
    guard = await guardInFrontOf(database, { policies: folder });
    const client = await guard.connect('teacher');
    await reload(wider(original));
    await client.query(UNPINNED);
    const end = ended(client);
    await reload(original);
    expect(await end).toMatch(/restricted now/);
  });
});

describe('a principal that was observed where its role is enforced', () => {
  const principalsFile = () => join(folder, 'principals.yaml');
  let enforced: string;
  const observed = () => enforced.replace(/^( *)teacher:\n/m, '$1teacher:\n$1  mode: observe\n');
  beforeEach(async () => {
    enforced = await readFile(principalsFile(), 'utf8');
    expect(observed()).not.toBe(enforced);
  });

  test('its session ends when it is enforced', async () => {
    await writeFile(principalsFile(), observed());
    guard = await guardInFrontOf(database, { policies: folder });
    const client = await guard.connect('teacher');
    await client.query(UNPINNED);
    const end = ended(client);
    await reload(enforced, principalsFile());
    expect(await end).toBe('terminating connection because its role is restricted now');
  });

  test('… also where it had begun enforced', async () => {
    guard = await guardInFrontOf(database, { policies: folder });
    const client = await guard.connect('teacher');
    await reload(observed(), principalsFile());
    await client.query(UNPINNED);
    const end = ended(client);
    await reload(enforced, principalsFile());
    expect(await end).toMatch(/restricted now/);
  });
});

test('a session that was restricted all the time stays, whatever else changes', async () => {
  await writeFile(roleFile(), original);
  guard = await guardInFrontOf(database, { policies: folder });
  const client = await guard.connect('teacher');
  await reload(original.replace('rows_per_statement: 500', 'rows_per_statement: 400'));
  expect((await client.query('SELECT 1 AS x')).rows).toEqual([{ x: 1 }]);
});

test('a statement timeout that is shortened ends the sessions with the longer one; a longer one ends none', async () => {
  await writeFile(roleFile(), WITHOUT_TIMEOUT(original));
  guard = await guardInFrontOf(database, { policies: folder });
  const without = await guard.connect('teacher');
  await without.query('SET statement_timeout = 0');
  const end = ended(without);
  await reload(original);
  expect(await end).toMatch(/statement timeout of its role was shortened/);
  const stays = await guard.connect('teacher');
  await reload(WITHOUT_TIMEOUT(original));
  expect((await stays.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '5s' }]);
});

test('decisions are recorded with the attributes by which they were made', async () => {
  await writeFile(roleFile(), original);
  guard = await guardInFrontOf(database, { policies: folder });
  const client = await guard.connect('teacher');
  await client.query('SELECT DISTINCT school_id FROM students');
  const file = join(folder, 'principals.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('school_id: 1 }', 'school_id: 2 }'));
  await eventually(async () => {
    const { rows } = await client.query('SELECT DISTINCT school_id FROM students');
    return rows[0]?.school_id === 2;
  }, 'the new attributes hold');
  const decisions = (await guard.records()).filter(({ kind }) => kind === 'decision');
  expect([decisions[0]?.attributes, decisions.at(-1)?.attributes]).toEqual([{ school_id: 1 }, { school_id: 2 }]);
});
