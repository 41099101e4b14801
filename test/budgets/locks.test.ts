/** Tests locks that the guard sets while the store is slow or away: none is lost, and none is reported many times. */
import pino from 'pino';
import { expect, it } from 'vitest';
import { Locks } from '../../src/budget/local/locks.ts';
import { type BudgetStore, type ExceptionsChange, StoreUnavailable } from '../../src/metering/budget-store.ts';
import { NO_EXCEPTIONS } from '../../src/metering/exceptions.ts';

const owner = 'principal:vendor';

/** A store that answers when it is told to. */
function slowStore() {
  const asked: { change: ExceptionsChange; done(): void; failed(): void }[] = [];
  const store = {
    exceptions: () => NO_EXCEPTIONS,
    change: (change: ExceptionsChange) =>
      new Promise<void>((done, failed) => {
        asked.push({ change, done, failed: () => failed(new StoreUnavailable('gone')) });
      }),
  } as unknown as BudgetStore;
  return { store, asked };
}

function locksOver(store: BudgetStore) {
  const clock = { now: 1_000_000 };
  const sink = { append: () => true, raise: () => {} };
  const locks = new Locks({
    store,
    records: sink as never,
    alarms: sink as never,
    log: pino({ level: 'silent' }),
    timeZone: 'UTC',
    clock: () => clock.now,
    changed: () => {},
  });
  const lock = (reason: string, duration?: number) => locks.lock({ owner, principal: 'vendor', reason, duration });
  return { locks, lock, clock };
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

it('a slow store is told once, and one that fails once a second', async () => {
  const { store, asked } = slowStore();
  const { locks, lock, clock } = locksOver(store);
  lock('5 overruns', 600_000);
  for (let i = 0; i < 100; i += 1) {
    clock.now += 100;
    locks.retry();
  }
  expect(asked.length).toBe(1);
  asked[0]?.failed();
  await turn();
  for (let i = 0; i < 30; i += 1) {
    clock.now += 100;
    locks.retry();
    asked.at(-1)?.failed();
    await turn();
  }
  expect(asked.length).toBeGreaterThanOrEqual(3);
  expect(asked.length).toBeLessThanOrEqual(5);
  expect(locks.of(owner)?.reason).toBe('5 overruns');
});

it('the store knows a short lock while it is told of one that stays: that one is not forgotten', async () => {
  const { store, asked } = slowStore();
  const { locks, lock, clock } = locksOver(store);
  lock('5 overruns', 600_000);
  lock('unusual access');
  asked[0]?.done();
  asked[1]?.failed();
  await turn();
  expect(locks.of(owner)?.reason).toBe('unusual access');
  clock.now += 10_000;
  locks.retry();
  expect(asked.length).toBe(3);
  asked[2]?.done();
  await turn();
  expect(locks.of(owner)).toBeUndefined();
});
