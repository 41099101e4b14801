/** Tests Django: migrations and writes as an unrestricted role, then the ORM's queries as a restricted one, with the same results as on a database that holds only the granted rows. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { describeWith, NOTHING } from '../support/tools.ts';
import { type Driver, type Outcomes, runProgram, takeSteps } from './driver.ts';
import { python } from './python.ts';
import { environmentOf, POLICIES } from './round.ts';

const PYTHON = python('django', 'psycopg');

/** Pupils of one school: all columns but one, and one of them masked. */
const READER = `
role: reader
attributes: { school_id: integer }
tables:
  campus_pupil:
    rows: school_id = :school_id
    select:
      columns: [id, ref, first_name, last_name, birth_date, enrolled, canteen, average, extra, school_id]
      masks:
        ine: left(ine, 2) || '*********'
  campus_absence:
    rows: pupil_id IN (SELECT id FROM campus_pupil WHERE school_id = :school_id)
    select: { columns: "*" }
  campus_school: { select: { columns: "*" } }
limits: { rows_per_statement: 1000 }
`;

/** Before there are tables. */
const NO_TABLES = `
role: reader
attributes: { school_id: integer }
tables: {}
limits: none
`;

/** The same in SQL: what the role may not see is not there. */
const CUT = `
DELETE FROM campus_absence WHERE pupil_id IN (SELECT id FROM campus_pupil WHERE school_id <> 1);
DELETE FROM campus_pupil WHERE school_id <> 1;
UPDATE campus_pupil SET ine = left(ine, 2) || '*********'`;

const REFUSED = {
  error: 'ProgrammingError',
  sqlstate: '42501',
  message: 'permission denied for column "notes" of relation "campus_pupil"',
};

const django = (command: 'migrate' | 'load' | 'read', binding: 'on' | 'off'): Driver => ({
  name: 'Django',
  language: 'Python',
  needs: NOTHING,
  run: (env) => runProgram(PYTHON.path!, ['-B', './django/run.py', command], { ...env, SERVER_SIDE_BINDING: binding }),
});

describeWith(PYTHON)('Django', () => {
  const databases: FreshDatabase[] = [];
  const guards: TestGuard[] = [];
  const folders: string[] = [];
  let guarded: FreshDatabase;
  let own: FreshDatabase;
  let migrated: Outcomes;
  let loaded: Outcomes;

  async function guard(reader: string): Promise<TestGuard> {
    const folder = await mkdtemp(join(tmpdir(), 'rowgate-django-'));
    folders.push(folder);
    await cp(POLICIES, folder, { recursive: true });
    await writeFile(join(folder, 'roles/reader.yaml'), reader);
    // The guard's own account may read and write rows; who migrates needs more.
    const migrator = await guarded.createLogin();
    await guarded.query(`GRANT CREATE ON SCHEMA public TO ${migrator.user}`);
    const started = await guardInFrontOf(guarded, {
      policies: folder,
      upstream: (url) =>
        `{ url: "${url}", logins: { owner: { user: ${migrator.user}, password: "${migrator.password}" } } }`,
    });
    guards.push(started);
    return started;
  }

  beforeAll(async () => {
    for (let n = 0; n < 2; n++) databases.push(await freshDatabase());
    [guarded, own] = databases as [FreshDatabase, FreshDatabase];
    const direct = environmentOf(own.url);
    migrated = await takeSteps(django('migrate', 'off'), direct);
    loaded = await takeSteps(django('load', 'off'), direct);
  });
  afterAll(async () => {
    for (const started of guards) await started.stop();
    for (const database of databases) await database.drop();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  it('migrates an empty database, and writes, as an unrestricted role', async () => {
    const env = environmentOf((await guard(NO_TABLES)).url('owner'));
    expect(migrated).toMatchObject({ migrate: { result: { tables: expect.arrayContaining(['campus_pupil']) } } });
    expect(await takeSteps(django('migrate', 'on'), env)).toEqual(migrated);
    expect(loaded).toMatchObject({ load: { result: { pupils: 40, absences: 100 } } });
    expect(await takeSteps(django('load', 'on'), env)).toEqual(loaded);
  });

  it.each(['on', 'off'] as const)('asks as a restricted role, server_side_binding %s', async (binding) => {
    const env = environmentOf((await guard(READER)).url('reader'));
    await own.query(CUT);
    const expected = await takeSteps(django('read', binding), environmentOf(own.url));
    expect(Object.values(expected).filter((outcome) => !('result' in outcome))).toEqual([]);
    expect(await takeSteps(django('read', binding), env)).toEqual({
      ...expected,
      'whole rows': { result: REFUSED },
      'in a transaction': { result: [20, '42501', expect.any(Number)] },
      introspection: { result: ['campus_absence', 'campus_pupil', 'campus_school'] },
    });
  });
});
