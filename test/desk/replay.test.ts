/** Tests `rowgate replay`: its answers about a log are the guard's answers about the statements themselves, and an unknown one never passes. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { register } from '../../src/cli/replay.ts';
import { keepPolicy } from '../../src/decision-log/policies/kept-policies.ts';
import { replayed } from '../../src/desk/replay/judge.ts';
import { LoggedUse } from '../../src/desk/replay/use.ts';
import { Bench } from '../../src/desk/test/bench.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { readPolicyFolder } from '../../src/policy-files/folder.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { keptText } from '../../src/sql/text/kept-text.ts';
import { KnownNames } from '../../src/sql/text/known-names.ts';
import { normalize } from '../../src/sql/text/normalize.ts';
import { environment } from '../policy/environment.ts';
import { runCommand } from '../support/command.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { Random } from '../support/random.ts';
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

const NOW = Date.parse('2026-11-30T10:00:00Z');

function benchOf(made: Made): Bench | undefined {
  const { policy, diagnostics } = loadPolicy(filesOf(made), environment(catalog));
  if (diagnostics.some(({ severity }) => severity === 'error')) return undefined;
  return new Bench({ policy, catalog, searchPath: ['public'], timeZone: 'Europe/Paris', pooling: 'none', now: NOW });
}

/** The record of a statement under that policy, with that text. */
function decision(bench: Bench, principal: string, sql: string, text: string): Record<string, unknown> {
  const session = bench.ofPrincipal(principal);
  if ('closed' in session) throw new Error(session.closed);
  const { effect, refusal, statements: of } = session.policy.judge(sql);
  return {
    time: '2026-11-29T10:00:00.000Z',
    kind: 'decision',
    guard: 'a',
    principal,
    role: session.policy.role.name,
    policy: 'old',
    statement: text,
    tables: of[0]?.tables,
    columns: of[0]?.columns,
    effect,
    ...(refusal && { reason: refusal.reason }),
  };
}

it('of 150 changes of policies it says what the guard says of the statements: refused, allowed, or the same', {
  timeout: 600_000,
}, () => {
  const random = new Random(20261130);
  const all = statements();
  const names = new KnownNames(catalog);
  const told = { refused: 0, allowed: 0, narrower: 0, wider: 0, same: 0, unknown: 0 };
  let wrongShapes = 0;
  let untold = 0;
  for (let changes = 0; changes < 150; ) {
    const old = base(random);
    const now = structuredClone(old);
    random.pick(MUTATIONS)(now, random);
    const [before, after] = [benchOf(old), benchOf(now)];
    if (!before || !after) continue;
    changes += 1;
    for (const sql of Array.from({ length: 12 }, () => random.pick(all))) {
      const kept = keptText(sql, names)!;
      for (const text of [sql, kept, ...(changes % 4 === 0 ? [normalize(sql)] : [])]) {
        const use = new LoggedUse(() => true, new Map([['k', { text: kept, types: [] }]]));
        use.add({ ...decision(before, 'p', sql, text), ...(text === kept && { kept: 'k' }) });
        const [used] = use.used;
        const { verdict, byShape } = replayed(used!, {
          before: before.ofPrincipal('p') as never,
          after: after.ofPrincipal('p'),
        });
        told[verdict.kind] += 1;
        if (text === kept && verdict.kind === 'unknown') untold += 1;
        if (verdict.kind === 'unknown') continue;
        const session = after.ofPrincipal('p');
        const refused = 'closed' in session || session.expired || session.policy.judge(sql).effect === 'refuse';
        const ran = used!.effect !== 'refuse';
        const kind = refused ? (ran ? 'refused' : 'same') : ran ? undefined : 'allowed';
        const isRight =
          kind === undefined ? verdict.kind !== 'refused' && verdict.kind !== 'allowed' : verdict.kind === kind;
        if (byShape && !isRight) wrongShapes += 1;
        else expect(isRight, JSON.stringify({ sql, text, verdict, refused, ran, old, now })).toBe(true);
      }
    }
  }
  for (const kind of ['refused', 'allowed', 'narrower', 'wider', 'same'] as const)
    expect(told[kind], kind).toBeGreaterThan(5);
  // Nearly all kept statements can be told, and each answer is right.
  expect(untold).toBeLessThan(36);
  // The normalized text alone gives a few wrong answers, so it counts only as a hint.
  expect(wrongShapes).toBeLessThan(10);
});

describe('the command', () => {
  const OTHER = 'other';
  /** A log of the canteen under the samples, and other policies. */
  async function replay(
    sent: readonly (readonly [string, string?])[],
    change: (text: string) => string,
    ...args: string[]
  ) {
    const policies = join(at.folder, 'policies');
    const other = join(at.folder, OTHER);
    cpSync(policies, other, { recursive: true });
    const role = readFileSync(join(policies, 'roles/canteen_vendor.yaml'), 'utf8');
    writeFileSync(join(other, 'roles/canteen_vendor.yaml'), change(role));
    const log = join(at.folder, 'd.jsonl');
    writeFileSync(log, '');
    const files = await readPolicyFolder(policies);
    const kept = keepPolicy(log, files);
    const { policy } = loadPolicy(files, environment(catalog));
    const bench = new Bench({
      policy,
      catalog,
      searchPath: ['public'],
      timeZone: 'Europe/Paris',
      pooling: 'none',
      now: NOW,
    });
    const records = [
      { time: '2026-11-29T09:00:00.000Z', kind: 'policy', guard: 'a', to: 'old', kept, by: 'x', via: 'start' },
      ...sent.flatMap(([sql, text = sql]) => [
        decision(bench, 'canteen', sql, text),
        {
          time: '2026-11-29T10:00:01.000Z',
          kind: 'outcome',
          guard: 'a',
          principal: 'canteen',
          rows: 100,
          bytes: 1000,
          status: 'ok',
          subjects: { student: { people: 2, values: 0, ids: ['k1:a', 'k1:b'] } },
        },
      ]),
    ];
    writeFileSync(log, records.map((record, seq) => `${JSON.stringify({ ...record, seq })}\n`).join(''));
    return runCommand([register], ['replay', '--config', at.config, '--policies', other, ...args]);
  }
  const same = (text: string): string => text;
  const NAMES = 'SELECT first_name FROM students';

  it('unchanged statements are reported, and the exit code is 0', async () => {
    const { stdout, stderr, status } = await replay([[NAMES], [NAMES], ['SELECT address FROM students']], same);
    expect(stderr).toBe('');
    expect(stdout).toContain(
      '2 statements, sent 3 times: 0 newly refused, 0 narrower, 0 newly allowed or wider, 2 the same, 0 cannot be told',
    );
    expect(status).toBe(0);
  });

  it.each([
    [
      'a column less',
      (text: string) => text.replace('first_name, ', ''),
      /newly refused: 1\n {2}canteen, 1 times, last 2026-11-29 11:00:00 Europe\/Paris: SELECT first_name FROM students\n {6}column-withheld at roles\/canteen_vendor\.yaml:10: permission denied/,
      1,
    ],
    [
      'a filter more',
      (text: string) => text.replace('rows: canteen', 'rows: canteen AND class_id = 3'),
      /narrower: 1\n.*\n {6}public\.students: fewer rows/,
      0,
    ],
    [
      'a column less that it does not read',
      (text: string) => text.replace(', class_id]', ']'),
      / 0 narrower, .* 1 the same/,
      0,
    ],
    ['a filter less', (text: string) => text.replace('    rows: canteen\n', ''), /newly allowed or wider: 1\n/, 0],
    [
      'a smaller limit on people',
      (text: string) => text.replace('700 per 30 days warn, 1000 per', '1 per'),
      /limit: canteen takes more than subjects\.student 1 per 30 days \(lock, roles\/canteen_vendor\.yaml:22\), after 1 statements/,
      1,
    ],
    [
      'a smaller limit on rows',
      (text: string) => text.replace('rows: 5000 per hour', 'rows: 50 per hour'),
      /limit: canteen takes more than rows 50 per hour \(deny/,
      1,
    ],
  ])('%s', async (_, change, line, exitCode) => {
    const { stdout, status } = await replay([[NAMES]], change);
    expect(stdout).toMatch(line);
    expect(status).toBe(exitCode);
  });

  it('a statement that cannot be told is counted, named, and no pass', async () => {
    const sent = [
      [NAMES],
      [`${NAMES} WHERE id = 7`, `${NAMES} WHERE id = $1`],
      [NAMES, ''],
      [NAMES, `${NAMES} WHERE first_name IN ($1…`],
    ] as const;
    const { stdout, status } = await replay(sent, same);
    expect(stdout).toContain('1 of them by their shape alone');
    expect(stdout).toContain('      the log has no text of it');
    expect(stdout).toContain('      its text was cut');
    expect(status).toBe(1);
    expect((await replay(sent, same, '--allow-unknown', '75%')).status).toBe(0);
    expect((await replay(sent, same, '--allow-unknown', '74%')).status).toBe(1);
  });

  it('--principal and --role choose; a name that is not in the log is said: exit code 2', async () => {
    expect((await replay([[NAMES]], same, '--principal', 'canteen', '--role', 'canteen_vendor')).status).toBe(0);
    expect(await replay([[NAMES]], same, '--principal', 'canten')).toMatchObject({
      status: 2,
      stderr: 'rowgate: the log has no statement of principal "canten", did you mean "canteen"?\n',
    });
  });

  it('--json is one object', async () => {
    const { stdout } = await replay([[NAMES]], (text) => text.replace('first_name, ', ''), '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      all: 1,
      refused: 1,
      statements: [{ principal: 'canteen', statement: NAMES, count: 1, kind: 'refused', reason: 'column-withheld' }],
    });
  });
});
