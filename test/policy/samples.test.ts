/** Tests that the sample policies fit the demo's database, and give each role what their text says. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadedPolicy, loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { readPolicyFolder } from '../../src/policy-files/folder.ts';
import { deriveKeys } from '../../src/protocol/scram.ts';
import { parseVerifier } from '../../src/protocol/scram-verifier.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { catalogOf, environment } from './environment.ts';
import { guardedSelect } from './render.ts';

let database: FreshDatabase;
let loaded: LoadedPolicy;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  const files = await readPolicyFolder(join(import.meta.dirname, '../../policies'));
  loaded = loadPolicy(files, environment(await catalogOf(database.url)));
});
afterAll(() => database.drop());

/** The subquery that the guard sends for the relation, for a principal of school 1. */
function seen(role: string, table: string): string {
  const grants = [...(loaded.policy.roles.get(role)?.relations.values() ?? [])];
  const grant = grants.find(({ relation }) => relation.schema === 'public' && relation.name === table);
  if (!grant) throw new Error(`${role} has no grant on ${table}`);
  return guardedSelect(grant).replaceAll(':unfilled', '1');
}

const count = async (sql: string): Promise<number> =>
  Number((await database.query(`SELECT count(*) FROM (${sql}) AS t`))[0]?.count);

it('they load without an error, and nothing is closed; the one warning is of the demo’s own: its dba has no certificate', () => {
  expect(loaded.diagnostics.map(formatDiagnostic)).toEqual([
    expect.stringMatching(
      /^principals\.yaml:\d+:3: warning: role "dba" is unrestricted, and this principal has no "certificate"/,
    ),
  ]);
  expect([...loaded.policy.roles.keys()].sort()).toEqual([
    'canteen_vendor',
    'dba',
    'family_portal',
    'homework_app',
    'school_office',
    'statistics',
    'teacher',
  ]);
  expect([...loaded.policy.roles.values(), ...loaded.policy.principals.values()].filter((x) => x.disabled)).toEqual([]);
});

describe('each role finds the rows of its school', () => {
  const STUDENTS = 'SELECT id FROM students WHERE school_id = 1';
  it.each([
    ['teacher', 'students', STUDENTS],
    ['teacher', 'absences', `SELECT id FROM absences WHERE day >= '2026-09-01' AND student_id IN (${STUDENTS})`],
    ['teacher', 'grades', `SELECT id FROM grades WHERE student_id IN (${STUDENTS})`],
    ['teacher', 'classes', 'SELECT id FROM classes WHERE school_id = 1'],
    ['teacher', 'schools', 'SELECT id FROM schools'],
    ['school_office', 'parents', `SELECT id FROM parents WHERE student_id IN (${STUDENTS})`],
    ['canteen_vendor', 'students', `${STUDENTS} AND canteen`],
  ])('%s: %s', async (role, table, expected) => {
    const rows = await database.query(`SELECT id FROM (${seen(role, table)}) AS t ORDER BY id`);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(await database.query(`${expected} ORDER BY id`));
  });

  it('statistics: everyone, without a name', async () => {
    expect(await count(seen('statistics', 'students'))).toBe(await count('SELECT FROM students'));
  });
});

describe('columns', () => {
  it.each([
    ['teacher', 'students', 'id first_name last_name birth_date sex class_id school_id photo_consent'],
    ['canteen_vendor', 'students', 'id first_name class_id'],
    ['homework_app', 'students', 'id first_name class_id'],
    ['statistics', 'students', 'birth_date sex class_id school_id canteen'],
    ['statistics', 'grades', 'subject term mark'],
  ])('%s: %s', async (role, table, expected) => {
    const [row] = await database.query(`${seen(role, table)} LIMIT 1`);
    expect(Object.keys(row ?? {}).join(' ')).toBe(expected);
  });

  it('a teacher sees the year of birth only', async () => {
    const days = await database.query(
      `SELECT DISTINCT to_char(birth_date, 'MM-DD') AS day FROM (${seen('teacher', 'students')}) AS t
       WHERE isfinite(birth_date)`,
    );
    expect(days).toEqual([{ day: '01-01' }]);
  });
});

it('the passwords are as their comment says', async () => {
  for (const { name, verifiers } of loaded.policy.principals.values()) {
    const verifier = parseVerifier(verifiers[0] ?? '');
    if (!verifier) throw new Error(`no verifier for ${name}`);
    const { storedKey } = await deriveKeys(`demo-${name}`, verifier.salt, verifier.iterations);
    expect(storedKey.equals(verifier.storedKey), name).toBe(true);
  }
});
