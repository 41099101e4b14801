/** Tests break-glass over several guards and one store: which principals they let in, and which guard reports its first use and its end. */
import pino from 'pino';
import { afterEach, expect, it } from 'vitest';
import { Openings } from '../../src/budget/local/openings.ts';
import { memoryStore } from '../../src/budget/store/memory.ts';
import type { Alarm } from '../../src/core/alarm-sink.ts';
import type { RecordSink } from '../../src/decision-log/record-sink.ts';
import { stateName } from '../../src/metering/approvals.ts';
import { BREAK_GLASS_NAMESPACE, breakGlassRequest } from '../../src/metering/break-glass.ts';
import type { BreakGlassOpening, BudgetStore } from '../../src/metering/budget-store.ts';
import type { Principal } from '../../src/policy/model/policy.ts';
import { newSigner } from '../support/ssh-signer.ts';

const signers = ['jean', 'zoe'].map(newSigner);
const HOUR = 3_600_000;
const stores: BudgetStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

async function world() {
  let now = Date.now();
  const store = memoryStore({ timeZone: 'UTC', now: () => now });
  stores.push(store);
  const state = stateName(await store.hashKey());
  const steps: string[] = [];
  const alarms: Alarm[] = [];
  const may = { record: true, state: true };
  const night = { name: 'night', role: 'dba', breakGlass: { approvals: 2, for: 4 * HOUR } } as unknown as Principal;
  const policy = {
    principals: new Map([['night', night]]),
    approvers: new Map(signers.map((signer) => [signer.name, { user: signer.name, key: signer.key }])),
  };
  const guard = (): Openings =>
    new Openings({
      store,
      records: {
        append: (_: string, { status }: { status: string }) => may.record && steps.push(status) > 0,
      } as unknown as RecordSink,
      alarms: { raise: (alarm) => void alarms.push(alarm) },
      log: pino({ level: 'silent' }),
      policy: () => policy,
      state: () => (may.state ? state : undefined),
      clock: () => now,
    });
  return {
    store,
    steps,
    alarms,
    may,
    policy,
    guards: [guard(), guard()] as const,
    pass: (ms: number) => {
      now += ms;
    },
    async open(id = 'o1', more: Partial<BreakGlassOpening> = {}): Promise<BreakGlassOpening> {
      const asked: BreakGlassOpening = {
        id,
        owner: 'principal:night',
        role: 'dba',
        guard: 'g1',
        state,
        until: now + 2 * HOUR,
        reason: 'ticket 4711',
        usedBy: 'ines',
        requestedBy: 'ines',
        requestedAt: now,
        approvals: [],
        openedAt: now,
        ...more,
      };
      const { text } = breakGlassRequest(asked);
      const approvals = signers.map(({ name, sign }) => ({ by: name, signature: sign(text, BREAK_GLASS_NAMESPACE) }));
      const opening = { ...asked, approvals };
      await store.change({ kind: 'opening', opening });
      return opening;
    },
  };
}
const settled = () => new Promise((done) => setTimeout(done, 10));

it('the first use and the end are told by one of them, once', async () => {
  const { guards, steps, alarms, open, pass, store } = await world();
  for (const guard of guards) expect(guard.loginRefusal('night')).toMatchObject({ reason: 'break-glass' });
  await open();
  for (const guard of guards) expect(guard.loginRefusal('night')).toBeUndefined();
  for (const guard of [...guards, ...guards]) guard.loggedIn('night', '10.0.0.7:50412');
  await settled();
  expect(steps).toEqual(['used']);
  expect(alarms).toMatchObject([{ kind: 'break-glass', text: expect.stringContaining('from 10.0.0.7:50412') }]);
  pass(2 * HOUR);
  for (const guard of guards) expect(guard.sessionEnd('night')).toMatchObject({ sqlstate: '57P05' });
  for (const guard of [...guards, ...guards]) guard.sweep();
  await settled();
  expect(steps).toEqual(['used', 'over']);
  expect(store.exceptions().openings).toMatchObject([{ closed: { by: 'rowgate' } }]);
  // For good, whatever the clock says then.
  pass(-HOUR);
  for (const guard of guards) expect(guard.loginRefusal('night')).toBeDefined();
});

it('a step that could not be recorded is reported once it can be', async () => {
  const { guards, steps, alarms, may, open } = await world();
  await open();
  may.record = false;
  guards[0].loggedIn('night', 'local');
  await settled();
  expect(alarms).toEqual([]);
  may.record = true;
  guards[1].loggedIn('night', 'local');
  await settled();
  expect(steps).toEqual(['used']);
});

it('nothing is open before the store has named itself; it stays open while the store is away, until its end', async () => {
  const { guards, may, open, pass, store } = await world();
  await open();
  may.state = false;
  expect(guards[0].loginRefusal('night')).toBeDefined();
  may.state = true;
  store.take = () => Promise.reject(new Error('gone'));
  store.change = () => Promise.reject(new Error('gone'));
  guards[0].loggedIn('night', 'local');
  await settled();
  expect(guards[0].loginRefusal('night')).toBeUndefined();
  pass(2 * HOUR);
  guards[0].sweep();
  await settled();
  expect(guards[0].sessionEnd('night')).toBeDefined();
});

it('of two openings the other one holds when one is closed; one for another principal, and one that only says it is open, hold nothing', async () => {
  const { guards, open, store, policy } = await world();
  const first = await open('o1');
  await open('o2');
  await store.change({ kind: 'opening', opening: { ...first, closed: { by: 'ines', at: 1 } } });
  expect(guards[0].loginRefusal('night')).toBeUndefined();
  // Renamed in the policy: what was signed was for the other name.
  policy.principals.set('day', { ...policy.principals.get('night')!, name: 'day' });
  expect(guards[0].loginRefusal('day')).toBeDefined();
  const other = await world();
  const forged = await other.open();
  await other.store.change({ kind: 'opening', opening: { ...forged, closed: { by: 'x', at: 1 } } });
  await other.store.change({
    kind: 'opening',
    opening: { ...forged, id: 'o9', approvals: forged.approvals.slice(0, 1) },
  });
  expect(other.guards[0].loginRefusal('night')).toBeDefined();
});
