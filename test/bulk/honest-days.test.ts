/**
 * Tests honest people under the sample policies, from the first day of a school year to its first report cards: no one is refused or locked out. Also
 * what a thief with one of their accounts could take. `ROWGATE_UPDATE=1` writes the tables.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillDatabase } from '../../src/demo/database.ts';
import { type LoadedPolicy, loadPolicy } from '../../src/policy/compile/load.ts';
import { readPolicyFolder } from '../../src/policy-files/folder.ts';
import { catalogOf, environment } from '../policy/environment.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzzSeed } from '../support/random.ts';
import { Chance } from './days/chance.ts';
import { type DayReport, live } from './days/clockwork.ts';
import { canteen, homework, office, statistics, teacher, type Work } from './days/rates.ts';
import { days, largeSchool, type School } from './days/school.ts';
import { honestTable, thiefTable } from './days/tables.ts';

interface Cast {
  readonly principal: string;
  readonly work: (school: School, chance: Chance) => Work;
  /** Lives that are led. */
  readonly people: number;
  /** Pupils in the role's scope, in a school of 1,000 and a database of 100,000. */
  readonly scope: number;
  /** Further measures that stop a thief, beside the budgets. */
  readonly besides: string;
}

const CAST: readonly Cast[] = [
  { principal: 'teacher', work: teacher, people: 20, scope: 1_000, besides: 'scope: one school' },
  { principal: 'office', work: office, people: 3, scope: 1_000, besides: 'scope: it must be able to list its school' },
  { principal: 'canteen', work: canteen, people: 3, scope: 667, besides: 'scope, and no more than a first name' },
  {
    principal: 'homework',
    work: homework,
    people: 3,
    scope: 100_000,
    besides: 'the budget alone; a token of who signs in would',
  },
  { principal: 'statistics', work: statistics, people: 3, scope: 0, besides: 'no column names people' },
];
/** Without limits over time. */
const DBA = { principal: 'dba', scope: 100_000, besides: 'certificate, few people, the record: nothing is withheld' };

/** Pupils of two schools, in the database. */
const SMALL_PUPILS = 1_000;
const SAMPLES = join(import.meta.dirname, '../../policies');
const DAYS = days();
const OPEN = DAYS.filter(({ school }) => school);

let database: FreshDatabase;
let loaded: LoadedPolicy;
const lives = new Map<string, DayReport[]>();

beforeAll(async () => {
  database = await freshDatabase();
  await fillDatabase(database.url, { schools: 2, students: SMALL_PUPILS });
  const files = await readPolicyFolder(SAMPLES);
  loaded = loadPolicy(files, environment(await catalogOf(database.url)));
});

afterAll(() => database?.drop());

function policyOf(name: string) {
  const principal = loaded.policy.principals.get(name);
  const role = principal && loaded.policy.roles.get(principal.role);
  if (!principal || !role) throw new Error(`no principal ${name}`);
  return { role, principal };
}

describe(`${OPEN.length} school days`, () => {
  it.each(CAST)('$principal: no one is refused, slowed for long or locked out', ({ principal, work, people }) => {
    const seed = fuzzSeed();
    const reports = Array.from({ length: people }, (_, i) =>
      live(policyOf(principal), work(largeSchool(), new Chance(seed + i)), DAYS),
    ).flat();
    lives.set(principal, reports);
    const told = reports.flatMap(({ day, refused }) => refused.map((what) => `${day.date}: ${what}`));
    expect([...new Set(told)]).toEqual([]);
    expect(reports.filter(({ locked }) => locked)).toEqual([]);
    // Checks that so many days were really played.
    expect(reports.filter(({ stands }) => stands.length > 0).length).toBeGreaterThanOrEqual(40 * people);
    // Warnings that are told every week are not read.
    const warned = reports.filter((report) => report.warned.length > 0).length;
    expect(warned / (people * OPEN.length), reports.flatMap((report) => report.warned).join('\n')).toBeLessThanOrEqual(
      0.01,
    );
  });
});

describe('the same statements through a guard', () => {
  let guard: TestGuard;
  beforeAll(async () => {
    guard = await guardInFrontOf(database, { policies: SAMPLES, configuration: 'state: memory' });
  });
  afterAll(() => guard?.stop());

  it.each(CAST)(
    '$principal: a day in a minute, and what it shows is what the days above count',
    async ({ principal, work }) => {
      const live = work(await smallSchool(), new Chance(fuzzSeed()));
      // Ordinary days only: the guard knows the day of the school year.
      const asked = OPEN.filter(({ start, reports }) => !start && !reports)
        .slice(0, 10)
        .map(live)
        .toSorted((a, b) => b.length - a.length)[0]!
        .slice(0, 150);
      const client = await guard.connect(principal);
      for (const { sql, values } of asked) await client.query({ text: sql, values: [...values] });
      const outcomes = (await guard.records()).filter(
        (record) => record.kind === 'outcome' && record.principal === principal,
      );
      expect(outcomes).toHaveLength(asked.length);
      for (const [i, outcome] of outcomes.entries()) {
        const { sql, rows, pupils, rowBytes, exact, told } = asked[i]!;
        const shown = outcome as {
          status: string;
          rows: number;
          bytes: number;
          subjects?: { student?: { people: number; questions: number; values: number } };
        };
        expect(shown.status, sql).toBe('ok');
        expect(shown.bytes, sql).toBeLessThanOrEqual(shown.rows * rowBytes);
        const student = { people: 0, questions: 0, values: 0, ...shown.subjects?.student };
        expect(student.questions, sql).toBe(0);
        // The same again is free.
        expect(student.values, sql).toBeLessThanOrEqual(told === 0 ? 0 : (told / rows) * shown.rows);
        if (!exact) continue;
        expect(shown.rows, sql).toBe(rows);
        expect(student, sql).toEqual({ people: new Set(pupils).size, questions: 0, values: 0 });
      }
    },
  );
});

/** The first school of the database. */
async function smallSchool(): Promise<School> {
  const rows = await database.query('SELECT id::int, class_id, canteen FROM students WHERE school_id = 1 ORDER BY id');
  const pupils = rows.map(({ id }) => Number(id));
  const ids = [...new Set(rows.map((row) => Number(row.class_id)))];
  const classes = ids.map((id) => ({
    id,
    pupils: rows.filter((row) => row.class_id === id).map((row) => Number(row.id)),
  }));
  const diners = rows.filter(({ canteen }) => canteen === true).map(({ id }) => Number(id));
  return { classes, pupils, diners, marks: 5, everywhere: SMALL_PUPILS };
}

it.each([
  { file: 'what-honest-days-take.md', mark: 'honest days', table: () => honestTable(lives) },
  {
    file: '../../docs/limits.md',
    mark: 'what a thief has',
    table: () => thiefTable([...CAST, DBA].map((cast) => ({ ...cast, ...policyOf(cast.principal) }))),
  },
])('the table of $mark', ({ file, mark, table }) => {
  const path = join(import.meta.dirname, file);
  const text = readFileSync(path, 'utf8');
  const begin = `<!-- ${mark}: ROWGATE_UPDATE=1 npm run vitest -- test/bulk/honest-days.test.ts -->\n`;
  const end = `<!-- end of ${mark} -->`;
  const [before = '', rest = ''] = text.split(begin);
  const [, after = ''] = rest.split(end);
  const current = `${before}${begin}\n${table()}\n${end}${after}`;
  if (process.env.ROWGATE_UPDATE === '1') writeFileSync(path, current);
  if (process.env.ROWGATE_SEED === undefined && !process.env.ROWGATE_LONG)
    expect(readFileSync(path, 'utf8')).toBe(current);
});
