/** Tests rows that are charged together: they are granted as they would be one by one, up to the same row, with the same messages, records and counts in the store. */
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { memoryStore } from '../../src/budget/store/memory.ts';
import type { BudgetStore } from '../../src/metering/budget-store.ts';
import type { WindowLimit } from '../../src/policy/model/limits.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { KeyList } from '../../src/session/results/key-list.ts';
import { type Asking, elsewhere, guardOver, limit, policyPerUser, ZONE } from './guards.ts';

const HOUR = { count: 1, unit: 'hour' } as const;
const stores: BudgetStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

interface Row {
  readonly bytes: number;
  readonly keys: readonly string[];
  readonly values: number;
}

async function came(policy: SessionPolicy, rows: readonly Row[], groups: readonly number[], isElsewhere: boolean) {
  const memory = memoryStore({ timeZone: ZONE, now: () => 1_795_000_000_000 });
  stores.push(memory);
  const guard = guardOver(isElsewhere ? elsewhere(memory, () => 0) : memory);
  await new Promise((done) => setTimeout(done, 2));
  const session = guard.session(policy);
  const told: unknown[] = [];
  let shown = 0;
  let together = 0;
  let over: unknown;
  for (let group = 0; shown < rows.length && !over; group += 1) {
    const next = rows.slice(shown, shown + (groups[group % groups.length] ?? 1));
    if (next.length > 1 && (await takeMany(session, next)) === 'taken') {
      shown += next.length;
      together += 1;
      continue;
    }
    for (const { bytes, keys, values } of next) {
      const disclosed = [{ subject: 'pupil', keys, values }];
      const taken = await session.take({ rows: 1, bytes, disclosed, user: '7731' });
      if (taken.kind === 'taken') {
        if (taken.warnings) told.push({ before: shown, warnings: taken.warnings });
        shown += 1;
        continue;
      }
      over = taken;
      break;
    }
  }
  guard.budgets.stop();
  await new Promise((done) => setImmediate(done));
  const measures = ['rows', 'bytes', 'subjects.pupil'] as const;
  const used = await Promise.all(
    ['principal:portal', 'user:portal/7731'].flatMap((owner) =>
      measures.map((measure) => memory.used(owner, measure, [HOUR])),
    ),
  );
  // The hourly record of usage may come between two of these.
  const records = guard.records.filter(({ kind }) => kind !== 'usage');
  return {
    same: { shown, over, told, used, records, locks: [...memory.exceptions().locks.keys()] },
    together,
  };
}

function takeMany(session: Asking, rows: readonly Row[]): Promise<string> {
  const keys = new KeyList();
  let values = 0;
  for (const row of rows) {
    keys.beginRow();
    for (const key of row.keys) keys.addText(key);
    values += row.values;
  }
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
  return session.takeMany({ rows: rows.length, bytes, disclosed: [{ subject: 'pupil', keys, values }], user: '7731' });
}

it('rows that a store does not grant at once, though no limit is passed, are asked for again', async () => {
  const memory = memoryStore({ timeZone: ZONE, now: Date.now });
  stores.push(memory);
  const remote = elsewhere(memory, () => 0);
  let asked = 0;
  const slow: BudgetStore = {
    ...remote,
    async take(claims) {
      const grants = await remote.take(claims);
      asked += 1;
      return asked > 1 ? grants : grants.map((grant) => ({ ...grant, granted: 0 }));
    },
  };
  const guard = guardOver(slow);
  const session = guard.session(policyPerUser({}, { rows: [limit('1000 per hour') as WindowLimit] }));
  expect(await takeMany(session, Array(20).fill({ bytes: 10, keys: [], values: 0 }))).toBe('taken');
  expect(asked).toBeGreaterThan(1);
  guard.budgets.stop();
}, 20_000);

const key = fc.integer({ min: 1, max: 60 }).map((id) => `é${id}`.slice(id % 2));
const row = fc.record({
  bytes: fc.nat(60),
  keys: fc.uniqueArray(key, { maxLength: 2 }),
  values: fc.constantFrom(0, 0, 0, 0, 1),
});
const windowed = (most: number) =>
  fc.option(
    fc
      .tuple(fc.integer({ min: 1, max: most }), fc.constantFrom('', ' warn', ' lock', ' deny'))
      .map(([amount, effect]) => limit(`${amount} per hour${effect}`) as WindowLimit),
    { nil: undefined, freq: 2 },
  );
const limits = fc
  .record({ rows: windowed(300), bytes: windowed(9_000), pupils: windowed(120), more: windowed(120) })
  .map(({ rows, bytes, pupils, more }) => {
    const people = [pupils, more].filter((one) => one !== undefined);
    return {
      ...(rows && { rows: [rows] }),
      ...(bytes && { bytes: [bytes] }),
      ...(people.length > 0 && { subjects: new Map([['pupil', people]]) }),
    };
  });

it.each([
  ['in the process', false],
  ['elsewhere', true],
])(
  'a store %s',
  async (_name, isElsewhere) => {
    let together = 0;
    const groups = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });
    const property = fc.asyncProperty(
      fc.array(row, { minLength: 10, maxLength: 150 }),
      groups,
      limits,
      limits,
      async (rows, groups, ofUser, ofAccount) => {
        const policy = policyPerUser(ofUser, ofAccount);
        const one = await came(policy, rows, [1], isElsewhere);
        const many = await came(policy, rows, groups, isElsewhere);
        expect(many.same).toEqual(one.same);
        together += many.together;
      },
    );
    await fc.assert(property, { numRuns: isElsewhere ? 30 : 100 });
    expect(together).toBeGreaterThan(isElsewhere ? 3 : 10);
  },
  120_000,
);
