/** Tests the lock for a canary: an operator must release it; it replaces a lock that ends by itself, and no such lock replaces it. */
import pino from 'pino';
import { expect, it } from 'vitest';
import { Locks } from '../../src/budget/local/locks.ts';
import { memoryStore } from '../../src/budget/store/memory.ts';
import type { RecordSink } from '../../src/decision-log/record-sink.ts';

it.each(['for a time first', 'until released first'])('%s', async (which) => {
  const recorded: string[] = [];
  const store = memoryStore({ timeZone: 'UTC', now: Date.now });
  const locks = new Locks({
    store,
    records: { append: (kind: string) => recorded.push(kind) > 0 } as unknown as RecordSink,
    alarms: { raise: () => {} },
    timeZone: 'UTC',
    log: pino({ level: 'silent' }),
    clock: Date.now,
    changed: () => {},
  });
  const asked = { owner: 'principal:p', principal: 'p' } as const;
  const timed = () => locks.lock({ ...asked, reason: 'passed a limit', duration: 60_000 });
  const held = () => locks.lock({ ...asked, reason: 'unusual access', duration: undefined });
  const order = which === 'for a time first' ? [timed, held] : [held, timed];
  for (const lock of order) {
    lock();
    await new Promise((done) => setImmediate(done));
  }
  expect(locks.of('principal:p')).toMatchObject({ reason: 'unusual access' });
  expect(locks.of('principal:p')?.until).toBeUndefined();
  expect(recorded).toHaveLength(which === 'for a time first' ? 2 : 1);
});
