/**
 * Charges random statements of end users, and of their account without one, over two guards that share a store: the counts of the account and of each
 * user are what was shown for them, whichever limit ran out, and no limit is ever passed.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { memoryStore } from '../../src/budget/store/memory.ts';
import { ownerOf } from '../../src/metering/owner.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { fuzzRuns, fuzzSeed } from '../support/random.ts';
import { type Asking, elsewhere, guardOver, limit, policyPerUser, ZONE } from './guards.ts';

const HOUR = { count: 1, unit: 'hour' } as const;
const DAY = { count: 1, unit: 'day' } as const;
const USERS = ['ana', 'ben', 'cem', undefined];
const EACH = { rows: 30, people: 6, changed: 10 };
const ALL = { rows: 70, people: 14, changed: 25 };

function limits({ rows, people, changed }: typeof EACH) {
  const subjects = new Map([['pupil', [limit(`${people} per day`)]]]);
  return { rows: [limit(`${rows} per hour`)], changed: [limit(`${changed} per hour`)], subjects };
}

/** As before and after a reload that says the same. */
const POLICIES: readonly SessionPolicy[] = [
  policyPerUser(limits(EACH), limits(ALL)),
  policyPerUser(limits(EACH), limits(ALL)),
];

const step = fc.record({
  guard: fc.nat({ max: 1 }),
  session: fc.nat({ max: 3 }),
  user: fc.constantFrom(...USERS),
  what: fc.constantFrom('row', 'row', 'row', 'rows', 'change', 'admit', 'reload', 'pause'),
  pupils: fc.uniqueArray(fc.nat({ max: 20 }), { minLength: 1, maxLength: 3 }),
  nameless: fc.constantFrom(0, 0, 0, 1),
  amount: fc.integer({ min: 1, max: 7 }),
});

interface Shown {
  rows: number;
  changed: number;
  /** Rows whose key did not show: each counts as another person. */
  nameless: number;
  readonly pupils: Set<number>;
}

const nothing = (): Shown => ({ rows: 0, changed: 0, nameless: 0, pupils: new Set() });

it('the counts equal what was shown', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 120 }), fc.boolean(), async (steps, isRemote) => {
      const store = memoryStore({ timeZone: ZONE, now: Date.now });
      const guards = [0, 1].map(() => guardOver(isRemote ? elsewhere(store, () => Math.random() * 2) : store));
      await new Promise((done) => setTimeout(done, 5));
      let policy = POLICIES[0]!;
      const sessions: Asking[][] = guards.map((guard) => Array.from({ length: 4 }, () => guard.session(() => policy)));
      const shown = new Map(USERS.map((user) => [user, nothing()]));
      const all = nothing();
      const busy = new Map<Asking, Promise<void>>();
      for (const { guard, session, user, what, pupils, nameless, amount } of steps) {
        if (what === 'reload') policy = POLICIES[policy === POLICIES[0] ? 1 : 0]!;
        if (what === 'pause') await new Promise((done) => setTimeout(done, amount));
        const asking = sessions[guard]![session]!;
        // Each session does one thing after the other, and all of them at once.
        const before = busy.get(asking);
        const run = async (): Promise<void> => {
          await before;
          const ofUser = user === undefined ? {} : { user };
          if (what === 'admit') await asking.admit(user);
          if (what === 'change') {
            const taken = await asking.take({ changed: amount, ...ofUser });
            if (taken.kind === 'taken') for (const one of [all, shown.get(user)!]) one.changed += amount;
          }
          if (what !== 'row' && what !== 'rows') return;
          const rows = what === 'row' ? 1 : amount;
          const disclosed = [{ subject: 'pupil', keys: pupils.map(String), values: nameless }];
          const taken = await asking.take({ rows, bytes: 10, disclosed, ...ofUser });
          if (taken.kind !== 'taken') return;
          for (const one of [all, shown.get(user)!]) {
            one.rows += rows;
            one.nameless += nameless;
            for (const pupil of pupils) one.pupils.add(pupil);
          }
        };
        busy.set(asking, run());
      }
      await Promise.all(busy.values());
      for (const guard of guards) guard.budgets.stop();
      await new Promise((done) => setTimeout(done, 10));
      const held = async (user?: string) => {
        const owner = ownerOf({ principal: 'portal', ...(user !== undefined && { user }) });
        const [rows] = await store.used(owner, 'rows', [HOUR]);
        const [changed] = await store.used(owner, 'changed', [HOUR]);
        const [people] = await store.used(owner, 'subjects.pupil', [DAY]);
        return { rows, changed, people };
      };
      const counted = ({ rows, changed, nameless, pupils }: Shown) => ({
        rows,
        changed,
        people: pupils.size + nameless,
      });
      expect(await held()).toEqual(counted(all));
      for (const user of USERS)
        if (user !== undefined) expect(await held(user), user).toEqual(counted(shown.get(user)!));
      for (const [user, one] of shown) {
        const { rows, changed, people } = counted(one);
        const most = user === undefined ? ALL : EACH;
        expect([rows <= most.rows, changed <= most.changed, people <= most.people], user).toEqual([true, true, true]);
      }
      const { rows, changed, people } = counted(all);
      expect([rows <= ALL.rows, changed <= ALL.changed, people <= ALL.people]).toEqual([true, true, true]);
      await store.close();
    }),
    { numRuns: fuzzRuns(30, 1_000), seed: fuzzSeed(), endOnFailure: true },
  );
});
