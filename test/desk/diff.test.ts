/** Tests `rowgate diff`: its words, and that it never says "no new access" where something new is allowed or shown. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { register } from '../../src/cli/diff.ts';
import { keepPolicy } from '../../src/decision-log/policies/kept-policies.ts';
import { comparePolicies } from '../../src/desk/diff/principals.ts';
import { Bench } from '../../src/desk/test/bench.ts';
import { taken } from '../../src/desk/test/take.ts';
import { readTestFile } from '../../src/desk/test/test-file.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import type { Policy } from '../../src/policy/model/policy.ts';
import { readPolicyFolder } from '../../src/policy-files/folder.ts';
import { renderLiterals } from '../../src/session/client/render.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { environment } from '../policy/environment.ts';
import { runCommand } from '../support/command.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { fuzzRuns, Random } from '../support/random.ts';
import { base, filesOf, type Made, MUTATIONS, statements } from './generated.ts';
import { type Desk, schoolDesk } from './world.ts';

let database: FreshDatabase;
let catalog: Catalog;
let at: Desk;

beforeAll(async () => {
  ({ database, catalog, at } = await schoolDesk());
});
afterAll(async () => {
  at.remove();
  await database.drop();
});

describe('the command', () => {
  /** Compares the samples with what becomes of them. */
  async function changed(file: string, from: string, to: string, ...args: string[]) {
    const folder = join(at.folder, 'next');
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(at.folder, 'policies'), folder, { recursive: true });
    const text = readFileSync(join(folder, file), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(folder, file), text.replace(from, to));
    return runCommand([register], ['diff', '--config', at.config, join(at.folder, 'policies'), folder, ...args]);
  }
  const CANTEEN = 'roles/canteen_vendor.yaml';
  const STATISTICS = 'roles/statistics.yaml';
  const LOCK = 'lock: { after: 9 refusals per hour,';

  it.each([
    [
      CANTEEN,
      '[id, first_name, class_id]',
      '[id, first_name, class_id, address]',
      '  + sees public.students.address (withheld before)',
    ],
    [CANTEEN, '[id, first_name, class_id]', '[id, class_id]', '  - no longer sees public.students.first_name'],
    [
      CANTEEN,
      '1000 per 30 days lock',
      '1200 per 30 days lock',
      '  + may take 700 student per 30 days warn, 1200 student per 30 days lock (700 student per 30 days warn, 1000 student per 30 days lock before)',
    ],
    [CANTEEN, '1000 per 30 days lock', '900 per 30 days lock', '  - may take'],
    [
      CANTEEN,
      '  connections: 4',
      '  connections: 4\n  answers: { student: 10 per day }',
      '  + may take 10 values of student',
    ],
    [CANTEEN, '1000 per 30 days lock', '1000 per 30 days deny', '  + may take'],
    [CANTEEN, 'rows: canteen', 'rows: canteen AND class_id = 7', '  - public.students: fewer rows,'],
    [CANTEEN, 'rows: canteen', 'rows: canteen OR class_id = 7', '  + public.students: other rows,'],
    [CANTEEN, '    rows: canteen\n', '', '  + public.students: other rows,'],
    [CANTEEN, '  student: school_id = :school_id', '  student: all', '  + public.students: other rows,'],
    [STATISTICS, 'limits:', `${LOCK} for: until released }\nlimits:`, '  - is locked for what it tries'],
    // A principal that a limit has locked is released by itself then.
    [STATISTICS, 'limits:', `${LOCK} for: 1 minute }\nlimits:`, '  + is unlocked by itself, where it was not'],
    [CANTEEN, 'rows_per_statement: 1000', 'rows_per_statement: 2000', '  + rows_per_statement: 2000 (1000 before)'],
    [
      CANTEEN,
      'lock: {',
      'types: [information_schema.cardinal_number]\nlock: {',
      '  + may name type information_schema.c',
    ],
    [CANTEEN, 'lock: {', 'settings: { work_mem: 8MB }\nlock: {', '  + sets work_mem up to 8MB'],
    [CANTEEN, 'lock: {', 'mode: observe\nlock: {', '  + is only observed: everything is let through'],
    [
      'roles/teacher.yaml',
      "date_trunc('year', birth_date::timestamp)::date",
      'birth_date',
      '  + sees public.students.birth_date masked by',
    ],
    [
      'principals.yaml',
      'role: canteen_vendor\n    attributes: { school_id: 1 }',
      'role: canteen_vendor\n    attributes: { school_id: 2 }',
      '  + school_id is 2 (1 before)',
    ],
    [
      'principals.yaml',
      'role: canteen_vendor\n',
      'role: canteen_vendor\n    valid_until: 2027-07-31\n',
      '  - may log in until 2027-07-31',
    ],
    [
      'grants/reference.yaml',
      '  schools:\n    select: { columns: "*" }\n',
      '  schools:\n    select: { columns: [id, name] }\n',
      '  - no longer sees public.schools.city',
    ],
    ['subjects.yaml', 'grades.student_id]', 'grades.student_id]\n    canaries: []', 'no difference'],
  ])('%s: %s → %s', async (file, from, to, line) => {
    const { stdout, status } = await changed(file, from, to);
    expect(stdout).toContain(line);
    expect(stdout).toContain('not compared: ');
    expect(status).toBe(line === 'no difference' ? 0 : 1);
    const strict = await changed(file, from, to, '--no-new-access');
    expect(strict.status).toBe(line.startsWith('  +') ? 1 : 0);
  });

  it('an error in the newer one is no proof; exit code 1. --json has it all', async () => {
    const { stdout, status } = await changed(CANTEEN, 'rows: canteen', 'rows: canten', '--no-new-access', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      errors: [expect.stringContaining('roles/canteen_vendor.yaml:9:')],
      changes: expect.arrayContaining([{ principal: 'canteen', words: expect.any(String), less: true }]),
    });
    expect(status).toBe(1);
  });

  it('a policy that was in force is named by its hash; that passwords were not kept is said, and is no proof', async () => {
    const log = join(at.folder, 'd.jsonl');
    writeFileSync(log, '');
    const kept = keepPolicy(log, await readPolicyFolder(join(at.folder, 'policies')));
    const record = {
      time: '2026-11-30T10:00:00.000Z',
      kind: 'policy',
      guard: 'a',
      seq: 1,
      to: kept,
      kept,
      by: 'x',
      via: 'start',
    };
    writeFileSync(log, `${JSON.stringify(record)}\n`);
    const run = (...args: string[]) =>
      runCommand([register], ['diff', '--config', at.config, kept ?? '', join(at.folder, 'policies'), ...args]);
    const { stdout, status } = await run();
    expect(stdout).toMatch(/^no difference\n/);
    expect(stdout).toContain('not compared: passwords and canaries, which are not kept beside the log');
    expect(status).toBe(0);
    expect((await run('--no-new-access')).status).toBe(1);
    const unknown = await runCommand(
      [register],
      ['diff', '--config', at.config, 'sha256:00000000', join(at.folder, 'policies')],
    );
    expect(unknown).toMatchObject({ status: 2, stderr: 'rowgate: the log knows no policy "sha256:00000000"\n' });
  });
});

function loaded(made: Made): Policy | undefined {
  const { policy, diagnostics } = loadPolicy(filesOf(made), environment(catalog));
  return diagnostics.some(({ severity }) => severity === 'error') ? undefined : policy;
}

/** A statement that gives no other row when the table has fewer rows. */
const MONOTONE = /^SELECT (DISTINCT )?[a-z_, ]+ FROM [a-z]+$/;
const AMBIGUOUS = '42702';
const NOW = Date.parse('2026-11-30T10:00:00Z');

function sessionOf(policy: Policy) {
  const bench = new Bench({
    policy,
    catalog,
    searchPath: ['public'],
    timeZone: 'Europe/Paris',
    pooling: 'none',
    now: NOW,
  });
  const { file } = readTestFile(
    { path: 'a', text: 'as: p\ntests: [{ sql: SELECT 1, effect: pass }]\n' },
    { now: NOW, timeZone: 'UTC' },
  );
  const session = bench.session(file.tests[0]!);
  return 'policy' in session && !session.expired ? session : undefined;
}

/** Generated ones. */
const PAIRS = fuzzRuns(80, 1_000);

it(`of ${PAIRS} generated pairs, none is said to give no new access where the newer one allows or shows more`, {
  timeout: 600_000,
}, async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  client.on('error', () => {}); // a test that fails leaves it to the end of the database
  const random = new Random(20261130);
  const all = statements();
  const verdicts = { less: 0, more: 0, told: 0 };
  const known = new Map<string, Promise<unknown[][]>>();
  const rowsOf = (sql: string): Promise<unknown[][]> => {
    const asked = known.get(sql) ?? client.query<unknown[]>({ text: sql, rowMode: 'array' }).then(({ rows }) => rows);
    known.set(sql, asked);
    return asked;
  };
  while (verdicts.less + verdicts.more < PAIRS) {
    const old = base(random);
    const now = structuredClone(old);
    for (let left = 1 + random.int(2); left > 0; left -= 1) random.pick(MUTATIONS)(now, random);
    const [before, after] = [loaded(old), loaded(now)];
    if (!before || !after || JSON.stringify(old) === JSON.stringify(now)) continue;
    const changes = comparePolicies(before, after, { catalog, withoutSecrets: false }).flatMap((one) => one.changes);
    if (changes.some(({ less }) => !less)) {
      verdicts.more += 1;
      continue;
    }
    verdicts.less += 1;
    const [was, is] = [sessionOf(before), sessionOf(after)];
    // In observe mode everything was let through.
    if (!is || before.roles.get('r')?.mode === 'observe') continue;
    const why = JSON.stringify({ old, now, changes }, undefined, 1);
    expect(was, why).toBeDefined();
    for (const sql of all) {
      const [a, b] = [was!.policy.judge(sql), is.policy.judge(sql)];
      if (b.effect === 'refuse') continue;
      // One of two columns of a name is gone: an ambiguous name now gives what it gave with the name of its table.
      if (a.refusal?.sqlstate === AMBIGUOUS) continue;
      expect(a.effect, `${sql}\n${why}`).not.toBe('refuse');
      verdicts.told += 1;
      if (!MONOTONE.test(sql)) continue;
      const [most, found] = await Promise.all(
        (
          [
            [a, was!],
            [b, is],
          ] as const
        ).map(async ([judgement, { attributes }]) => {
          const rows = await rowsOf(renderLiterals(sql, judgement, { attributes, limit: 1_000_000n }).sent);
          // The last column is the guard's own.
          const hidden = judgement.statements[0]?.check?.added === 'last';
          return rows.map((row) => JSON.stringify(hidden ? row.slice(0, -1) : row));
        }),
      );
      const seen = new Set(most);
      // A mask shows a value of what was seen before, not the value that was.
      const isMasked = changes.some(({ words }) => words.includes('masked'));
      if (!isMasked)
        expect(
          found!.filter((row) => !seen.has(row)),
          `${sql}\n${why}`,
        ).toEqual([]);
      expect(found!.length, `${sql}\n${why}`).toBeLessThanOrEqual(
        sql.includes('DISTINCT') ? found!.length : most!.length,
      );
    }
    for (const measure of ['rows', 'student', 'answers.student'])
      for (const withinMs of [undefined, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000])
        for (const amount of [1, 50, 51, 100, 101, 500, 501, 1001, 5001, 9001]) {
          if (withinMs === undefined && measure !== 'rows') continue;
          const [a, b] = [was!, is].map((session) =>
            taken(new Map([[measure, String(amount)]]), withinMs, session, {
              timeZone: 'Europe/Paris',
              subjects: ['student'],
            }),
          );
          if ('refused' in a! && a.refused) expect('refused' in b! && b.refused, why).toBeTruthy();
        }
  }
  await client.end();
  // Neither verdict is rare, and many statements are allowed.
  expect(verdicts.less).toBeGreaterThan(PAIRS / 4);
  expect(verdicts.more).toBeGreaterThan(PAIRS / 4);
  expect(verdicts.told).toBeGreaterThan(PAIRS * 5);
});
