/**
 * Tests the suite of the channels itself: with one of the guard's measures switched off it finds values told for less than was paid. Mocks of this
 * file switch them off; the product has no such switch.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { forgetJudgements } from '../noninterference/shared-judgements.ts';
import type { Routines } from './routines.ts';
import { runSample, wordsOf } from './sample.ts';
import { type Databases, makeDatabases } from './worlds.ts';

type Off = 'values' | 'choices' | 'bytes' | 'errors' | 'notices' | 'questions';

const off = vi.hoisted(() => new Set<string>());

vi.mock('../../src/guard/guard.ts', async (original) => {
  const { sharing } = await import('../noninterference/shared-judgements.ts');
  return sharing(await original());
});

vi.mock('../../src/budget/local/meter.ts', async (original) => {
  const { watched } = await import('./accounts.ts');
  return watched(await original());
});

vi.mock('../../src/guard/subjects/values.ts', async (original) => {
  const { Values } = await original<typeof import('../../src/guard/subjects/values.ts')>();
  return {
    Values: class extends Values {
      override isIn(...args: Parameters<(typeof Values)['prototype']['isIn']>): boolean {
        return !off.has('values') && super.isIn(...args);
      }
    },
  };
});

vi.mock('../../src/guard/subjects/level-reader.ts', async (original) => {
  const { LevelReader } = await original<typeof import('../../src/guard/subjects/level-reader.ts')>();
  return {
    LevelReader: class extends LevelReader {
      override readAll(...args: Parameters<(typeof LevelReader)['prototype']['readAll']>) {
        const rows = super.readAll(...args);
        return off.has('choices') ? { ...rows, loose: false } : rows;
      }
    },
  };
});

vi.mock('../../src/session/results/values.ts', async (original) => {
  const real = await original<typeof import('../../src/session/results/values.ts')>();
  return {
    ...real,
    AnswerValues: class extends real.AnswerValues {
      override costOf(...args: Parameters<(typeof real.AnswerValues)['prototype']['costOf']>): number {
        const cost = super.costOf(...args);
        return off.has('bytes') ? Math.min(1, cost) : cost;
      }
    },
  };
});

vi.mock('../../src/session/server/error.ts', async (original) => {
  const real = await original<typeof import('../../src/session/server/error.ts')>();
  return {
    ...real,
    answerNotice: (...args: Parameters<typeof real.answerNotice>) => off.has('notices') || real.answerNotice(...args),
  };
});

vi.mock('../../src/guard/subjects/failing.ts', async (original) => {
  const real = await original<typeof import('../../src/guard/subjects/failing.ts')>();
  return {
    canFail: (...args: Parameters<typeof real.canFail>) => (off.has('errors') ? 'no' : real.canFail(...args)),
  };
});

vi.mock('../../src/session/admission/prepayment.ts', async (original) => {
  const real = await original<typeof import('../../src/session/admission/prepayment.ts')>();
  return {
    ...real,
    prepaymentsOf: (...args: Parameters<typeof real.prepaymentsOf>) =>
      off.has('questions') ? [] : real.prepaymentsOf(...args),
  };
});

/** The forms in which each of them is needed. */
const TEETH: readonly { readonly without: Off; readonly forms?: readonly string[] }[] = [
  { without: 'values' },
  { without: 'choices' },
  { without: 'bytes' },
  { without: 'questions' },
  { without: 'errors', forms: ['insert'] },
  { without: 'notices', forms: ['notice'] },
];
const SEED = Number(process.env.ROWGATE_SEED ?? 20261130);

let databases: Databases;
let routines: Routines;

beforeAll(async () => {
  databases = await makeDatabases();
  routines = await databases.routines();
});

afterAll(() => databases?.drop());

test.each(TEETH)(
  'more is told than was paid without the counting of $without',
  { timeout: 300_000 },
  async ({ without, forms }) => {
    off.add(without);
    forgetJudgements();
    const guarded = await databases.guarded();
    try {
      const { found, ran } = await runSample(guarded, routines, {
        seed: SEED,
        runs: 3_000,
        untilFound: true,
        ...(forms && { forms }),
      });
      console.log(`without ${without}: found after ${ran} scripts${found[0] ? `, ${wordsOf(found[0].finding)}` : ''}`);
      expect(found.length, `${ran} scripts, seed ${SEED}`).toBeGreaterThan(0);
    } finally {
      off.clear();
      await guarded.stop();
    }
  },
);
