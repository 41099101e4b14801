/** Tests the names that commands accept and that others will read: the same grammar as for names in tokens. */
import { expect, it } from 'vitest';
import { memoryStore } from '../../src/budget/store/memory.ts';
import type { CommandContext } from '../../src/operations/control/command.ts';
import { Commands } from '../../src/operations/control/commands.ts';

const policy = {
  principals: new Map([['portal', { name: 'portal', role: 'app', token: {} }]]),
  roles: new Map([['app', { name: 'app' }]]),
};
const store = memoryStore({ timeZone: 'UTC', now: Date.now });
const commands = new Commands({
  store,
  policy: () => policy,
  now: Date.now,
  records: { append: () => true },
  alarms: { raise: () => {} },
} as unknown as CommandContext);
const add = (given: object) => commands.run({ command: 'locks.add', arguments: { reason: 'x', ...given } }, 'ines');

it.each(['ev\nil', '\u001b[2Jevil', 'a\u2800', 'a\u202eb', 'a  b', '\u3164'])(
  '%j is refused as a name',
  async (user) => {
    for (const given of [{ principal: `portal/${user}` }, { principal: 'portal', user }])
      expect(await add(given)).toMatchObject({ ok: false, error: { kind: 'call' } });
    expect(store.exceptions().locks.size).toBe(0);
  },
);

it('a valid name is locked out', async () => {
  expect(await add({ principal: 'portal/josé peña' })).toMatchObject({ ok: true });
  expect(store.exceptions().locks.size).toBe(1);
});
