/**
 * Tests the suite of the channels itself: with one of the guard's measures switched off it finds values told for less than was paid. Mocks of this
 * file switch them off; the product has no such switch.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Relation } from '../../src/sql/catalog/catalog.ts';
import { forgetJudgements } from '../noninterference/shared-judgements.ts';
import type { Routines } from './routines.ts';
import { runSample, wordsOf } from './sample.ts';
import { type Databases, makeDatabases } from './worlds.ts';

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

vi.mock('../../src/guard/subjects/locks.ts', async (original) => {
  const real = await original<typeof import('../../src/guard/subjects/locks.ts')>();
  return {
    locksOf: (...[analysis, top, ...rest]: Parameters<typeof real.locksOf>) => {
      const levels = analysis.marks.levels.filter((level) => level === top || !off.has('locks of queries inside'));
      return real.locksOf({ ...analysis, marks: { ...analysis.marks, levels } }, top, ...rest);
    },
  };
});

vi.mock('../../src/guard/subjects/written-columns.ts', async (original) => {
  const real = await original<typeof import('../../src/guard/subjects/written-columns.ts')>();
  return {
    ...real,
    insertColumns: (write: Parameters<typeof real.insertColumns>[0]) => {
      const body = 'InsertStmt' in write.node && off.has('OVERRIDING') ? write.node.InsertStmt : undefined;
      return real.insertColumns(
        body ? { ...write, node: { InsertStmt: { ...body, override: 'OVERRIDING_NOT_SET' } } } : write,
      );
    },
    changedColumns: (...args: Parameters<typeof real.changedColumns>) =>
      off.has('keys that move') ? new Set(args[1]) : real.changedColumns(...args),
  };
});

vi.mock('../../src/guard/subjects/subject-relations.ts', async (original) => {
  const real = await original<typeof import('../../src/guard/subjects/subject-relations.ts')>();
  const own = Reflect.get(real.SubjectRelations.prototype, 'inheritsOther');
  Reflect.set(real.SubjectRelations.prototype, 'inheritsOther', function (this: unknown, ...args: unknown[]) {
    return !off.has('keys of children') && Reflect.apply(own, this, args);
  });
  return real;
});

/** What is known of the tables. */
vi.mock('../../src/catalog/read.ts', async (original) => {
  const real = await original<typeof import('../../src/catalog/read.ts')>();
  return {
    ...real,
    readCatalog: async (...args: Parameters<typeof real.readCatalog>) => {
      const data = await real.readCatalog(...args);
      return { ...data, relations: data.relations.map(asFarAsIsKnown) };
    },
  };
});

function asFarAsIsKnown(relation: Relation): Relation {
  const uniqueIndexes = relation.uniqueIndexes.map((one) => ({
    ...one,
    deferrable: !off.has('DEFERRABLE') && one.deferrable,
    columns: off.has('NULLS NOT DISTINCT') ? one.columns.map(Math.abs) : one.columns,
  }));
  return uniqueIndexes ? { ...relation, uniqueIndexes } : relation;
}

/** The forms in which each of them is needed, where few need it. */
const TEETH = [
  { without: 'values' },
  { without: 'choices' },
  { without: 'bytes' },
  { without: 'questions' },
  { without: 'errors', forms: ['insert'] },
  { without: 'notices', forms: ['notice'] },
  { without: 'locks of queries inside', forms: ['locks of a query inside'] },
  { without: 'OVERRIDING', forms: ['an insert and what is left of it'] },
  { without: 'NULLS NOT DISTINCT', forms: ['an insert and what is left of it'] },
  { without: 'keys that move', forms: ['an update and what is left of it'] },
  { without: 'DEFERRABLE', forms: ['a constraint at COMMIT'] },
  { without: 'keys of children', forms: ['rows of a table'] },
] as const;

const SEED = Number(process.env.ROWGATE_SEED ?? 20261130);

let databases: Databases;
let routines: Routines;

beforeAll(async () => {
  databases = await makeDatabases();
  routines = await databases.routines();
});

afterAll(() => databases?.drop());

test.each(TEETH)('more is told than was paid without the counting of $without', { timeout: 600_000 }, async (one) => {
  const { without } = one;
  off.add(without);
  forgetJudgements();
  const guarded = await databases.guarded();
  try {
    const { found, ran } = await runSample(guarded, routines, {
      seed: SEED,
      runs: 60_000,
      untilFound: true,
      ...('forms' in one && { forms: one.forms }),
    });
    console.log(`without ${without}: found after ${ran} scripts${found[0] ? `, ${wordsOf(found[0].finding)}` : ''}`);
    expect(found.length, `${ran} scripts, seed ${SEED}`).toBeGreaterThan(0);
  } finally {
    off.clear();
    await guarded.stop();
  }
});
