/**
 * Tests the suite itself: with one of the guard's measures switched off, it tells the databases apart within a minute. Mocks of this file switch them
 * off; the product has no such switch.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runOverCatalogs } from './catalog-run.ts';
import { type CatalogWorlds, makeCatalogWorlds } from './catalog-worlds.ts';
import { Runner, type RunOptions } from './run.ts';
import { forgetJudgements } from './shared-judgements.ts';
import { type Databases, makeDatabases } from './worlds.ts';

type Off = 'guarding' | 'fences' | 'aliases' | 'redaction' | 'masks' | 'filters';

const off = vi.hoisted(() => new Set<string>());

vi.mock('../../src/guard/guard.ts', async (original) => {
  const { sharing } = await import('./shared-judgements.ts');
  return sharing(await original());
});

vi.mock('../../src/guard/rewrite/expressions.ts', async (original) => {
  const real = await original<typeof import('../../src/guard/rewrite/expressions.ts')>();
  return {
    ...real,
    wrapSites: (...args: Parameters<typeof real.wrapSites>) => off.has('guarding') || real.wrapSites(...args),
  };
});

vi.mock('../../src/guard/rewrite/fences.ts', async (original) => {
  const real = await original<typeof import('../../src/guard/rewrite/fences.ts')>();
  return { ...real, fence: (...args: Parameters<typeof real.fence>) => off.has('fences') || real.fence(...args) };
});

vi.mock('../../src/guard/view.ts', async (original) => {
  const real = await original<typeof import('../../src/guard/view.ts')>();
  return {
    ...real,
    viewOf: (...args: Parameters<typeof real.viewOf>) => {
      const view = real.viewOf(...args);
      return view?.system && off.has('catalogs') ? { ...view, hides: 'no' as const } : view;
    },
  };
});

vi.mock('../../src/session/server/redact.ts', async (original) => {
  const real = await original<typeof import('../../src/session/server/redact.ts')>();
  return {
    ...real,
    redact: (...args: Parameters<typeof real.redact>) => (off.has('redaction') ? args[0] : real.redact(...args)),
  };
});

vi.mock('../../src/policy/compile/condition.ts', async (original) => {
  const real = await original<typeof import('../../src/policy/compile/condition.ts')>();
  const { looseCondition, looseMask } = await import('./loose.ts');
  return {
    ...real,
    compileCondition: (...args: Parameters<typeof real.compileCondition>) =>
      looseCondition(real.compileCondition(...args), off),
    compileMask: (...args: Parameters<typeof real.compileMask>) =>
      looseMask(real.compileMask(...args), args[1].column, off),
  };
});

const LONG = process.env.ROWGATE_LONG === '1';
const SEED = Number(process.env.ROWGATE_SEED ?? (LONG ? Date.now() % 2 ** 31 : 20261125));

let databases: Databases;
beforeAll(async () => {
  databases = await makeDatabases();
});
afterAll(() => databases?.drop());

async function found(without: Off, how: Partial<RunOptions> = {}) {
  forgetJudgements();
  off.add(without);
  const guarded = await databases.guarded();
  const runner = await Runner.open(guarded);
  try {
    const options = { seed: SEED, runs: 20_000, deadline: Date.now() + 60_000, untilDifference: true };
    return await runner.run({ ...options, ...how });
  } finally {
    off.clear();
    runner.end();
    await guarded.stop();
  }
}

interface Tooth extends Partial<RunOptions> {
  readonly without: Off;
}

const TEETH: readonly Tooth[] = [
  { without: 'guarding' },
  { without: 'masks' },
  { without: 'filters' },
  { without: 'redaction', only: ({ way }) => way === 'write' },
  { without: 'aliases', only: ({ way }) => way === 'write' },
];

/** Seldom needed, so that it takes more statements. */
const RARE: readonly Tooth[] = [
  { without: 'fences', only: ({ texts }) => texts.some((text) => / LATERAL .*(hidden|school_id <> 1)/.test(text)) },
];

describe('the worlds are told apart', () => {
  test.each(LONG ? [...TEETH, ...RARE] : TEETH)('without $without', async ({ without, ...how }) => {
    const { differences, ran } = await found(without, how);
    console.log(
      `without ${without}: told apart after ${ran} statements, by ${differences[0]?.script.texts.join('; ')}`,
    );
    expect(differences.length, `${ran} statements, seed ${SEED}`).toBeGreaterThan(0);
  });
});

describe('the catalogs are told apart', () => {
  let worlds: CatalogWorlds;
  beforeAll(async () => {
    worlds = await makeCatalogWorlds();
  });
  afterAll(() => worlds?.drop());

  test('without the guarding of their rows', async () => {
    forgetJudgements();
    off.add('catalogs');
    try {
      const how = { untilDifference: true, deadline: Date.now() + 90_000 };
      const { differences, ran } = await runOverCatalogs(worlds, SEED, 20_000, how);
      console.log(`without the guarding of catalogs: told apart after ${ran} statements, by ${differences[0]?.sql}`);
      expect(differences.length, `${ran} statements, seed ${SEED}`).toBeGreaterThan(0);
    } finally {
      off.clear();
    }
  });
});
