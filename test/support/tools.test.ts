/** Tests how the tests find tools: each tool is asked itself, a missing one is named, and no other file looks for tools. */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { all, condition, NOTHING, tool } from './tools.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'rowgate-tools-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder in which a tool prints that. */
function machineWith(name: string, tools: Readonly<Record<string, string>>): string {
  const place = join(folder, name);
  mkdirSync(place);
  for (const [program, body] of Object.entries(tools)) {
    writeFileSync(join(place, program), `#!/bin/sh\n${body}\n`);
    chmodSync(join(place, program), 0o755);
  }
  return place;
}

describe('a tool', () => {
  beforeEach(() => vi.stubEnv('CI', ''));
  afterEach(() => vi.unstubAllEnvs());

  const prints = (version: string) => `echo 'psql (PostgreSQL) ${version}'`;
  const old = machineWith('old', { psql: prints('15.20 (Debian 15.20-0+deb12u1)') });
  const current = machineWith('current', { psql: prints('17.6') });
  const broken = machineWith('broken', { psql: 'echo "not found" >&2; exit 1', pgbouncer: "echo 'PgBouncer 1.18.0'" });

  it.each<[string, string, Parameters<typeof tool>, { path?: string; lacks?: string }]>([
    ['that will do', current, ['psql', { since: 16 }], { path: join(current, 'psql') }],
    ['of any version', old, ['psql'], { path: join(old, 'psql') }],
    ['that is too old', old, ['psql', { since: 16 }], { lacks: 'psql 16 (15.20 is here)' }],
    [
      'that is too old in its second number',
      broken,
      ['pgbouncer', { since: '1.21' }],
      { lacks: 'pgbouncer 1.21 (1.18.0 is here)' },
    ],
    ['that is just old enough', broken, ['pgbouncer', { since: '1.18' }], { path: join(broken, 'pgbouncer') }],
    ['that does not answer', broken, ['psql'], { lacks: `psql (${join(broken, 'psql')} is something else)` }],
    [
      'behind one that is too old',
      [old, current].join(delimiter),
      ['psql', { since: 16 }],
      { path: join(current, 'psql') },
    ],
    ['that is not there', broken, ['openssl'], { lacks: 'openssl' }],
  ])('%s', (_what, folders, asked, expected) => {
    vi.stubEnv('ROWGATE_TOOLS', folders);
    expect(tool(...asked)).toEqual({ path: undefined, lacks: undefined, ...expected });
  });

  it('is asked for what it must run', () => {
    const python = 'test "$1" = --version && echo \'Python 3.13.1\' && exit; test "$2" = \'import one\'';
    vi.stubEnv('ROWGATE_TOOLS', machineWith('python', { python3: python }));
    expect(tool('python3', { runs: ['-c', 'import one'], with: 'one' }).lacks).toBeUndefined();
    expect(tool('python3', { runs: ['-c', 'import two'], with: 'two' }).lacks).toMatch(
      /^python3 with two \(.*python3 is without\)$/,
    );
  });

  it('that is missing is an error in CI', () => {
    vi.stubEnv('ROWGATE_TOOLS', broken);
    vi.stubEnv('CI', 'true');
    expect(() => tool('openssl')).toThrow('not on this machine: openssl');
  });

  it('several are told together', () => {
    expect(all(NOTHING, condition(false, 'root'), condition(true, 'Linux'), condition(false, 'a disk')).lacks).toBe(
      'root and a disk',
    );
    expect(all(NOTHING).lacks).toBeUndefined();
  });
});

it('a machine with Node and nothing else: the run passes, each skipped test says what it needs, the last line adds up', async () => {
  const bare = join(folder, 'bare');
  mkdirSync(bare);
  symlinkSync(process.execPath, join(bare, 'node'));
  const fixture = join(folder, 'fixture');
  mkdirSync(fixture);
  writeFileSync(
    join(fixture, 'skips.test.ts'),
    `import { expect } from ${JSON.stringify(join(ROOT, 'node_modules/vitest/dist/index.js'))};
import { describeWith, need, testWith, tool } from ${JSON.stringify(join(import.meta.dirname, 'tools.ts'))};
describeWith(tool('psql', { since: 16 }))('by psql', () => {
  testWith(tool('openssl')).each(['one', 'two'])('%s', () => expect(1).toBe(2));
  testWith()('three', () => expect(1).toBe(2));
});
testWith(tool('psql', { since: 16 }))('what one needs to log in', () => expect(1).toBe(2));
testWith()('in the middle', () => need(tool('openssl')));
testWith()('runs', () => expect(1).toBe(1));
`,
  );
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      ...['run', '--root', fixture],
      ...['--reporter', 'verbose', '--reporter', join(import.meta.dirname, 'summary.reporter.ts')],
    ],
    { cwd: ROOT, env: { PATH: bare, ROWGATE_TOOLS: bare, HOME: folder, NO_COLOR: '1' }, timeout: 110_000 },
  );
  expect(stdout).toMatch(/↓ skips\.test\.ts > by psql \(needs psql 16\) > one \(needs openssl\)/);
  expect(stdout).toMatch(/↓ skips\.test\.ts > in the middle .*\[needs openssl\]/);
  expect(stdout).toMatch(/✓ skips\.test\.ts > runs/);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe(
    'Skipped, for what this machine or this run lacks: 4 for psql 16; 1 for openssl.',
  );
}, 120_000);

it('no test is skipped in another way', () => {
  const strange = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules') && !name.startsWith('support/tools'))
    .filter((name) => /\.(skipIf|runIf|skip|todo)\(/.test(readFileSync(join(ROOT, 'test', name), 'utf8')));
  expect(strange).toEqual([]);
});
