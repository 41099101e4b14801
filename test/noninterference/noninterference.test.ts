/**
 * Tests that hidden rows cannot be noticed: generated statements of every kind go as one principal through a guard to two databases that differ only
 * in what the role may not see, and every byte of the answers is the same. On a database with only what the role may see, the client's own text gives
 * the same names, types, rows, tags and errors.
 */
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { REUSING } from '../support/guard.ts';
import { shrink } from './choices.ts';
import { type Difference, type Report, Runner } from './run.ts';
import { script } from './scripts.ts';
import { type Databases, type Guarded, makeDatabases, POLICIES } from './worlds.ts';

vi.mock('../../src/guard/guard.ts', async (original) => {
  const { sharing } = await import('./shared-judgements.ts');
  return sharing(await original());
});

const LONG = process.env.ROWGATE_LONG === '1';
const RUNS = Number(process.env.ROWGATE_RUNS ?? (LONG ? 1_000_000 : 1_200));
/** Another for each run of the long tests. A statement is had again by its own seed and ROWGATE_RUNS=1, with ROWGATE_COUNTED=1 where people were counted. */
const SEED = Number(process.env.ROWGATE_SEED ?? (LONG ? Date.now() % 2 ** 31 : 20261125));

/** A million in pieces, so that one that hangs ends alone. */
const PIECE = 20_000;
/** Where people are counted keys are added to what is sent: half of the pieces, two at least, run so. */
const COUNTED = `  subjects: { student: 1000000000 per day }
  answers: { student: 1000000000 per day }
`;
const SIZE = Math.min(PIECE, Math.ceil(RUNS / 2));
const pieces = Array.from({ length: Math.ceil(RUNS / SIZE) }, (_, i) => ({
  seed: SEED + i * SIZE,
  runs: Math.min(SIZE, RUNS - i * SIZE),
  counted: RUNS === 1 ? process.env.ROWGATE_COUNTED === '1' : i % 2 === 1,
}));
/** Time for one statement, on a machine with much other work. */
const STATEMENT_MS = 100;

let databases: Databases;
let folder: string;
const guarded: Guarded[] = [];
const runners: Runner[] = [];

beforeAll(async () => {
  databases = await makeDatabases();
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-noninterference-'));
  await cp(POLICIES, folder, { recursive: true });
  await appendFile(join(folder, 'roles', 'teacher.yaml'), COUNTED);
  // That half also reuses plans.
  for (const [policies, configuration] of [[POLICIES], [folder, REUSING]]) {
    const pair = await databases.guarded(policies, configuration);
    guarded.push(pair);
    runners.push(await Runner.open(pair, databases.seen));
  }
});

afterAll(async () => {
  for (const runner of runners) runner.end();
  for (const pair of guarded) await pair.stop();
  await databases?.drop();
  await rm(folder, { recursive: true, force: true });
});

test.each(pieces)(
  '$runs statements from seed $seed, counted: $counted',
  { timeout: 300_000 + Math.min(RUNS, PIECE) * STATEMENT_MS },
  async (piece) => {
    const runner = runners[piece.counted ? 1 : 0]!;
    const report = await runner.run(piece);
    console.log(summary(report, piece.seed));
    expect(await described(runner, report.differences, 'differences'), 'what the role may not see shows').toEqual([]);
    expect(await described(runner, report.apart, 'apart'), 'the guard changes what a statement means').toEqual([]);
    expect(report.ran).toBe(piece.runs);
    if (report.ran < 200) return;
    // A suite that meets nothing but refusals would show nothing.
    expect(report.allowed / report.ran).toBeGreaterThanOrEqual(0.6);
    // Some are too slow on any machine; on a busy one more are.
    expect(report.timedOut / report.ran).toBeLessThan(0.2);
  },
);

function summary(report: Report, seed: number): string {
  const { ran, allowed, equalled, timedOut, failures } = report;
  const failed = [...failures].map(([sqlstate, n]) => `${sqlstate} ${n}`).join(', ');
  const percent = ((100 * allowed) / ran).toFixed(1);
  return `${ran} statements, seed ${seed}: ${percent} % allowed, ${equalled} compared with the database of visible rows, ${timedOut} timed out; failed: ${failed}`;
}

/** The first few, the very first in its smallest form. */
async function described(
  runner: Runner,
  found: readonly Difference[],
  what: 'differences' | 'apart',
): Promise<string[]> {
  const [first, ...more] = found.slice(0, 10);
  if (!first) return [];
  const smallest = await shrink(first.script.choices, async (choices) => {
    return (await runner.tells(script(0, choices), what)) !== undefined;
  });
  const again = await runner.tells(script(0, smallest), what);
  return [again ? { ...again, seed: first.seed } : first, ...more].map(
    ({ seed, script: { texts, parameters, way }, one, other }) =>
      `ROWGATE_SEED=${seed} ROWGATE_RUNS=1, by ${way}: ${texts.join('; ')}\n  with ${JSON.stringify(parameters)}\n  ${one.join('\n  ')}\nbut\n  ${other.join('\n  ')}`,
  );
}
