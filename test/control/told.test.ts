/** Whoever lets more leave is told of to those who keep the policies, and not recorded alone. */
import { expect, it } from 'vitest';
import type { Command, Commanded } from '../../src/control/command.ts';
import { Commands } from '../../src/control/commands.ts';
import { memoryStore } from '../../src/store/memory.ts';

it('a raise is an alarm, where it was done', async () => {
  const alarms: unknown[] = [];
  const window = { count: 1, unit: 'hour' };
  const role = { name: 'app', mode: 'enforce', rule: 'roles/app.yaml:1', limits: { rows: [{ amount: 10, window }] } };
  const principal = { name: 'vendor', role: 'app', rule: 'principals.yaml:2', limits: {} };
  const store = memoryStore({ timeZone: 'Europe/Paris', now: Date.now });
  let recorded = true;
  const guard = {
    store,
    policy: () => ({ principals: new Map([['vendor', principal]]), roles: new Map([['app', role]]) }),
    records: { append: () => recorded },
    alarms: { raise: (alarm: unknown) => void alarms.push(alarm) },
    timeZone: 'Europe/Paris',
    now: Date.now,
    newId: () => 'r1',
  } as unknown as Commanded;
  const given: Parameters<Command['run']>[0] = {
    principal: 'vendor',
    limit: '500 rows per hour',
    forMs: 60_000,
    reason: 'cards',
  };
  const raise = () => new Commands(guard).run({ command: 'limits.raise', arguments: given }, 'ines');
  recorded = false;
  expect(await raise()).toMatchObject({ ok: false });
  expect(alarms).toEqual([]);
  recorded = true;
  expect(await raise()).toMatchObject({ ok: true });
  expect(alarms).toMatchObject([
    {
      kind: 'raise',
      principal: 'vendor',
      text: expect.stringMatching(/^principal "vendor" may take more until .+: 500, and not rows 10 per hour$/),
      reason: 'cards',
      by: 'ines',
    },
  ]);
  await store.close();
});
