/** `rowgate diff`: what it says in words, and that it never says "no new access" where something new is allowed or shown. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
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
import { catalogOf, environment } from '../policy/environment.ts';
import { runCommand } from '../support/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { Random } from '../support/random.ts';
import { seedSmall } from '../support/seed.ts';
import { type Desk, desk } from './world.ts';

let database: FreshDatabase;
let catalog: Catalog;
let at: Desk;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  catalog = await catalogOf(database.url);
  at = await desk(database.url);
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
    [CANTEEN, '1000 per 30 days lock', '1000 per 30 days deny', '  + may take'],
    [CANTEEN, 'rows: canteen', 'rows: canteen AND class_id = 7', '  - public.students: fewer rows,'],
    [CANTEEN, 'rows: canteen', 'rows: canteen OR class_id = 7', '  + public.students: other rows,'],
    [CANTEEN, '    rows: canteen\n', '', '  + public.students: other rows,'],
    [CANTEEN, '  student: school_id = :school_id', '  student: all', '  + public.students: other rows,'],
    [CANTEEN, 'rows_per_statement: 1000', 'rows_per_statement: 2000', '  + rows_per_statement: 2000 (1000 before)'],
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

interface Grant {
  columns: string[];
  masks?: Record<string, string>;
  rows?: string;
}
interface Role {
  role: string;
  attributes: Record<string, string>;
  scope: Record<string, string>;
  tables: Record<string, { rows?: string; select?: Grant; update?: Grant; insert?: Grant; delete?: { rows?: string } }>;
  functions?: string[];
  statements?: string[];
  collect?: string;
  min_group?: number;
  mode?: string;
  limits: Record<string, unknown>;
  when_exceeded?: string;
}
interface Made {
  role: Role;
  principal: { attributes: Record<string, number>; from?: string[]; valid_until?: string };
  keys: string[];
}

const COLUMNS: Record<string, readonly string[]> = {
  students: [
    'id',
    'ine',
    'first_name',
    'last_name',
    'birth_date',
    'sex',
    'address',
    'class_id',
    'school_id',
    'canteen',
  ],
  classes: ['id', 'school_id', 'name', 'level'],
  grades: ['id', 'student_id', 'subject', 'term', 'mark', 'comment'],
  schools: ['id', 'name', 'city', 'kind'],
};
const MASKS: Record<string, readonly string[]> = {
  first_name: ["'x'", 'left(first_name, 1)', 'last_name', 'upper(first_name)'],
  birth_date: ["CASE WHEN birth_date > date '2010-01-01' THEN birth_date END", 'NULL'],
  mark: ['round(mark)', 'NULL'],
  comment: ["'x'", 'subject'],
  name: ["'x'", 'level', 'upper(name)'],
};
const ROWS: Record<string, readonly string[]> = {
  students: ['canteen', "sex = 'F'", 'class_id IS NOT NULL', 'canteen OR id < 40', 'id < 100'],
  classes: ['school_id = :school_id', "level = '6e'", 'id < 5'],
  grades: ['term = 1', 'mark > 10', 'term = 1 OR term = 2'],
  schools: ['id = :school_id', 'id < 3'],
};

/** True in so many of ten times. */
const inTen = (random: Random, times: number): boolean => random.int(10) < times;

function base(random: Random): Made {
  const tables: Role['tables'] = {};
  for (const [table, columns] of Object.entries(COLUMNS)) {
    if (table !== 'students' && inTen(random, 3)) continue;
    const shown = columns.filter(() => inTen(random, 6));
    tables[table] = { select: { columns: shown.length > 0 ? shown : [columns[0]!] } };
    if (inTen(random, 5)) tables[table]!.rows = random.pick(ROWS[table]!);
    const masked = columns.filter((column) => MASKS[column] && !shown.includes(column) && inTen(random, 5));
    if (masked.length > 0)
      tables[table]!.select!.masks = Object.fromEntries(masked.map((column) => [column, random.pick(MASKS[column]!)]));
  }
  return {
    role: {
      role: 'r',
      attributes: { school_id: 'integer' },
      scope: { student: random.pick(['all', 'school_id = :school_id']) },
      tables,
      limits: {
        rows_per_statement: 5000,
        rows: ['1000 per hour', '5000 per day'],
        ...(inTen(random, 6) && { subjects: { student: ['100 per day', '500 per 30 days'] } }),
      },
    },
    principal: { attributes: { school_id: 1 } },
    keys: ['students.id', 'grades.student_id'],
  };
}

type Mutation = (made: Made, random: Random) => void;

/** Of limits: as likely as those of columns and rows. */
const LIMIT_MUTATIONS: readonly Mutation[] = [
  ({ role }, random) => {
    role.limits.rows = random.pick([
      ['500 per hour', '5000 per day'],
      ['1000 per hour warn', '5000 per day'],
      ['2000 per hour', '5000 per day'],
      ['1000 per hour'],
      ['1000 per hour', '5000 per day', '9000 per 30 days'],
    ]);
  },
  ({ role }, random) => {
    const subjects = random.pick([
      undefined,
      ['100 per day', '500 per 30 days'],
      ['50 per day', '500 per 30 days'],
      ['200 per day'],
      ['100 per day warn', '500 per 30 days'],
    ]);
    if (subjects) role.limits.subjects = { student: subjects };
    else delete role.limits.subjects;
  },
];

/** Changes of all kinds, about as many that give more as such that give less. */
const MUTATIONS: readonly Mutation[] = [
  ...LIMIT_MUTATIONS,
  ...LIMIT_MUTATIONS,
  ...LIMIT_MUTATIONS,
  ({ role }, random) => {
    const [table, grant] = random.pick(Object.entries(role.tables));
    const column = random.pick(COLUMNS[table]!);
    if (grant.select && !grant.select.columns.includes(column) && !grant.select.masks?.[column])
      grant.select.columns.push(column);
  },
  ({ role }, random) => {
    const { select } = random.pick(Object.values(role.tables));
    if (select && select.columns.length > 1) select.columns.splice(random.int(select.columns.length), 1);
  },
  ({ role }, random) => {
    const { select } = random.pick(Object.values(role.tables));
    const column = select?.columns.find((one) => MASKS[one]);
    if (!select || !column || select.columns.length < 2) return;
    select.columns = select.columns.filter((one) => one !== column);
    select.masks = { ...select.masks, [column]: random.pick(MASKS[column]!) };
  },
  ({ role }, random) => {
    const { select } = random.pick(Object.values(role.tables));
    const [column] = Object.keys(select?.masks ?? {});
    if (!select?.masks || !column) return;
    if (inTen(random, 5)) select.masks[column] = random.pick(MASKS[column]!);
    else {
      delete select.masks[column];
      select.columns.push(column);
    }
  },
  ...([' AND ', ' AND ', ' OR '] as const).map((operator) => ({ role }: Made, random: Random) => {
    const [table, grant] = random.pick(Object.entries(role.tables));
    const more = random.pick(ROWS[table]!);
    if (grant.rows === undefined) grant.rows = more;
    else grant.rows = `(${grant.rows})${operator}(${more})`;
  }),
  ({ role }, random) => {
    const [table, grant] = random.pick(Object.entries(role.tables));
    if (inTen(random, 5)) delete grant.rows;
    else grant.rows = random.pick(ROWS[table]!);
  },
  ({ role }, random) => {
    const table = random.pick(Object.keys(COLUMNS));
    if (role.tables[table] && table !== 'students') delete role.tables[table];
    else role.tables[table] ??= { select: { columns: [COLUMNS[table]![0]!] } };
  },
  ({ role }, random) => {
    const list = random.pick(['functions', 'statements'] as const);
    const value = list === 'functions' ? 'public.school_year' : random.pick(['copy_to', 'explain', 'listen']);
    role[list] = role[list]?.includes(value)
      ? role[list].filter((one) => one !== value)
      : [...(role[list] ?? []), value];
  },
  ({ role }, random) => {
    role.collect = random.pick(['allow', 'deny']);
  },
  ({ role }, random) => {
    if (role.min_group !== undefined && inTen(random, 5)) delete role.min_group;
    else role.min_group = random.pick([5, 10]);
  },
  ({ role }, random) => {
    role.limits.rows_per_statement = random.pick([100, 5000, 9000]);
  },
  ({ role }, random) => {
    role.scope.student = random.pick([
      'all',
      'school_id = :school_id',
      'school_id = :school_id AND canteen',
      'canteen',
    ]);
  },
  ({ principal }, random) => {
    principal.attributes.school_id = random.pick([1, 2]);
  },
  ({ role }, random) => {
    if (role.mode === 'observe') delete role.mode;
    else if (inTen(random, 3)) role.mode = 'observe';
  },
  ({ role }, random) => {
    const [, grant] = random.pick(Object.entries(role.tables));
    if (grant.update) delete grant.update;
    else if (grant.select) grant.update = { columns: [grant.select.columns[0]!] };
  },
  ({ role }, random) => {
    const [, grant] = random.pick(Object.entries(role.tables));
    if (grant.delete) delete grant.delete;
    else grant.delete = {};
  },
  ({ principal }, random) => {
    principal.valid_until = random.pick(['2027-01-01', '2020-01-01', '2030-01-01']);
  },
];

function filesOf({ role, principal, keys }: Made) {
  const password = `SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;
  return [
    { path: 'roles/r.yaml', text: stringify(role) },
    { path: 'principals.yaml', text: stringify({ principals: { p: { role: 'r', password, ...principal } } }) },
    { path: 'subjects.yaml', text: stringify({ subjects: { student: { keys } } }) },
  ];
}

function loaded(made: Made): Policy | undefined {
  const { policy, diagnostics } = loadPolicy(filesOf(made), environment(catalog));
  return diagnostics.some(({ severity }) => severity === 'error') ? undefined : policy;
}

/** Statements of which each that is allowed, and each row that it gives, must have been there before. */
function statements(): string[] {
  const found: string[] = [];
  for (const [table, columns] of Object.entries(COLUMNS)) {
    for (const column of columns) {
      found.push(`SELECT ${column} FROM ${table}`, `SELECT DISTINCT ${column} FROM ${table}`);
      found.push(
        `UPDATE ${table} SET ${column} = ${column} WHERE ${columns[0]} = 1`,
        `UPDATE ${table} SET ${column} = NULL`,
      );
    }
    found.push(
      `SELECT * FROM ${table}`,
      `SELECT ${columns.slice(0, 3).join(', ')} FROM ${table}`,
      `SELECT t FROM ${table} t`,
    );
    found.push(
      `SELECT count(*) FROM ${table}`,
      `SELECT string_agg(${columns[2]}, ',') FROM ${table}`,
      `SELECT array_agg(${columns[0]}) FROM ${table}`,
    );
    found.push(
      `COPY ${table} TO STDOUT`,
      `EXPLAIN SELECT ${columns[0]} FROM ${table}`,
      `DELETE FROM ${table}`,
      `DELETE FROM ${table} WHERE ${columns[0]} = 1`,
    );
    found.push(`SELECT ${columns[2]}, count(*) FROM ${table} GROUP BY 1`, `SELECT max(${columns[0]}) FROM ${table}`);
  }
  return [
    ...found,
    'SELECT first_name, mark FROM students JOIN grades ON student_id = students.id',
    'SELECT first_name, name FROM students NATURAL JOIN classes',
    'SELECT name FROM classes, schools',
    "SELECT public.school_year(date '2026-01-01')",
    'LISTEN x',
    'SELECT relname FROM pg_class WHERE relkind = $$r$$',
    'SELECT first_name FROM students TABLESAMPLE BERNOULLI (100)',
    'SELECT 1',
    'SELECT id FROM parents',
  ];
}

/** Of which fewer rows under it can give no other row. */
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

it('of 200 generated pairs none is said to give no new access of which the newer one allows or shows more', {
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
  while (verdicts.less + verdicts.more < 200) {
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
    // What was only observed let everything through.
    if (!is || before.roles.get('r')?.mode === 'observe') continue;
    const why = JSON.stringify({ old, now, changes }, undefined, 1);
    expect(was, why).toBeDefined();
    for (const sql of all) {
      const [a, b] = [was!.policy.judge(sql), is.policy.judge(sql)];
      if (b.effect === 'refuse') continue;
      // Of two columns of a name one is there no more: what was ambiguous gives what it gave with the name of its table.
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
  // Neither verdict is rare, and what is allowed is much.
  expect(verdicts.less).toBeGreaterThan(50);
  expect(verdicts.more).toBeGreaterThan(50);
  expect(verdicts.told).toBeGreaterThan(1000);
});
